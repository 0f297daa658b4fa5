//! What statistics and page indexes say of some rows.

use std::ops::Range;

use coldpress_core::filter::{Bounds, ColumnFacts, ColumnPath, Facts, Kind, Literal};
use coldpress_core::foreign::{Ends, ends_of_chunk, ends_of_page, nulls_in};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use crate::record_batches::bounds::Reading;
use crate::record_batches::file::File;
use crate::record_batches::place::find;
use crate::record_batches::shape;

/// Some consecutive rows of a row group.
pub(super) struct Zone<'f> {
    pub(super) file: &'f File,
    /// The metadata of the file, with its page indexes if pages are looked at.
    pub(super) metadata: &'f ParquetMetaData,
    pub(super) group: usize,
    pub(super) group_rows: usize,
    /// The rows, if their pages are looked at; `None`: the whole row group, by its statistics.
    pub(super) rows: Option<Range<usize>>,
    /// Columns of which bounds say nothing, because values that are not numbers may hide there.
    pub(super) unbounded: &'f [ColumnPath],
}

impl Facts for Zone<'_> {
    fn column(&self, path: &ColumnPath) -> ColumnFacts {
        self.facts(path).unwrap_or_else(ColumnFacts::unknown)
    }
}

impl Zone<'_> {
    fn rows_count(&self) -> u64 {
        self.rows.as_ref().map_or(self.group_rows, Range::len) as u64
    }

    fn facts(&self, path: &ColumnPath) -> Option<ColumnFacts> {
        if let Some(own) = &self.file.own {
            if own.is_in_json(path) {
                return None;
            }
            // Rescued values may hide: here, or around it.
            if let Some(leaf) = own.rescued
                && self.leaf(leaf)?.0 != Some(self.rows_count())
            {
                return None;
            }
        }
        let schema = self.metadata.file_metadata().schema_descr();
        let Some(leaves) = find(schema.root_schema(), path) else {
            return Some(ColumnFacts::new(self.rows_count(), Some(self.rows_count()), None));
        };
        let data_type = self.file.data_type(path)?;
        if data_type.is_nested() || leaves.len() != 1 {
            return None;
        }
        let column = schema.column(leaves.start);
        let shape = shape::of(self.file, path);
        let reading = Reading { data_type, shape, column: &column };
        let (nulls, (min, max)) = self.leaf(leaves.start)?;
        let bounded = !self.unbounded.contains(path);
        let kind = reading.kind().filter(|_| bounded);
        let bounds = kind.and_then(|kind| {
            let end = |raw: Option<_>| raw.map(|raw| reading.literal(raw));
            bounds(kind, end(min), end(max))
        });
        Some(ColumnFacts::new(self.rows_count(), nulls, bounds))
    }

    /// The nulls, the smallest and the largest value of a leaf that is in no list.
    fn leaf(&self, leaf: usize) -> Option<(Option<u64>, Ends<'_>)> {
        let chunk = self.metadata.row_group(self.group).columns().get(leaf)?;
        if chunk.column_descr().max_rep_level() > 0 {
            return None;
        }
        let Some(rows) = &self.rows else {
            let statistics = chunk.statistics()?;
            // The old statistics have an order of their own.
            let ends = match statistics.is_min_max_deprecated() {
                true => (None, None),
                false => ends_of_chunk(statistics),
            };
            return Some((statistics.null_count_opt(), ends));
        };
        let pages = Pages::of(self.metadata, self.group, leaf, self.group_rows)?;
        let index = self.metadata.column_index()?.get(self.group)?.get(leaf)?;
        let (page, of) = pages.at(rows.start)?;
        let fits = !matches!(index, ColumnIndexMetaData::NONE)
            && index.num_pages() == pages.0.len() as u64;
        // Rows that lie in several pages have facts of more than one.
        if !fits || of.end < rows.end {
            return None;
        }
        let nulls = index.null_count(page).and_then(|nulls| u64::try_from(nulls).ok());
        Some((nulls_in(nulls, &of, rows), ends_of_page(index, page)))
    }
}

/// The bounds; `None` if a value that was stated cannot be a literal of this kind: then the values
/// are not all of it.
fn bounds(
    kind: Kind,
    min: Option<Option<Literal>>,
    max: Option<Option<Literal>>,
) -> Option<Bounds> {
    match (min, max) {
        (Some(Some(min)), Some(Some(max))) => Some(Bounds::new(kind, Some(min), Some(max))),
        // A text that was cut need not be UTF-8.
        (Some(min), Some(max)) if kind == Kind::String => Some(Bounds::new(kind, min, max)),
        _ => None,
    }
}

/// The first rows of the data pages of a chunk that has an offset index.
pub(super) struct Pages(pub(super) Vec<usize>, usize);

impl Pages {
    /// `None` if there is no index, or if its pages do not follow each other.
    pub(super) fn of(
        metadata: &ParquetMetaData,
        group: usize,
        leaf: usize,
        rows: usize,
    ) -> Option<Self> {
        let index = metadata.offset_index()?.get(group)?.get(leaf)?;
        let firsts = index.page_locations().iter();
        let firsts: Option<Vec<usize>> =
            firsts.map(|page| usize::try_from(page.first_row_index).ok()).collect();
        let firsts = firsts.filter(|firsts| firsts.first() == Some(&0) && firsts.is_sorted())?;
        firsts.last().is_some_and(|last| *last < rows).then_some(Pages(firsts, rows))
    }

    /// The page that holds the row, and its rows.
    fn at(&self, row: usize) -> Option<(usize, Range<usize>)> {
        let page = self.0.partition_point(|first| *first <= row).checked_sub(1)?;
        let end = self.0.get(page + 1).copied().unwrap_or(self.1);
        (row < self.1).then(|| (page, self.0[page]..end))
    }
}
