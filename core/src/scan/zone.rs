//! What statistics and page indexes say of some rows.

use std::ops::Range;

use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::index::Pages;
use super::query::{Bound, FieldFacts, ZoneFacts};
use crate::decode::{FieldPlace, Layout};
use crate::schema::ColumnType;

/// Some consecutive rows of a row group.
pub(super) struct Zone<'l> {
    pub(super) layout: &'l Layout,
    pub(super) group: usize,
    /// The rows, if their pages are looked at; `None`: the whole row group, by its statistics.
    pub(super) rows: Option<Range<usize>>,
}

/// What is known of a leaf in a zone.
pub(super) struct LeafFacts {
    pub(super) nulls: Option<u64>,
    pub(super) min: Option<Bound>,
    pub(super) max: Option<Bound>,
}

impl Zone<'_> {
    /// Whether none of the rows has a rescued value.
    pub(super) fn rescues_nothing(&self) -> bool {
        let Some(leaf) = self.layout.rescued_leaf() else { return true };
        let Some(rows) = self.rows_count() else { return false };
        let facts = self.leaf(leaf, &ColumnType::String);
        facts.is_some_and(|facts| facts.nulls == Some(rows))
    }

    /// What is known of a leaf of this type that is in no list.
    pub(super) fn leaf(&self, leaf: usize, column_type: &ColumnType) -> Option<LeafFacts> {
        let chunk = self.layout.chunk(self.group, leaf).ok()?;
        if chunk.column_descr().max_rep_level() > 0 {
            return None;
        }
        match &self.rows {
            None => of_chunk(chunk, column_type),
            Some(rows) => {
                let pages = Pages::of(self.layout, self.group, leaf)?;
                let index = self.layout.metadata().column_index()?.get(self.group)?.get(leaf)?;
                let (page, of_page) = pages.at(rows.start)?;
                // A zone that crosses pages has facts of more than one.
                let within = of_page.end >= rows.end && index_fits(index, pages.len());
                if !within {
                    return None;
                }
                let mut facts = facts_of_page(index, page, column_type);
                // If only some rows of the page are null, nothing says how many are in the zone.
                facts.nulls = match facts.nulls {
                    Some(nulls) if nulls == of_page.len() as u64 => Some(rows.len() as u64),
                    Some(0) => Some(0),
                    nulls => nulls.filter(|_| of_page == *rows),
                };
                Some(facts)
            }
        }
    }

    fn rows_count(&self) -> Option<u64> {
        match &self.rows {
            None => u64::try_from(self.layout.group_rows(self.group).ok()?).ok(),
            Some(rows) => Some(rows.len() as u64),
        }
    }
}

impl ZoneFacts for Zone<'_> {
    fn field(&self, path: &[String]) -> Option<FieldFacts<'_>> {
        let rows = self.rows_count()?;
        let place = self.layout.field(path);
        if matches!(place, FieldPlace::Many) || !self.rescues_nothing() {
            return None;
        }
        let FieldPlace::Leaf(leaf, column_type) = place else {
            let column_type = &ColumnType::Null;
            return Some(FieldFacts { column_type, rows, nulls: Some(rows), min: None, max: None });
        };
        let LeafFacts { nulls, min, max } = self.leaf(leaf, column_type)?;
        Some(FieldFacts { column_type, rows, nulls, min, max })
    }
}

fn of_chunk(chunk: &ColumnChunkMetaData, column_type: &ColumnType) -> Option<LeafFacts> {
    let statistics = chunk.statistics()?;
    let integer = |value: Option<i64>| value.and_then(|value| integer(value, column_type));
    let (min, max) = match statistics {
        Statistics::Boolean(of) => {
            let bound = |value: Option<&bool>| value.copied().map(Bound::Boolean);
            (bound(of.min_opt()), bound(of.max_opt()))
        }
        Statistics::Int32(of) => {
            let bound = |value: Option<&i32>| integer(value.copied().map(i64::from));
            (bound(of.min_opt()), bound(of.max_opt()))
        }
        Statistics::Int64(of) => (integer(of.min_opt().copied()), integer(of.max_opt().copied())),
        Statistics::Double(of) => {
            (double(of.min_opt(), column_type), double(of.max_opt(), column_type))
        }
        Statistics::ByteArray(_) => (
            text(statistics.min_bytes_opt(), column_type),
            text(statistics.max_bytes_opt(), column_type),
        ),
        _ => (None, None),
    };
    Some(LeafFacts { nulls: statistics.null_count_opt(), min, max })
}

fn index_fits(index: &ColumnIndexMetaData, pages: usize) -> bool {
    !matches!(index, ColumnIndexMetaData::NONE) && index.num_pages() == pages as u64
}

/// What the index says of this page, which it must have.
fn facts_of_page(index: &ColumnIndexMetaData, page: usize, column_type: &ColumnType) -> LeafFacts {
    let integer = |value: Option<i64>| value.and_then(|value| integer(value, column_type));
    let (min, max) = match index {
        ColumnIndexMetaData::BOOLEAN(of) => (
            of.min_value(page).copied().map(Bound::Boolean),
            of.max_value(page).copied().map(Bound::Boolean),
        ),
        ColumnIndexMetaData::INT32(of) => (
            integer(of.min_value(page).copied().map(i64::from)),
            integer(of.max_value(page).copied().map(i64::from)),
        ),
        ColumnIndexMetaData::INT64(of) => {
            (integer(of.min_value(page).copied()), integer(of.max_value(page).copied()))
        }
        ColumnIndexMetaData::DOUBLE(of) => {
            (double(of.min_value(page), column_type), double(of.max_value(page), column_type))
        }
        ColumnIndexMetaData::BYTE_ARRAY(of) => {
            (text(of.min_value(page), column_type), text(of.max_value(page), column_type))
        }
        _ => (None, None),
    };
    let nulls = index.null_count(page).and_then(|nulls| u64::try_from(nulls).ok());
    LeafFacts { nulls, min, max }
}

fn integer(value: i64, column_type: &ColumnType) -> Option<Bound> {
    match column_type {
        // The bits of a u32, stored as an i32.
        ColumnType::Uint32 => Some(Bound::Integer(value & i64::from(u32::MAX))),
        _ => Some(Bound::Integer(value)),
    }
}

fn double(value: Option<&f64>, column_type: &ColumnType) -> Option<Bound> {
    let value = value.copied().filter(|value| value.is_finite());
    value.filter(|_| *column_type == ColumnType::Float64).map(Bound::Double)
}

/// Decimals and bytes are no texts: they are in another order.
fn text(bytes: Option<&[u8]>, column_type: &ColumnType) -> Option<Bound> {
    let bytes = bytes.filter(|_| *column_type == ColumnType::String);
    bytes.map(|bytes| Bound::Text(bytes.to_vec()))
}
