//! The core as bare WebAssembly: it imports nothing, and gives the bytes that it gives natively.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::fs;
use std::process::Command;

use bytes::Bytes;
use coldpress_core::{
    Codec, Encoder, KeyPrefix, LsnWidth, ParquetFile, Projection, Settings, Target,
};
use coldpress_tests::tools;

#[test]
fn wasm_needs_no_host_and_gives_the_native_bytes() {
    let movies = fs::read(tools::root().join("examples/movies.ndjson")).unwrap();
    for (at, (native, wasm)) in natively_and_as_wasm(&movies).into_iter().enumerate() {
        assert_same_bytes(Codec::ALL[at], &native, &wasm);
    }
}

#[test]
fn wasm_agrees_on_large_pages_in_every_codec_but_lz4() {
    let movies = fs::read(tools::root().join("examples/movies.ndjson")).unwrap().repeat(3);
    for (at, (native, wasm)) in natively_and_as_wasm(&movies).into_iter().enumerate() {
        match Codec::ALL[at] {
            // On pages of 64 KiB and more lz4_flex finds matches by hashes of five bytes where a word
            // has 64 bits, of four where it has 32: other matches, the same rows. Issue 3 makes it agree.
            Codec::Lz4 => assert_same_rows(&native, &wasm),
            codec => assert_same_bytes(codec, &native, &wasm),
        }
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

fn assert_same_rows(native: &Bytes, wasm: &Bytes) {
    let rows = |bytes: &Bytes| -> Vec<(String, Vec<u8>)> {
        let file = ParquetFile::open(bytes.clone()).unwrap();
        let rows = file.rows(&Projection::All).unwrap();
        rows.map(|row| {
            let row = row.unwrap();
            let mut json = Vec::new();
            row.write_json(&mut json);
            (row.id().to_owned(), json)
        })
        .collect()
    };
    let found = rows(wasm);
    assert_eq!(found.len(), 3 * 3_201);
    assert!(found == rows(native), "the rows of the two files differ");
}
