//! Names that differ only in case, and names with dots that read as the path of another column, at
//! every level: the law holds, and no engine meets two of them.
//!
//! 10,000 cases under a fixed seed, in both forms of input.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::collections::BTreeSet;

use coldpress_core::{Column, ColumnType, Names, ParquetFile, Settings, StreamSettings};
use coldpress_tests::json::{Json, Style};
use coldpress_tests::law::Rules;
use coldpress_tests::roundtrip::{encode_text, encode_values, holds_rows, stream_slices};
use coldpress_tests::scalars::to_value;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

/// Families of names that are one to some engine, and a few that are not.
const NAMES: [&str; 33] = [
    "id",
    "ID",
    "Id",
    "_id",
    "_ID",
    "_Id",
    "_rescued_data",
    "_Rescued_Data",
    "İ",
    "i",
    "I",
    "ı",
    "i\u{307}",
    "straße",
    "STRAẞE",
    "strasse",
    "ς",
    "σ",
    "Σ",
    "É",
    "é",
    "e\u{301}",
    "",
    "k",
    "\u{212a}",
    "element",
    "Element",
    "id.k",
    "i.id",
    "I.ID",
    "k.element.i",
    "i.id.k",
    "null",
];

fn value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        2 => Just(Json::Null),
        3 => (0..9_u8).prop_map(|n| Json::Number(n.to_string())),
        2 => "[a-c]{0,2}".prop_map(Json::String),
        1 => any::<bool>().prop_map(Json::Bool),
    ];
    scalar.prop_recursive(4, 20, 5, |inner| {
        prop_oneof![
            2 => vec((select(&NAMES[..]), inner.clone()), 0..5).prop_map(object),
            1 => vec(inner, 0..3).prop_map(Json::Array),
        ]
    })
}

fn documents() -> impl Strategy<Value = Vec<Json>> {
    vec(vec((select(&NAMES[..]), value()), 0..6).prop_map(object), 1..6)
}

fn object(fields: Vec<(&str, Json)>) -> Json {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Json::Object(fields).last_wins()
}

/// Every document with an id of its own: what stands in `_id` must be a row's id.
fn rows(documents: Vec<Json>) -> Vec<(String, Json)> {
    let row = |(number, document)| {
        let Json::Object(mut fields) = document else { unreachable!("documents are objects") };
        fields.retain(|(name, _)| name != "_id");
        (usize::to_string(&number), Json::Object(fields))
    };
    documents.into_iter().enumerate().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000,
        rng_seed: RngSeed::Fixed(20_261_129),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn names_that_collide_lose_nothing_and_make_no_second_column(documents in documents()) {
        let rows = rows(documents);
        let text: String =
            rows.iter().map(|(_, document)| document.print(Style::Compact) + "\n").collect();
        let values: Vec<_> =
            rows.iter().map(|(id, row)| (id.clone(), to_value(row).unwrap())).collect();
        for names in [Names::Portable, Names::Exact] {
            let settings = Settings { names, ..Settings::default() };
            let file = encode_text(&settings, text.as_bytes()).unwrap();
            let held = holds_rows(&file, &rows, Rules { nulls_kept: true, signs_kept: true, ..Rules::default() });
            prop_assert!(held.is_ok(), "{names:?}: {}", held.unwrap_err());
            let by_values = encode_values(&settings, &values).unwrap();
            let held = holds_rows(&by_values, &rows, Rules::default());
            prop_assert!(held.is_ok(), "as values, {names:?}: {}", held.unwrap_err());
            let cut =
                StreamSettings { row_group_bytes_max: 60, file_bytes_max: 900, first_lsn: 0 };
            let mut behind = &rows[..];
            for part in stream_slices(&settings, &cut, [text.as_bytes()]).unwrap() {
                let (own, rest) = behind.split_at(part.summary.rows as usize);
                let held = holds_rows(&part, own, Rules::default());
                prop_assert!(held.is_ok(), "in a stream: {}", held.unwrap_err());
                behind = rest;
            }
            for file in [file, by_values] {
                let read = ParquetFile::open(file.bytes).unwrap();
                let own = ["_id", "_rescued_data"];
                prop_assert_eq!(offending(read.schema().columns(), names, &own), None);
                let twice = read_as_another(read.schema().columns(), "", &mut BTreeSet::new());
                prop_assert!(names == Names::Exact || twice.is_none(), "{twice:?}");
            }
        }
    }
}

/// A name that an engine would refuse. A judge of its own: the lower case of the whole name, as
/// Spark makes its map of a file's columns, and pairs that Java's `equalsIgnoreCase` takes for one.
fn offending(columns: &[Column], names: Names, taken: &[&str]) -> Option<String> {
    let mut seen: Vec<&str> = taken.to_vec();
    for column in columns.iter().filter(|column| column.column_type != ColumnType::Null) {
        let name = column.name.as_str();
        let twin = seen.iter().find(|other| same_to_java(other, name));
        // ClickHouse has another use for it.
        let reserved = taken.is_empty() && name == "null";
        let twice = names == Names::Portable && (twin.is_some() || reserved);
        if name.is_empty() || twice {
            return Some(format!("{name:?} beside {twin:?}"));
        }
        seen.push(name);
        let mut column_type = &column.column_type;
        while let ColumnType::List(element) = column_type {
            column_type = &element.column_type;
        }
        if let ColumnType::Struct(fields) = column_type
            && let Some(found) = offending(fields, names, &[])
        {
            return Some(format!("{found} in {name:?}"));
        }
    }
    None
}

/// A field whose path is that of another one, as engines see paths that join names by dots.
fn read_as_another(fields: &[Column], above: &str, seen: &mut BTreeSet<String>) -> Option<String> {
    for field in fields.iter().filter(|field| field.column_type != ColumnType::Null) {
        let path = format!("{above}{}", field.name.to_lowercase());
        if !seen.insert(path.clone()) {
            return Some(path);
        }
        let mut column_type = &field.column_type;
        while let ColumnType::List(element) = column_type {
            column_type = &element.column_type;
        }
        if let ColumnType::Struct(fields) = column_type
            && let Some(twice) = read_as_another(fields, &format!("{path}."), seen)
        {
            return Some(twice);
        }
    }
    None
}

fn same_to_java(a: &str, b: &str) -> bool {
    let upper =
        |c: char| if c.to_uppercase().count() == 1 { c.to_uppercase().next() } else { Some(c) };
    let lower = |c: Option<char>| c.and_then(|c| c.to_lowercase().next());
    let each: BTreeSet<bool> = a
        .chars()
        .zip(b.chars())
        .map(|(a, b)| upper(a) == upper(b) || lower(upper(a)) == lower(upper(b)))
        .collect();
    let same_by_character = a.chars().count() == b.chars().count() && !each.contains(&false);
    same_by_character || a.to_lowercase() == b.to_lowercase()
}
