//! Generated filters and rows, of few names and values, so that they meet.

use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::filter::{
    ColumnPath, Comparison, Condition, DateLiteral, Filter, InstantLiteral, Literal, NumberLiteral,
};

/// Numbers that are near each other, in many forms.
pub(in crate::scan) fn number_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (-3..4_i64).prop_map(|n| n.to_string()),
        2 => prop::sample::select(vec![
            "9007199254740992", "9007199254740993", "9007199254740993.0", "9.007199254740992e15",
            "9223372036854775807", "9223372036854775808", "9223372036854775808.0", "-0", "-0.0",
            "18446744073709551615", "18446744073709551616", "1.0", "1e0", "10e-1", "0.1e1",
            "1.00000000000000000001", "0.99999999999999999999", "1e400", "1e-400", "2e-400",
            "-1e400", "0e999", "0.1", "0.10000000000000000555", "1e22", "1e23", "1.5", "15e-1",
        ]).prop_map(str::to_owned),
        1 => "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
    ]
}

/// Instants that are near each other, in many forms.
pub(in crate::scan) fn instant_text() -> impl Strategy<Value = String> {
    let fraction = prop::sample::select(vec!["", ".0", ".5", ".500", ".000000000000000001"]);
    let zone = prop::sample::select(vec!["Z", "z", "+00:00", "+01:00", "-01:30", "-00:00"]);
    let day = prop::sample::select(vec!["2024-02-29", "2024-03-01", "0001-01-01", "9999-12-31"]);
    (day, prop::sample::select(vec!["T", "t", " "]), 0..24, 0..3, fraction, zone).prop_map(
        |(day, t, hour, second, fraction, zone)| {
            format!("{day}{t}{hour:02}:30:{second:02}{fraction}{zone}")
        },
    )
}

pub(in crate::scan) fn date_text() -> impl Strategy<Value = String> {
    (2023..2026, 1..4, 27..32).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"))
}

/// Short texts, with what patterns and quotes are made of.
pub(in crate::scan) fn plain_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c%_\\\\'\"]{0,4}",
        1 => ".{0,4}",
        1 => instant_text(),
        1 => date_text(),
    ]
}

pub(in crate::scan) fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<bool>().prop_map(Literal::Boolean),
        number_text().prop_map(|text| Literal::Number(NumberLiteral::read(&text).unwrap())),
        plain_text().prop_map(Literal::String),
        instant_text()
            .prop_filter_map("no instant", |text| InstantLiteral::read(&text))
            .prop_map(Literal::Instant),
        date_text()
            .prop_filter_map("no date", |text| DateLiteral::read(&text))
            .prop_map(Literal::Date),
    ]
}

/// Paths that the rows have, or nearly.
pub(super) fn path() -> impl Strategy<Value = ColumnPath> {
    let known = [vec!["a"], vec!["b"], vec!["n", "a"], vec!["n"], vec!["n", "n", "b"], vec!["zz"]];
    prop::sample::select(known.to_vec()).prop_map(|names| ColumnPath::new(names).unwrap())
}

/// Paths of any names.
pub(super) fn odd_path() -> impl Strategy<Value = ColumnPath> {
    let odd = vec!["and", "NOT", "x y", "a.b", "q\"q", "", "é", "1st", "date", "`", "a\n", "'"];
    let name = prop_oneof![prop::sample::select(odd).prop_map(str::to_owned), ".{0,3}"];
    prop::collection::vec(name, 1..4).prop_map(|names| ColumnPath::new(names).unwrap())
}

fn leaf(path: impl Strategy<Value = ColumnPath> + 'static) -> impl Strategy<Value = Condition> {
    let path = path.boxed();
    let comparison = prop::sample::select(Comparison::ALL.to_vec());
    prop_oneof![
        4 => (path.clone(), comparison, literal())
            .prop_map(|(column, comparison, value)| Condition::Compare(column, comparison, value)),
        1 => (path.clone(), prop::collection::vec(literal(), 1..4))
            .prop_map(|(column, values)| Condition::In(column, values)),
        1 => (path.clone(), plain_text()).prop_map(|(column, text)| Condition::Like(column, text)),
        1 => path.clone().prop_map(Condition::IsNull),
        1 => path.prop_map(Condition::IsNotNull),
    ]
}

/// Conditions on such paths.
pub(in crate::scan) fn condition(
    path: impl Strategy<Value = ColumnPath> + 'static,
) -> impl Strategy<Value = Condition> {
    leaf(path).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::And),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::Or),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

/// A single condition on a few columns.
pub(super) fn simple_filter() -> impl Strategy<Value = Filter> {
    let few = prop::sample::select(vec!["a", "b"]);
    let path = few.prop_map(|name| ColumnPath::new([name]).unwrap());
    (leaf(path), any::<bool>()).prop_map(|(leaf, negated)| {
        Filter::new(if negated { Condition::Not(Box::new(leaf)) } else { leaf }).unwrap()
    })
}

/// Rows whose columns have one kind each, as most rows do.
pub(super) fn plain_rows() -> impl Strategy<Value = Vec<Value>> {
    let kinds = || {
        prop_oneof![
            prop::collection::vec(number_value(), 3),
            prop::collection::vec(plain_text().prop_map(Value::String), 3),
            prop::collection::vec(instant_text().prop_map(Value::String), 3),
            prop::collection::vec(date_text().prop_map(Value::String), 3),
            prop::collection::vec(any::<bool>().prop_map(Value::Bool), 3),
        ]
    };
    (kinds(), kinds(), 0..4_usize, any::<u8>()).prop_map(|(a, b, count, nulls)| {
        let row = |at: usize| {
            let mut fields = Map::new();
            fields.insert("a".to_owned(), a[at].clone());
            if nulls >> at & 5 != 5 {
                fields.insert("b".to_owned(), b[at].clone());
            }
            Value::Object(fields)
        };
        (0..count.min(3)).map(row).collect()
    })
}

/// Filters on what rows have.
pub(super) fn filter() -> impl Strategy<Value = Filter> {
    condition(path()).prop_map(|condition| Filter::new(condition).unwrap())
}

pub(in crate::scan) fn number_value() -> impl Strategy<Value = Value> {
    number_text().prop_filter_map("too large for serde_json", |text| {
        serde_json::from_str::<Value>(&text).ok()
    })
}

pub(in crate::scan) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        4 => number_value(),
        4 => plain_text().prop_map(Value::String),
    ]
}

fn object(value: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["a", "b", "n", "other"]).prop_map(str::to_owned);
    prop::collection::vec((name, value), 0..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

/// A document.
pub(in crate::scan) fn row() -> impl Strategy<Value = Value> {
    let value = scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            2 => object(inner.clone()),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    });
    object(value)
}
