//! The statistics of a file as JSON text ([Per-file Statistics][stats]).
//!
//! [stats]: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics

use std::collections::BTreeMap;

use super::ends::{End, LeafStats};
use crate::format::value_text::decimal_text;
use crate::json::{Events, JsonText, Number};
use crate::schema::ColumnType;
use crate::time::{date_text, timestamp_text};

/// What is stated of a leaf of the table.
pub(in crate::table) struct StatsLeaf<'s> {
    pub(in crate::table) path: &'s [String],
    pub(in crate::table) column_type: &'s ColumnType,
    pub(in crate::table) stats: LeafStats,
}

/// The text that says nothing but how many rows there are.
pub(in crate::table) fn rows_only(rows: u64) -> String {
    format!("{{\"numRecords\":{rows}}}")
}

/// The text that says all of these leaves; `None` if the JSON cannot say it of one of them.
pub(in crate::table) fn stats_text(rows: u64, leaves: &[StatsLeaf<'_>]) -> Option<String> {
    let (mut min, mut max, mut nulls) = (Tree::default(), Tree::default(), Tree::default());
    for leaf in leaves {
        if let Some((low, high)) = &leaf.stats.ends {
            min.put(leaf.path, value(leaf.column_type, low, false)?);
            max.put(leaf.path, value(leaf.column_type, high, true)?);
        }
        nulls.put(leaf.path, Said::Number(leaf.stats.nulls.to_string()));
    }
    let mut out = JsonText::default();
    out.open_object();
    out.key("numRecords");
    out.number(Number::Literal(&rows.to_string()));
    for (name, tree) in [("minValues", &min), ("maxValues", &max), ("nullCount", &nulls)] {
        out.key(name);
        tree.write(&mut out);
    }
    out.close_object();
    Some(out.take())
}

/// A value in the JSON.
enum Said {
    Number(String),
    Text(String),
}

/// Values by their paths. It is as deep as the columns of a schema, so it can be walked.
#[derive(Default)]
struct Tree<'t> {
    /// The names in order of first appearance.
    names: Vec<&'t str>,
    below: BTreeMap<&'t str, Node<'t>>,
}

enum Node<'t> {
    Value(Said),
    Tree(Tree<'t>),
}

impl<'t> Tree<'t> {
    fn put(&mut self, path: &'t [String], said: Said) {
        let Some((name, rest)) = path.split_first() else { return };
        if !self.below.contains_key(name.as_str()) {
            self.names.push(name);
        }
        if rest.is_empty() {
            self.below.insert(name, Node::Value(said));
            return;
        }
        let node = self.below.entry(name).or_insert_with(|| Node::Tree(Tree::default()));
        if let Node::Tree(tree) = node {
            tree.put(rest, said);
        }
    }

    fn write(&self, out: &mut JsonText) {
        out.open_object();
        for name in &self.names {
            out.key(name);
            match self.below.get(name) {
                Some(Node::Tree(tree)) => tree.write(out),
                Some(Node::Value(Said::Number(text))) => out.number(Number::Literal(text)),
                Some(Node::Value(Said::Text(text))) => out.string(text),
                None => out.null(),
            }
        }
        out.close_object();
    }
}

/// `None` if the JSON has no such value.
fn value(column_type: &ColumnType, end: &End, above: bool) -> Option<Said> {
    match (column_type, end) {
        (ColumnType::String | ColumnType::Json, End::Text(text)) => Some(Said::Text(text.clone())),
        (ColumnType::Float32 | ColumnType::Float64, End::Double(value)) => {
            let mut buffer = crate::json::number::buffer();
            Some(Said::Number(crate::json::number::format(*value, &mut buffer).to_owned()))
        }
        (ColumnType::Decimal { precision, scale, .. }, End::Whole(value)) => {
            Some(Said::Number(decimal_text(outward(*value, *precision, above), *scale)))
        }
        (ColumnType::Date, End::Whole(days)) => {
            date_text(i64::try_from(*days).ok()?).map(Said::Text)
        }
        (ColumnType::Timestamp { unit, .. }, End::Whole(value)) => {
            // The log has milliseconds. A bound of a finer unit must not be within the values.
            let finer = i128::from(unit.per_second() / 1_000);
            let up = if above { finer - 1 } else { 0 };
            let millis = i64::try_from((value + up).div_euclid(finer)).ok()?;
            timestamp_text(millis, 3, Some(3), None).map(Said::Text)
        }
        (column_type, End::Whole(value)) if column_type.integer_bits().is_some() => {
            Some(Said::Number(value.to_string()))
        }
        _ => None,
    }
}

/// A bound of decimals with at most 15 digits, which every double holds, and further out: Sail reads
/// bounds as doubles, and lost rows where they were exact. A bound that would have more digits than
/// the column may have stays exact.
fn outward(value: i128, precision: u8, above: bool) -> i128 {
    const DIGITS: u32 = 15;
    let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    let Some(unit) = digits.checked_sub(DIGITS).and_then(|cut| 10_i128.checked_pow(cut)) else {
        return value;
    };
    let rest = value.rem_euclid(unit);
    let up = if above && rest > 0 { unit } else { 0 };
    let rounded = value.checked_sub(rest).and_then(|down| down.checked_add(up)).unwrap_or(value);
    match 10_u128.checked_pow(u32::from(precision)) {
        Some(most) if rounded.unsigned_abs() < most => rounded,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_decimals_have_digits_that_doubles_hold() {
        let both = |value, precision| [false, true].map(|above| outward(value, precision, above));
        assert_eq!(
            both(280_000_000_000_010_001, 18),
            [280_000_000_000_010_000, 280_000_000_000_011_000]
        );
        assert_eq!(
            both(-280_000_000_000_010_001, 18),
            [-280_000_000_000_011_000, -280_000_000_000_010_000]
        );
        assert_eq!(both(123_456_789_012_345, 18), [123_456_789_012_345; 2]);
        assert_eq!(both(123_456_789_012_345_000, 18), [123_456_789_012_345_000; 2]);
        assert_eq!(both(0, 1), [0; 2]);
        // Rounded up, it would have a digit more than the column.
        let most = 999_999_999_999_999_999;
        assert_eq!(both(most, 18), [999_999_999_999_999_000, most]);
        assert_eq!(both(-most, 18), [-most, -999_999_999_999_999_000]);
        assert_eq!(outward(i128::MIN, 38, false), i128::MIN);
        assert_eq!(outward(i128::MAX, 38, true), i128::MAX);
    }
}
