//! The bodies of the fuzz targets. Each panics where a promise of core is broken.

use std::sync::OnceLock;

use bytes::Bytes;
use coldpress_core::filter::Filter;
use coldpress_core::{
    Codec, EncodedFile, Encoder, Encodings, Error, ErrorKind, Footer, IdSource, KeyPrefix,
    KeyTarget, LsnRange, LsnWidth, Names, Nulls, ObjectKey, ParquetFile, Projection, ScanQuery,
    ScanSettings, Settings, Target,
};

use crate::json::Json;
use crate::law::{Rules, difference, mixes_forms};
use crate::scanning::drive;

/// Rows read from one file at most: damage may make a few bytes claim to be billions of rows.
const ROWS_MAX: usize = 10_000;

/// The first byte chooses settings, the second how the rest is sliced; the rest is JSON text.
/// What is taken must come back equal under the law, whatever the slices; what is refused must
/// be refused for cause.
pub fn ndjson_roundtrip(data: &[u8]) {
    let [choice, slice, text @ ..] = data else { return };
    let settings = settings(*choice);
    let whole = encode(&settings, [text]);
    let size = usize::from(*slice).max(1);
    let sliced = encode(&settings, text.chunks(size));
    match (&whole, &sliced) {
        (Ok(whole), Ok(sliced)) => {
            assert!(whole.bytes == sliced.bytes, "slices of {size} changed the bytes");
        }
        (Err(whole), Err(sliced)) => {
            assert_eq!(whole.kind(), sliced.kind(), "whole: {whole}; sliced: {sliced}");
        }
        _ => panic!("whole: {:?}; sliced: {:?}", whole.err(), sliced.err()),
    }
    let rows = std::str::from_utf8(text).map_err(|e| e.to_string());
    // One byte order mark before everything is no part of the text.
    let rows = rows.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    let rows = rows.and_then(Json::parse_rows);
    match (whole, rows) {
        (Ok(file), Ok(rows)) => must_hold(&file, &rows, &settings),
        // The reader here stops at a depth core need not stop at.
        (Ok(_), Err(reason)) => assert!(reason.contains("deeper"), "taken, but {reason}"),
        (Err(error), Ok(rows)) => assert!(
            error.kind() == ErrorKind::Limit || !must_be_taken(&rows, &settings),
            "refused without cause: {error}"
        ),
        (Err(error), Err(_)) => {
            assert!(matches!(error.kind(), ErrorKind::Row | ErrorKind::Limit), "{error}");
        }
    }
}

/// Where the first byte is odd, the rest is opened as it is; where it is even, it is a list of
/// wounds for a whole file, so that damage gets past the footer's own checks.
pub fn decode_damaged(data: &[u8]) {
    let [choice, rest @ ..] = data else { return };
    let bytes = if choice % 2 == 1 {
        rest.to_vec()
    } else {
        let files = whole_files();
        wounded(&files[usize::from(choice / 2) % files.len()], rest)
    };
    let _ = Footer::read(&bytes, bytes.len() as u64);
    let bytes = Bytes::from(bytes);
    scan(&bytes, ScanQuery::default());
    let mut query = ScanQuery::default();
    query.filter = Filter::parse("a > 3 or t like 'x%' or _id in ('1', '7')").ok();
    scan(&bytes, query);
    let Ok(file) = ParquetFile::open(bytes) else { return };
    let _ = file.verify();
    let _ = (file.rows_count(), file.tenant_id(), file.collection(), file.lsns(), file.report());
    read(&file, &Projection::All);
    let names = file.schema().columns().iter().map(|column| column.name.clone());
    read(&file, &Projection::Columns(names.step_by(2).collect()));
}

/// A filter that is read is the same after it was printed, as text and as JSON.
pub fn filter_parse(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for filter in [Filter::parse(text), Filter::from_json(text)].into_iter().flatten() {
        let (printed, json) = (filter.to_string(), filter.to_json());
        match (Filter::parse(&printed), Filter::from_json(&json)) {
            (Ok(again), Ok(of_json)) => {
                assert_eq!(again, filter, "{printed}");
                assert_eq!(of_json, filter, "{json}");
            }
            other => panic!("{printed:?} and {json} are not read again: {other:?}"),
        }
    }
}

/// What parses is built the same again; what is built parses to the same.
pub fn key_parse(data: &[u8]) {
    let [choice, rest @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let prefixes = ["", "p", "data/cold/", "wal", "0"];
    let prefix = KeyPrefix::new(prefixes[usize::from(choice >> 1) % prefixes.len()]);
    let Ok(prefix) = prefix else { panic!("a plain prefix is refused") };
    if let Ok(key) = ObjectKey::parse(&prefix, text) {
        assert_eq!(key.as_str(), text);
        match rebuilt(&prefix, key.target(), text) {
            Ok(again) => assert_eq!(again, key, "{text:?}"),
            Err(error) => panic!("{text:?} parses, but is not built: {error}"),
        }
    }
    let width = if choice % 2 == 0 { LsnWidth::Unpadded } else { LsnWidth::Padded };
    let Ok(lsns) = LsnRange::new(u64::from(*choice), u64::MAX) else { return };
    let built = [
        (ObjectKey::data(&prefix, 7, text, lsns, width), 2),
        (ObjectKey::wal(&prefix, None, text), 1),
        (ObjectKey::wal(&prefix, Some(text), text), 2),
    ];
    for (key, slashes) in built {
        let Ok(key) = key else { continue };
        let inside = key.as_str().strip_prefix(prefix.as_str()).unwrap_or_default();
        assert_eq!(inside.matches('/').count(), slashes, "{text:?} left its folder: {key}");
        assert!(!inside.split('/').any(|part| part == "." || part == ".."), "{text:?}: {key}");
        match ObjectKey::parse(&prefix, key.as_str()) {
            Ok(parsed) => assert_eq!(parsed, key),
            Err(error) => panic!("{key} is built, but does not parse: {error}"),
        }
    }
    let _ = KeyPrefix::new(text);
}

/// Scans a file in ranges as small as they get.
fn scan(bytes: &Bytes, query: ScanQuery) {
    let mut settings = ScanSettings::default();
    (settings.tail_bytes, settings.join_gap_bytes) = (64, 0);
    let mut rows = 0;
    let _ = drive(bytes, query, settings, &mut |_| {
        rows += 1;
        rows < ROWS_MAX
    });
}

fn settings(choice: u8) -> Settings {
    Settings {
        codec: [Codec::None, Codec::Snappy, Codec::Lz4, Codec::Zstd(1)][usize::from(choice & 3)],
        row_group_rows_max: if choice & 4 == 0 { 65_536 } else { 2 },
        columns_max: if choice & 8 == 0 { 1_000 } else { 3 },
        depth_max: if choice & 16 == 0 { 64 } else { 2 },
        names: if choice & 128 == 0 { Names::Portable } else { Names::Exact },
        nulls: if choice & 32 == 0 { Nulls::Explicit } else { Nulls::Absent },
        id: if choice & 64 == 0 { IdSource::Auto } else { IdSource::Field("id".to_owned()) },
        ..Settings::default()
    }
}

fn encode<'a>(
    settings: &Settings,
    slices: impl IntoIterator<Item = &'a [u8]>,
) -> Result<EncodedFile, Error> {
    let mut encoder = Encoder::new(settings.clone())?;
    for slice in slices {
        encoder.push_json(slice)?;
    }
    encoder.finish(&Target {
        prefix: KeyPrefix::default(),
        tenant_id: 1,
        collection: "fuzz".to_owned(),
        lsns: None,
        lsn_width: LsnWidth::default(),
    })
}

fn must_hold(file: &EncodedFile, rows: &[Json], settings: &Settings) {
    let read = ParquetFile::open(file.bytes.clone()).unwrap_or_else(|e| panic!("open: {e}"));
    let stored = read.rows(&Projection::All).unwrap_or_else(|e| panic!("rows: {e}"));
    let rules = Rules {
        nulls_kept: settings.nulls == Nulls::Explicit,
        forms_kept: !mixes_forms(rows),
        signs_kept: true,
    };
    let mut count = 0;
    for (number, stored) in stored.enumerate() {
        let stored = stored.unwrap_or_else(|e| panic!("row {number}: {e}"));
        let source = rows.get(number).unwrap_or_else(|| panic!("{} rows became more", rows.len()));
        let mut text = Vec::new();
        stored.write_json(&mut text);
        let found = String::from_utf8(text).map_err(|e| e.to_string());
        let found = found.and_then(|text| Json::parse(&text));
        let found = found.unwrap_or_else(|e| panic!("row {number}: write_json: {e}"));
        if let Some(what) = difference(source, &found, rules) {
            panic!("row {number} {what}");
        }
        assert_eq!(stored.id(), id_of(source, number, settings), "the id of row {number}");
        if let Ok(value) = stored.to_value() {
            let found = Json::parse(&value.to_string());
            let found = found.unwrap_or_else(|e| panic!("row {number}: to_value: {e}"));
            if let Some(what) = difference(source, &found, rules) {
                panic!("row {number} by to_value: {what}");
            }
        }
        count += 1;
    }
    assert_eq!(count, rows.len(), "rows are missing");
    assert_eq!(file.summary.rows, rows.len() as u64, "the summary counts otherwise");
}

fn id_of(row: &Json, number: usize, settings: &Settings) -> String {
    let field = match &settings.id {
        IdSource::Auto => "_id",
        IdSource::Field(name) => name,
    };
    match row.field(field) {
        Some(Json::String(id) | Json::Number(id)) => id.clone(),
        _ => number.to_string(),
    }
}

/// Whether there is nothing core may refuse: rows that are objects and whose ids are not in play.
fn must_be_taken(rows: &[Json], settings: &Settings) -> bool {
    let plain = |row: &Json| match row {
        Json::Object(fields) => !fields.iter().any(|(key, _)| key == "_id") && depth(row) < 100,
        _ => false,
    };
    settings.id == IdSource::Auto && !rows.is_empty() && rows.iter().all(plain)
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Json::Object(fields) => 1 + fields.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn read(file: &ParquetFile, projection: &Projection) {
    let Ok(rows) = file.rows(projection) else { return };
    let mut text = Vec::new();
    for row in rows.take(ROWS_MAX) {
        let Ok(row) = row else { return };
        text.clear();
        row.write_json(&mut text);
        let _ = (row.id(), row.to_value());
        // Damage may change a value, but never into something that is not JSON.
        let text = std::str::from_utf8(&text).unwrap_or_else(|e| panic!("write_json: {e}"));
        if let Err(reason) = Json::parse(text) {
            assert!(reason.contains("deeper"), "write_json wrote no JSON: {reason}: {text}");
        }
    }
}

/// Whole files of every codec, with every kind of column.
fn whole_files() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let rows = br#"
            {"_id":"a","i":1,"d":2.5,"s":"x","b":true,"u":18446744073709551615,"n":null}
            {"_id":7,"i":"stray","l":[1,2,null],"o":{"p":{"q":[{"r":1},{"s":"t"}]}}}
            {"i":3,"d":-0.0,"s":"a longer text, a longer text","m":[1,"x",{}],"l":[]}
            {"i":4,"big":123456789012345678901234567890,"_rescued_data":1,"o":{}}
            {"i":5,"d":1e400,"s":"\u0000","b":false,"o":{"p":null},"l":[3]}"#;
        // One of an earlier version of the format, which has a bloom filter and numbered fields.
        let earlier = include_bytes!("../../tests/golden/files/1.1.0/nested.parquet");
        let mut files = vec![earlier.to_vec()];
        for (number, codec) in Codec::ALL.into_iter().enumerate() {
            for row_group_rows_max in [2, 65_536] {
                let encodings = Encodings::ALL[number % 3];
                let settings =
                    Settings { codec, encodings, row_group_rows_max, ..Settings::default() };
                let file = encode(&settings, [&rows[..]]).unwrap_or_else(|e| panic!("{e}"));
                files.push(file.bytes.to_vec());
            }
        }
        files
    })
}

/// Applies wounds of four bytes each: what to do, where (two bytes), and with which byte.
fn wounded(whole: &[u8], wounds: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for wound in wounds.chunks_exact(4) {
        let (kind, place) = (wound[0], usize::from(u16::from_le_bytes([wound[1], wound[2]])));
        let (place, value) = (place % bytes.len().max(1), wound[3]);
        // The footer is where the structure is: half of all wounds count from the end.
        let place = if kind & 1 == 0 { place } else { bytes.len() - 1 - place };
        let end = (place + usize::from(value)).min(bytes.len());
        match kind >> 1 & 7 {
            0 | 1 => bytes[place] = value,
            2 => bytes[place] = bytes[place].wrapping_add(value),
            3 => bytes[place] ^= 1 << (value & 7),
            4 => bytes.insert(place, value),
            5 => drop(bytes.drain(place..end)),
            6 => bytes.extend_from_within(place..end),
            _ => bytes[place..end].fill(0xFF),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

fn rebuilt(prefix: &KeyPrefix, target: &KeyTarget, text: &str) -> Result<ObjectKey, Error> {
    match target {
        KeyTarget::Data { tenant_id, collection, lsns } => {
            let build = |width| ObjectKey::data(prefix, *tenant_id, collection, *lsns, width);
            let unpadded = build(LsnWidth::Unpadded)?;
            if unpadded.as_str() == text { Ok(unpadded) } else { build(LsnWidth::Padded) }
        }
        KeyTarget::Wal { node, segment } => ObjectKey::wal(prefix, node.as_deref(), segment),
    }
}
