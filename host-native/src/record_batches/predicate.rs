//! Asks a filter about each row of a batch.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use coldpress_core::RESCUED_COLUMN;
use coldpress_core::filter::{ColumnPath, Filter, FilterRow, Seen};

use crate::error::{Error, ErrorKind, Result};
use crate::record_batches::cell::{Cell, cell, text};
use crate::record_batches::file::File;
use crate::record_batches::place::{find, missing};
use crate::record_batches::rescued::{Rescued, parts};
use crate::record_batches::shape::{self, Shape};

/// A filter over the columns of one file.
pub(super) struct Predicate<'f> {
    filter: &'f Filter,
    columns: Vec<Column>,
    rescued: Option<Rescued>,
    /// The leaves that it reads.
    pub(super) leaves: Vec<usize>,
}

/// A column of the filter.
struct Column {
    path: ColumnPath,
    /// The paths from the first name down to the whole path, and the shape of each column.
    parts: Vec<(ColumnPath, Shape)>,
}

/// A row: a cell for each column of the filter.
struct Row<'r, 'b> {
    columns: &'r [Column],
    cells: Vec<Cell<'b>>,
}

impl FilterRow for Row<'_, '_> {
    fn seen(&self, path: &ColumnPath) -> Seen<'_> {
        // The columns of a filter are sorted.
        let at = self.columns.binary_search_by(|column| column.path.cmp(path));
        at.ok().and_then(|at| self.cells.get(at)).map_or(Seen::Nothing, Cell::seen)
    }
}

impl<'f> Predicate<'f> {
    /// An error of kind `Settings` if a file of another writer does not have a column of the
    /// filter. In a file of ours the rows then have nothing there, as in all files of a collection.
    pub(super) fn new(file: &File, filter: &'f Filter) -> Result<Self> {
        let root = file.metadata.file_metadata().schema_descr().root_schema();
        let mut leaves = std::collections::BTreeSet::new();
        let mut columns = Vec::new();
        for path in filter.columns() {
            let parts = parts(path);
            match (find(root, path), &file.own) {
                (Some(found), _) => leaves.extend(found),
                (None, None) => return Err(missing(file, path)),
                // It may lie behind a JSON column, or a scalar one that is replaced.
                (None, Some(_)) => {
                    let above = parts.iter().rev().find_map(|part| find(root, part));
                    leaves.extend(above.into_iter().flatten());
                }
            }
            let parts = parts.into_iter().map(|part| {
                let shape = shape::of(file, &part);
                (part, shape)
            });
            columns.push(Column { path: path.clone(), parts: parts.collect() });
        }
        let own_leaf = file.own.as_ref().and_then(|own| own.rescued);
        leaves.extend(own_leaf);
        let rescued = own_leaf.map(|_| Rescued::new(filter.columns()));
        Ok(Predicate { filter, columns, rescued, leaves: leaves.into_iter().collect() })
    }

    /// Whether the filter takes each row of the batch, which has the leaves of the predicate.
    pub(super) fn matches(&mut self, batch: &RecordBatch) -> Result<Vec<bool>> {
        let chains: Vec<Vec<&ArrayRef>> =
            self.columns.iter().map(|column| chain(batch, &column.path)).collect();
        let rescued_texts =
            self.rescued.as_ref().and_then(|_| batch.column_by_name(RESCUED_COLUMN));
        let mut taken = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let mut aside = None;
            if let (Some(texts), Some(rescued)) = (rescued_texts, &mut self.rescued)
                && !texts.is_null(row)
            {
                rescued.take(text(texts, row).ok_or_else(no_text)?)?;
                aside = Some(&*rescued);
            }
            let cells = self.columns.iter().zip(&chains);
            let cells = cells.map(|(column, chain)| value(column, chain, row, aside));
            let row = Row { columns: &self.columns, cells: cells.collect::<Result<_>>()? };
            taken.push(self.filter.matches(&row));
        }
        Ok(taken)
    }

    /// Whether the filter takes a row that has nothing in any column.
    pub(super) fn matches_nothing(&self) -> bool {
        let cells = vec![Cell::Nothing; self.columns.len()];
        self.filter.matches(&Row { columns: &self.columns, cells })
    }
}

/// The arrays along a path, as far as it leads through structs.
fn chain<'b>(batch: &'b RecordBatch, path: &ColumnPath) -> Vec<&'b ArrayRef> {
    let mut arrays: Vec<&ArrayRef> = Vec::new();
    for name in path.names() {
        let next = match arrays.last() {
            None => batch.column_by_name(name),
            Some(above) => match above.data_type() {
                DataType::Struct(_) => above.as_struct().column_by_name(name),
                _ => None,
            },
        };
        match next {
            Some(next) => arrays.push(next),
            None => break,
        }
    }
    arrays
}

/// What the row has in the column, with its rescued value in its place (docs/format.md,
/// `_rescued_data`).
fn value<'b>(
    column: &Column,
    chain: &[&'b ArrayRef],
    row: usize,
    rescued: Option<&Rescued>,
) -> Result<Cell<'b>> {
    let instead = || rescued.map_or(Cell::Nothing, |rescued| rescued.cell(&column.path));
    let names = column.path.names();
    for ((depth, array), (part, shape)) in chain.iter().enumerate().zip(&column.parts) {
        let is_last = depth + 1 == names.len();
        // Where the column is null, the rescued value is the whole value.
        if array.is_null(row) {
            return Ok(instead());
        }
        match array.data_type() {
            DataType::Struct(_) if is_last => return Ok(Cell::Nested),
            DataType::Struct(_) => {}
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::Map(..) => {
                return Ok(if is_last { Cell::Nested } else { Cell::Nothing });
            }
            // It replaces any other value.
            _ if rescued.is_some_and(|rescued| rescued.has(part)) => return Ok(instead()),
            _ => return cell(array, row, *shape, &names[depth + 1..]),
        }
    }
    Ok(instead())
}

fn no_text() -> Error {
    let message = "the file is damaged: its _rescued_data holds no texts; fetch it again";
    Error::new(ErrorKind::Corrupt, message)
}
