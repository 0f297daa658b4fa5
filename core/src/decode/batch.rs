//! Some rows of a row group, as the levels and values of each leaf.

use super::column::ColumnReader;
use super::values::Values;
use super::{ParquetFile, corrupt};
use crate::Result;

/// Rows read at once: enough to spread the cost of a call, few enough to keep memory small.
const BATCH_ROWS: usize = 1_024;

/// Reads the leaves of one row group, some rows at a time.
pub(super) struct GroupReader {
    columns: Vec<ColumnReader>,
    rows_left: usize,
}

impl GroupReader {
    /// Opens the leaves at these places.
    pub(super) fn open(file: &ParquetFile, group: usize, leaves: &[usize]) -> Result<Self> {
        let group = file.metadata.row_group(group);
        let column = |leaf: &usize| {
            let chunk = group.columns().get(*leaf);
            let chunk = chunk.ok_or_else(|| corrupt("a row group has too few columns"))?;
            ColumnReader::new(&file.bytes, chunk)
        };
        Ok(GroupReader {
            columns: leaves.iter().map(column).collect::<Result<_>>()?,
            rows_left: usize::try_from(group.num_rows()).map_err(corrupt)?,
        })
    }

    /// The next rows; none at the end of the group.
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>> {
        let rows = self.rows_left.min(BATCH_ROWS);
        if rows == 0 {
            self.columns.iter().try_for_each(ColumnReader::end)?;
            return Ok(None);
        }
        self.rows_left -= rows;
        let leaves = self.columns.iter_mut().map(|column| column.read(rows));
        Ok(Some(Batch { rows, leaves: leaves.collect::<Result<_>>()? }))
    }
}

/// Rows of every leaf, each read from its own cursor.
pub(super) struct Batch {
    pub(super) rows: usize,
    pub(super) leaves: Vec<Leaf>,
}

/// The levels and values of one leaf.
pub(super) struct Leaf {
    /// Empty where the column has no such levels.
    pub(super) definitions: Vec<i16>,
    pub(super) repetitions: Vec<i16>,
    pub(super) values: Values,
    pub(super) entries: usize,
    /// The next entry, and its value where it has one.
    entry: usize,
    value: usize,
}

/// One value as it is stored.
pub(super) enum Stored<'b> {
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Float(f32),
    Double(f64),
    Bytes(&'b [u8]),
}

impl Leaf {
    /// A leaf without entries yet; its values go to `values`.
    pub(super) fn new(values: Values) -> Self {
        let (definitions, repetitions) = (Vec::new(), Vec::new());
        Leaf { definitions, repetitions, values, entries: 0, entry: 0, value: 0 }
    }

    /// The levels of the next entry, which stays; none at the end of the batch.
    pub(super) fn peek(&self) -> Option<(i16, i16)> {
        let level = |levels: &[i16]| levels.get(self.entry).copied().unwrap_or(0);
        (self.entry < self.entries).then(|| (level(&self.definitions), level(&self.repetitions)))
    }

    /// Goes past the next entry, which has no value.
    pub(super) fn skip(&mut self) -> Result<()> {
        self.peek().ok_or_else(|| corrupt("a column ends within a row"))?;
        self.entry += 1;
        Ok(())
    }

    /// The next entry's value; none where its definition is below `definition_max`.
    pub(super) fn next(&mut self, definition_max: i16) -> Result<Option<Stored<'_>>> {
        let (definition, _) = self.peek().ok_or_else(|| corrupt("a column ends within a row"))?;
        self.entry += 1;
        if definition < definition_max {
            return Ok(None);
        }
        let at = self.value;
        self.value += 1;
        let value = match &self.values {
            Values::Boolean(values) => values.get(at).map(|value| Stored::Boolean(*value)),
            Values::Int32(values) => values.get(at).map(|value| Stored::Int32(*value)),
            Values::Int64(values) => values.get(at).map(|value| Stored::Int64(*value)),
            Values::Float(values) => values.get(at).map(|value| Stored::Float(*value)),
            Values::Double(values) => values.get(at).map(|value| Stored::Double(*value)),
            Values::Bytes(values) => values.get(at).map(|value| Stored::Bytes(value)),
        };
        value.map(Some).ok_or_else(|| corrupt("a column has fewer values than its levels say"))
    }
}
