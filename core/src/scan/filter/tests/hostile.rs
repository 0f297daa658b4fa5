//! Whatever a stranger sends: an answer or an error, and no panic.

use proptest::prelude::*;

use crate::filter::{ColumnPath, Filter, NumberLiteral};

/// Pieces of the grammar in any order: nearly filters, and often filters.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        "b.c",
        "\"x y\"",
        "=",
        "!=",
        "<",
        ">=",
        "and",
        "or",
        "not",
        "(",
        ")",
        "in",
        ",",
        "is",
        "null",
        "like",
        "'x%'",
        "'",
        "\"",
        "`",
        ".",
        "1",
        "-",
        "1e9",
        "true",
        "timestamp",
        "date",
        "'2024-02-29'",
        "'2024-02-29T00:00:00Z'",
        "\\",
        "é",
        "\u{0}",
        "\u{2028}",
        "a = 1",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..12).prop_map(|pieces| pieces.join(" "))
}

fn json_pieces() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1e999".to_owned()),
        Just("\"a\"".to_owned()),
        Just("\"a b\"".to_owned()),
        Just("\"2024-02-29\"".to_owned()),
        Just("true".to_owned()),
        Just("[\"a\",1]".to_owned()),
    ];
    let key = prop::sample::select(vec![
        "and",
        "or",
        "not",
        "=",
        "!=",
        "<",
        ">",
        "in",
        "like",
        "is_null",
        "date",
        "timestamp",
        "",
    ]);
    leaf.prop_recursive(5, 30, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|v| format!("[{}]", v.join(","))),
            (key.clone(), inner).prop_map(|(key, inner)| format!("{{\"{key}\":{inner}}}")),
        ]
    })
}

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![pieces(), ".{0,40}", "[ab=<>()'\"`. 0-9]{0,30}"]
}

fn gives_back(filter: crate::Result<Filter>) -> bool {
    filter.is_ok_and(|filter| {
        assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
        assert_eq!(Filter::from_json(&filter.to_json()).unwrap(), filter);
        true
    })
}

proptest! {
    #![proptest_config(super::cases(5_000))]

    #[test]
    fn no_text_makes_it_panic(text in odd_text()) {
        gives_back(Filter::parse(&text));
        let _ = text.parse::<ColumnPath>();
        let _ = NumberLiteral::read(&text);
    }

    #[test]
    fn no_json_makes_it_panic(text in prop_oneof![json_pieces(), ".{0,40}"]) {
        gives_back(Filter::from_json(&text));
    }
}

/// A filter of the largest allowed size is read, printed and asked in no more than linear time.
#[test]
fn large_filters_are_no_burden() {
    let list: Vec<String> = (0..9_000).map(|at| format!("'{at}-{}'", "x".repeat(80))).collect();
    let text = format!("a in ({})", list.join(","));
    let filter = Filter::parse(&text).unwrap();
    assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
    assert!(!filter.matches(&serde_json::json!({"a": "none"})));
    let digits = format!("a = 1{}.{}e-{}", "0".repeat(300_000), "1".repeat(300_000), "0".repeat(9));
    assert!(!Filter::parse(&digits).unwrap().matches(&serde_json::json!({"a": 1e308})));
}
