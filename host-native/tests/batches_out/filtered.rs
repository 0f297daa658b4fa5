//! The rows that a filter takes of a file of ours are those that it takes of the rows as they were
//! put, whatever is pruned.

use coldpress::arrow_array::RecordBatch;
use coldpress::arrow_array::cast::AsArray;
use coldpress::bytes::Bytes;
use coldpress::filter::{ColumnPath, Filter};
use coldpress::{
    BatchSettings, Encoder, ErrorKind, IdSource, ParquetFile, Projection, Schema, Settings, Target,
    read_parquet_with_predicate, read_parquet_with_settings,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (0..30_i64).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => "[a-z]{0,3}".prop_map(Value::from),
        1 => Just(json!(2.5)),
        1 => Just(json!({"x": 7, "new": [1, {"x": 2}]})),
        1 => Just(json!([1, 2])),
    ]
}

fn instant() -> impl Strategy<Value = Value> {
    prop_oneof![
        20 => (0..60).prop_map(|s| json!(format!("2026-01-02T03:04:{s:02}.500Z"))),
        1 => (0..60).prop_map(|s| json!(format!("2026-01-02T04:04:{s:02}+01:00"))),
        1 => Just(json!("yesterday")),
        1 => Just(Value::Null),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let nested = prop_oneof![
        6 => (value(), value()).prop_map(|(x, y)| json!({"x": x, "y": y})),
        1 => Just(json!({})),
        1 => value(),
    ];
    let mixed = prop_oneof![
        Just(json!({})),
        Just(json!({"k": "v"})),
        (0..9_i64).prop_map(|k| json!([k, "x"])),
    ];
    let day = prop_oneof![
        9 => (1..29).prop_map(|day| json!(format!("2026-02-{day:02}"))),
        1 => Just(json!("never")),
    ];
    let float = prop_oneof![(0..20_i64).prop_map(|n| json!(n as f64 / 4.0)), Just(json!(7))];
    let fields = (value(), nested, instant(), mixed, day, float, any::<[bool; 6]>());
    fields.prop_map(|(i, s, at, mixed, day, f, there)| {
        let all = [("i", i), ("s", s), ("at", at), ("any", mixed), ("day", day), ("f", f)];
        let there = all.into_iter().zip(there).filter(|(field, there)| *there || field.0 == "i");
        Value::Object(there.map(|((name, value), _)| (name.to_owned(), value)).collect())
    })
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0..30_i64).prop_map(|value| value.to_string()),
        1 => Just("2.5".to_owned()),
        1 => "[a-z]{0,2}".prop_map(|text| format!("'{text}'")),
        2 => (0..60).prop_map(|s| format!("timestamp '2026-01-02T03:04:{s:02}.500Z'")),
        1 => (0..60).prop_map(|s| format!("'2026-01-02T03:04:{s:02}.500Z'")),
        1 => (1..29).prop_map(|day| format!("date '2026-02-{day:02}'")),
        1 => (1..29).prop_map(|day| format!("'2026-02-{day:02}'")),
        1 => Just("true".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    const PATHS: [&str; 13] = [
        "i", "s", "s.x", "s.y", "s.new", "s.x.new", "at", "any", "any.k", "day", "f", "nowhere",
        "i.x",
    ];
    let path = prop::sample::select(PATHS.to_vec());
    let sign = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let several = prop::collection::vec(literal(), 1..4);
    prop_oneof![
        6 => (path.clone(), sign, literal()).prop_map(|(path, sign, of)| format!("{path} {sign} {of}")),
        2 => (path.clone(), several).prop_map(|(path, of)| format!("{path} in ({})", of.join(", "))),
        1 => (path.clone(), "[a-z2]{0,2}").prop_map(|(path, of)| format!("{path} like '{of}%'")),
        1 => path.clone().prop_map(|path| format!("{path} is null")),
        1 => path.prop_map(|path| format!("{path} is not null")),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    let part = (condition(), any::<bool>())
        .prop_map(|(condition, not)| if not { format!("not {condition}") } else { condition });
    (prop::collection::vec(part, 1..4), any::<bool>())
        .prop_map(|(parts, and)| parts.join(if and { " and " } else { " or " }))
}

fn encode(settings: Settings, documents: &[Value]) -> Bytes {
    let mut encoder = Encoder::new(settings).unwrap();
    for document in documents {
        encoder.push_json(document.to_string().as_bytes()).unwrap();
    }
    encoder.finish(&Target::new(1, "c")).unwrap().bytes
}

/// The rows as they were put.
fn rows(file: &Bytes) -> Vec<Value> {
    let file = ParquetFile::open(file.clone()).unwrap();
    file.rows(&Projection::All).unwrap().map(|row| row.unwrap().to_value().unwrap()).collect()
}

/// The batches, one for each row.
fn single(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let rows = |batch: &RecordBatch| {
        let slices = (0..batch.num_rows()).map(|row| batch.slice(row, 1));
        slices.collect::<Vec<_>>()
    };
    batches.iter().flat_map(rows).collect()
}

/// With every way of pruning on and off.
fn all_settings() -> Vec<BatchSettings> {
    let each = [(true, true), (true, false), (false, true), (false, false)];
    let settings =
        each.into_iter().zip([8_192, 3, 1, 7]).map(|((statistics, index), batch_rows)| {
            let mut settings = BatchSettings::default();
            settings.use_statistics = statistics;
            settings.use_page_index = index;
            settings.batch_rows = batch_rows;
            settings
        });
    settings.collect()
}

fn check(file: &Bytes, filter: &Filter, projection: Option<&[ColumnPath]>) -> usize {
    let whole = single(&read_parquet_with_predicate(file.clone(), projection, None).unwrap());
    let rows = rows(file);
    assert_eq!(whole.len(), rows.len());
    let expected: Vec<&RecordBatch> =
        whole.iter().zip(&rows).filter(|(_, row)| filter.matches(*row)).map(|(of, _)| of).collect();
    for settings in all_settings() {
        let found =
            read_parquet_with_settings(file.clone(), projection, Some(filter), &settings).unwrap();
        assert!(found.iter().all(|batch| batch.num_rows() <= settings.batch_rows));
        let found = single(&found);
        assert_eq!(found.len(), expected.len(), "{filter} with {settings:?} of {rows:?}");
        assert!(found.iter().eq(expected.iter().copied()), "{filter} with {settings:?}");
    }
    expected.len()
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn filtered_batches_are_the_filtered_rows(
        documents in prop::collection::vec(document(), 1..50),
        group_rows in 1..30_usize,
        filters in prop::collection::vec(filter(), 1..4),
    ) {
        let settings = Settings { row_group_rows_max: group_rows, ..Settings::default() };
        let file = encode(settings, &documents);
        for filter in filters {
            check(&file, &Filter::parse(&filter).unwrap(), None);
        }
    }
}

/// Types that only a schema gives, in every form; some values rescued.
#[test]
fn values_are_seen_in_the_form_in_which_they_were_put() {
    let schema = r#"{"columns":[
        {"name":"price","type":"decimal","precision":18,"scale":2,"form":"text:2"},
        {"name":"cost","type":"decimal","precision":18,"scale":2,"form":"number"},
        {"name":"ratio","type":"float32"},
        {"name":"photo","type":"binary"},
        {"name":"trace","type":"uuid"},
        {"name":"at","type":"timestamp","unit":"ms","form":"text:3+02:00"},
        {"name":"ms","type":"timestamp","unit":"ms","form":"number"},
        {"name":"extra","type":"json"},
        {"name":"port","type":"uint32"},
        {"name":"unused","type":"null"}]}"#;
    let documents: Vec<Value> = (0..40_u32)
        .map(|n| {
            let mut row = Map::new();
            let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
            put("price", json!(format!("{n}.50")));
            put("cost", json!(f64::from(n) + 0.25));
            put("ratio", json!(f64::from(n) / 10.0));
            put("photo", json!(["AAEC", "/w=="][n as usize % 2]));
            put("trace", json!(format!("01234567-89ab-cdef-0123-4567890000{n:02}")));
            put("at", json!(format!("2026-01-02T03:04:{n:02}.000+02:00")));
            put("ms", json!(1_767_323_045_000_u64 + u64::from(n)));
            put(
                "extra",
                [json!({"a": {"b": n}}), json!(n), json!("x"), json!([n])][n as usize % 4].clone(),
            );
            put("port", json!(4_294_967_295_u32 - n));
            if n % 7 == 0 {
                put("price", json!("much"));
                put("at", json!(format!("2026-01-02T01:04:{n:02}Z")));
                put("new", json!(n));
            }
            Value::Object(row)
        })
        .collect();
    let mut settings = Settings { row_group_rows_max: 6, ..Settings::default() };
    settings.schema = Some(Schema::from_json(schema).unwrap());
    let file = encode(settings, &documents);
    for (filter, count) in [
        ("price = '5.50'", 1),
        ("price = 5.50", 0),
        ("price = 'much'", 6),
        ("cost >= 30.25", 10),
        ("ratio = 0.3", 1),
        ("photo = 'AAEC'", 20),
        ("trace = '01234567-89ab-cdef-0123-456789000011'", 1),
        ("trace > '01234567-89ab-cdef-0123-456789000011'", 28),
        ("at = timestamp '2026-01-02T01:04:07Z'", 1),
        ("at = '2026-01-02T01:04:07Z'", 1),
        ("at = '2026-01-02T03:04:08.000+02:00'", 1),
        ("at >= timestamp '2026-01-02T01:04:30Z'", 10),
        ("ms = 1767323045003", 1),
        ("ms = timestamp '2026-01-02T03:04:05.003Z'", 0),
        ("extra.a.b >= 20", 5),
        ("extra = 5", 1),
        ("extra = 'x'", 10),
        ("extra is not null", 40),
        ("port >= 4294967290", 6),
        ("new is not null", 6),
        ("unused is null", 40),
        ("nowhere is null and port < 0", 0),
    ] {
        assert_eq!(check(&file, &Filter::parse(filter).unwrap(), None), count, "{filter}");
    }
}

/// The ids stand in `_id` as text. A row has them as it was put.
#[test]
fn ids_are_seen_as_they_were_put() {
    let texts = encode(Settings::default(), &[json!({"_id": "7", "a": 1}), json!({"_id": "8"})]);
    let numbers = encode(Settings::default(), &[json!({"_id": 7, "a": 1}), json!({"_id": 8})]);
    let named = Settings { id: IdSource::Field("key".to_owned()), ..Settings::default() };
    let named = encode(named, &[json!({"key": 7, "a": 1}), json!({"key": 8})]);
    for (file, filter, count) in [
        (&texts, "_id = '7'", 1),
        (&texts, "_id = 7", 0),
        (&numbers, "_id = 7", 1),
        (&numbers, "_id = '7'", 0),
        (&named, "key = 7", 1),
    ] {
        assert_eq!(check(file, &Filter::parse(filter).unwrap(), None), count, "{filter}");
    }
    // Rows without one of their own: the id that they were put with.
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    encoder.push_row("x", &json!({"a": 1})).unwrap();
    encoder.push_row("y", &json!({"a": 2})).unwrap();
    let file = encoder.finish(&Target::new(1, "c")).unwrap().bytes;
    let filter = Filter::parse("_id = 'y'").unwrap();
    let batches = read_parquet_with_predicate(file, None, Some(&filter)).unwrap();
    assert_eq!(batches[0].num_rows(), 1);
}

#[test]
fn a_projection_names_columns_and_fields_of_structs() {
    let documents = [json!({"a": 1, "s": {"x": 1, "y": "t"}, "l": [{"z": 1}]}), json!({"a": "no"})];
    let file = encode(Settings::default(), &documents);
    let paths = |paths: &[&str]| -> Vec<ColumnPath> {
        paths.iter().map(|path| path.parse().unwrap()).collect()
    };
    let filter = Filter::parse("a = 'no' or s.x = 1").unwrap();
    for (projection, columns) in [
        (&["s.y", "a"][..], "a, s{y}"),
        (&["s"], "s{x, y}"),
        (&["_rescued_data", "_id", "l"], "_id, l, _rescued_data"),
    ] {
        let projection = paths(projection);
        assert_eq!(check(&file, &filter, Some(&projection)), 2);
        let batches = read_parquet_with_predicate(file.clone(), Some(&projection), None).unwrap();
        assert_eq!(shown(&batches[0]), columns);
    }
    for (projection, says) in
        [(&["b"][..], "no column b"), (&["l.z"], "no column l.z"), (&[], "empty")]
    {
        let projection = paths(projection);
        let error = read_parquet_with_predicate(file.clone(), Some(&projection), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings);
        assert!(error.to_string().contains(says), "{error}");
    }
    // What no row matches: an empty batch that tells the columns.
    let nobody = Filter::parse("a = 5").unwrap();
    let batches = read_parquet_with_predicate(file, Some(&paths(&["a"])), Some(&nobody)).unwrap();
    assert_eq!((batches.len(), batches[0].num_rows(), shown(&batches[0]).as_str()), (1, 0, "a"));
}

fn shown(batch: &RecordBatch) -> String {
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| {
        let name = field.name();
        match field.data_type() {
            data_type if data_type.is_nested() && format!("{data_type}").starts_with("Struct") => {
                let column = batch.column_by_name(name).unwrap();
                let below = column.as_struct().column_names();
                format!("{name}{{{}}}", below.join(", "))
            }
            _ => name.clone(),
        }
    });
    names.collect::<Vec<_>>().join(", ")
}
