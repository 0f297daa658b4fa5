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

/// Reads the leaves of some rows of one row group. Each leaf is read ahead on its own, so that long
/// lists in one leaf do not make the other leaves take memory.
pub(crate) struct GroupReader {
    terms: Terms,
    columns: Vec<Ahead>,
    leaves: Vec<LeafBatch>,
    /// The rows to give: runs of them, in order. None is empty.
    wanted: Vec<Range<usize>>,
    /// The rows given since rows were last read ahead.
    given: usize,
    /// The rows that every leaf still holds.
    ready: usize,
    rows_left: usize,
}

/// A leaf that is read ahead.
struct Ahead {
    column: ColumnReader,
    /// The definition level of a value.
    definition: i16,
    /// The rows that the leaf held when rows were last read ahead.
    held: usize,
    /// The run of the next row to read, by its place among those that are wanted.
    run: usize,
    /// The row of the row group at which the column stands, and the end of those that its pages
    /// hold.
    next: usize,
    end: usize,
}

impl GroupReader {
    /// Opens the leaves at these places for these runs of rows of the row group, which are in
    /// order. `pages` gives the pages of a leaf, which must hold all these rows.
    pub(crate) fn open(
        layout: &Layout,
        group: usize,
        leaves: &[usize],
        mut wanted: Vec<Range<usize>>,
        mut pages: impl FnMut(usize) -> Result<ChunkPages>,
    ) -> Result<Self> {
        let mut columns = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let pages = pages(*leaf)?;
            let Range { start: next, end } = pages.rows;
            let chunk = layout.chunk(group, *leaf)?;
            let column = ColumnReader::new(pages, chunk, &layout.terms)?;
            let definition = chunk.column_descr().max_def_level();
            columns.push(Ahead { column, definition, held: 0, run: 0, next, end });
        }
        wanted.retain(|run| !run.is_empty());
        Ok(GroupReader {
            terms: layout.terms.clone(),
            leaves: columns.iter().map(|of| LeafBatch::new(of.column.no_values())).collect(),
            columns,
            rows_left: wanted.iter().map(Range::len).sum(),
            wanted,
            given: 0,
            ready: 0,
        })
    }

    /// The leaves, each at the start of the next row; `None` behind the last row. The caller goes
    /// past the row in each of them.
    pub(crate) fn next_row(&mut self) -> Result<Option<&mut [LeafBatch]>> {
        if self.rows_left == 0 {
            self.leaves.iter().try_for_each(LeafBatch::end)?;
            self.columns.iter_mut().try_for_each(Ahead::finish)?;
            return Ok(None);
        }
        if self.ready == 0 {
            self.read_ahead()?;
        }
        let left = self.ready.checked_sub(1);
        self.ready = left.ok_or_else(|| corrupt("a row group has fewer rows than it says"))?;
        self.given += 1;
        self.rows_left -= 1;
        Ok(Some(&mut self.leaves))
    }

    /// Goes past the row that [`GroupReader::next_row`] gave, in all leaves.
    pub(crate) fn skip_given(&mut self) -> Result<()> {
        let mut leaves = self.leaves.iter_mut().zip(&self.columns);
        leaves.try_for_each(|(leaf, column)| leaf.skip_row(column.definition))
    }

    /// Reads more rows of each leaf that holds no rows any more.
    fn read_ahead(&mut self) -> Result<()> {
        self.terms.go_on()?;
        let most = self.terms.limits.row_values_max;
        let mut row_values = 0_usize;
        for (column, leaf) in self.columns.iter_mut().zip(&mut self.leaves) {
            column.held -= self.given;
            if column.held == 0 {
                leaf.end()?;
                // Frees the memory of the old batch before the new one takes memory.
                *leaf = LeafBatch::new(column.column.no_values());
                column.read(&self.wanted, leaf)?;
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
        self.ready = self.columns.iter().map(|of| of.held).min().unwrap_or(self.rows_left);
        Ok(())
    }
}

impl Ahead {
    /// Reads the next wanted rows, some at once.
    fn read(&mut self, wanted: &[Range<usize>], leaf: &mut LeafBatch) -> Result<()> {
        while self.held < READ_ROWS
            && leaf.entries < READ_ENTRIES
            && let Some(run) = wanted.get(self.run)
        {
            self.pass_to(run.start)?;
            let rows = (run.end - self.next).min(READ_ROWS - self.held);
            let rows = self.column.read(rows, leaf)?;
            self.held += rows;
            self.next += rows;
            self.run += usize::from(self.next == run.end);
        }
        Ok(())
    }

    /// Goes to the end of the pages. So it shows if they hold other rows than the offset index
    /// says.
    fn finish(&mut self) -> Result<()> {
        self.pass_to(self.end)?;
        self.column.end()
    }

    fn pass_to(&mut self, row: usize) -> Result<()> {
        self.column.skip(row.saturating_sub(self.next))?;
        self.next = self.next.max(row);
        Ok(())
    }
}
