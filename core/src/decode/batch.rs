//! A batch of decoded rows of one leaf column. It gives levels and values entry by entry.

use bytes::Bytes;

use super::damage::corrupt;
use super::values::DecodedValues;
use crate::Result;

/// After this many entries, a read ends at the end of the current row, to keep memory small.
pub(super) const READ_ENTRIES: usize = 1 << 16;

/// The levels and values of some rows of one leaf.
pub(crate) struct LeafBatch {
    /// Definition levels; empty if the column has none.
    pub(super) definitions: Vec<i16>,
    /// Repetition levels; empty if the column has none.
    pub(super) repetitions: Vec<i16>,
    pub(super) values: DecodedValues,
    pub(super) entries: usize,
    /// Whether all values come from a dictionary.
    pub(super) looked_up: bool,
    /// The number of the next entry, and of the next value.
    entry: usize,
    value: usize,
}

/// One value as it is stored.
#[derive(Clone, Copy)]
pub(crate) enum StoredValue<'b> {
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Float(f32),
    Double(f64),
    Bytes(&'b Bytes),
}

impl StoredValue<'_> {
    /// Whether it is this text.
    pub(crate) fn is_text(&self, text: &str) -> bool {
        matches!(self, StoredValue::Bytes(bytes) if **bytes == text.as_bytes())
    }
}

impl LeafBatch {
    /// A batch without entries. `values` has the kind of the column, and is empty.
    pub(super) fn new(values: DecodedValues) -> Self {
        let (definitions, repetitions) = (Vec::new(), Vec::new());
        let (entries, looked_up) = (0, true);
        LeafBatch { definitions, repetitions, values, entries, looked_up, entry: 0, value: 0 }
    }

    /// An error if an entry is left that belongs to no row.
    pub(super) fn end(&self) -> Result<()> {
        match self.entry == self.entries {
            true => Ok(()),
            false => Err(corrupt("the columns of a list disagree about its length")),
        }
    }

    /// The definition and repetition level of the next entry, without going past it; `None` at the
    /// end of the batch.
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

    /// Goes past all entries of the next row. A value has this definition level.
    pub(super) fn skip_row(&mut self, definition_max: i16) -> Result<()> {
        self.next(definition_max)?;
        while self.peek().is_some_and(|(_, repetition)| repetition > 0) {
            self.next(definition_max)?;
        }
        Ok(())
    }

    /// The value of the next entry, without going past it; `None` if its definition level is below
    /// `definition_max`.
    pub(crate) fn peek_value(&self, definition_max: i16) -> Result<Option<StoredValue<'_>>> {
        let (definition, _) = self.peek().ok_or_else(|| corrupt("a column ends within a row"))?;
        if definition < definition_max {
            return Ok(None);
        }
        let value = self.values.get(self.value);
        value.map(Some).ok_or_else(|| corrupt("a column has fewer values than its levels say"))
    }

    /// Goes past the next entry and gives its value; `None` if its definition level is below
    /// `definition_max`.
    pub(super) fn next(&mut self, definition_max: i16) -> Result<Option<StoredValue<'_>>> {
        let (definition, _) = self.peek().ok_or_else(|| corrupt("a column ends within a row"))?;
        self.entry += 1;
        if definition < definition_max {
            return Ok(None);
        }
        let at = self.value;
        self.value += 1;
        let value = self.values.get(at);
        value.map(Some).ok_or_else(|| corrupt("a column has fewer values than its levels say"))
    }
}

impl DecodedValues {
    pub(super) fn get(&self, at: usize) -> Option<StoredValue<'_>> {
        match self {
            DecodedValues::Boolean(values) => values.get(at).copied().map(StoredValue::Boolean),
            DecodedValues::Int32(values) => values.get(at).copied().map(StoredValue::Int32),
            DecodedValues::Int64(values) => values.get(at).copied().map(StoredValue::Int64),
            DecodedValues::Float(values) => values.get(at).copied().map(StoredValue::Float),
            DecodedValues::Double(values) => values.get(at).copied().map(StoredValue::Double),
            DecodedValues::Bytes(values) => values.get(at).map(StoredValue::Bytes),
        }
    }
}
