//! Where the pages of a column chunk lie, and which rows they hold: the offset index.

use std::ops::Range;

use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use crate::Result;
use crate::decode::{Layout, corrupt, place};

/// The data pages of a chunk that has an offset index.
pub(super) struct Pages<'l> {
    /// At least one, in order, without gaps: [`check`] has seen to it.
    locations: &'l [PageLocation],
    rows: usize,
}

/// An error if an offset index does not say, page by page without a gap, where all data pages of
/// its chunk lie. It comes before [`Pages::of`] is called.
pub(super) fn check(layout: &Layout) -> Result<()> {
    for group in 0..layout.metadata().num_row_groups() {
        let rows = layout.group_rows(group)?;
        for leaf in 0..layout.metadata().row_group(group).num_columns() {
            if let Some(pages) = Pages::of(layout, group, leaf)
                && !pages.fill(layout.chunk(group, leaf).ok().and_then(place), rows)
            {
                return Err(corrupt(format!(
                    "the offset index of column {leaf} in row group {group} does not fit its pages"
                )));
            }
        }
    }
    Ok(())
}

impl<'l> Pages<'l> {
    /// `None` if the chunk has no offset index, or if the indexes have not been read.
    pub(super) fn of(layout: &'l Layout, group: usize, leaf: usize) -> Option<Self> {
        let index = layout.metadata().offset_index()?.get(group)?.get(leaf)?;
        let locations = index.page_locations().as_slice();
        let rows = layout.group_rows(group).ok()?;
        (!locations.is_empty()).then_some(Pages { locations, rows })
    }

    fn fill(&self, chunk: Option<Range<u64>>, rows: usize) -> bool {
        let Some(chunk) = chunk else { return false };
        // What is before the first data page is the dictionary.
        let mut at = self.start(0);
        let (mut first, mut begins) = (at >= chunk.start, true);
        for (number, location) in self.locations.iter().enumerate() {
            let row = usize::try_from(location.first_row_index);
            let climbs = number == 0 || self.first_row(number) > self.first_row(number - 1);
            begins &= climbs && row.is_ok_and(|row| row < rows);
            first &= self.start(number) == at && location.compressed_page_size > 0;
            at = self.end(number);
        }
        first && begins && self.first_row(0) == 0 && at == chunk.end
    }

    /// Whether the column index speaks of just these pages.
    pub(super) fn has(&self, index: &ColumnIndexMetaData) -> bool {
        let pages = index.num_pages();
        !matches!(index, ColumnIndexMetaData::NONE) && pages == self.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.locations.len()
    }

    /// The page that holds the row, and its rows.
    pub(super) fn at(&self, row: usize) -> Option<(usize, Range<usize>)> {
        let behind = self.locations.partition_point(|location| {
            usize::try_from(location.first_row_index).is_ok_and(|first| first <= row)
        });
        let page = behind.checked_sub(1)?;
        (row < self.rows).then(|| (page, self.rows_of(page)))
    }

    /// The rows of a page.
    fn rows_of(&self, page: usize) -> Range<usize> {
        let end = if page + 1 < self.len() { self.first_row(page + 1) } else { self.rows };
        self.first_row(page)..end
    }

    /// The first rows of all pages.
    pub(super) fn first_rows(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|page| self.first_row(page))
    }

    fn first_row(&self, page: usize) -> usize {
        usize::try_from(self.locations[page].first_row_index).unwrap_or(0)
    }

    /// Where the page begins in the file.
    pub(super) fn start(&self, page: usize) -> u64 {
        u64::try_from(self.locations[page].offset).unwrap_or(0)
    }

    /// Where it ends.
    pub(super) fn end(&self, page: usize) -> u64 {
        let bytes = u64::try_from(self.locations[page].compressed_page_size).unwrap_or(0);
        self.start(page).saturating_add(bytes)
    }
}
