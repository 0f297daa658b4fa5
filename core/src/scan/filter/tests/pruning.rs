//! Pruning never hides a row, and prunes where it can.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::generate::{filter, plain_rows, row, simple_filter};
use crate::filter::{
    Bounds, ColumnFacts, ColumnPath, Comparison, Condition, DateLiteral, Facts, Filter, FilterRow,
    InstantLiteral, Kind, Literal, NumberLiteral,
};

/// What a scan would know of some rows.
struct Known<'r> {
    rows: &'r [Value],
    /// Decides what hides, which bounds are left out, and what the bloom filter mistakes.
    seed: u64,
}

impl Known<'_> {
    /// A choice of its own for each purpose.
    fn chance(&self, path: &ColumnPath, purpose: u64, of: u64) -> bool {
        let text = format!("{path} {purpose}");
        let hash = text.bytes().fold(self.seed | 1, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
        });
        hash % of == 0
    }

    /// The values at a path, as literals; `None` for an object or array.
    fn values(&self, path: &ColumnPath) -> Vec<Option<Literal>> {
        let value = |row: &Value| {
            let value = path.names().iter().try_fold(row, |at, name| at.as_object()?.get(name))?;
            match value {
                Value::Null => None,
                Value::Bool(value) => Some(Some(Literal::Boolean(*value))),
                Value::String(text) => Some(Some(Literal::String(text.clone()))),
                Value::Number(number) => {
                    let number = NumberLiteral::read(&number.to_string()).unwrap();
                    Some(Some(Literal::Number(number)))
                }
                Value::Array(_) | Value::Object(_) => Some(None),
            }
        };
        self.rows.iter().filter_map(value).collect()
    }

    fn bounds(&self, path: &ColumnPath) -> Option<Bounds> {
        let mut values: Vec<Literal> = self.values(path).into_iter().collect::<Option<_>>()?;
        // A column of text becomes one of instants, or of dates, if all of them read so.
        let texts = |values: &[Literal], read: fn(&str) -> Option<Literal>| {
            let read = |value: &Literal| match value {
                Literal::String(text) => read(text),
                _ => None,
            };
            values.iter().map(read).collect::<Option<Vec<_>>>()
        };
        let instant = |text: &str| InstantLiteral::read(text).map(Literal::Instant);
        let date = |text: &str| DateLiteral::read(text).map(Literal::Date);
        if self.chance(path, 1, 4) {
            // It stays a column of text.
        } else if let Some(typed) = texts(&values, instant).or_else(|| texts(&values, date)) {
            values = typed;
        }
        let kind = values.first()?.kind();
        if values.iter().any(|value| value.kind() != kind) {
            return None;
        }
        values.sort_by(|one, other| one.compare(other).unwrap());
        let min = values.first().cloned().filter(|_| !self.chance(path, 2, 8));
        let max = values.last().cloned().filter(|_| !self.chance(path, 3, 8));
        Some(Bounds::new(kind, min, max))
    }
}

impl Facts for Known<'_> {
    fn column(&self, path: &ColumnPath) -> ColumnFacts {
        if self.chance(path, 4, 4) {
            // Other values hide: what is known of the column is not of all rows, and is all wrong.
            return ColumnFacts { hides: true, some_null: false, some_value: false, bounds: None };
        }
        let rows = self.rows.len() as u64;
        let nulls = rows - self.values(path).len() as u64;
        let nulls = Some(nulls).filter(|_| !self.chance(path, 5, 8));
        ColumnFacts::new(rows, nulls, self.bounds(path).filter(|_| !self.chance(path, 6, 8)))
    }

    fn may_hold(&self, path: &ColumnPath, literal: &Literal) -> bool {
        assert!(!self.column(path).hides, "it is not asked where values hide");
        let equal = Condition::Compare(path.clone(), Comparison::Equal, literal.clone());
        let equal = Filter::new(equal).unwrap();
        self.rows.iter().any(|row| equal.matches(row)) || self.chance(path, 7, 3)
    }
}

fn hides_no_match(filter: &Filter, rows: &[Value], seed: u64) -> Result<(), TestCaseError> {
    let some = rows.iter().any(|row| filter.matches(row));
    let may = filter.may_match(&Known { rows, seed });
    prop_assert!(may || !some, "{} of {:?}", filter, rows);
    Ok(())
}

proptest! {
    #![proptest_config(super::cases(10_000))]

    #[test]
    fn no_row_of_plain_columns_is_pruned(
        filter in simple_filter(),
        rows in plain_rows(),
        seed in any::<u64>(),
    ) {
        hides_no_match(&filter, &rows, seed)?;
    }

    #[test]
    fn no_row_that_matches_is_pruned(
        filter in filter(),
        rows in prop::collection::vec(row(), 0..4),
        seed in any::<u64>(),
    ) {
        hides_no_match(&filter, &rows, seed)?;
    }
}

/// Facts of named columns; of all others nothing is known.
struct Named(BTreeMap<&'static str, ColumnFacts>);

impl Facts for Named {
    fn column(&self, path: &ColumnPath) -> ColumnFacts {
        self.0.get(path.to_string().as_str()).cloned().unwrap_or_else(ColumnFacts::unknown)
    }

    fn may_hold(&self, _: &ColumnPath, literal: &Literal) -> bool {
        *literal != Literal::String("not in the bloom filter".to_owned())
    }
}

fn named() -> Named {
    let facts = |nulls, kind, min, max| {
        ColumnFacts::new(100, Some(nulls), Some(Bounds::new(kind, Some(min), Some(max))))
    };
    let number = |value: i64| Literal::Number(value.into());
    let text = |value: &str| Literal::String(value.to_owned());
    let instant = |value: &str| Literal::Instant(InstantLiteral::read(value).unwrap());
    let date = |value: &str| Literal::Date(DateLiteral::read(value).unwrap());
    let mut hiding = facts(0, Kind::Number, number(1), number(9));
    hiding.hides = true;
    let at =
        facts(0, Kind::Instant, instant("2024-01-01T00:00:00Z"), instant("2024-12-31T00:00:00Z"));
    Named(BTreeMap::from([
        ("year", facts(0, Kind::Number, number(2000), number(2010))),
        ("same", facts(0, Kind::Number, number(5), number(5))),
        ("title", facts(10, Kind::String, text("Miles"), text("The Yard"))),
        ("at", at),
        ("day", facts(0, Kind::Date, date("2024-01-01"), date("2024-12-31"))),
        ("none", ColumnFacts::new(100, Some(100), None)),
        ("hiding", hiding),
    ]))
}

#[test]
fn what_cannot_match_is_pruned() {
    let facts = named();
    for (filter, may) in [
        ("year < 2000", false),
        ("year <= 2000", true),
        ("year > 2010.0000000000000000001", false),
        ("year = 2011", false),
        ("year in (1999, 2011)", false),
        ("year in (1999, 2005)", true),
        ("not year >= 2000", false),
        ("not (year >= 2000 and year <= 2010)", false),
        ("year = 'x' or year < 'x'", false),
        ("year != 'x'", true),
        ("year is null", false),
        ("year is not null", true),
        ("same != 5", false),
        ("not same = 5", false),
        ("same != 5 or year = 2001", true),
        ("title like 'A%'", false),
        ("title like 'The Z%'", false),
        ("title like 'The %'", true),
        ("title like 'Mi%'", true),
        ("title like 'The Yard%'", true),
        ("not title like 'M%'", true),
        ("title like 'N%'", true),
        ("title = 'not in the bloom filter'", false),
        ("title != 'not in the bloom filter'", true),
        ("title is null", true),
        ("year like '2%'", false),
        ("not year like '2%'", true),
        ("at < timestamp '2024-01-01T01:00:00+01:00'", false),
        ("at <= timestamp '2024-01-01T01:00:00+01:00'", true),
        ("at = '2025-01-01T00:00:00Z'", false),
        ("at = 'tomorrow'", false),
        ("at != 'tomorrow'", true),
        ("at < '1000'", true),
        ("at = date '2024-02-29'", false),
        ("day < '2024'", true),
        ("day < '2024-01-01'", false),
        ("day = 'tomorrow'", false),
        ("none = 1 or none != 1 or none like '%'", false),
        ("not none = 1", false),
        ("none is null", true),
        ("none is not null", false),
        ("hiding > 100", true),
        ("hiding is null", true),
        ("unknown > 100", true),
        ("unknown > 100 and year = 1", false),
    ] {
        assert_eq!(Filter::parse(filter).unwrap().may_match(&facts), may, "{filter}");
    }
}

#[test]
fn any_row_can_be_looked_at() {
    let row: &dyn FilterRow = &json!({"a": {"b": [1]}});
    assert!(Filter::parse("a.b is not null and a.b.c is null").unwrap().matches(row));
}
