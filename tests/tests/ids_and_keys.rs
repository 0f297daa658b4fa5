//! Where rows get their ids and files their keys, and the errors of both. Like `faults.rs`, each test
//! would fail on the code this replaces.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use coldpress_core::{
    ErrorKind, IdSource, KeyPrefix, LsnRange, LsnWidth, ObjectKey, ParquetFile, Projection,
    Settings, Target,
};
use coldpress_tests::json::Json;
use coldpress_tests::law::Rules;
use coldpress_tests::roundtrip::{
    assert_names_row, decode, encode_text, encode_values, holds_rows, target,
};
use serde_json::json;

#[test]
fn a_documents_own_id_that_is_not_the_rows_is_an_error() {
    for (id, own) in [
        ("x", json!("y")),
        ("7", json!(8)),
        ("7", json!(7.0)),
        ("x", json!(true)),
        ("x", json!(["x"])),
        ("x", json!({})),
        ("07", json!(7)),
        ("x", json!("x ")),
    ] {
        let rows = [("ok".to_owned(), json!({})), (id.to_owned(), json!({"a": 1, "_id": own}))];
        let error = encode_values(&Settings::default(), &rows).unwrap_err();
        assert_names_row(&error, 1);
        assert_eq!(error.id(), Some(id), "{error}");
        assert!(error.to_string().contains("_id"), "{error}");
    }
    for own in ["true", "[1]", "{}", "1.5", "1e2"] {
        let text = format!("{{\"a\":1}}\n{{\"_id\":{own}}}");
        let error = encode_text(&Settings::default(), text.as_bytes()).unwrap_err();
        assert_names_row(&error, 1);
        assert!(error.to_string().contains("_id"), "{error}");
    }
}

#[test]
fn an_own_id_behind_more_fields_than_columns_max() {
    let settings = Settings { columns_max: 3, ..Settings::default() };
    let text = br#"{"a":1,"b":2,"c":3,"d":4,"_id":"x"}"#;
    let file = encode_text(&settings, text).unwrap();
    assert_eq!(decode(&file, &Projection::All).unwrap()[0].id, "x");
    let named = Settings { id: IdSource::Field("_id".to_owned()), ..settings };
    let file = encode_text(&named, text).unwrap();
    assert_eq!(decode(&file, &Projection::All).unwrap()[0].id, "x");
}

/// As `mongoexport` writes them.
#[test]
fn an_id_within_an_object_is_named_by_a_path() {
    let named =
        |name: &str| Settings { id: IdSource::Field(name.to_owned()), ..Settings::default() };
    let rows = [
        r#"{"_id":{"$oid":"a1"},"n":1}"#,
        r#"{"n":2,"_id":{"$oid":7,"more":[1]}}"#,
        r#"{"_id":{"x":null,"$oid":"a3"},"a.b":"c","a":{"b":"d"}}"#,
    ];
    let text = rows.join("\n");
    let file = encode_text(&named("_id.$oid"), text.as_bytes()).unwrap();
    let decoded = decode(&file, &Projection::All).unwrap();
    assert_eq!(decoded.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["a1", "7", "a3"]);
    let expected = ["a1", "7", "a3"].iter().zip(rows);
    let expected: Vec<_> =
        expected.map(|(id, row)| ((*id).to_owned(), Json::parse(row).unwrap())).collect();
    holds_rows(&file, &expected, Rules::default()).unwrap();
    // A field of the very name comes before the path.
    let file = encode_text(&named("a.b"), rows[2].as_bytes()).unwrap();
    assert_eq!(decode(&file, &Projection::All).unwrap()[0].id, "c");
    for absent in ["_id.$oid.x", "_id.no", "n.x", "a.b.c", "_id..", ".", "_id.more.0"] {
        let error = encode_text(&named(absent), text.as_bytes()).unwrap_err();
        assert_names_row(&error, 0);
        assert!(error.to_string().contains(absent), "{error}");
    }
    // Without an option, the message says which one there is.
    let error = encode_text(&Settings::default(), text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("an object") && error.contains("_id.$oid"), "{error}");
}

#[test]
fn where_another_field_is_the_id_the_documents_own_one_is_a_field() {
    let settings = Settings { id: IdSource::Field("k".to_owned()), ..Settings::default() };
    let text = r#"{"k":"a","_id":"b"}
{"k":"c","_id":"c"}
{"k":"d","_id":{"$oid":"e"}}
{"k":"f","_id":[null,true]}
{"k":"g"}"#;
    let file = encode_text(&settings, text.as_bytes()).unwrap();
    let ids = ["a", "c", "d", "f", "g"];
    let rows: Vec<_> = ids
        .iter()
        .zip(text.lines())
        .map(|(id, row)| ((*id).to_owned(), Json::parse(row).unwrap()))
        .collect();
    holds_rows(&file, &rows, Rules::default()).unwrap();
}

#[test]
fn an_id_path_behind_more_fields_than_columns_max() {
    let settings = Settings {
        columns_max: 2,
        id: IdSource::Field("deep.er.id".to_owned()),
        ..Settings::default()
    };
    let text =
        r#"{"a":1,"b":2,"c":3,"deep":{"x":1,"y":2,"z":3,"er":{"u":1,"v":2,"w":3,"id":"x"}}}"#;
    let file = encode_text(&settings, text.as_bytes()).unwrap();
    let rows = [("x".to_owned(), Json::parse(text).unwrap())];
    holds_rows(&file, &rows, Rules::default()).unwrap();
}

#[test]
fn min_above_max() {
    let error = LsnRange::new(9, 8).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
    assert!(error.to_string().contains("9..8"), "{error}");
    let prefix = KeyPrefix::default();
    assert!(ObjectKey::parse(&prefix, "0/c/lsn-9-8.parquet").is_err());
}

#[test]
fn an_lsn_range_of_its_own_or_else_the_rows_numbers() {
    let rows = [("a".to_owned(), json!({})), ("b".to_owned(), json!({}))];
    let file = encode_values(&Settings::default(), &rows).unwrap();
    assert_eq!(file.key.as_str(), "7/law/lsn-0-1.parquet");
    let mut encoder = coldpress_core::Encoder::new(Settings::default()).unwrap();
    encoder.push_row("a", &json!({})).unwrap();
    let lsns = LsnRange::new(5, 900).unwrap();
    let file = encoder.finish(&Target { lsns: Some(lsns), ..target() }).unwrap();
    assert_eq!(file.key.as_str(), "7/law/lsn-5-900.parquet");
    let read = ParquetFile::open(file.bytes).unwrap();
    assert_eq!((read.lsns(), read.tenant_id(), read.collection()), (lsns, 7, "law"));
}

#[test]
fn odd_names_stay_inside_their_folder() {
    for (name, part) in [
        ("%", "%25"),
        ("#", "%23"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("/", "%2F"),
        ("../..", "..%2F.."),
        ("a/../../b", "a%2F..%2F..%2Fb"),
        ("%2F", "%252F"),
        (" ", "%20"),
        ("\\", "%5C"),
        ("?x=1&y", "%3Fx%3D1%26y"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
        ("\0", "%00"),
    ] {
        let mut encoder = coldpress_core::Encoder::new(Settings::default()).unwrap();
        encoder.push_row("a", &json!({"x": 1})).unwrap();
        let file = encoder.finish(&Target { collection: name.to_owned(), ..target() }).unwrap();
        assert_eq!(file.key.as_str(), format!("7/{part}/lsn-0-0.parquet"));
        assert_eq!(ParquetFile::open(file.bytes).unwrap().collection(), name);

        let prefix = KeyPrefix::new("cold").unwrap();
        let wal = ObjectKey::wal(&prefix, Some(name), name).unwrap();
        assert_eq!(wal.as_str(), format!("cold/wal/{part}/{part}"));
        assert_eq!(ObjectKey::parse(&prefix, wal.as_str()).unwrap(), wal);
    }
}

#[test]
fn an_empty_name_is_an_error() {
    let mut encoder = coldpress_core::Encoder::new(Settings::default()).unwrap();
    encoder.push_row("a", &json!({"x": 1})).unwrap();
    let error = encoder.finish(&Target { collection: String::new(), ..target() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
    let prefix = KeyPrefix::default();
    let lsns = LsnRange::new(0, 0).unwrap();
    assert!(ObjectKey::data(&prefix, 0, "", lsns, LsnWidth::Unpadded).is_err());
    assert!(ObjectKey::wal(&prefix, None, "").is_err());
    assert!(ObjectKey::wal(&prefix, Some(""), "s").is_err());
}
