//! Which rows a query takes: by their id, and by its filter.

use parquet::bloom_filter::Sbbf;

use super::filter::{self, ColumnPath, Filter, PickedRow};
use super::index::Pages;
use super::zone::{Zone, is_id};
use crate::decode::{FieldPlace, Fields, Layout};
use crate::schema::ID_COLUMN;
use crate::sort::sort;
use crate::{Result, StoredRow};

#[derive(Default)]
pub(super) struct Condition {
    id: Option<String>,
    filter: Option<RowTest>,
}

/// A filter, with what it needs of each row.
struct RowTest {
    filter: Filter,
    fields: Fields,
    picked: PickedRow,
}

impl Condition {
    pub(super) fn new(id: Option<String>, filter: Option<Filter>) -> Self {
        let filter = filter.map(|filter| {
            let fields = Fields::new(filter.columns().iter().map(ColumnPath::names));
            let picked = PickedRow::new(filter.columns());
            RowTest { filter, fields, picked }
        });
        Condition { id, filter }
    }

    /// Whether every row is taken.
    pub(super) fn is_empty(&self) -> bool {
        self.id.is_none() && self.filter.is_none()
    }

    /// The id that it asks for.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref().map(|test| &test.filter)
    }

    /// The fields that it reads besides the id.
    pub(super) fn columns(&self) -> &[ColumnPath] {
        self.filter.as_ref().map_or(&[], |test| test.filter.columns())
    }

    pub(super) fn matches(&mut self, row: &StoredRow) -> Result<bool> {
        if self.id.as_ref().is_some_and(|id| row.id() != id) {
            return Ok(false);
        }
        let Some(RowTest { filter, fields, picked }) = &mut self.filter else { return Ok(true) };
        picked.clear();
        row.tell(fields, picked)?;
        picked.default_string(ID_COLUMN, row.id());
        Ok(filter.matches(picked))
    }

    /// Whether rows of the zone can be taken.
    pub(super) fn may_match(&self, zone: &Zone<'_>) -> bool {
        let by_id = self.id.as_ref().is_none_or(|id| zone.may_have_id(id));
        by_id && self.filter.as_ref().is_none_or(|test| test.filter.may_match(zone))
    }

    /// Whether rows of the row group can be taken, by the bloom filter of its ids too.
    pub(super) fn may_match_by(&self, layout: &Layout, group: usize, ids: &Sbbf) -> bool {
        self.may_match(&Zone { ids: Some(ids), ..Zone::group(layout, group) })
    }

    /// Whether it reads the ids of the rows.
    pub(super) fn reads_ids(&self) -> bool {
        self.id.is_some() || self.columns().iter().any(|path| path.names() == [ID_COLUMN])
    }

    /// The parts of the filter, which all have to hold: those that read the same column as one.
    pub(super) fn parts(&self) -> Vec<Filter> {
        let Some(filter) = self.filter() else { return Vec::new() };
        let filter::Condition::And(all) = filter.condition() else { return vec![filter.clone()] };
        let mut parts: Vec<Filter> = Vec::new();
        for part in all {
            let Ok(part) = Filter::new(part.clone()) else { return vec![filter.clone()] };
            let same = parts.iter_mut().find(|of| of.columns() == part.columns());
            let Some(same) = same else {
                parts.push(part);
                continue;
            };
            let both = vec![same.condition().clone(), part.condition().clone()];
            match Filter::new(filter::Condition::And(both)) {
                Ok(both) => *same = both,
                Err(_) => return vec![filter.clone()],
            }
        }
        parts
    }

    /// Whether the query names ids, as far as that is known without the footer.
    pub(super) fn is_of_ids(&self) -> bool {
        let is_id = |path: &ColumnPath| path.names() == [ID_COLUMN];
        let by_filter = |test: &RowTest| test.filter.equals_something(is_id);
        self.id.is_some() || self.filter.as_ref().is_some_and(by_filter)
    }

    /// Whether a bloom filter of the ids can say anything.
    pub(super) fn asks_for_ids(&self, layout: &Layout) -> bool {
        let by_filter = |test: &RowTest| test.filter.equals_something(|path| is_id(layout, path));
        self.id.is_some() || self.filter.as_ref().is_some_and(by_filter)
    }

    /// The rows at which a page of a leaf that it reads begins, in a row group, in order.
    pub(super) fn page_starts(&self, layout: &Layout, group: usize) -> Vec<usize> {
        let mut places: Vec<_> =
            self.columns().iter().map(|path| layout.field(path.names())).collect();
        if self.id.is_some() || self.columns().iter().any(|path| is_id(layout, path)) {
            places.push(layout.ids());
        }
        let leaf = |place: FieldPlace<'_>| match place {
            FieldPlace::Leaf(leaf, _) => Some(leaf),
            _ => None,
        };
        let mut leaves: Vec<usize> =
            places.into_iter().filter_map(leaf).chain(layout.rescued_leaf()).collect();
        sort(&mut leaves);
        leaves.dedup();
        let pages = leaves.into_iter().filter_map(|leaf| Pages::of(layout, group, leaf));
        let mut starts: Vec<usize> =
            pages.flat_map(|pages| pages.first_rows().collect::<Vec<_>>()).collect();
        sort(&mut starts);
        starts.dedup();
        starts
    }
}
