//! A scan takes the rows that the filter takes in memory, whatever it leaves out.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::*;
use crate::filter::{Comparison, Condition, Literal, NumberLiteral};
use crate::scan::filter::tests::generate::{
    condition, date_text, instant_text, number_value, plain_text, row, scalar,
};
use crate::{Codec, Encoder, IdSource, Schema, Settings, Target};

/// Where the ids of the rows come from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ids {
    /// Given beside the documents, which have none.
    Beside,
    /// `_id` of the documents: all of them, or some, as strings or as numbers.
    Own { some: bool, number: bool },
    /// The field `key`, a string.
    Key,
    /// The field `key`, a number.
    Number,
}

#[derive(Debug, Clone)]
struct Case {
    rows: Vec<Value>,
    ids: Ids,
    schema: Option<String>,
    group_rows: usize,
    filter: Filter,
    settings: ScanSettings,
}

/// Values of one kind, as most columns have them.
fn column() -> impl Strategy<Value = BoxedStrategy<Value>> {
    let hex = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}";
    prop_oneof![
        3 => Just(number_value().boxed()),
        3 => Just((0..9_i64).prop_map(Value::from).boxed()),
        1 => Just((0..9_i64).prop_map(|n| Value::from(n.to_string())).boxed()),
        2 => Just(plain_text().prop_map(Value::from).boxed()),
        // So few that they become a dictionary.
        2 => Just(select(vec!["The", "Quiet", "Hour"]).prop_map(Value::from).boxed()),
        1 => Just(Just(Value::Null).boxed()),
        2 => Just(instant_text().prop_map(Value::from).boxed()),
        2 => Just(seconds().boxed()),
        2 => Just(date_text().prop_map(Value::from).boxed()),
        1 => Just(any::<bool>().prop_map(Value::from).boxed()),
        1 => Just(Strategy::boxed(hex.prop_map(Value::from))),
    ]
}

/// Instants that become a timestamp column.
fn seconds() -> impl Strategy<Value = Value> {
    (1..9_i64).prop_map(|second| format!("2026-01-02T03:04:0{second}.500Z").into())
}

fn rows() -> impl Strategy<Value = Vec<Value>> {
    let like_a_table = (column(), column(), column(), 1..24_usize).prop_flat_map(|(a, b, c, n)| {
        let stray = prop_oneof![20 => Just(None), 1 => scalar().prop_map(Some)];
        let fields = (a, b, c, stray, 0..30_u8);
        prop::collection::vec(fields, n).prop_map(|rows| {
            let row = |(a, b, c, stray, without): (_, _, _, _, u8)| {
                let mut row = json!({"a": a, "b": b, "n": {"a": c}});
                match (stray, without) {
                    (Some(stray), _) => row["a"] = stray,
                    (None, 0) => row["b"] = Value::Null,
                    (None, 1) => row["n"] = Value::from("no object"),
                    (None, 2) => row = json!({"a": row["a"]}),
                    (None, 3..6) => row["l"] = json!([row["a"], {"a": row["b"]}]),
                    (None, 6) => row["l"] = json!([]),
                    _ => {}
                }
                row
            };
            rows.into_iter().map(row).collect::<Vec<_>>()
        })
    });
    prop_oneof![3 => like_a_table, 1 => prop::collection::vec(row(), 1..24)]
}

fn ids() -> impl Strategy<Value = Ids> {
    prop_oneof![
        3 => Just(Ids::Beside),
        2 => any::<(bool, bool)>().prop_map(|(some, number)| Ids::Own { some, number }),
        1 => Just(Ids::Key),
        1 => Just(Ids::Number),
    ]
}

/// The id of a row: in no order.
fn number_of(at: usize) -> i64 {
    (at as i64 * 7_919) % 104_729
}

fn text_of(ids: Ids, at: usize) -> String {
    match ids {
        Ids::Own { number: true, .. } | Ids::Number => number_of(at).to_string(),
        _ => format!("id {}", number_of(at)),
    }
}

/// Filters on the fields, and on ids that rows have, or nearly.
fn filter() -> impl Strategy<Value = Filter> {
    let names =
        [vec!["a"], vec!["b"], vec!["n", "a"], vec!["n"], vec!["zz"], vec!["l"], vec!["_id"]];
    let path = select(names.to_vec()).prop_map(|names| ColumnPath::new(names).unwrap());
    let few = select(vec![Comparison::Equal, Comparison::NotEqual, Comparison::Less]);
    let of_id = (select(vec!["_id", "key"]), few, 0..30_usize, any::<bool>());
    let of_id = of_id.prop_map(|(name, comparison, at, number)| {
        let literal = match number {
            true => Literal::Number(NumberLiteral::from(number_of(at))),
            false => Literal::String(text_of(Ids::Beside, at)),
        };
        Condition::Compare(ColumnPath::new([name]).unwrap(), comparison, literal)
    });
    let either = prop_oneof![
        5 => condition(path).boxed(),
        1 => of_id.clone().boxed(),
        1 => prop::collection::vec(of_id, 1..4).prop_map(Condition::Or).boxed(),
    ];
    either.prop_map(|condition| Filter::new(condition).unwrap())
}

fn schema() -> impl Strategy<Value = Option<String>> {
    let types = vec![
        r#""type":"int8""#,
        r#""type":"uint32""#,
        r#""type":"int64""#,
        r#""type":"float32""#,
        r#""type":"float64""#,
        r#""type":"uuid""#,
        r#""type":"binary""#,
        r#""type":"date""#,
        r#""type":"json""#,
        r#""type":"decimal","precision":9,"scale":2"#,
        r#""type":"decimal","precision":30,"scale":2"#,
        r#""type":"timestamp","unit":"ms""#,
        r#""type":"timestamp","unit":"ns""#,
    ];
    let of_column = (select(types.clone()), select(types));
    prop::option::weighted(0.4, of_column).prop_map(|types| {
        let (a, b) = types?;
        Some(format!(r#"{{"columns":[{{"name":"a",{a}}},{{"name":"b",{b}}}]}}"#))
    })
}

/// Every device on, all off, or one of them on.
fn settings() -> impl Strategy<Value = ScanSettings> {
    let devices =
        select(vec![[true; 3], [false; 3]].into_iter().chain(one_each()).collect::<Vec<_>>());
    let sizes = (
        select(vec![64_u64, 1_000, 64 << 10]),
        select(vec![0_u64, 300, 128 << 10]),
        select(vec![1_u64, 8 << 20]),
    );
    (devices, sizes).prop_map(|([a, b, c], (tail_bytes, join_gap_bytes, window_bytes))| {
        ScanSettings {
            tail_bytes,
            join_gap_bytes,
            window_bytes,
            use_statistics: a,
            use_page_index: b,
            use_bloom_filters: c,
            ..ScanSettings::default()
        }
    })
}

fn one_each() -> [[bool; 3]; 3] {
    [[true, false, false], [false, true, false], [false, false, true]]
}

fn case() -> impl Strategy<Value = Case> {
    (rows(), ids(), schema(), 1..12_usize, filter(), settings()).prop_map(
        |(rows, ids, schema, group_rows, filter, settings)| Case {
            rows,
            ids,
            schema,
            group_rows,
            filter,
            settings,
        },
    )
}

/// The documents, with those ids that are fields of theirs.
fn documents(case: &Case) -> Vec<Map<String, Value>> {
    let with_id = |(at, row): (usize, &Value)| {
        let mut row = row.as_object().cloned().unwrap_or_default();
        let (text, number) = (Value::from(text_of(case.ids, at)), Value::from(number_of(at)));
        match case.ids {
            Ids::Beside => {}
            Ids::Own { some: true, .. } if at % 3 == 0 => {}
            Ids::Own { number, .. } => {
                let own = if number { Value::from(number_of(at)) } else { text };
                row.insert("_id".to_owned(), own);
            }
            Ids::Key => drop(row.insert("key".to_owned(), text)),
            Ids::Number => drop(row.insert("key".to_owned(), number)),
        }
        row
    };
    case.rows.iter().enumerate().map(with_id).collect()
}

/// `None` if the rows fit no file.
fn encoded(case: &Case, documents: &[Map<String, Value>]) -> Option<Bytes> {
    let id = match case.ids {
        Ids::Key | Ids::Number => IdSource::Field("key".to_owned()),
        _ => IdSource::Auto,
    };
    let (codec, row_group_rows_max) = (Codec::None, case.group_rows);
    let mut settings = Settings { codec, row_group_rows_max, id, ..Settings::default() };
    settings.schema = case.schema.as_ref().map(|json| Schema::from_json(json).unwrap());
    let mut encoder = Encoder::new(settings).unwrap();
    for (at, document) in documents.iter().enumerate() {
        let document = Value::Object(document.clone());
        match case.ids {
            Ids::Key | Ids::Number => encoder.push_json(document.to_string().as_bytes()).ok()?,
            ids => encoder.push_row(&text_of(ids, at), &document).ok()?,
        }
    }
    Some(encoder.finish(&Target::new(1, "c")).ok()?.bytes)
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn a_scan_takes_the_rows_that_the_filter_takes(case in case()) {
        let documents = documents(&case);
        let Some(file) = encoded(&case, &documents) else { return Ok(()) };
        let query = ScanQuery { filter: Some(case.filter.clone()), ..ScanQuery::default() };
        let found: Vec<(String, Value)> = scan(&file, query, case.settings.clone()).0
            .into_iter()
            .map(|(id, json)| (id, serde_json::from_str(&json).unwrap()))
            .collect();
        let mut expected = Vec::new();
        for (at, document) in documents.into_iter().enumerate() {
            let id = text_of(case.ids, at);
            let mut seen = document.clone();
            seen.entry("_id").or_insert_with(|| Value::from(id.clone()));
            if case.filter.matches(&Value::Object(seen)) {
                expected.push(id);
            }
        }
        let found: Vec<String> = found.into_iter().map(|(id, _)| id).collect();
        prop_assert_eq!(found, expected, "{}", case.filter);
    }
}
