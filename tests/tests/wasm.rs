//! The core as bare WebAssembly: it imports nothing, and gives the bytes that it gives natively.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::fs;
use std::io::Write as _;
use std::process::Command;

use bytes::Bytes;
use coldpress_core::{Codec, Encoder, KeyPrefix, LsnWidth, Settings, Target};
use coldpress_tests::generate::batches;
use coldpress_tests::json::Style;
use coldpress_tests::scalars::Numbers;
use coldpress_tests::tools;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use sha2::{Digest, Sha256};

/// How many generated batches both builds encode.
const BATCHES: usize = 10_000;

#[test]
fn wasm_needs_no_host_and_gives_the_native_bytes() {
    let movies = fs::read(tools::root().join("examples/movies.ndjson")).unwrap();
    for (at, (native, wasm)) in natively_and_as_wasm(&movies).into_iter().enumerate() {
        assert_same_bytes(Codec::ALL[at], &native, &wasm);
    }
}

/// Numbers and texts on pages far above 64 KiB, where compressors change their ways.
#[test]
fn wasm_agrees_on_large_pages_in_every_codec() {
    let mut rows = fs::read(tools::root().join("examples/movies.ndjson")).unwrap().repeat(3);
    let mut state = 1_u64;
    for at in 0..25_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (whole, part) = (state >> 20, (state >> 40) as f64 / 1e3);
        writeln!(rows, r#"{{"n":{whole},"f":{part},"few":{},"ok":{}}}"#, whole % 9, at % 3 == 0)
            .unwrap();
    }
    for (at, (native, wasm)) in natively_and_as_wasm(&rows).into_iter().enumerate() {
        assert_same_bytes(Codec::ALL[at], &native, &wasm);
    }
}

/// Acceptance 1 of issue 12. Each batch in one of the codecs, with all other settings as they are
/// by default: nulls are kept, and texts become timestamps and dates.
#[test]
fn wasm_agrees_on_generated_batches() {
    let mut runner = TestRunner::deterministic();
    let strategy = batches(Numbers::Literal);
    let texts: Vec<String> = (0..BATCHES)
        .map(|_| {
            let rows = strategy.new_tree(&mut runner).unwrap().current();
            rows.iter().map(|(_, row)| row.print(Style::Compact) + "\n").collect()
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("batches.json");
    fs::write(&file, serde_json::to_string(&texts).unwrap()).unwrap();
    let mut node = Command::new("node");
    node.arg(tools::root().join("tests/interop/wasm_probe.mjs"));
    node.arg(tools::wasm().unwrap()).arg(&file).arg("-").arg(Codec::ALL.len().to_string());
    let printed = tools::run(&mut node).unwrap_or_else(|problem| panic!("{problem}")).stdout;
    let printed = String::from_utf8(printed).unwrap();
    assert_eq!(printed.lines().count(), texts.len());
    for ((text, wasm), codec) in texts.iter().zip(printed.lines()).zip(Codec::ALL.iter().cycle()) {
        let digest = Sha256::digest(encode(text.as_bytes(), *codec));
        let native: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            native == wasm,
            "{codec}: not the native bytes, or the module is stale (cargo xtask wasm): {text}"
        );
    }
}

/// The files of these rows in every codec, from both builds of the core.
fn natively_and_as_wasm(rows: &[u8]) -> Vec<(Bytes, Bytes)> {
    let folder = tempfile::tempdir().unwrap();
    let ndjson = folder.path().join("rows.ndjson");
    fs::write(&ndjson, rows).unwrap();
    let mut node = Command::new("node");
    node.arg(tools::root().join("tests/interop/wasm_probe.mjs"));
    node.arg(tools::wasm().unwrap()).arg(&ndjson).arg(folder.path());
    node.arg(Codec::ALL.len().to_string());
    tools::run(&mut node).unwrap_or_else(|problem| panic!("{problem}"));
    let wasm = |at| fs::read(folder.path().join(format!("{at}.parquet"))).unwrap();
    let codecs = Codec::ALL.into_iter().enumerate();
    codecs.map(|(at, codec)| (encode(rows, codec), Bytes::from(wasm(at)))).collect()
}

fn assert_same_bytes(codec: Codec, native: &Bytes, wasm: &Bytes) {
    assert!(native == wasm, "{codec}: not the native bytes; is the module stale? cargo xtask wasm");
}

fn encode(rows: &[u8], codec: Codec) -> Bytes {
    let mut encoder = Encoder::new(Settings { codec, ..Settings::default() }).unwrap();
    encoder.push_json(rows).unwrap();
    let target = Target {
        prefix: KeyPrefix::default(),
        tenant_id: 0,
        collection: "movies".to_owned(),
        lsns: None,
        lsn_width: LsnWidth::Unpadded,
    };
    encoder.finish(&target).unwrap().bytes
}
