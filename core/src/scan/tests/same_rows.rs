//! A scan gives the rows that a reader of the whole file gives, whatever it leaves out.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::{Codec, Encoder, IdSource, LsnRange, Settings, Target};

/// The judge: what is left of a document, by its own rules.
fn cut(document: &Value, paths: &[Vec<String>]) -> Value {
    let Value::Object(fields) = document else { return Value::Null };
    let mut left = Map::new();
    for (name, value) in fields {
        let below: Vec<&[String]> =
            paths.iter().filter(|path| path[0] == *name).map(|path| &path[1..]).collect();
        if below.iter().any(|path| path.is_empty()) {
            left.insert(name.clone(), value.clone());
        } else if !below.is_empty() && value.is_object() {
            let below: Vec<Vec<String>> = below.iter().map(|path| path.to_vec()).collect();
            left.insert(name.clone(), cut(value, &below));
        }
    }
    Value::Object(left)
}

#[derive(Debug, Clone)]
struct Case {
    rows: Vec<(String, Value)>,
    group_rows: usize,
    named: bool,
    columns: Option<Vec<&'static str>>,
    between: Option<(&'static str, i64, i64)>,
    id: Option<usize>,
    limit: Option<u64>,
    without_ids: bool,
    settings: ScanSettings,
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (0..60_i64).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => "[a-z]{0,3}".prop_map(Value::from),
        1 => Just(json!(2.5)),
        1 => Just(json!({"x": 7, "new": [1, {"x": 2}]})),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let nested = prop_oneof![
        6 => (value(), value()).prop_map(|(x, y)| json!({"x": x, "y": y})),
        1 => Just(json!({})),
        1 => value(),
    ];
    let list = prop::collection::vec(value(), 0..4);
    let text = prop_oneof![
        9 => "[a-e]{1,2}".prop_map(Value::from),
        1 => (0..60_i64).prop_map(Value::from),
    ];
    let fields = (value(), nested, list, text, any::<[bool; 4]>());
    fields.prop_map(|(i, s, list, t, there)| {
        let all = [("i", i), ("s", s), ("list", Value::from(list)), ("t", t)];
        let there = all.into_iter().zip(there).filter(|(field, there)| *there || field.0 == "i");
        Value::Object(there.map(|((name, value), _)| (name.to_owned(), value)).collect())
    })
}

fn settings() -> impl Strategy<Value = ScanSettings> {
    let sizes = (
        prop_oneof![Just(1_u64), Just(64), Just(1_000), Just(64 << 10)],
        prop_oneof![Just(0_u64), Just(1), Just(300), Just(128 << 10)],
        prop_oneof![Just(1_u64), Just(2_000), Just(8 << 20)],
    );
    (sizes, any::<[bool; 3]>()).prop_map(|((tail_bytes, join_gap_bytes, window_bytes), of)| {
        let [use_statistics, use_page_index, use_bloom_filters] = of;
        ScanSettings {
            tail_bytes,
            join_gap_bytes,
            window_bytes,
            use_statistics,
            use_page_index,
            use_bloom_filters,
            ..ScanSettings::default()
        }
    })
}

fn case() -> impl Strategy<Value = Case> {
    const PATHS: [&str; 10] =
        ["i", "s", "s.x", "s.y", "s.new", "list", "t", "_id", "nowhere", "s.x.new"];
    let rows = prop::collection::vec((document(), any::<u16>()), 1..60);
    let columns = prop::option::of(prop::sample::subsequence(PATHS.to_vec(), 0..5));
    let fields = prop::sample::select(vec!["i", "s.x", "s.y", "nowhere", "list", "t", "t"]);
    let between = prop::option::of((fields, 0..60_i64, 0..20_i64));
    let id = prop::option::weighted(0.3, 0..70_usize);
    let limit = prop::option::weighted(0.3, 0..20_u64);
    let query = (columns, between, id, limit, any::<bool>());
    (rows, 1..30_usize, any::<bool>(), query, settings()).prop_map(
        |(rows, group_rows, named, query, settings)| {
            let (columns, between, id, limit, without_ids) = query;
            let rows = rows.into_iter().enumerate().map(|(at, (document, salt))| {
                (format!("{:04x}-{at}", salt.wrapping_mul(0x9E37)), document)
            });
            let between = between.map(|(field, min, more)| (field, min, min + more));
            let rows = rows.collect();
            Case { rows, group_rows, named, columns, between, id, limit, without_ids, settings }
        },
    )
}

fn encoded(case: &Case) -> Bytes {
    let id = if case.named { IdSource::Field("key".to_owned()) } else { IdSource::Auto };
    let (codec, row_group_rows_max) = (Codec::Snappy, case.group_rows);
    let settings = Settings { codec, row_group_rows_max, id, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    for (id, document) in &case.rows {
        match case.named {
            true => {
                let mut document = document.clone();
                document["key"] = Value::from(id.clone());
                encoder.push_json(document.to_string().as_bytes()).unwrap();
            }
            false => encoder.push_row(id, document).unwrap(),
        }
    }
    encoder.finish(&Target::new(1, "c")).unwrap().bytes
}

fn expected(case: &Case, file: &Bytes) -> Vec<Row> {
    let filter = case.between.and_then(|(field, min, max)| between(field, min, max));
    let id = case.id.map(|at| id_of(case, at));
    let taken = all(file).into_iter().filter(|(found, json)| {
        let document: Value = serde_json::from_str(json).unwrap();
        id.as_ref().is_none_or(|id| id == found)
            && filter.as_ref().is_none_or(|filter| filter.matches(&document))
    });
    let limit = case.limit.and_then(|limit| usize::try_from(limit).ok());
    let taken = taken.take(limit.unwrap_or(usize::MAX));
    let Some(columns) = &case.columns else { return taken.collect() };
    let paths: Vec<Vec<String>> =
        columns.iter().map(|column| path(column).names().to_vec()).collect();
    let cut = |(id, json): Row| {
        let document: Value = serde_json::from_str(&json).unwrap();
        (id, cut(&document, &paths).to_string())
    };
    taken.map(cut).collect()
}

fn id_of(case: &Case, at: usize) -> String {
    case.rows.get(at).map_or_else(|| "no such id".to_owned(), |(id, _)| id.clone())
}

fn sorted(rows: Vec<Row>) -> Vec<(String, Value)> {
    rows.into_iter().map(|(id, json)| (id, serde_json::from_str(&json).unwrap())).collect()
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn a_scan_gives_the_rows_of_the_whole_file(case in case()) {
        let file = encoded(&case);
        let query = ScanQuery {
            id: case.id.map(|at| id_of(&case, at)),
            filter: case.between.and_then(|(field, min, max)| between(field, min, max)),
            columns: case.columns.as_ref().map(|all| all.iter().map(|of| path(of)).collect()),
            limit: case.limit,
            without_ids: case.without_ids,
            ..ScanQuery::default()
        };
        let (rows, progress) = scan(&file, query, case.settings.clone());
        prop_assert_eq!(rows.len() as u64, progress.rows);
        prop_assert_eq!(progress.bytes, progress.bytes_asked);
        let mut expected = expected(&case, &file);
        let mut rows = rows;
        if case.without_ids {
            rows.iter_mut().chain(&mut expected).for_each(|(id, _)| id.clear());
        }
        prop_assert_eq!(sorted(rows), sorted(expected));
    }
}

#[test]
fn a_null_has_none_of_the_fields_that_are_asked_for() {
    let settings = Settings { row_group_rows_max: 1, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    encoder.push_json(br#"{"s":null}{"s":{"x":1}}"#).unwrap();
    let file = encoder.finish(&Target::new(1, "c")).unwrap().bytes;
    let of = |column| {
        let query = ScanQuery { columns: Some(vec![path(column)]), ..ScanQuery::default() };
        let rows = scan(&file, query, ScanSettings::default()).0;
        rows.into_iter().map(|(_, json)| json).collect::<Vec<_>>()
    };
    assert_eq!(of("s.x"), ["{}", r#"{"s":{"x":1}}"#]);
    assert_eq!(of("s"), [r#"{"s":null}"#, r#"{"s":{"x":1}}"#]);
}

#[test]
fn only_a_file_with_one_of_the_lsns_has_rows() {
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    encoder.push_json(br#"{"a":1}{"a":2}"#).unwrap();
    let lsns = Some(LsnRange::new(10, 11).unwrap());
    let file = encoder.finish(&Target { lsns, ..Target::new(1, "c") }).unwrap().bytes;
    for (min, max, rows) in [(0, 9, 0), (0, 10, 2), (11, 11, 2), (12, 99, 0)] {
        let lsns = Some(LsnRange::new(min, max).unwrap());
        let (found, progress) =
            scan(&file, ScanQuery { lsns, ..ScanQuery::default() }, ScanSettings::default());
        assert_eq!(found.len(), rows, "{min} to {max}");
        assert_eq!(progress.pruned_by_lsns, u64::from(rows == 0));
    }
}

#[test]
fn files_of_every_version_are_scanned() {
    let files: [&[u8]; 1] =
        [include_bytes!("../../../../tests/golden/files/version-1.0.0.parquet")];
    for file in files {
        let file = Bytes::from_static(file);
        let rows = all(&file);
        let small = ScanSettings { tail_bytes: 8, join_gap_bytes: 0, ..ScanSettings::default() };
        assert_eq!(scan(&file, ScanQuery::default(), small.clone()).0, rows);
        for (id, json) in &rows {
            let query = ScanQuery { id: Some(id.clone()), ..ScanQuery::default() };
            assert_eq!(scan(&file, query, small.clone()).0, [(id.clone(), json.clone())]);
        }
    }
}
