//! The id column: a field that the caller names, stored once and with its own type.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::fs;
use std::process::Command;

use coldpress_core::{
    Column, ColumnType, EncodedFile, ErrorKind, IdSource, Nulls, ParquetFile, Projection, Schema,
    Settings, StreamSettings,
};
use coldpress_tests::generate::{Row, batches, settings};
use coldpress_tests::json::{Json, Style};
use coldpress_tests::law::{Rules, mixes_forms};
use coldpress_tests::roundtrip::{
    assert_names_row, decode, encode_text, encode_values, holds_rows, stream_slices,
};
use coldpress_tests::scalars::Numbers;
use coldpress_tests::tools;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// What a batch has its ids in, as the option names it, and as the documents do.
const PLACES: [(&str, &[&str]); 6] = [
    ("k", &["k"]),
    ("k.d.e", &["k", "d", "e"]),
    ("k.d", &["k.d"]),
    ("_id", &["_id"]),
    ("_id.$oid", &["_id", "$oid"]),
    ("a", &["a"]),
];

fn ids() -> impl Strategy<Value = Vec<Json>> {
    let text = ".{0,12}".prop_map(Json::String).boxed();
    let climbing = (0..1_000_u32).prop_map(|id| Json::String(format!("{id:06}"))).boxed();
    let int = any::<i64>().prop_map(|id| Json::Number(id.to_string())).boxed();
    let big = any::<u64>().prop_map(|id| Json::Number(id.to_string())).boxed();
    let day = (1..29_u32).prop_map(|day| Json::String(format!("2024-02-{day:02}"))).boxed();
    let mixed = prop_oneof![3 => int.clone(), 1 => text.clone(), 1 => big.clone()].boxed();
    select(vec![text, climbing, int, big, day, mixed])
        .prop_flat_map(|id| proptest::collection::vec(id, 40..=40))
}

/// Puts the ids at the place in each document.
fn with_ids(rows: Vec<Row>, ids: Vec<Json>, place: &[&str]) -> Vec<Row> {
    let with_id = |(row, id): (Row, Json)| {
        let text = match &id {
            Json::String(text) | Json::Number(text) => text.clone(),
            _ => unreachable!("ids are strings and numbers"),
        };
        let Json::Object(mut fields) = row.1 else { unreachable!("rows are objects") };
        fields.retain(|(name, _)| name != place[0]);
        let value = place[1..].iter().rev().fold(id, |value, name| {
            let beside = ("x".to_owned(), Json::Number(text.len().to_string()));
            Json::Object(vec![beside, ((*name).to_owned(), value)])
        });
        let at = text.len() % (fields.len() + 1);
        fields.insert(at, (place[0].to_owned(), value));
        (text, Json::Object(fields))
    };
    rows.into_iter().zip(ids).map(with_id).collect()
}

fn print_rows(rows: &[Row]) -> String {
    rows.iter().map(|(_, document)| document.print(Style::Compact) + "\n").collect()
}

fn rules(settings: &Settings, rows: &[Row]) -> Rules {
    let forms_kept = !mixes_forms(rows.iter().map(|(_, row)| row));
    Rules { nulls_kept: settings.nulls == Nulls::Explicit, forms_kept, signs_kept: true }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000,
        rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_129),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn rows_come_back_with_the_ids_in_their_field(
        rows in batches(Numbers::Literal), ids in ids(), settings in settings(),
        (name, place) in select(&PLACES[..]), group in 1_usize..3_000, file in 1_u64..10_000,
    ) {
        // What nests deeper is no object to look into.
        let depth_max = settings.depth_max.max(4);
        let id = IdSource::Field(name.to_owned());
        let settings = Settings { id, depth_max, ..settings };
        let rows = with_ids(rows, ids, place);
        let text = print_rows(&rows);
        let whole = encode_text(&settings, text.as_bytes())?;
        let held = holds_rows(&whole, &rows, rules(&settings, &rows));
        prop_assert!(held.is_ok(), "{}", held.unwrap_err());
        // The ids come with any projection, and alone.
        let ids = decode(&whole, &Projection::Columns(Vec::new())).unwrap();
        prop_assert!(ids.iter().zip(&rows).all(|(found, row)| found.id == row.0));
        prop_assert!(ids.iter().all(|found| found.json == Json::Object(Vec::new())));
        let read = ParquetFile::open(whole.bytes.clone())?;
        prop_assert_eq!(&read.rescued()?, &whole.summary.rescued);

        let cut = StreamSettings { row_group_bytes_max: group, file_bytes_max: file, first_lsn: 0 };
        let mut rest = &rows[..];
        for file in stream_slices(&settings, &cut, [text.as_bytes()])? {
            let (own, behind) = rest.split_at(file.summary.rows as usize);
            let held = holds_rows(&file, own, rules(&settings, own));
            prop_assert!(held.is_ok(), "{}", held.unwrap_err());
            let verified = ParquetFile::open(file.bytes.clone()).unwrap().verify();
            prop_assert!(verified.is_ok(), "{}", verified.unwrap_err());
            rest = behind;
        }
        prop_assert!(rest.is_empty(), "{} rows are in no file", rest.len());
    }
}

fn named(name: &str) -> Settings {
    Settings { id: IdSource::Field(name.to_owned()), ..Settings::default() }
}

fn leaves(file: &EncodedFile) -> Vec<String> {
    let report = ParquetFile::open(file.bytes.clone()).unwrap().report();
    report.row_groups[0].chunks.iter().map(|chunk| chunk.column.clone()).collect()
}

fn pair(file: &EncodedFile, key: &str) -> Option<String> {
    let report = ParquetFile::open(file.bytes.clone()).unwrap().report();
    report.metadata.into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

#[test]
fn the_field_is_the_first_column_with_its_own_type_and_there_is_no_other() {
    for (id, column_type) in [
        (r#""x""#, ColumnType::String),
        ("7", ColumnType::Int64),
        (
            "18446744073709551615",
            ColumnType::Decimal {
                precision: 20,
                scale: 0,
                form: Some(coldpress_core::Form::Number),
            },
        ),
    ] {
        let text = format!(r#"{{"a":1,"_id":[true],"id":{id},"ID":"other"}}"#);
        let file = encode_text(&named("id"), text.as_bytes()).unwrap();
        // A name that differs only in case never takes the place of the id.
        assert_eq!(leaves(&file), ["id", "a", "_id.list.element", "_rescued_data"]);
        assert_eq!(file.summary.schema.columns()[0], Column::new("id", column_type));
        assert_eq!(file.summary.columns, 4);
        assert_eq!(pair(&file, "coldpress.id").as_deref(), Some(r#"["id"]"#));
        assert_eq!(pair(&file, "coldpress.id_in_document"), None);
        let row = (id.trim_matches('"').to_owned(), Json::parse(&text).unwrap());
        holds_rows(&file, &[row], Rules::default()).unwrap();
    }
    let oid = r#"{"n":1,"_id":{"a":1,"$oid":"x"}}"#;
    let file = encode_text(&named("_id.$oid"), oid.as_bytes()).unwrap();
    assert_eq!(leaves(&file), ["_id.a", "_id.$oid", "n"]);
    assert_eq!(pair(&file, "coldpress.id").as_deref(), Some(r#"["_id","$oid"]"#));
    let dotted = encode_text(&named("a.b"), br#"{"n":1,"a.b":"x"}"#).unwrap();
    assert_eq!(pair(&dotted, "coldpress.id").as_deref(), Some(r#"["a.b"]"#));
}

#[test]
fn a_field_that_cannot_be_the_column_leaves_the_ids_in_their_own() {
    for (name, ids, text) in [
        ("_rescued_data", &["x"][..], r#"{"_rescued_data":"x","_id":"y"}"#),
        ("", &["x"], r#"{"":"x","_id":"y"}"#),
        ("a.b", &["x", "y"], r#"{"a.b":"x"} {"a":{"b":"y"}}"#),
    ] {
        let file = encode_text(&named(name), text.as_bytes()).unwrap();
        let ids = ids.iter().map(|id| (*id).to_owned());
        let rows: Vec<Row> = ids.zip(Json::parse_rows(text).unwrap()).collect();
        holds_rows(&file, &rows, Rules::default()).unwrap();
        assert_eq!(leaves(&file)[0], "_id", "{name}");
        assert_eq!(pair(&file, "coldpress.id"), None, "{name}");
    }
    let schema =
        |column: &str| Some(Schema::from_json(&format!(r#"{{"columns":[{column}]}}"#)).unwrap());
    for (column, first) in [
        (r#"{"name":"k","type":"uuid"}"#, "k"),
        (r#"{"name":"k","type":"int64"}"#, "k"),
        (r#"{"name":"k","type":"json"}"#, "_id"),
        (r#"{"name":"k","type":"decimal","precision":9,"scale":2}"#, "_id"),
        (r#"{"name":"k","type":"float64"}"#, "_id"),
        (r#"{"name":"other","type":"int64"}"#, "_id"),
    ] {
        let settings = Settings { schema: schema(column), ..named("k") };
        let text = concat!(
            r#"{"k":7} {"k":"00112233-4455-6677-8899-aabbccddeeff"}"#,
            r#"{"k":"A0112233-4455-6677-8899-aabbccddeeff"}"#,
        );
        let file = encode_text(&settings, text.as_bytes()).unwrap();
        assert_eq!(leaves(&file)[0], first, "{column}");
        let ids: Vec<_> =
            decode(&file, &Projection::All).unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(ids[..2], ["7", "00112233-4455-6677-8899-aabbccddeeff"], "{column}");
        assert_eq!(ids[2], "A0112233-4455-6677-8899-aabbccddeeff", "to the letter");
    }
}

#[test]
fn a_given_schema_may_have_the_column_id_only_where_a_field_is_named() {
    let schema = |text: &str| Some(Schema::from_json(text).unwrap());
    let uuid =
        r#"{"columns":[{"name":"a","type":"int64"},{"name":"_id","type":"uuid","field_id":4}]}"#;
    let text = br#"{"_id":"00112233-4455-6677-8899-aabbccddeeff","a":1}"#;
    let refused = encode_text(&Settings { schema: schema(uuid), ..Settings::default() }, text);
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Settings);
    assert!(refused.to_string().contains("\"_id\", which Coldpress adds"), "{refused}");
    let file = encode_text(&Settings { schema: schema(uuid), ..named("_id") }, text).unwrap();
    assert_eq!(leaves(&file), ["_id", "a", "_rescued_data"]);
    assert_eq!(file.summary.schema.columns()[0].field_id, Some(4));
    let own = schema(r#"{"columns":[{"name":"k","type":"int64"}],"id_field_id":1}"#);
    let refused = encode_text(&Settings { schema: own, ..named("k") }, br#"{"k":1}"#).unwrap_err();
    assert!(refused.to_string().contains("id_field_id"), "{refused}");
}

#[test]
fn rows_pushed_with_an_id_have_it_in_the_field_too() {
    let rows = |id: &str| [("x".to_owned(), json!({"k": "x"})), (id.to_owned(), json!({"k": 7}))];
    let file = encode_values(&named("k"), &rows("7")).unwrap();
    assert_eq!(leaves(&file)[0], "k");
    for (id, word) in [("8", "another id"), ("", "another id")] {
        let error = encode_values(&named("k"), &rows(id)).unwrap_err();
        assert_names_row(&error, 1);
        assert_eq!((error.kind(), error.id()), (ErrorKind::Row, Some(id)));
        assert!(error.to_string().contains(word), "{error}");
    }
    let absent = [("x".to_owned(), json!({"other": "x"}))];
    let error = encode_values(&named("k"), &absent).unwrap_err();
    assert!(error.to_string().contains("no field \"k\""), "{error}");
}

#[test]
fn duplicate_ids_are_counted_within_a_file_and_can_be_refused() {
    let row = |id: u64| format!("{{\"id\":{id}}}\n");
    let scattered = |at: u64| at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8;
    let unique: Vec<u64> = (0..3_000).map(scattered).collect();
    let mut repeated = unique.clone();
    // One of the same row group, and two that stand in another one.
    repeated.insert(10, unique[3]);
    repeated.extend([unique[0], unique[0], 7]);
    let climbing: Vec<u64> = (0..3_000).collect();
    for (ids, duplicates) in [(&unique, 0), (&repeated, 3), (&climbing, 0)] {
        let text: String = ids.iter().map(|id| row(*id)).collect();
        let cut = StreamSettings { row_group_bytes_max: 5_000, ..StreamSettings::default() };
        for settings in [Settings::default(), named("id")] {
            let auto = settings.id == IdSource::Auto;
            let wanted = if auto { 0 } else { duplicates };
            let file = encode_text(&settings, text.as_bytes()).unwrap();
            assert_eq!(file.summary.duplicate_ids, wanted);
            let files = stream_slices(&settings, &cut, [text.as_bytes()]).unwrap();
            let report = ParquetFile::open(files[0].bytes.clone()).unwrap().report();
            assert!(files.len() == 1 && report.row_groups.len() > 2);
            assert_eq!(files[0].summary.duplicate_ids, wanted);

            let strict = Settings { unique_ids: true, ..settings };
            let refused = [
                encode_text(&strict, text.as_bytes()).map(|file| vec![file]),
                stream_slices(&strict, &cut, [text.as_bytes()]),
            ];
            for refused in refused {
                let Err(error) = refused else {
                    assert_eq!(wanted, 0);
                    continue;
                };
                assert_names_row(&error, 10);
                assert_eq!((wanted, error.kind()), (3, ErrorKind::Row));
                assert_eq!(error.id(), Some(unique[3].to_string().as_str()));
                assert!(error.to_string().contains("row 3"), "{error}");
            }
        }
    }
    // Rows of one row group that only an earlier one of the same file refuses.
    let text: String = unique.iter().chain([&unique[0]]).map(|id| row(*id)).collect();
    let cut = StreamSettings { row_group_bytes_max: 5_000, ..StreamSettings::default() };
    let strict = Settings { unique_ids: true, ..named("id") };
    let error = stream_slices(&strict, &cut, [text.as_bytes()]).unwrap_err();
    assert_names_row(&error, 3_000);
    assert!(error.to_string().contains("an earlier row"), "{error}");
}

/// Acceptance 5.
#[test]
fn telemetry_with_its_id_named_is_as_large_as_without_a_second_copy() {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 33
    };
    let rows: Vec<String> = (0..50_000_u64)
        .map(|row| {
            let (a, b) = (next(), next());
            let ts = 1_700_000_000_000 + row * 250 + a % 97;
            format!(
                r#""evt-{row:09}","ts":{ts},"device":"device-{}","temp":{}.{:02},"ok":{}}}"#,
                b % 1000,
                a % 60,
                b % 100,
                a % 3 == 0
            )
        })
        .collect();
    let of =
        |name: &str| rows.iter().map(|row| format!("{{\"{name}\":{row}\n")).collect::<String>();
    let once = encode_text(&Settings::default(), of("_id").as_bytes()).unwrap().bytes.len();
    let named = encode_text(&named("id"), of("id").as_bytes()).unwrap();
    let (once, found) = (once as f64, named.bytes.len() as f64);
    assert!((found - once).abs() < once / 100.0, "{found} bytes, and {once} with _id alone");
    let rows: Vec<Row> = Json::parse_rows(&of("id"))
        .unwrap()
        .into_iter()
        .enumerate()
        .map(|(row, document)| (format!("evt-{row:09}"), document))
        .collect();
    holds_rows(&named, &rows, Rules::default()).unwrap();
}

/// Acceptance 5 of issue 12: engines find a row by the bloom filters, which prune all other row
/// groups. `tests/interop/lookups.py` says how that is proven.
#[test]
fn engines_look_ids_up_by_the_bloom_filters() {
    let folder = tempfile::tempdir().unwrap();
    let mut lookups = serde_json::Map::new();
    let scattered = |row: u64| row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let uuid = |row: u64| {
        let hex = format!("{:016x}{:016x}", scattered(row), scattered(row + 1));
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    };
    let ids: [(&str, &dyn Fn(u64) -> Value); 3] = [
        ("string", &|row| json!(uuid(row))),
        ("integer", &|row| json!(scattered(row) >> 1)),
        ("uuid", &|row| json!(uuid(row))),
    ];
    for (kind, id) in ids {
        let schema = r#"{"columns":[{"name":"id","type":"uuid"},{"name":"n","type":"int64"}]}"#;
        let schema = (kind == "uuid").then(|| Schema::from_json(schema).unwrap());
        let settings = Settings { row_group_rows_max: 1_500, schema, ..named("id") };
        let row = |row| json!({"id": id(row), "n": row}).to_string() + "\n";
        let text: String = (0..15_000).map(row).collect();
        let file = encode_text(&settings, text.as_bytes()).unwrap();
        fs::write(folder.path().join(format!("{kind}.parquet")), &file.bytes).unwrap();
        let looked_up = [0, 7_777, 14_999].map(|row| json!([id(row), row]));
        lookups.insert(kind.to_owned(), looked_up.to_vec().into());
    }
    fs::write(folder.path().join("lookups.json"), Value::from(lookups).to_string()).unwrap();
    let mut command = Command::new(tools::python().unwrap());
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder.path());
    command.arg(tools::root().join("tests/interop/lookups.py")).arg(folder.path());
    let output = tools::run(&mut command).unwrap_or_else(|problem| panic!("{problem}"));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.ends_with("18 lookups, 0 wrong\n"), "{printed}");
}
