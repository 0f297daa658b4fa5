use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::{Codec, Encoder, Result, Settings, Target};

pub(super) fn file(codec: Codec, rows: usize) -> Bytes {
    file_of(codec, rows, |at| format!("id-{at}"))
}

/// A file whose ids are in no order, and so have a bloom filter.
pub(super) fn scattered_file(codec: Codec, rows: usize) -> Bytes {
    file_of(codec, rows, |at| format!("{:016x}", (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

fn file_of(codec: Codec, rows: usize, id: impl Fn(usize) -> String) -> Bytes {
    let settings = Settings { codec, row_group_rows_max: 40, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    for at in 0..rows {
        let few = ["red", "green"][at % 2];
        let list: Vec<Value> = (0..at % 4).map(|n| json!({"n": n, "s": few})).collect();
        let row = json!({
            "i": at * 3, "f": at as f64 / 7.0, "b": at % 3 == 0, "t": format!("text \
                                                                               {at}"), "few": few,
            "list": list, "mixed": if at % 9 == 0 { json!(at) } else { json!("m") },
        });
        encoder.push_row(&id(at), &row).unwrap();
    }
    encoder.finish(&Target::new(3, "things")).unwrap().bytes
}

fn json_of(bytes: Bytes) -> Result<Vec<u8>> {
    let file = ParquetFile::open(bytes)?;
    let mut out = Vec::new();
    for row in file.rows(&Projection::All)? {
        let row = row?;
        out.extend_from_slice(row.id().as_bytes());
        row.write_json(&mut out);
    }
    Ok(out)
}

#[test]
fn one_flipped_bit_in_any_page_is_found() {
    let bytes = file(Codec::Zstd(1), 50);
    let whole = json_of(bytes.clone()).unwrap();
    let metadata = ParquetFile::open(bytes.clone()).unwrap().layout.metadata;
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let (mut found, mut harmless) = (0, 0);
    for chunk in chunks {
        let (start, length) = chunk.byte_range();
        for at in start..start + length {
            let mut damaged = bytes.to_vec();
            damaged[at as usize] ^= 1 << (at % 8);
            match json_of(Bytes::from(damaged)) {
                Err(error) => {
                    assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "{at}: {error}");
                    found += 1;
                }
                // Such as how levels are encoded, of which there is one way only.
                Ok(rows) => {
                    assert_eq!(rows, whole, "{at}");
                    harmless += 1;
                }
            }
        }
    }
    assert!(found > 1_000 && harmless * 5 < found, "{found} found, {harmless} harmless");
}

#[test]
fn a_projection_reads_no_other_column() {
    let bytes = file(Codec::None, 100);
    let opened = ParquetFile::open(bytes.clone()).unwrap();
    let column = |name: &str| {
        let chunks = opened.layout.metadata.row_group(0).columns();
        chunks.iter().find(|chunk| chunk.column_path().parts()[0] == name).unwrap().byte_range()
    };
    // The column "t" is destroyed wholly.
    let (start, length) = column("t");
    let mut damaged = bytes.to_vec();
    damaged[start as usize..(start + length) as usize].fill(0xAA);
    let file = ParquetFile::open(Bytes::from(damaged)).unwrap();
    let names = Projection::Columns(vec!["i".to_owned(), "list".to_owned()]);
    assert_eq!(file.rows(&names).unwrap().filter(|row| row.is_ok()).count(), 100);
    assert_eq!(file.rows(&Projection::All).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    let outline = file.check_outline().unwrap_err().to_string();
    assert!(outline.contains("row group 0, column t"), "{outline}");
}

#[test]
fn a_bloom_filter_without_sense_stops_only_who_reads_all() {
    let bytes = scattered_file(Codec::None, 100);
    let opened = ParquetFile::open(bytes.clone()).unwrap();
    let filter = opened.layout.metadata.row_group(0).column(0).bloom_filter_offset().unwrap();
    let mut damaged = bytes.to_vec();
    damaged[filter as usize..][..4].fill(0xFF);
    let file = ParquetFile::open(Bytes::from(damaged)).unwrap();
    assert_eq!(file.rows(&Projection::All).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    let names = Projection::Columns(vec!["i".to_owned()]);
    assert_eq!(file.rows(&names).unwrap().filter(|row| row.is_ok()).count(), 100);
}

#[test]
fn each_limit_is_kept_and_names_itself() {
    let list: Vec<u32> = (0..100_000).collect();
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    for row in [json!({ "t": "x".repeat(5_000), "l": list }), json!({ "t": "y" })] {
        encoder.push_row("id", &row).unwrap();
    }
    let bytes = encoder.finish(&Target::new(3, "things")).unwrap().bytes;
    let whole = |limits: &ReadLimits| -> Result<Verified> {
        Footer::read_within(&bytes, bytes.len() as u64, limits)?;
        let file = ParquetFile::open_within(bytes.clone(), limits)?;
        for row in file.rows(&Projection::All)? {
            row?;
        }
        file.verify()
    };
    assert!(whole(&ReadLimits::default()).unwrap().whole);
    type Set = fn(&mut ReadLimits);
    let limits: [(&str, Set); 5] = [
        ("footer_bytes_max", |limits| limits.footer_bytes_max = 100),
        ("page_bytes_max", |limits| limits.page_bytes_max = 4_000),
        ("page_rows_max", |limits| limits.page_rows_max = 1),
        ("row_bytes_max", |limits| limits.row_bytes_max = 4_000),
        ("row_values_max", |limits| limits.row_values_max = 4_000),
    ];
    for (name, set) in limits {
        let mut limits = ReadLimits::default();
        set(&mut limits);
        let error = whole(&limits).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Limit, "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn a_host_can_stop_the_work() {
    let mut file = ParquetFile::open(file(Codec::None, 3_000)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    file.stop_when(Arc::clone(&stop));
    file.verify().unwrap();
    let mut rows = file.rows(&Projection::All).unwrap();
    assert!(rows.next().unwrap().is_ok());
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    // Row groups have 40 rows: what is read ahead still comes, and no more.
    let error = rows.by_ref().take(41).find_map(Result::err).unwrap();
    assert_eq!(error.kind(), crate::ErrorKind::Aborted);
    assert!(rows.next().is_none());
    assert_eq!(file.verify().unwrap_err().kind(), crate::ErrorKind::Aborted);
}

#[test]
fn what_was_rescued_may_nest_without_end() {
    let deep = |depth: usize| format!("{}1{}", "{\"b\":".repeat(depth), "}".repeat(depth));
    for depth in [1, 60, 127, 128, 129, 1_000, 300_000] {
        let stray = format!("{{\"a\":{}}}", deep(depth));
        let rows = format!("{{\"a\":\"x\"}} {{\"a\":\"y\"}} {stray} {{\"a\":\"z\"}}");
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        encoder.push_json(rows.as_bytes()).unwrap();
        let encoded = encoder.finish(&Target::new(3, "things")).unwrap();
        assert_eq!(encoded.summary.rescued.len(), 1, "{:?}", encoded.summary);
        let file = ParquetFile::open(encoded.bytes).unwrap();
        let mut json = Vec::new();
        file.rows(&Projection::All).unwrap().nth(2).unwrap().unwrap().write_json(&mut json);
        assert!(json == stray.as_bytes(), "{depth}");
    }
}
