//! Where the pages of a column chunk lie, and which rows they hold: the offset index.

use std::ops::Range;

use crate::Result;
use crate::decode::{IndexedPage, Layout, corrupt, place};

/// The data pages of a chunk that has an offset index.
pub(super) struct Pages<'l> {
    /// At least one, in order, without gaps: [`check`] has seen to it.
    places: &'l [IndexedPage],
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
        let places = layout.page_index(group, leaf)?.places.as_slice();
        let rows = layout.group_rows(group).ok()?;
        (!places.is_empty()).then_some(Pages { places, rows })
    }

    fn fill(&self, chunk: Option<Range<u64>>, rows: usize) -> bool {
        let Some(chunk) = chunk else { return false };
        // What is before the first data page is the dictionary.
        let mut at = self.start(0);
        let (mut first, mut begins) = (at >= chunk.start, true);
        for (number, place) in self.places.iter().enumerate() {
            let climbs = number == 0 || place.first_row > self.first_row(number - 1);
            begins &= climbs && place.first_row < rows;
            first &= place.offset == at && place.bytes > 0;
            at = self.end(number);
        }
        first && begins && self.first_row(0) == 0 && at == chunk.end
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The page that holds the row, and its rows.
    pub(super) fn at(&self, row: usize) -> Option<(usize, Range<usize>)> {
        let behind = self.places.partition_point(|place| place.first_row <= row);
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
        self.places.iter().map(|place| place.first_row)
    }

    fn first_row(&self, page: usize) -> usize {
        self.places[page].first_row
    }

    /// Where the page begins in the file.
    pub(super) fn start(&self, page: usize) -> u64 {
        self.places[page].offset
    }

    /// Where it ends.
    pub(super) fn end(&self, page: usize) -> u64 {
        self.start(page).saturating_add(self.places[page].bytes)
    }
}
