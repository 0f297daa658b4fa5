//! What is known of some rows of a file before they are read.

use std::ops::Range;

use parquet::bloom_filter::Sbbf;

use super::bounds::{self, LeafFacts};
use super::filter::{Bounds, ColumnFacts, ColumnPath, Facts, Kind, Literal};
use super::index::Pages;
use crate::decode::{FieldPlace, Layout, nulls_in};
use crate::format::metadata::OwnId;
use crate::format::value_text::uuid;
use crate::json::Number;
use crate::schema::{ColumnType, ID_COLUMN};

/// Some consecutive rows of a row group.
pub(super) struct Zone<'l> {
    pub(super) layout: &'l Layout,
    pub(super) group: usize,
    /// The rows, if their pages are looked at; `None`: the whole row group, by its statistics.
    pub(super) rows: Option<Range<usize>>,
    /// The bloom filter of the ids of the row group, once it has arrived.
    pub(super) ids: Option<&'l Sbbf>,
}

impl<'l> Zone<'l> {
    /// A row group, by its statistics.
    pub(super) fn group(layout: &'l Layout, group: usize) -> Self {
        Zone { layout, group, rows: None, ids: None }
    }

    /// Whether rows can have this id.
    pub(super) fn may_have_id(&self, id: &str) -> bool {
        let FieldPlace::Leaf(leaf, column_type) = self.layout.ids() else { return true };
        if self.layout.rescues_ids() && !self.rescues_nothing() {
            return true;
        }
        let bounds = self.leaf(leaf, column_type).and_then(|facts| facts.bounds);
        let literal = match (&bounds, number(id)) {
            (Some(bounds), Some(number)) if bounds.kind() == Kind::Number => number,
            // The text is no number as JSON has it: whoever compares it decides.
            (Some(bounds), None) if bounds.kind() == Kind::Number => return true,
            _ => Literal::String(id.to_owned()),
        };
        let within = bounds.is_none_or(|bounds| bounds.may_equal(&literal));
        within && self.ids.is_none_or(|ids| filter_may_hold(ids, column_type, &literal))
    }

    /// Whether none of the rows has a rescued value.
    pub(super) fn rescues_nothing(&self) -> bool {
        let Some(leaf) = self.layout.rescued_leaf() else { return true };
        let Some(rows) = self.rows_count() else { return false };
        let facts = self.leaf(leaf, &ColumnType::String);
        facts.is_some_and(|facts| facts.nulls == Some(rows))
    }

    /// What is known of a leaf of this type that is in no list.
    fn leaf(&self, leaf: usize, column_type: &ColumnType) -> Option<LeafFacts> {
        let chunk = self.layout.chunk(self.group, leaf).ok()?;
        if chunk.column_descr().max_rep_level() > 0 {
            return None;
        }
        let Some(rows) = &self.rows else { return bounds::of_chunk(chunk, column_type) };
        let pages = Pages::of(self.layout, self.group, leaf)?;
        let said = self.layout.page_index(self.group, leaf)?.facts.as_ref()?;
        let (page, of_page) = pages.at(rows.start)?;
        // Rows that lie in two pages have the facts of neither.
        if of_page.end < rows.end || said.len() != pages.len() {
            return None;
        }
        let mut facts = bounds::of_page(said, page, column_type);
        facts.nulls = nulls_in(facts.nulls, &of_page, rows);
        Some(facts)
    }

    fn rows_count(&self) -> Option<u64> {
        match &self.rows {
            None => u64::try_from(self.layout.group_rows(self.group).ok()?).ok(),
            Some(rows) => Some(rows.len() as u64),
        }
    }

    /// What is known of `_id`, which is the id of a row where its document has no such field.
    fn own_id(&self) -> ColumnFacts {
        let (Some(rows), Some(own)) = (self.rows_count(), self.layout.own_id()) else {
            return ColumnFacts::unknown();
        };
        let bounds = match own {
            // The texts of numbers are in another order.
            OwnId::Number => Some(Bounds::new(Kind::Number, None, None)),
            // Some documents may have an own one, which is rescued, and may be a number.
            OwnId::Absent if !self.rescues_nothing() => return ColumnFacts::unknown(),
            _ => self.leaf(0, &ColumnType::String).and_then(|facts| facts.bounds),
        };
        ColumnFacts::new(rows, Some(0), bounds)
    }
}

impl Facts for Zone<'_> {
    fn column(&self, path: &ColumnPath) -> ColumnFacts {
        let names = path.names();
        if is_own_id(self.layout, names) {
            return self.own_id();
        }
        let (Some(rows), true) = (self.rows_count(), self.rescues_nothing()) else {
            return ColumnFacts::unknown();
        };
        match self.layout.field(names) {
            FieldPlace::Many => ColumnFacts::unknown(),
            FieldPlace::Nothing => ColumnFacts::new(rows, Some(rows), None),
            FieldPlace::Leaf(leaf, column_type) => match self.leaf(leaf, column_type) {
                Some(LeafFacts { nulls, bounds }) => ColumnFacts::new(rows, nulls, bounds),
                None => ColumnFacts::new(rows, None, None),
            },
        }
    }

    fn may_hold(&self, path: &ColumnPath, literal: &Literal) -> bool {
        let (Some(ids), true) = (self.ids, is_id(self.layout, path)) else { return true };
        match (self.layout.own_id(), literal) {
            (Some(OwnId::Number), Literal::Number(number)) => match number.number() {
                Number::Int(number) => ids.check(number.to_string().as_str()),
                _ => true,
            },
            _ => match self.layout.ids() {
                FieldPlace::Leaf(_, column_type) => filter_may_hold(ids, column_type, literal),
                _ => true,
            },
        }
    }
}

/// Whether values at this path are the ids of the rows, so that the bloom filter of the ids says
/// something of them.
pub(super) fn is_id(layout: &Layout, path: &ColumnPath) -> bool {
    match layout.footer().id_field() {
        Some(id) => id == path.names(),
        None => is_own_id(layout, path.names()),
    }
}

/// Whether the path may lead to the id of a row that is no field of its document.
pub(super) fn is_own_id(layout: &Layout, names: &[String]) -> bool {
    let named = layout.footer().id_field();
    names.len() == 1 && names[0] == ID_COLUMN && named.is_none_or(|named| named != names)
}

/// Whether the bloom filter of a column of this type may have the value, which is as the rows have
/// it. A filter has the bytes that the column stores.
fn filter_may_hold(filter: &Sbbf, column_type: &ColumnType, literal: &Literal) -> bool {
    match (column_type, literal) {
        (ColumnType::String, Literal::String(text)) => filter.check(text.as_str()),
        (ColumnType::Uuid, Literal::String(text)) => {
            uuid(text).is_none_or(|bytes| filter.check(&bytes[..]))
        }
        (ColumnType::Int64, Literal::Number(number)) => match number.number() {
            Number::Int(number) => filter.check(&number),
            _ => true,
        },
        (ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32, Literal::Number(number)) => {
            match number.number() {
                Number::Int(number) => i32::try_from(number).is_ok_and(|id| filter.check(&id)),
                _ => true,
            }
        }
        _ => true,
    }
}

/// The whole number whose text the id is.
fn number(id: &str) -> Option<Literal> {
    let number = id.parse::<i64>().ok().filter(|number| number.to_string() == id)?;
    Some(Literal::Number(number.into()))
}
