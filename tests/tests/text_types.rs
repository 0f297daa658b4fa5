//! Text that is more than text: columns of instants and of days come back to the letter, whatever
//! stands among them; and other engines see in them what DuckDB sees in the texts.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::fs;
use std::path::Path;
use std::process::Command;

use coldpress_core::{
    ColumnType, EncodedFile, ParquetFile, Rescued, Schema, Settings, StreamSettings, TextTypes,
};
use coldpress_tests::instants::{Form, columns};
use coldpress_tests::json::Json;
use coldpress_tests::law::Rules;
use coldpress_tests::roundtrip::{encode_text, holds_rows, stream_slices};
use coldpress_tests::tools;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("regressions/law.txt"))),
        ..ProptestConfig::default()
    })]

    /// With either setting, in a file and in a stream, and again with the schema that it has.
    #[test]
    fn texts_come_back_to_the_letter((form, texts, others) in columns()) {
        let rows = rows(&texts);
        let text = print(&texts);
        for text_types in [TextTypes::Infer, TextTypes::String] {
            let settings = Settings { text_types, row_group_rows_max: 70, ..Settings::default() };
            let file = encode_text(&settings, text.as_bytes())?;
            held(&file, &rows)?;
            let typed = !matches!(type_of(&file), ColumnType::String);
            if text_types == TextTypes::String {
                prop_assert!(!typed);
            } else if others * 100 <= texts.len() {
                prop_assert!(typed, "{form:?} with {others} others of {}", texts.len());
            }
            let schema = Some(Schema::from_json(&file.summary.schema.to_json())?);
            let again = Settings { schema, ..settings.clone() };
            let again = encode_text(&again, text.as_bytes())?;
            held(&again, &rows)?;
            prop_assert!(again.bytes == file.bytes, "its own schema changed the bytes");
            let cut = StreamSettings {
                row_group_bytes_max: 2_000, file_bytes_max: 4_000, first_lsn: 0,
            };
            let mut rest = &rows[..];
            for file in stream_slices(&settings, &cut, [text.as_bytes()])? {
                let (own, behind) = rest.split_at(file.summary.rows as usize);
                held(&file, own)?;
                rest = behind;
            }
            prop_assert!(rest.is_empty());
        }
    }
}

/// What DuckDB takes for a date or an instant, and we do not.
const DUCKDB_ALONE: &[(&str, &str)] = &[
    ("0000-01-01", "DATE"),
    ("2024-2-1", "DATE"),
    ("29-02-2024", "DATE"),
    ("12:00:00", "TIME"),
    ("123e4567-e89b-12d3-a456-426614174000", "UUID"),
    ("2024-02-29T01:02:03", "TIMESTAMP"),
    ("2024-02-29 01:02:03", "TIMESTAMP"),
    ("2024-02-29T01:02:03.1234567Z", INSTANT),
    ("2024-02-29T01:02:03.Z", INSTANT),
    ("2024-02-29T01:02Z", INSTANT),
    ("2024-02-29 01:02:03Z", INSTANT),
    ("2024-02-29T01:02:03-00:00", INSTANT),
    ("2024-02-29T01:02:03+01", INSTANT),
    ("2024-02-29T01:02:03+0530", INSTANT),
    ("2024-02-29T24:00:00Z", INSTANT),
    ("0000-06-01T00:00:00Z", INSTANT),
    ("0001-01-01T00:00:00+00:01", INSTANT),
    ("9999-12-31T23:59:59-00:01", INSTANT),
    ("0001-01-01", "DATE"),
    ("1582-10-14", "DATE"),
    ("0001-01-01T00:00:00Z", INSTANT),
    ("1899-12-31T23:59:59.999999Z", INSTANT),
];

const INSTANT: &str = "TIMESTAMP WITH TIME ZONE";

/// What both take for one.
const BOTH: &[(&str, &str)] = &[
    ("2024-02-29", "DATE"),
    ("1582-10-15", "DATE"),
    ("9999-12-31", "DATE"),
    ("2024-02-29T01:02:03Z", INSTANT),
    ("2024-02-29T01:02:03.5Z", INSTANT),
    ("2024-02-29T01:02:03.120Z", INSTANT),
    ("2024-02-29T01:02:03.123456Z", INSTANT),
    ("2024-02-29T01:02:03.123456+00:00", INSTANT),
    ("2024-02-29T01:02:03-05:30", INSTANT),
    ("2024-02-29T01:02:03+23:59", INSTANT),
    ("2024-02-29T01:02:03-23:59", INSTANT),
    ("1900-01-01T00:00:00Z", INSTANT),
    ("1969-12-31T23:59:59.999999Z", INSTANT),
    ("9999-12-31T23:59:59.999999Z", INSTANT),
];

/// What neither takes for one.
const NEITHER: &[&str] = &[
    "",
    "hello",
    "20240229",
    "2024/02/29",
    "2023-02-29",
    "2024-13-01",
    "2024-02-00",
    "2024-02-30T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2024-02-29t01:02:03z",
    "2024-02-29T25:00:00Z",
];

#[test]
fn duckdb_judges_which_texts_count_and_filters_find_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<&str> = BOTH
        .iter()
        .chain(DUCKDB_ALONE)
        .map(|(text, _)| *text)
        .chain(NEITHER.iter().copied())
        .collect();
    let judged: Vec<Value> =
        texts.iter().enumerate().map(|(at, text)| write_text(folder.path(), at, text)).collect();
    let given = json!({ "judged": judged, "filtered": write_filtered(folder.path()) });
    fs::write(folder.path().join("texts.json"), given.to_string()).unwrap();

    let mut python = Command::new(tools::python().unwrap());
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python.arg(tools::root().join("tests/interop/texts.py")).arg(folder.path());
    let output = tools::run(&mut python).unwrap_or_else(|problem| panic!("{problem}"));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();

    for (text, found) in texts.iter().zip(found["judged"].as_array().unwrap()) {
        let in_list = |list: &[(&'static str, &'static str)]| {
            list.iter().find(|(of, _)| of == text).map(|(_, kind)| *kind)
        };
        let (duckdb, in_file) = match (in_list(BOTH), in_list(DUCKDB_ALONE)) {
            (Some(kind), _) => (kind, kind),
            (_, Some(kind)) => (kind, "VARCHAR"),
            _ => ("VARCHAR", "VARCHAR"),
        };
        assert_eq!(found["duckdb"], json!(duckdb), "{text:?} in JSON");
        assert_eq!(found["in_file"], json!(in_file), "{text:?} in our file");
        assert!(duckdb != in_file || found["same"] == json!(true), "{text:?}: {found}");
    }
    let found = &found["filtered"];
    assert!(found["row_groups"].as_u64().unwrap() > 2, "{found}");
    assert_eq!(found["bounds"], json!(true), "the statistics are not the bounds");
    for engine in ["duckdb", "polars", "pyarrow"] {
        assert_eq!(found[engine], json!([250, 128]), "{engine}");
    }
}

/// A text as rows of JSON, and as a file.
fn write_text(folder: &Path, at: usize, text: &str) -> Value {
    let (rows, file) = (format!("{at:03}.json"), format!("{at:03}.parquet"));
    let ndjson = format!("{}\n", json!({ "v": text })).repeat(3);
    let encoded = encode_text(&Settings::default(), ndjson.as_bytes()).unwrap();
    fs::write(folder.join(&rows), ndjson).unwrap();
    fs::write(folder.join(&file), &encoded.bytes).unwrap();
    json!({ "rows": rows, "file": file })
}

/// A file in which 250 instants and 128 days of 1,000 rows are late enough.
fn write_filtered(folder: &Path) -> Value {
    let row = |n: u64| {
        // A step of 7 visits each number below 1,000 once, in no order.
        let n = n * 7 % 1_000;
        let (minute, second) = (n / 60, n % 60);
        let (month, day) = (1 + n / 100, 1 + n % 100 / 4);
        format!(
            "{{\"at\":\"2026-01-01T10:{minute:02}:{second:02}.5+02:00\",\
             \"day\":\"2026-{month:02}-{day:02}\"}}\n"
        )
    };
    let ndjson: String = (0..1_000).map(row).collect();
    let settings = Settings { row_group_rows_max: 300, ..Settings::default() };
    let encoded = encode_text(&settings, ndjson.as_bytes()).unwrap();
    fs::write(folder.join("filtered.parquet"), &encoded.bytes).unwrap();
    // 750 seconds after 08:00 in UTC; and the 19th day of September, with 28 and 100 rows behind.
    let (instant, day) = ("2026-01-01T08:12:30.500000+00:00", "2026-09-19");
    json!({ "file": "filtered.parquet", "instant": instant, "day": day })
}

fn held(file: &EncodedFile, rows: &[(String, Json)]) -> Result<(), TestCaseError> {
    let held = holds_rows(file, rows, Rules { signs_kept: true, ..Rules::default() });
    prop_assert!(held.is_ok(), "{}", held.unwrap_err());
    Ok(())
}

fn type_of(file: &EncodedFile) -> &ColumnType {
    match &file.summary.schema.columns()[0].column_type {
        ColumnType::List(element) => &element.column_type,
        column_type => column_type,
    }
}

fn rows(texts: &[String]) -> Vec<(String, Json)> {
    let row = |text: &String| Json::Object(vec![("v".to_owned(), Json::String(text.clone()))]);
    texts.iter().enumerate().map(|(at, text)| (at.to_string(), row(text))).collect()
}

fn print(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{}\n", json!({ "v": text }))).collect()
}

/// A hundred days, one of which Spark 3.5 refuses; and the same rows behind a first row group.
#[test]
fn what_spark_refuses_gets_into_a_file_only_if_a_schema_asks_for_it() {
    for (old, other) in [
        ("1582-10-14", "2024-02-29"),
        ("1899-12-31T23:59:59.999Z", "2024-02-29T00:00:00.000Z"),
        ("1899-12-31T23:59:59Z", "2024-02-29T00:00:00.000Z"),
    ] {
        let mut texts = vec![other.to_owned(); 200];
        texts[150] = old.to_owned();
        let (rows, text) = (rows(&texts), print(&texts));
        let settings = Settings::default();
        let file = encode_text(&settings, text.as_bytes()).unwrap();
        held(&file, &rows).unwrap();
        let [rescued] = &file.summary.rescued[..] else { panic!("{:?}", file.summary) };
        assert_eq!((rescued.count, rescued.other_form), (1, 0), "{old}");

        // The later row groups of a file have its columns, and its rules.
        let cut = StreamSettings {
            row_group_bytes_max: 3_000,
            file_bytes_max: u64::MAX,
            ..StreamSettings::default()
        };
        let streamed = stream_slices(&settings, &cut, [text.as_bytes()]).unwrap();
        let [streamed] = &streamed[..] else { panic!("one file") };
        assert!(ParquetFile::open(streamed.bytes.clone()).unwrap().report().row_groups.len() > 1);
        assert_eq!(streamed.summary.rescued, file.summary.rescued, "{old}");

        let given = file.summary.schema.clone().with_inferred(false);
        let settings = Settings { schema: Some(given), ..settings };
        let given = encode_text(&settings, text.as_bytes()).unwrap();
        held(&given, &rows).unwrap();
        let not_in_column = |found: &Rescued| found.count > found.other_form;
        assert!(!given.summary.rescued.iter().any(not_in_column), "{old}");
    }
}

#[test]
fn a_form_is_what_python_and_javascript_print() {
    let all = [
        (Form::Fixed(3, "Z"), "ms", "text:3"),
        (Form::Fixed(6, "+00:00"), "us", "text:6+00:00"),
        (Form::Trimmed("Z"), "us", "text:trimmed"),
    ];
    for (form, unit, name) in all {
        let texts: Vec<String> = (0..50).map(|n| form.print(1_700_000_000_123_456 + n)).collect();
        let file = encode_text(&Settings::default(), print(&texts).as_bytes()).unwrap();
        let wanted = format!(r#""type":"timestamp","unit":"{unit}","form":"{name}""#);
        let schema = file.summary.schema.to_json();
        assert!(schema.contains(&wanted), "{schema}");
    }
}
