//! One leaf column of a checkpoint, row by row.

use bytes::Bytes;
use parquet::basic::{Repetition, Type as Physical};
use parquet::column::page::PageReader;
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::schema::types::Type;
use std::sync::Arc;

use super::budget::Budget;
use crate::decode::foreign::{CheckedPages, PageTerms, chunk_range};
use crate::{Error, Result};

/// What an entry of a map or list, or a text, takes in memory besides its bytes.
const TEXT_BYTES: usize = 64;

/// What a column must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Boolean,
}

/// One leaf of one row group: some rows at a time are decoded, and taken one after the other.
pub(super) struct Leaf {
    name: String,
    terms: Arc<PageTerms>,
    depths: Depths,
    decoder: Decoder,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    /// The next level, and the next value.
    entry: usize,
    value: usize,
    /// The levels of the decoded rows.
    entries: usize,
}

/// From which definition levels on things exist (Parquet, "Nested Encoding").
#[derive(Debug, Clone, Copy)]
struct Depths {
    /// The action of the row.
    action: i16,
    /// An entry of the list or map; `None` if the column has one value a row.
    entry: Option<i16>,
    /// A value.
    value: i16,
}

/// Parquet's decoder, and what it decoded last.
enum Decoder {
    Text(ColumnReaderImpl<ByteArrayType>, Vec<ByteArray>),
    Int32(ColumnReaderImpl<Int32Type>, Vec<i32>),
    Int64(ColumnReaderImpl<Int64Type>, Vec<i64>),
    Boolean(ColumnReaderImpl<BoolType>, Vec<bool>),
}

/// A value of a leaf.
enum Value<'l> {
    Text(&'l [u8]),
    Number(i64),
    Boolean(bool),
}

impl Leaf {
    /// The leaf of this number in a row group of the file.
    pub(super) fn open(
        file: &Bytes,
        metadata: &ParquetMetaData,
        group: usize,
        leaf: usize,
        kind: Kind,
        terms: &Arc<PageTerms>,
    ) -> Result<Self> {
        let chunk = metadata.row_groups().get(group).and_then(|group| group.columns().get(leaf));
        let chunk = chunk.ok_or_else(|| damaged("a row group has fewer columns than the file"))?;
        let name = chunk.column_path().parts().join(".");
        let root = metadata.file_metadata().schema_descr().get_column_root(leaf);
        let depths = Depths::of(root, chunk)
            .ok_or_else(|| damaged(format!("column {name} has another form than Delta's")))?;
        let range = chunk_range(chunk, file.len() as u64)?;
        let place = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        let (start, end) = place
            .filter(|(start, end)| start <= end && *end <= file.len())
            .ok_or_else(|| damaged(format!("the pages of column {name} lie outside the file")))?;
        let pages = CheckedPages::new(file.slice(start..end), chunk, terms)?;
        let decoder = Decoder::new(kind, chunk, Box::new(pages)).ok_or_else(|| {
            let found = chunk.column_descr().physical_type();
            damaged(format!("column {name} has values of type {found}, which Delta's has not"))
        })?;
        Ok(Leaf {
            name,
            terms: Arc::clone(terms),
            depths,
            decoder,
            definitions: Vec::new(),
            repetitions: Vec::new(),
            entry: 0,
            value: 0,
            entries: 0,
        })
    }

    /// Decodes the next rows, which must all be there.
    pub(super) fn decode(&mut self, rows: usize) -> Result<()> {
        let levels = (&mut self.definitions, &mut self.repetitions);
        let decoded = match &mut self.decoder {
            Decoder::Text(reader, values) => next(reader, rows, levels, values),
            Decoder::Int32(reader, values) => next(reader, rows, levels, values),
            Decoder::Int64(reader, values) => next(reader, rows, levels, values),
            Decoder::Boolean(reader, values) => next(reader, rows, levels, values),
        };
        let (found, entries) = decoded.map_err(|error| {
            let fault = self.terms.take_fault();
            fault.unwrap_or_else(|| damaged(format!("column {}: {error}", self.name)))
        })?;
        (self.entry, self.value, self.entries) = (0, 0, entries);
        match found == rows {
            true => Ok(()),
            false => Err(damaged(format!("column {} has fewer rows than the file", self.name))),
        }
    }

    /// Whether the row that comes next has the action of this column.
    pub(super) fn is_in_action(&self) -> bool {
        self.definition(self.entry) >= self.depths.action
    }

    /// The text of the next row.
    pub(super) fn text(&mut self, budget: &mut Budget) -> Result<Option<String>> {
        match self.one() {
            Some(at) => self.text_at(at, budget).map(Some),
            None => Ok(None),
        }
    }

    /// The number of the next row.
    pub(super) fn number(&mut self) -> Result<Option<i64>> {
        match self.one().map(|at| self.decoder.value(at)) {
            Some(Some(Value::Number(number))) => Ok(Some(number)),
            Some(_) => Err(self.too_few()),
            None => Ok(None),
        }
    }

    /// The boolean of the next row.
    pub(super) fn boolean(&mut self) -> Result<Option<bool>> {
        match self.one().map(|at| self.decoder.value(at)) {
            Some(Some(Value::Boolean(value))) => Ok(Some(value)),
            Some(_) => Err(self.too_few()),
            None => Ok(None),
        }
    }

    /// The texts and nulls of the list in the next row; none if the list is null.
    pub(super) fn texts(&mut self, budget: &mut Budget) -> Result<Vec<Option<String>>> {
        let mut texts = Vec::new();
        let first = self.entry;
        while self.entry < self.entries && (self.entry == first || self.continues()) {
            let level = self.definition(self.entry);
            self.entry += 1;
            if self.depths.entry.is_none_or(|depth| level < depth) {
                continue;
            }
            budget.spend(TEXT_BYTES)?;
            if level < self.depths.value {
                texts.push(None);
                continue;
            }
            let at = self.value;
            self.value += 1;
            texts.push(Some(self.text_at(at, budget)?));
        }
        Ok(texts)
    }

    /// Whether the column has several values a row.
    pub(super) fn is_repeated(&self) -> bool {
        self.depths.entry.is_some()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where the value of the next row is, if the row has one, in a column of one value a row.
    fn one(&mut self) -> Option<usize> {
        let has_value = self.definition(self.entry) >= self.depths.value;
        let at = self.value;
        self.entry += 1;
        self.value += usize::from(has_value);
        has_value.then_some(at)
    }

    /// Whether the next entry belongs to the row of the entry before it.
    fn continues(&self) -> bool {
        self.repetitions.get(self.entry).is_some_and(|level| *level > 0)
    }

    /// A column without definition levels has values only.
    fn definition(&self, entry: usize) -> i16 {
        self.definitions.get(entry).copied().unwrap_or(self.depths.value)
    }

    fn text_at(&self, at: usize, budget: &mut Budget) -> Result<String> {
        let Some(Value::Text(bytes)) = self.decoder.value(at) else { return Err(self.too_few()) };
        budget.spend(bytes.len())?;
        let text = std::str::from_utf8(bytes)
            .map_err(|_| damaged(format!("column {} has a text that is not UTF-8", self.name)))?;
        Ok(text.to_owned())
    }

    fn too_few(&self) -> Error {
        damaged(format!("column {} has fewer values than its levels say", self.name))
    }
}

impl Depths {
    /// `None` if the column has lists within lists, or an action that is a list.
    fn of(root: &Type, chunk: &ColumnChunkMetaData) -> Option<Self> {
        let (mut level, mut entry) = (0_i16, None);
        let mut field = root;
        let mut names = chunk.column_path().parts().iter().skip(1);
        let action = i16::from(is(root, Repetition::OPTIONAL));
        loop {
            if !is(field, Repetition::REQUIRED) {
                level = level.checked_add(1)?;
            }
            if is(field, Repetition::REPEATED) && entry.replace(level).is_some() {
                return None;
            }
            let Some(name) = names.next() else { break };
            field = fields(field)?.iter().find(|below| below.name() == name)?;
        }
        let descriptor = chunk.column_descr();
        let fits = level == descriptor.max_def_level()
            && i16::from(entry.is_some()) == descriptor.max_rep_level()
            && !is(root, Repetition::REPEATED);
        fits.then_some(Depths { action, entry, value: level })
    }
}

impl Decoder {
    /// `None` if the column does not hold what it must.
    fn new(kind: Kind, chunk: &ColumnChunkMetaData, pages: Box<dyn PageReader>) -> Option<Self> {
        let column = chunk.column_descr_ptr();
        let physical = column.physical_type();
        let reader = get_column_reader(column, pages);
        Some(match (kind, physical) {
            (Kind::Text, Physical::BYTE_ARRAY) => {
                Decoder::Text(get_typed_column_reader(reader), Vec::new())
            }
            (Kind::Number, Physical::INT32) => {
                Decoder::Int32(get_typed_column_reader(reader), Vec::new())
            }
            (Kind::Number, Physical::INT64) => {
                Decoder::Int64(get_typed_column_reader(reader), Vec::new())
            }
            (Kind::Boolean, Physical::BOOLEAN) => {
                Decoder::Boolean(get_typed_column_reader(reader), Vec::new())
            }
            _ => return None,
        })
    }

    fn value(&self, at: usize) -> Option<Value<'_>> {
        Some(match self {
            Decoder::Text(_, values) => Value::Text(values.get(at)?.data()),
            Decoder::Int32(_, values) => Value::Number(i64::from(*values.get(at)?)),
            Decoder::Int64(_, values) => Value::Number(*values.get(at)?),
            Decoder::Boolean(_, values) => Value::Boolean(*values.get(at)?),
        })
    }
}

/// An error of kind `Corrupt`. `what` is a sentence about the checkpoint.
pub(super) fn damaged(what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!(
        "the checkpoint is damaged: {what}; fetch it again, or delete it if the log still has all \
         entries before it"
    ))
}

/// Decodes the next rows: how many there are, and how many levels they have.
fn next<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    (definitions, repetitions): (&mut Vec<i16>, &mut Vec<i16>),
    values: &mut Vec<T::T>,
) -> parquet::errors::Result<(usize, usize)> {
    definitions.clear();
    repetitions.clear();
    values.clear();
    let (rows, _, entries) =
        reader.read_records(rows, Some(definitions), Some(repetitions), values)?;
    Ok((rows, entries))
}

fn is(field: &Type, repetition: Repetition) -> bool {
    let info = field.get_basic_info();
    info.has_repetition() && info.repetition() == repetition
}

fn fields(field: &Type) -> Option<&[Arc<Type>]> {
    match field {
        Type::GroupType { fields, .. } => Some(fields),
        Type::PrimitiveType { .. } => None,
    }
}
