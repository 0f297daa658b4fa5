//! The smallest and the largest value of a leaf in a file, by the statistics of its row groups.

use std::cmp::Ordering;

use super::cut;
use crate::decode::{Layout, StoredEnd, ends_of_chunk};
use crate::format::value_text::{float_as_double, wide};
use crate::schema::ColumnType;

/// A smallest or largest value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::table) enum End {
    /// A whole number, a decimal in units of its scale, days or units of time since 1970.
    Whole(i128),
    /// A floating-point number, which is finite.
    Double(f64),
    /// A text, or a short bound of it.
    Text(String),
}

/// What a file says of a leaf.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::table) struct LeafStats {
    /// Rows without a value.
    pub(in crate::table) nulls: u64,
    /// No value is below the first or above the second one; `None` if there is no value.
    pub(in crate::table) ends: Option<(End, End)>,
}

/// What the file says of this leaf, which is in no list; `None` if it does not say all of it, or if
/// that cannot be true.
pub(in crate::table) fn of_leaf(
    layout: &Layout,
    leaf: usize,
    column_type: &ColumnType,
) -> Option<LeafStats> {
    let mut all = LeafStats { nulls: 0, ends: None };
    for group in 0..layout.metadata().num_row_groups() {
        let of_group = of_group(layout, group, leaf, column_type)?;
        all.nulls = all.nulls.checked_add(of_group.nulls)?;
        all.ends = match (all.ends, of_group.ends) {
            (Some((min, max)), Some((low, high))) => Some((
                if low.compare(&min)?.is_lt() { low } else { min },
                if high.compare(&max)?.is_gt() { high } else { max },
            )),
            (one, other) => one.or(other),
        };
    }
    Some(all)
}

impl End {
    /// `None` if the two are values of different types.
    fn compare(&self, other: &End) -> Option<Ordering> {
        match (self, other) {
            (End::Whole(one), End::Whole(other)) => Some(one.cmp(other)),
            (End::Double(one), End::Double(other)) => one.partial_cmp(other),
            (End::Text(one), End::Text(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }
}

fn of_group(
    layout: &Layout,
    group: usize,
    leaf: usize,
    column_type: &ColumnType,
) -> Option<LeafStats> {
    let rows = u64::try_from(layout.group_rows(group).ok()?).ok()?;
    let chunk = layout.chunk(group, leaf).ok()?;
    let statistics = chunk.statistics()?;
    let nulls = statistics.null_count_opt().filter(|nulls| *nulls <= rows)?;
    if nulls == rows {
        return Some(LeafStats { nulls, ends: None });
    }
    let (min, max) = ends_of_chunk(statistics);
    let (min, max) = (end(column_type, min?, false)?, end(column_type, max?, true)?);
    min.compare(&max)?.is_le().then_some(LeafStats { nulls, ends: Some((min, max)) })
}

/// `above`: no value is above it.
fn end(column_type: &ColumnType, stored: StoredEnd<'_>, above: bool) -> Option<End> {
    match (column_type, stored) {
        // The bits of a u32, stored as an i32.
        (ColumnType::Uint32, StoredEnd::Integer(value)) => {
            Some(End::Whole(i128::from(value & i64::from(u32::MAX))))
        }
        (ColumnType::Decimal { .. }, StoredEnd::Bytes(bytes)) => {
            (1..=16).contains(&bytes.len()).then(|| End::Whole(wide(bytes)))
        }
        (ColumnType::Float64, StoredEnd::Double(value)) => double(value, above),
        // Both have the value of their shortest decimal form.
        (ColumnType::Float32, StoredEnd::Float(value)) => {
            let double = value.is_finite().then(|| float_as_double(value));
            double.and_then(|value| self::double(value, above))
        }
        (ColumnType::String | ColumnType::Json, StoredEnd::Bytes(bytes)) => match above {
            true => cut::upper(bytes).map(End::Text),
            false => Some(End::Text(cut::lower(bytes))),
        },
        (_, StoredEnd::Integer(value)) => Some(End::Whole(i128::from(value))),
        _ => None,
    }
}

/// Some engines put -0 below 0, so a zero as a bound is the one further out.
fn double(value: f64, above: bool) -> Option<End> {
    let value = match (value == 0.0, above) {
        (true, true) => 0.0,
        (true, false) => -0.0,
        _ => value,
    };
    value.is_finite().then_some(End::Double(value))
}
