//! One leaf column on its way into the file, row group by row group.

use bytes::Bytes;
use parquet::basic::{Encoding, LogicalType};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::{ColumnCloseResult, ColumnWriter};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};

use super::choose::Choice;
use super::text::{Definitions, PAGE_BYTES_MAX, PAGE_ROWS_MAX, Scratch, TextChunk, TextPage};
use super::write::{BLOOM_FALSE_POSITIVES, compression, failed};
use crate::resolve::{Blobs, Leaf, Values};
use crate::schema::ID_COLUMN;
use crate::{Result, Settings};

/// Elements of one row in one column at most: sizes in a page's header are i32, and a value has 16 bytes.
const ROW_ENTRIES_MAX: usize = 1 << 26;

/// Entries handed over at once: their values stay in the processor's cache.
const CHUNK_ENTRIES: usize = 4_096;

/// A leaf, and how much of it is written.
pub(super) struct LeafCursor {
    leaf: Leaf,
    choice: Choice,
    /// The leaf's byte strings as the writer wants them: each a part of one buffer.
    shared: Bytes,
    /// Levels of a chunk all of whose entries are values.
    full: Vec<i16>,
    entry: usize,
    value: usize,
}

impl LeafCursor {
    pub(super) fn new(mut leaf: Leaf, choice: Choice) -> Self {
        let shared = match &mut leaf.values {
            Values::Bytes(blobs) => Bytes::from(std::mem::take(&mut blobs.bytes)),
            Values::Fixed(bytes, _) => Bytes::from(std::mem::take(bytes)),
            _ => Bytes::new(),
        };
        let full = if leaf.definition_max > 0 && leaf.definitions.is_empty() {
            vec![leaf.definition_max; CHUNK_ENTRIES]
        } else {
            Vec::new()
        };
        LeafCursor { leaf, choice, shared, full, entry: 0, value: 0 }
    }

    /// Writes the next `rows` rows.
    pub(super) fn write(
        &mut self,
        rows: usize,
        column: &mut ColumnWriter<'_>,
    ) -> parquet::errors::Result<()> {
        let mut rows_left = rows;
        while rows_left > 0 {
            let (entries, rows) = self.chunk(rows_left);
            if entries > ROW_ENTRIES_MAX {
                return Err(ParquetError::General(format!(
                    "one row has {entries} elements in column {}, and a page holds {ROW_ENTRIES_MAX}; split the row",
                    self.leaf.path.join(".")
                )));
            }
            self.write_chunk(entries, column)?;
            rows_left -= rows;
        }
        Ok(())
    }

    /// The encoding of a leaf whose pages we write ourselves; that of texts past a dictionary, where it has
    /// one.
    pub(super) fn text_encoding(&self, descriptor: &ColumnDescriptor) -> Option<Encoding> {
        let logical = descriptor.logical_type_ref();
        let text = matches!(logical, Some(LogicalType::String | LogicalType::Json));
        let encoding = match self.choice.encoding {
            Encoding::DELTA_BYTE_ARRAY => Encoding::DELTA_BYTE_ARRAY,
            _ => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        };
        text.then_some(encoding)
    }

    /// Writes the next `rows` rows of texts as a column chunk.
    pub(super) fn write_texts(
        &mut self,
        rows: usize,
        descriptor: ColumnDescPtr,
        encoding: Encoding,
        settings: &Settings,
        scratch: &mut Scratch,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let is_id = self.leaf.path == [ID_COLUMN];
        let filter = is_id.then(|| Sbbf::new_with_ndv_fpp(rows as u64, BLOOM_FALSE_POSITIVES));
        let codec = compression(settings.codec)?;
        let mut chunk = TextChunk::new(
            scratch,
            descriptor,
            codec,
            encoding,
            filter.transpose().map_err(failed)?,
        );
        if self.choice.dictionary {
            let group = self.text_page(rows, usize::MAX);
            chunk.write_dictionary(group.bytes, group.ends, group.values)?;
        }
        let mut rows_left = rows;
        while rows_left > 0 {
            let page = self.text_page(rows_left.min(PAGE_ROWS_MAX), PAGE_BYTES_MAX);
            chunk.write(&page)?;
            rows_left -= page.rows;
            let (entries, values) = (page.entries, page.values.len());
            self.entry += entries;
            self.value += values;
        }
        chunk.close().map_err(failed)
    }

    /// The next whole rows up to these limits, but one at least, as a page.
    fn text_page(&self, rows_max: usize, bytes_max: usize) -> TextPage<'_> {
        let ends: &[usize] = match &self.leaf.values {
            Values::Bytes(blobs) => &blobs.ends,
            _ => &[],
        };
        let before = if self.value == 0 { 0 } else { ends[self.value - 1] };
        let (definitions, repetitions) = (&self.leaf.definitions, &self.leaf.repetitions);
        let entries_in_all = definitions.len().max(repetitions.len()).max(ends.len());
        let (mut entry, mut value, mut rows) = (self.entry, self.value, 0);
        while entry < entries_in_all {
            if repetitions.get(entry).is_none_or(|level| *level == 0) {
                let bytes = if value == 0 { 0 } else { ends[value - 1] - before };
                let full = rows == rows_max || bytes >= bytes_max;
                if full && rows > 0 {
                    break;
                }
                rows += 1;
            }
            let level = definitions.get(entry).copied();
            value += usize::from(level.is_none_or(|level| level == self.leaf.definition_max));
            entry += 1;
        }
        TextPage {
            bytes: &self.shared,
            ends,
            values: self.value..value,
            rows,
            entries: entry - self.entry,
            definitions: match definitions.get(self.entry..entry) {
                Some(levels) if !definitions.is_empty() => Definitions::Levels(levels),
                _ => Definitions::Full,
            },
            repetitions: repetitions.get(self.entry..entry).unwrap_or_default(),
        }
    }

    /// How many entries come next, and how many whole rows they are.
    fn chunk(&self, rows_max: usize) -> (usize, usize) {
        let repetitions = &self.leaf.repetitions;
        if repetitions.is_empty() {
            let rows = rows_max.min(CHUNK_ENTRIES);
            return (rows, rows);
        }
        let mut rows = 0;
        let mut end = self.entry;
        while end < repetitions.len() {
            if repetitions[end] == 0 {
                if rows == rows_max || end - self.entry >= CHUNK_ENTRIES {
                    break;
                }
                rows += 1;
            }
            end += 1;
        }
        (end - self.entry, rows)
    }

    fn write_chunk(
        &mut self,
        entries: usize,
        column: &mut ColumnWriter<'_>,
    ) -> parquet::errors::Result<()> {
        let leaf = &self.leaf;
        let range = self.entry..self.entry + entries;
        self.entry = range.end;
        let full: Vec<i16>;
        let (definitions, values) = if leaf.definition_max == 0 {
            (None, entries)
        } else if !leaf.definitions.is_empty() {
            let levels = &leaf.definitions[range.clone()];
            let values = levels.iter().filter(|level| **level == leaf.definition_max).count();
            (Some(levels), values)
        } else if entries <= self.full.len() {
            (Some(&self.full[..entries]), entries)
        } else {
            full = vec![leaf.definition_max; entries];
            (Some(full.as_slice()), entries)
        };
        let repetitions =
            if leaf.repetitions.is_empty() { None } else { Some(&leaf.repetitions[range]) };
        let range = self.value..self.value + values;
        self.value = range.end;
        match (column, &leaf.values) {
            (ColumnWriter::BoolColumnWriter(column), Values::Boolean(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::Int32ColumnWriter(column), Values::Int32(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::Int64ColumnWriter(column), Values::Int64(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::FloatColumnWriter(column), Values::Float(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::DoubleColumnWriter(column), Values::Double(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::ByteArrayColumnWriter(column), Values::Bytes(blobs)) => {
                let values = byte_arrays(blobs, &self.shared, range);
                column.write_batch(&values, definitions, repetitions)
            }
            (ColumnWriter::FixedLenByteArrayColumnWriter(column), Values::Fixed(_, width)) => {
                let value = |at: usize| {
                    let bytes = self.shared.slice(at * width..(at + 1) * width);
                    FixedLenByteArray::from(ByteArray::from(bytes))
                };
                let values: Vec<FixedLenByteArray> = range.map(value).collect();
                column.write_batch(&values, definitions, repetitions)
            }
            _ => Err(ParquetError::General("a leaf's values are not of its column's type".into())),
        }?;
        Ok(())
    }
}

fn byte_arrays(blobs: &Blobs, shared: &Bytes, range: std::ops::Range<usize>) -> Vec<ByteArray> {
    range.map(|at| ByteArray::from(shared.slice(blobs.range(at)))).collect()
}
