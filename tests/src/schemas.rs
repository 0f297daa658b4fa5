//! Schemas a caller might give, and rows that fit them most of the time.

use std::collections::HashSet;

use coldpress_core::{Column, ColumnType, Schema, TimeUnit};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use crate::generate::{Row, any_json};
use crate::json::Json;
use crate::scalars::{Numbers, double, integer, scalar, text};

/// A schema, and rows with ids that are their numbers; one value in ten or so is a misfit.
pub fn schemas_and_rows() -> impl Strategy<Value = (Schema, Vec<Row>)> {
    (columns(column_type()), any::<bool>(), 1..12usize)
        .prop_flat_map(|(columns, dirty, rows)| {
            let document = document(&columns, dirty);
            (Just(columns), vec(document, rows..=rows))
        })
        .prop_filter_map("a schema must be one that is taken", |(columns, documents)| {
            let rows = documents.into_iter().enumerate();
            let rows = rows.map(|(number, document)| (number.to_string(), document)).collect();
            Schema::new(columns).ok().map(|schema| (schema, rows))
        })
}

/// The same columns and types, whatever forms the encoder noted.
pub fn same_columns(a: &[Column], b: &[Column]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.name == b.name && without_form(&a.column_type) == without_form(&b.column_type)
        })
}

fn without_form(column_type: &ColumnType) -> ColumnType {
    match column_type {
        ColumnType::Decimal { precision, scale, .. } => {
            ColumnType::Decimal { precision: *precision, scale: *scale, form: None }
        }
        ColumnType::Timestamp { unit, .. } => ColumnType::Timestamp { unit: *unit, form: None },
        ColumnType::List(element) => ColumnType::list_of(without_form(&element.column_type)),
        ColumnType::Struct(fields) => ColumnType::Struct(
            fields
                .iter()
                .map(|field| Column::new(&field.name, without_form(&field.column_type)))
                .collect(),
        ),
        other => other.clone(),
    }
}

const KEYS: [&str; 10] = ["a", "b", "c", "a.b", "A", "é", "0", "ts", "日本", "item"];

fn columns(of: BoxedStrategy<ColumnType>) -> BoxedStrategy<Vec<Column>> {
    vec((select(&KEYS[..]), of), 1..6)
        .prop_map(|columns| {
            let mut seen = HashSet::new();
            columns
                .into_iter()
                .filter(|(name, _)| seen.insert(*name))
                .map(|(name, column_type)| Column::new(name, column_type))
                .collect()
        })
        .boxed()
}

fn column_type() -> BoxedStrategy<ColumnType> {
    use ColumnType::*;
    let unit = || select(vec![TimeUnit::Millis, TimeUnit::Micros, TimeUnit::Nanos]);
    let plain = select(vec![
        Boolean, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Float32, Float64, String, Json,
        Binary, Uuid, Date,
    ]);
    let decimal = (1..=38u8)
        .prop_flat_map(|precision| (Just(precision), 0..=precision))
        .prop_map(|(precision, scale)| Decimal { precision, scale, form: None });
    prop_oneof![
        5 => plain,
        1 => decimal,
        2 => unit().prop_map(|unit| Timestamp { unit, form: None }),
    ]
    .prop_recursive(3, 8, 3, |inner| {
        prop_oneof![inner.clone().prop_map(ColumnType::list_of), columns(inner).prop_map(Struct),]
    })
    .boxed()
}

fn document(columns: &[Column], dirty: bool) -> BoxedStrategy<Json> {
    let unknown = vec((select(vec!["x", "y", "_rescued_data"]), any_json(Numbers::Literal)), 1..3);
    (members(columns, dirty), weighted(if dirty { 0.3 } else { 0.0001 }, unknown))
        .prop_map(|(mut members, unknown)| {
            members
                .extend(unknown.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)));
            Json::Object(members).last_wins()
        })
        .boxed()
}

fn members(columns: &[Column], dirty: bool) -> BoxedStrategy<Vec<(String, Json)>> {
    let members: Vec<_> = columns
        .iter()
        .map(|column| {
            let name = column.name.clone();
            let value = prop_oneof![
                20 => fitting(&column.column_type, dirty),
                1 => Just(Json::Null),
            ];
            weighted(0.85, value.prop_map(move |value| (name.clone(), value)))
        })
        .collect();
    members.prop_map(|members| members.into_iter().flatten().collect()).boxed()
}

fn fitting(column_type: &ColumnType, dirty: bool) -> BoxedStrategy<Json> {
    let fit = match column_type {
        ColumnType::Boolean => any::<bool>().prop_map(Json::Bool).boxed(),
        ColumnType::Float32 | ColumnType::Float64 => double(Numbers::Value),
        ColumnType::Decimal { scale, .. } => decimals(*scale),
        ColumnType::String => text().prop_map(Json::String).boxed(),
        ColumnType::Json => any_json(Numbers::Literal),
        ColumnType::Binary => strings(&BINARY),
        ColumnType::Uuid => strings(&UUIDS),
        ColumnType::Date => strings(&DATES),
        ColumnType::Timestamp { .. } => timestamps(),
        ColumnType::Struct(fields) => members(fields, dirty).prop_map(Json::Object).boxed(),
        ColumnType::List(element) => {
            vec(fitting(&element.column_type, dirty), 0..4).prop_map(Json::Array).boxed()
        }
        _ => prop_oneof![4 => (-128i32..256).prop_map(number), 1 => integer()].boxed(),
    };
    if dirty { prop_oneof![12 => fit, 1 => scalar(Numbers::Literal)].boxed() } else { fit }
}

fn decimals(scale: u8) -> BoxedStrategy<Json> {
    let digits =
        (any::<bool>(), 0..1_000_000u64, 0..=scale.min(8)).prop_map(|(minus, whole, places)| {
            let fraction: String =
                (0..places).map(|i| char::from(b'0' + ((whole % 10) as u8 + i) % 10)).collect();
            let dot = if places == 0 { "" } else { "." };
            format!("{}{whole}{dot}{fraction}", if minus { "-" } else { "" })
        });
    let odd = select(vec!["1e2", "0.50", "00.5", "-0", "-0.0", "+1", "1.", ".5", "1E-2", " 1"]);
    let texts = prop_oneof![6 => digits.clone(), 1 => odd.prop_map(str::to_owned)];
    prop_oneof![digits.prop_map(Json::Number), texts.prop_map(Json::String),].boxed()
}

fn timestamps() -> BoxedStrategy<Json> {
    let instants = (0..4_102_444_800_000_000_000i64, 0..10usize, any::<bool>()).prop_map(
        |(nanos, places, zulu)| {
            let (second, fraction) = (nanos / 1_000_000_000 % 60, nanos % 1_000_000_000);
            let (minute, hour, day) = (nanos % 60, nanos % 24, nanos % 28 + 1);
            let month = nanos / 7 % 12 + 1;
            let year = 1600 + nanos % 900;
            let fraction = &format!("{fraction:09}")[..places];
            let dot = if places == 0 { "" } else { "." };
            let zone = if zulu { "Z" } else { "+00:00" };
            Json::String(format!(
                "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{dot}{fraction}{zone}"
            ))
        },
    );
    prop_oneof![
        4 => instants,
        2 => (0..4_102_444_800_000i64).prop_map(number),
        1 => integer(),
        2 => strings(&TIMES),
    ]
    .boxed()
}

fn strings(of: &'static [&'static str]) -> BoxedStrategy<Json> {
    select(of).prop_map(|text| Json::String(text.to_owned())).boxed()
}

fn number(value: impl Into<i64>) -> Json {
    Json::Number(value.into().to_string())
}

// Each list holds forms that fit, and near misses which must come back as they were.
const BINARY: [&str; 12] = [
    "", "aGVsbG8=", "AA==", "AAA=", "AAAA", "/+8=", "_-8=", "aGVsbG8", "AB==", "AAB=", "AA=",
    "A A=",
];
const UUIDS: [&str; 7] = [
    "123e4567-e89b-12d3-a456-426614174000",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "123E4567-E89B-12D3-A456-426614174000",
    "123e4567e89b12d3a456426614174000",
    "{123e4567-e89b-12d3-a456-426614174000}",
    "123e4567-e89b-12d3-a456-42661417400",
];
const DATES: [&str; 14] = [
    "2024-02-29",
    "1970-01-01",
    "1969-12-31",
    "0001-01-01",
    "9999-12-31",
    "0000-01-01",
    "1582-10-10",
    "2023-02-29",
    "2024-13-01",
    "2024-1-1",
    "10000-01-01",
    "-0001-01-01",
    "2024-02-29 ",
    "20240229",
];
const TIMES: [&str; 18] = [
    "2024-02-29T01:02:03Z",
    "2024-02-29T01:02:03.000Z",
    "2024-02-29T01:02:03.1Z",
    "2024-02-29T01:02:03.123456789Z",
    "2024-02-29T01:02:03.1234567891Z",
    "2024-02-29 01:02:03Z",
    "2024-02-29t01:02:03z",
    "2024-02-29T01:02:03+01:00",
    "2024-02-29T01:02:03",
    "2024-02-29T24:00:00Z",
    "2016-12-31T23:59:60Z",
    "2024-02-30T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "1969-12-31T23:59:59.999Z",
    "2262-04-11T23:47:16.854775807Z",
    "1677-09-21T00:12:43.145224192Z",
    "2024-02-29T01:02Z",
];
