//! Which rows a query takes: by their id, and by its filter.

use std::collections::BTreeSet;

use parquet::bloom_filter::Sbbf;

use super::index::Pages;
use super::query::{Bound, RowFilter};
use super::zone::Zone;
use crate::decode::{FieldPlace, Layout};
use crate::schema::ColumnType;
use crate::{Result, StoredRow};

#[derive(Default)]
pub(super) struct Condition {
    pub(super) id: Option<String>,
    pub(super) filter: Option<Box<dyn RowFilter + Send + Sync>>,
}

impl Condition {
    /// Whether every row is taken.
    pub(super) fn is_empty(&self) -> bool {
        self.id.is_none() && self.filter.is_none()
    }

    /// The fields that it reads besides the id.
    pub(super) fn columns(&self) -> Vec<Vec<String>> {
        self.filter.as_ref().map(|filter| filter.columns()).unwrap_or_default()
    }

    pub(super) fn matches(&self, row: &StoredRow) -> Result<bool> {
        if self.id.as_ref().is_some_and(|id| row.id() != id) {
            return Ok(false);
        }
        self.filter.as_ref().map_or(Ok(true), |filter| filter.matches(row))
    }

    /// Whether rows of the zone can be taken.
    pub(super) fn may_match(&self, zone: &Zone<'_>) -> bool {
        let by_id = self.id.as_ref().is_none_or(|id| may_have_id(zone, id));
        by_id && self.filter.as_ref().is_none_or(|filter| filter.may_match(zone))
    }

    /// The rows at which a page of a leaf that it reads begins, in a row group.
    pub(super) fn page_starts(&self, layout: &Layout, group: usize) -> BTreeSet<usize> {
        let columns = self.columns();
        let mut places: Vec<_> = columns.iter().map(|path| layout.field(path)).collect();
        if self.id.is_some() {
            places.push(layout.ids());
        }
        let leaf = |place: FieldPlace<'_>| match place {
            FieldPlace::Leaf(leaf, _) => Some(leaf),
            _ => None,
        };
        let leaves: BTreeSet<usize> =
            places.into_iter().filter_map(leaf).chain(layout.rescued_leaf()).collect();
        let pages = leaves.into_iter().filter_map(|leaf| Pages::of(layout, group, leaf));
        pages.flat_map(|pages| pages.first_rows().collect::<Vec<_>>()).collect()
    }

    /// Whether the row group can have a row with the id, by its bloom filter.
    pub(super) fn filter_may_have_id(&self, layout: &Layout, group: usize, filter: &Sbbf) -> bool {
        let Some(id) = &self.id else { return true };
        let zone = Zone { layout, group, rows: None };
        if layout.rescues_ids() && !zone.rescues_nothing() {
            return true;
        }
        match layout.ids() {
            FieldPlace::Leaf(_, ColumnType::String) => filter.check(id.as_bytes()),
            FieldPlace::Leaf(_, ColumnType::Int64) => whole(id).is_none_or(|id| filter.check(&id)),
            FieldPlace::Leaf(_, ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32) => {
                let id = whole(id).and_then(|id| i32::try_from(id).ok());
                id.is_none_or(|id| filter.check(&id))
            }
            _ => true,
        }
    }
}

fn may_have_id(zone: &Zone<'_>, id: &str) -> bool {
    let FieldPlace::Leaf(leaf, column_type) = zone.layout.ids() else { return true };
    if zone.layout.rescues_ids() && !zone.rescues_nothing() {
        return true;
    }
    let Some(facts) = zone.leaf(leaf, column_type) else { return true };
    let number = match column_type {
        ColumnType::String => None,
        ColumnType::Int8
        | ColumnType::Int16
        | ColumnType::Int32
        | ColumnType::Int64
        | ColumnType::Uint8
        | ColumnType::Uint16
        | ColumnType::Uint32 => match whole(id) {
            Some(number) => Some(number),
            None => return true,
        },
        // The text of an id is not what such a column stores.
        _ => return true,
    };
    let above = |min: &Bound| match (min, number) {
        (Bound::Text(min), None) => id.as_bytes() >= min.as_slice(),
        (Bound::Integer(min), Some(number)) => number >= *min,
        _ => true,
    };
    let below = |max: &Bound| match (max, number) {
        (Bound::Text(max), None) => id.as_bytes() <= max.as_slice(),
        (Bound::Integer(max), Some(number)) => number <= *max,
        _ => true,
    };
    facts.min.as_ref().is_none_or(above) && facts.max.as_ref().is_none_or(below)
}

/// The whole number whose text the id is.
fn whole(id: &str) -> Option<i64> {
    id.parse::<i64>().ok().filter(|number| number.to_string() == id)
}
