//! Files at the edge of what an encoder writes: far more rows or values than bytes, and all legal.
//! The limits that keep hostile files out must let every one of them in.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use bytes::Bytes;
use coldpress_core::json::{Events, Number};
use coldpress_core::{
    Codec, Encoder, Footer, ParquetFile, Projection, Settings, StreamEncoder, StreamOutput,
    StreamSettings, Target,
};
use serde_json::{Value, json};

/// Reads the file in every way, and compares each row with the one that `expected` gives.
#[track_caller]
fn must_read(bytes: &Bytes, rows: u64, expected: impl Fn(u64) -> Value, compared: usize) {
    let footer = Footer::read(bytes, bytes.len() as u64).unwrap();
    assert_eq!(footer.rows_count(), rows);
    let file = ParquetFile::open(bytes.clone()).unwrap();
    let verified = file.verify().unwrap();
    assert_eq!((verified.rows, verified.whole), (rows, true));
    let mut read = 0;
    for row in file.rows(&Projection::All).unwrap().take(compared) {
        assert_eq!(row.unwrap().to_value().unwrap(), expected(read), "row {read}");
        read += 1;
    }
    assert_eq!(read, rows.min(compared as u64));
}

fn encode(settings: Settings, rows: &[Value]) -> Bytes {
    let mut encoder = Encoder::new(settings).unwrap();
    for row in rows {
        encoder.push_row("same", row).unwrap();
    }
    encoder.finish(&Target::new(1, "c")).unwrap().bytes
}

/// Codecs whose decoders differ in how memory is taken for a large page.
fn codecs() -> impl Iterator<Item = Settings> {
    Codec::ALL.into_iter().map(|codec| Settings { codec, ..Settings::default() })
}

#[test]
fn ten_million_rows_of_one_value_and_of_nulls() {
    const ROWS: u64 = 10_000_000;
    let cut = StreamSettings { file_bytes_max: u64::MAX, ..StreamSettings::default() };
    let settings = Settings { row_group_rows_max: 1 << 22, ..Settings::default() };
    let mut stream = StreamEncoder::new(settings, cut, Target::new(1, "c")).unwrap();
    let (mut bytes, mut files) = (Vec::new(), 0);
    for row in 0..ROWS {
        let id = if row == 0 { "first" } else { "x" };
        stream
            .push_document(|document| {
                document.open_object();
                document.key("_id");
                document.string(id);
                document.key("same");
                document.number(Number::Int(7));
                // All further rows have a null there.
                if row == 0 {
                    document.key("once");
                    document.string("t");
                }
                document.close_object();
                Ok(())
            })
            .unwrap();
        if row + 1 == ROWS {
            stream.finish().unwrap();
        }
        while let Some(output) = stream.poll() {
            match output {
                StreamOutput::Bytes(more) => bytes.extend_from_slice(&more),
                StreamOutput::File(_) => files += 1,
                StreamOutput::Tail(_) => panic!("nobody asked for LSNs that come late"),
            }
        }
    }
    assert_eq!(files, 1);
    // Nearly all of it is the bloom filters.
    assert!(bytes.len() < 20_000_000, "{} bytes", bytes.len());
    let expected = |row| match row {
        0 => json!({ "_id": "first", "same": 7, "once": "t" }),
        _ => json!({ "_id": "x", "same": 7 }),
    };
    must_read(&Bytes::from(bytes), ROWS, expected, 100_000);
}

#[test]
fn a_row_group_of_a_single_page_of_nulls_in_many_columns() {
    // Each column has one value in the first row group, and none in those behind it.
    let mut rows = vec![json!({})];
    (0..200).for_each(|at| rows[0][format!("c{at}")] = json!(at % 2 == 0));
    rows.resize(60_000, json!({}));
    for codec in [Codec::None, Codec::Zstd(19), Codec::Brotli(11)] {
        let settings = Settings { codec, row_group_rows_max: 20_000, ..Settings::default() };
        let bytes = encode(settings, &rows);
        must_read(&bytes, 60_000, |row| rows[row as usize].clone(), 60_000);
    }
}

#[test]
fn long_lists_of_nulls_numbers_texts_and_lists() {
    let long = 400_000;
    let lists = [
        vec![Value::Null; long],
        vec![json!(1); long],
        (0..long).map(|at| json!(at)).collect(),
        (0..long).map(|at| json!(at % 3 == 0)).collect(),
        vec![json!("same text"); long],
        (0..long).map(|at| json!({ "a": at, "b": [[]] })).collect(),
    ];
    for (at, list) in lists.into_iter().enumerate() {
        let codec = Codec::ALL[at % Codec::ALL.len()];
        let rows = [json!({ "l": [1, 2] }), json!({ "l": list, "k": at }), json!({ "l": [] })];
        let bytes = encode(Settings { codec, ..Settings::default() }, &rows);
        must_read(&bytes, 3, |row| rows[row as usize].clone(), 3);
    }
}

#[test]
fn large_texts_of_every_encoding_in_every_codec() {
    // Above the size up to which a page is decompressed at once.
    let large = "0123456789abcdef".repeat(600_000);
    let near: Vec<Value> =
        (0..40).map(|at| json!({ "t": format!("{}{at:05}", &large[..500_000]) })).collect();
    let far = [json!({ "t": large }), json!({}), json!({ "t": "z".repeat(9_000_000) })];
    let listed = [json!({ "l": [large, null, "", "x"] }), json!({ "l": [] })];
    let escaped = [json!({ "j": [{ "a": large }, 1, "x"] })];
    for settings in codecs() {
        for rows in [&near[..], &far, &listed, &escaped] {
            let bytes = encode(settings.clone(), rows);
            must_read(&bytes, rows.len() as u64, |row| rows[row as usize].clone(), rows.len());
        }
    }
}

#[test]
fn the_deepest_and_widest_schemas() {
    let mut deep = json!({ "leaf": 1 });
    (0..62).for_each(|at| deep = json!({ format!("n{at}"): deep }));
    let mut lists = json!(1);
    (0..16).for_each(|_| lists = json!([lists]));
    (0..40).for_each(|at| lists = json!({ format!("n{at}"): lists }));
    let mut wide = json!({});
    (0..900).for_each(|at| wide[format!("column number {at}")] = json!(at));
    let rows = [deep, lists, wide];
    must_read(&encode(Settings::default(), &rows), 3, |row| rows[row as usize].clone(), 3);
}
