//! Files that strangers read: every codec, every type, nested and rescued values, through pyarrow,
//! DuckDB, Polars and hyparquet, each value held against the source by the scripts in `interop/`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

#[path = "interop/source.rs"]
mod source;

use std::fs;
use std::path::Path;
use std::process::Command;

use coldpress_core::{
    Codec, Encoder, FileReport, KeyPrefix, LsnRange, LsnWidth, ParquetFile, Settings, Target,
};
use coldpress_tests::tools;
use serde_json::{Value, json};
use source::Source;

#[test]
fn python_engines_read_every_value() {
    let folder = tempfile::tempdir().unwrap();
    write_cases(folder.path());
    let mut python = Command::new(tools::python().unwrap());
    // Compiled scripts would be written beside the sources.
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python.arg(tools::root().join("tests/interop/check.py")).arg(folder.path());
    assert_all_passed(&mut python);
}

#[test]
fn hyparquet_reads_every_value() {
    let folder = tempfile::tempdir().unwrap();
    write_cases(folder.path());
    let mut node = Command::new("node");
    node.arg(tools::root().join("tests/interop/check.mjs"));
    node.arg(folder.path()).arg(tools::npm().unwrap());
    assert_all_passed(&mut node);
}

fn assert_all_passed(command: &mut Command) {
    let output = tools::run(command).unwrap_or_else(|problem| panic!("{problem}"));
    let printed = String::from_utf8(output.stdout).unwrap();
    print!("{printed}");
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.ends_with(" passed, 0 failed") && !last.starts_with("0 "), "{last}");
}

/// Every source in every codec, with what it came from and what our own inspector says of it.
fn write_cases(folder: &Path) {
    let mut cases = Vec::new();
    for source in source::all() {
        let rows = format!("{}.ndjson", source.name);
        fs::write(folder.join(&rows), source.with_ids()).unwrap();
        for codec in Codec::ALL {
            let file = format!("{}-{}.parquet", source.name, codec.name());
            let bytes = encode(&source, codec);
            fs::write(folder.join(&file), &bytes).unwrap();
            let parquet = ParquetFile::open(bytes.into()).unwrap();
            let schema: Value = serde_json::from_str(&parquet.schema().to_json()).unwrap();
            cases.push(json!({
                "file": file,
                "rows": rows,
                "schema": schema,
                "codec": parquet_name(codec),
                "types": source.types,
                "encodings": encodings(&source, codec),
                "metadata": {
                    "coldpress.tenant": "7",
                    "coldpress.collection": source.name,
                    "coldpress.min_lsn": "100",
                    "coldpress.max_lsn": "18446744073709551615",
                    "coldpress.schema": parquet.schema().to_json(),
                },
                "report": report(&parquet.report()),
            }));
        }
    }
    fs::write(folder.join("manifest.json"), json!({ "cases": cases }).to_string()).unwrap();
}

fn encode(source: &Source, codec: Codec) -> Vec<u8> {
    let settings = Settings {
        codec,
        schema: source.schema.clone(),
        row_group_rows_max: source.row_group_rows_max,
        ..Settings::default()
    };
    let mut encoder = Encoder::new(settings).unwrap();
    encoder.push_json(source.ndjson.as_bytes()).unwrap();
    let target = Target {
        prefix: KeyPrefix::default(),
        tenant_id: 7,
        collection: source.name.to_owned(),
        lsns: Some(LsnRange::new(100, u64::MAX).unwrap()),
        lsn_width: LsnWidth::Unpadded,
    };
    encoder.finish(&target).unwrap().bytes.to_vec()
}

/// The encodings to expect. Splitting the bytes of doubles makes nothing smaller without a codec.
fn encodings(source: &Source, codec: Codec) -> Value {
    let mut encodings = source.encodings.clone();
    if let (Codec::None, Some(columns)) = (codec, encodings.as_object_mut()) {
        columns.retain(|_, encoding| encoding != "BYTE_STREAM_SPLIT");
    }
    encodings
}

/// The codec as pyarrow names it; its LZ4 is LZ4_RAW, the older framing being LZ4_HADOOP there.
fn parquet_name(codec: Codec) -> &'static str {
    match codec {
        Codec::None => "UNCOMPRESSED",
        Codec::Snappy => "SNAPPY",
        Codec::Lz4 => "LZ4",
        Codec::Zstd(_) => "ZSTD",
        Codec::Gzip(_) => "GZIP",
        Codec::Brotli(_) => "BROTLI",
        other => panic!("name {other} for the interop scripts"),
    }
}

fn report(report: &FileReport) -> Value {
    let groups: Vec<Value> = report
        .row_groups
        .iter()
        .map(|group| {
            let chunks: Vec<Value> = group
                .chunks
                .iter()
                .map(|chunk| {
                    json!({
                        "column": chunk.column,
                        "field_id": chunk.field_id,
                        "physical_type": chunk.physical_type,
                        "codec": chunk.codec,
                        "encodings": chunk.encodings,
                        "values": chunk.values,
                        "nulls": chunk.nulls,
                        "compressed_bytes": chunk.compressed_bytes,
                        "uncompressed_bytes": chunk.uncompressed_bytes,
                        "bloom_filter": chunk.bloom_filter,
                        "column_index": chunk.column_index,
                        "offset_index": chunk.offset_index,
                    })
                })
                .collect();
            json!({ "rows": group.rows, "chunks": chunks })
        })
        .collect();
    json!({
        "created_by": report.created_by,
        "metadata": report.metadata,
        "row_groups": groups,
    })
}
