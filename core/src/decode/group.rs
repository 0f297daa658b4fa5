//! Goes through the rows of a row group: reads each leaf ahead, and stops at the start of each row.

use super::batch::{LeafBatch, READ_ENTRIES};
use super::column::ColumnReader;
use super::damage::corrupt;
use super::file::ParquetFile;
use super::limits::{Terms, too_much};
use crate::Result;

/// Rows of one leaf to read at once: enough to spread the cost of a call, and few enough to keep
/// memory small.
const READ_ROWS: usize = 1_024;

/// Reads the leaves of one row group. Each leaf is read ahead on its own, so that long lists in one
/// leaf do not make the other leaves take memory.
pub(super) struct GroupReader {
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
}

impl GroupReader {
    /// Opens the leaves at these places.
    pub(super) fn open(file: &ParquetFile, group: usize, leaves: &[usize]) -> Result<Self> {
        let group = file.metadata.row_group(group);
        let column = |leaf: &usize| {
            let chunk = group.columns().get(*leaf);
            let chunk = chunk.ok_or_else(|| corrupt("a row group has too few columns"))?;
            ColumnReader::new(&file.bytes, chunk, &file.terms)
        };
        let columns: Vec<ColumnReader> = leaves.iter().map(column).collect::<Result<_>>()?;
        Ok(GroupReader {
            terms: file.terms.clone(),
            leaves: columns.iter().map(|column| LeafBatch::new(column.no_values())).collect(),
            held: vec![0; columns.len()],
            columns,
            given: 0,
            ready: 0,
            rows_left: usize::try_from(group.num_rows()).map_err(corrupt)?,
        })
    }

    /// The leaves, each at the start of the next row; `None` at the end of the group.
    pub(super) fn next_row(&mut self) -> Result<Option<&mut [LeafBatch]>> {
        if self.rows_left == 0 {
            self.leaves.iter().try_for_each(LeafBatch::end)?;
            self.columns.iter().try_for_each(ColumnReader::end)?;
            return Ok(None);
        }
        if self.ready == 0 {
            self.read_ahead()?;
        }
        self.ready -= 1;
        self.given += 1;
        self.rows_left -= 1;
        Ok(Some(&mut self.leaves))
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
