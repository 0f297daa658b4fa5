//! The rows of a row group, one by one, from the levels and values of each leaf.

use bytes::Bytes;

use super::column::{ColumnReader, READ_ENTRIES};
use super::limits::{Terms, too_much};
use super::values::Values;
use super::{ParquetFile, corrupt};
use crate::Result;

/// Rows of one leaf read at once: enough to spread the cost of a call, few enough to keep memory
/// small.
const READ_ROWS: usize = 1_024;

/// Reads the leaves of one row group. Each is read ahead by itself, so that long lists in one of
/// them do not make the others take memory.
pub(super) struct GroupReader {
    terms: Terms,
    columns: Vec<ColumnReader>,
    leaves: Vec<Leaf>,
    /// Rows that each leaf still holds, as of the time when rows were last read.
    held: Vec<usize>,
    /// Rows given since then, and those that every leaf holds.
    given: usize,
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
            leaves: columns.iter().map(|column| Leaf::new(column.no_values())).collect(),
            held: vec![0; columns.len()],
            columns,
            given: 0,
            ready: 0,
            rows_left: usize::try_from(group.num_rows()).map_err(corrupt)?,
        })
    }

    /// The leaves, each at the beginning of the next row; none at the end of the group.
    pub(super) fn next_row(&mut self) -> Result<Option<&mut [Leaf]>> {
        if self.rows_left == 0 {
            self.leaves.iter().try_for_each(Leaf::end)?;
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

    /// Reads on in each leaf whose rows are all given.
    fn read_ahead(&mut self) -> Result<()> {
        self.terms.go_on()?;
        let most = self.terms.limits.row_values_max;
        let mut row_values = 0_usize;
        let columns = self.columns.iter_mut().zip(&mut self.leaves).zip(&mut self.held);
        for ((column, leaf), held) in columns {
            *held -= self.given;
            if *held == 0 {
                leaf.end()?;
                // Its memory is free before the next rows take theirs.
                *leaf = Leaf::new(column.no_values());
                (*leaf, *held) = column.read(self.rows_left.min(READ_ROWS))?;
            }
            // Little is read ahead, so that many values are those of one row.
            row_values = row_values.saturating_add(leaf.entries.saturating_sub(READ_ENTRIES));
            if row_values > most {
                let what = "one row has more values in its columns together";
                return Err(too_much(what, "row_values_max", most));
            }
        }
        self.given = 0;
        self.ready = self.held.iter().copied().min().unwrap_or(self.rows_left);
        Ok(())
    }
}

/// The levels and values of one leaf.
pub(super) struct Leaf {
    /// Empty where the column has no such levels.
    pub(super) definitions: Vec<i16>,
    pub(super) repetitions: Vec<i16>,
    pub(super) values: Values,
    pub(super) entries: usize,
    /// Whether all values are those of a dictionary.
    pub(super) looked_up: bool,
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
    Bytes(&'b Bytes),
}

impl Leaf {
    /// A leaf without entries yet; its values go to `values`.
    pub(super) fn new(values: Values) -> Self {
        let (definitions, repetitions) = (Vec::new(), Vec::new());
        let (entries, looked_up) = (0, true);
        Leaf { definitions, repetitions, values, entries, looked_up, entry: 0, value: 0 }
    }

    /// An error where an entry is left that no row has taken.
    fn end(&self) -> Result<()> {
        match self.entry == self.entries {
            true => Ok(()),
            false => Err(corrupt("the columns of a list do not agree how long it is")),
        }
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
            Values::Bytes(values) => values.get(at).map(Stored::Bytes),
        };
        value.map(Some).ok_or_else(|| corrupt("a column has fewer values than its levels say"))
    }
}
