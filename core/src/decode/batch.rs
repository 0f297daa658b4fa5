//! Some rows of a row group, as the levels and values of each leaf.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};

use super::{ParquetFile, corrupt, damaged, footer};
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
        let reader = footer::group_reader(file, group)?;
        let rows = reader.metadata().num_rows();
        let columns = leaves.iter().map(|leaf| reader.get_column_reader(*leaf).map_err(damaged));
        Ok(GroupReader {
            columns: columns.collect::<Result<_>>()?,
            rows_left: usize::try_from(rows).map_err(corrupt)?,
        })
    }

    /// The next rows; none at the end of the group.
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>> {
        let rows = self.rows_left.min(BATCH_ROWS);
        if rows == 0 {
            return Ok(None);
        }
        self.rows_left -= rows;
        let leaves = self.columns.iter_mut().map(|column| Leaf::read(column, rows));
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
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Values,
    entries: usize,
    entry: usize,
    value: usize,
}

enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
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
    fn read(column: &mut ColumnReader, rows: usize) -> Result<Self> {
        match column {
            ColumnReader::BoolColumnReader(column) => {
                Self::read_typed(column, rows, Values::Boolean)
            }
            ColumnReader::Int32ColumnReader(column) => {
                Self::read_typed(column, rows, Values::Int32)
            }
            ColumnReader::Int64ColumnReader(column) => {
                Self::read_typed(column, rows, Values::Int64)
            }
            ColumnReader::FloatColumnReader(column) => {
                Self::read_typed(column, rows, Values::Float)
            }
            ColumnReader::DoubleColumnReader(column) => {
                Self::read_typed(column, rows, Values::Double)
            }
            ColumnReader::ByteArrayColumnReader(column) => {
                Self::read_typed(column, rows, Values::Bytes)
            }
            ColumnReader::FixedLenByteArrayColumnReader(column) => {
                Self::read_typed(column, rows, Values::Fixed)
            }
            ColumnReader::Int96ColumnReader(_) => Err(corrupt("it has an INT96 column")),
        }
    }

    fn read_typed<T: DataType>(
        column: &mut ColumnReaderImpl<T>,
        rows: usize,
        of: impl Fn(Vec<T::T>) -> Values,
    ) -> Result<Self> {
        let (mut definitions, mut repetitions, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (mut read, mut entries) = (0, 0);
        while read < rows {
            let (records, _, levels) = column
                .read_records(
                    rows - read,
                    Some(&mut definitions),
                    Some(&mut repetitions),
                    &mut values,
                )
                .map_err(damaged)?;
            if records == 0 {
                return Err(corrupt("a column ends before its row group"));
            }
            read += records;
            entries += levels;
        }
        Ok(Leaf { definitions, repetitions, values: of(values), entries, entry: 0, value: 0 })
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
            Values::Bytes(values) => values.get(at).map(|value| Stored::Bytes(value.data())),
            Values::Fixed(values) => values.get(at).map(|value| Stored::Bytes(value.data())),
        };
        value.map(Some).ok_or_else(|| corrupt("a column has fewer values than its levels say"))
    }
}
