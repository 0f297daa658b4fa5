//! Goes through the rows of a row group: reads each leaf ahead, and stops at the start of each row.

use std::ops::Range;

use super::batch::{LeafBatch, READ_ENTRIES};
use super::chunk::ChunkPages;
use super::column::ColumnReader;
use super::damage::corrupt;
use super::layout::Layout;
use super::limits::{Terms, too_much};
use crate::Result;

/// Rows of one leaf to read at once: enough to spread the cost of a call, and few enough to keep
/// memory small.
const READ_ROWS: usize = 1_024;

/// Reads the leaves of consecutive rows of one row group. Each leaf is read ahead on its own, so
/// that long lists in one leaf do not make the other leaves take memory.
pub(crate) struct GroupReader {
    terms: Terms,
    columns: Vec<ColumnReader>,
    leaves: Vec<LeafBatch>,
    /// The rows that each leaf held when rows were last read ahead.
    held: Vec<usize>,
    /// The rows given since then.
    given: usize,
    /// The rows that every leaf still holds.
    ready: usize,
    rows_left: usize,
    /// The definition level of a value of each leaf.
    definitions: Vec<i16>,
    /// Of each column, the rows that its pages hold behind the last row to read.
    behind: Vec<usize>,
}

impl GroupReader {
    /// Opens the leaves at these places for these rows of the row group. `pages` gives the pages of
    /// a leaf, which must hold all these rows.
    pub(crate) fn open(
        layout: &Layout,
        group: usize,
        leaves: &[usize],
        rows: Range<usize>,
        mut pages: impl FnMut(usize) -> Result<ChunkPages>,
    ) -> Result<Self> {
        let mut columns = Vec::with_capacity(leaves.len());
        let mut behind = Vec::with_capacity(leaves.len());
        let mut definitions = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let pages = pages(*leaf)?;
            let (held, chunk) = (pages.rows.clone(), layout.chunk(group, *leaf)?);
            let mut column = ColumnReader::new(pages, chunk, &layout.terms)?;
            column.skip(rows.start.saturating_sub(held.start))?;
            columns.push(column);
            definitions.push(chunk.column_descr().max_def_level());
            behind.push(held.end.saturating_sub(rows.end));
        }
        Ok(GroupReader {
            terms: layout.terms.clone(),
            leaves: columns.iter().map(|column| LeafBatch::new(column.no_values())).collect(),
            held: vec![0; columns.len()],
            columns,
            given: 0,
            ready: 0,
            rows_left: rows.len(),
            definitions,
            behind,
        })
    }

    /// The leaves, each at the start of the next row; `None` behind the last row. The caller goes
    /// past the row in each of them.
    pub(crate) fn next_row(&mut self) -> Result<Option<&mut [LeafBatch]>> {
        if self.rows_left == 0 {
            self.leaves.iter().try_for_each(LeafBatch::end)?;
            // The rest of the pages is read too. So it shows if pages hold other rows than the
            // offset index says.
            for (column, behind) in self.columns.iter_mut().zip(&mut self.behind) {
                column.skip(std::mem::take(behind))?;
                column.end()?;
            }
            return Ok(None);
        }
        if self.ready == 0 {
            self.read_ahead()?;
        }
        self.pass(1);
        Ok(Some(&mut self.leaves))
    }

    /// Goes past the row that [`GroupReader::next_row`] gave, in all leaves.
    pub(crate) fn skip_given(&mut self) -> Result<()> {
        self.skip_in_leaves(1)
    }

    /// Goes past the next rows, so many; they must be there.
    pub(crate) fn skip_rows(&mut self, mut rows: usize) -> Result<()> {
        while rows > 0 {
            if self.ready == 0 {
                self.read_ahead()?;
            }
            let now = rows.min(self.ready);
            if now == 0 {
                return Err(corrupt("a row group has fewer rows than it says"));
            }
            self.pass(now);
            self.skip_in_leaves(now)?;
            rows -= now;
        }
        Ok(())
    }

    fn pass(&mut self, rows: usize) {
        self.ready -= rows;
        self.given += rows;
        self.rows_left -= rows;
    }

    fn skip_in_leaves(&mut self, rows: usize) -> Result<()> {
        let mut leaves = self.leaves.iter_mut().zip(&self.definitions);
        leaves.try_for_each(|(leaf, definition)| leaf.skip_rows(rows, *definition))
    }

    /// Reads more rows of each leaf that holds no rows any more.
    fn read_ahead(&mut self) -> Result<()> {
        self.terms.go_on()?;
        let most = self.terms.limits.row_values_max;
        let mut row_values = 0_usize;
        let columns = self.columns.iter_mut().zip(&mut self.leaves).zip(&mut self.held);
        for ((column, leaf), held) in columns {
            *held -= self.given;
            if *held == 0 {
                leaf.end()?;
                // Frees the memory of the old batch before the new one takes memory.
                *leaf = LeafBatch::new(column.no_values());
                (*leaf, *held) = column.read(self.rows_left.min(READ_ROWS))?;
            }
            // A read ends after `READ_ENTRIES` entries unless a row has more. So all entries above
            // that number belong to one row.
            row_values = row_values.saturating_add(leaf.entries.saturating_sub(READ_ENTRIES));
            if row_values > most {
                let what = "one row has too many values in all its columns together";
                return Err(too_much(what, "row_values_max", most));
            }
        }
        self.given = 0;
        self.ready = self.held.iter().copied().min().unwrap_or(self.rows_left);
        Ok(())
    }
}
