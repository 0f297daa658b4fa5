//! The core as bare WebAssembly: it imports nothing, and gives the bytes that it gives natively.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::fs;
use std::io::Write as _;
use std::process::Command;

use bytes::Bytes;
use coldpress_core::{Codec, Encoder, KeyPrefix, LsnWidth, Settings, Target};
use coldpress_tests::tools;

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
