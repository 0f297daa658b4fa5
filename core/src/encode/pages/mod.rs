//! Writes the pages of a column chunk with our own code. Only the footer is written by parquet.
//!
//! In our columns the values of each kind lie one after the other, so a page is one pass over them.
//! Parquet's writer takes each text as a counted reference and clones it up to three times. It is
//! compiled once for every kind of value. And it has neither checksums nor codecs that give the
//! same bytes on every machine.

mod body;
mod bounds;
mod dictionary;
mod facts;
mod order;
mod page;

use std::ops::Range;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescPtr;

use crate::columns::Values;
use crate::format::bits;
use crate::format::limits::ROW_ENTRIES_MAX;
use crate::format::page_header::{self, PageHeader, PageKind};
use crate::{Error, ErrorKind, Result};
use dictionary::Dictionary;
use facts::{Facts, page_stats};

pub(super) use body::shared_prefix;
pub(super) use page::{Definitions, Page, Scratch};

/// Rows and bytes of values in one page at most, as soon as it has one row.
pub(super) const PAGE_ROWS_MAX: usize = 20_000;
pub(super) const PAGE_BYTES_MAX: usize = 1_024 * 1_024;

/// Bytes of byte strings in one row of a column at most: sizes in a page's header are i32, and
/// lengths and levels need room too.
const ROW_BYTES_MAX: usize = 1 << 30;

/// Writes one column chunk.
pub(super) struct ChunkWriter<'s> {
    scratch: &'s mut Scratch,
    descriptor: ColumnDescPtr,
    compression: Compression,
    encoding: Encoding,
    out: Vec<u8>,
    /// Bytes before the codec, headers among them.
    uncompressed: usize,
    dictionary: Option<Dictionary>,
    /// Bytes of the dictionary page with its header.
    dictionary_bytes: usize,
    facts: Facts,
}

impl<'s> ChunkWriter<'s> {
    /// A chunk whose values have this encoding, if it gets no dictionary.
    pub(super) fn new(
        scratch: &'s mut Scratch,
        descriptor: ColumnDescPtr,
        compression: Compression,
        encoding: Encoding,
    ) -> Self {
        let facts = Facts::new(&descriptor);
        ChunkWriter {
            scratch,
            descriptor,
            compression,
            encoding,
            out: Vec::new(),
            uncompressed: 0,
            dictionary: None,
            dictionary_bytes: 0,
            facts,
        }
    }

    /// Gives the chunk a dictionary of these values of the column, before its first page, unless it
    /// would be no gain.
    pub(super) fn write_dictionary(&mut self, values: &Values, range: Range<usize>) -> Result<()> {
        let Some(mut dictionary) = Dictionary::of(values, range) else { return Ok(()) };
        self.scratch.body = std::mem::take(&mut dictionary.page);
        self.put(PageKind::Dictionary, Encoding::PLAIN, dictionary.entries)?;
        self.dictionary_bytes = self.out.len();
        self.encoding = Encoding::RLE_DICTIONARY;
        self.dictionary = Some(dictionary);
        Ok(())
    }

    /// Writes one page; an error if the page has one row that is too large for any page.
    pub(super) fn write(&mut self, page: &Page<'_>) -> Result<()> {
        if let Some(bytes) = page.blob_bytes().filter(|bytes| *bytes > ROW_BYTES_MAX) {
            return Err(
                self.too_large(format!("{bytes} bytes of text"), format!("{ROW_BYTES_MAX}"))
            );
        }
        if page.entries > ROW_ENTRIES_MAX {
            let elements = format!("{} elements", page.entries);
            return Err(self.too_large(elements, format!("{ROW_ENTRIES_MAX}")));
        }
        let (definition_max, repetition_max) =
            (self.descriptor.max_def_level(), self.descriptor.max_rep_level());
        self.scratch.body.clear();
        // A data page of version 1, which every reader knows: levels and values are compressed
        // together.
        page.write_levels(definition_max, repetition_max, &mut self.scratch.body);
        match &self.dictionary {
            Some(dictionary) => {
                let indexes = dictionary.indexes(&page.range);
                bits::indexes(&mut self.scratch.body, indexes, dictionary.width());
            }
            None => body::write(page.values, page.range.clone(), self.encoding, self.scratch),
        }
        let offset = self.out.len();
        self.put(PageKind::Data, self.encoding, page.entries)?;
        self.facts.note(page, offset, self.out.len() - offset);
        Ok(())
    }

    fn too_large(&self, found: String, most: String) -> Error {
        let column = self.descriptor.path().string();
        Error::new(
            ErrorKind::Limit,
            format!(
                "one row has {found} in column {column}, but a Parquet page can hold {most}; \
                 split the row"
            ),
        )
    }

    /// Compresses the scratch's body and appends it as a page.
    ///
    /// Sizes in a header are i32 (`parquet.thrift`, `PageHeader`). The bounds of one row keep every
    /// page below that.
    fn put(&mut self, kind: PageKind, encoding: Encoding, entries: usize) -> Result<()> {
        let Self { scratch, out, .. } = self;
        let page = scratch.compressor.compress(&scratch.body, &mut scratch.compressed)?;
        let uncompressed = scratch.body.len();
        let header = PageHeader { kind, encoding, entries, uncompressed };
        self.uncompressed += page_header::append(out, &header, page) + uncompressed;
        Ok(())
    }

    /// The chunk's bytes, and what the footer says of them.
    pub(super) fn close(mut self) -> parquet::errors::Result<(Bytes, ColumnCloseResult)> {
        let statistics = self.facts.statistics();
        let column_index = self.facts.column_index()?;
        let facts = self.facts;
        // RLE is that of the levels. The list is there so that a reader can tell whether it can
        // decode all pages (`parquet.thrift`, `ColumnMetaData`).
        let mut encodings = vec![self.encoding, Encoding::RLE];
        let mut pages = vec![page_stats(PageType::DATA_PAGE, self.encoding, facts.pages)];
        if self.dictionary.is_some() {
            encodings.push(Encoding::PLAIN);
            pages.insert(0, page_stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
        }
        let metadata = ColumnChunkMetaData::builder(self.descriptor)
            .set_compression(self.compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(pages)
            // These offsets count from the start of the chunk; parquet's writer adds its place.
            .set_dictionary_page_offset(self.dictionary.as_ref().map(|_| 0))
            .set_total_compressed_size(self.out.len() as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_num_values(facts.entries as i64)
            .set_data_page_offset(self.dictionary_bytes as i64)
            .set_statistics(statistics)
            .set_unencoded_byte_array_data_bytes(facts.blob_bytes.map(|bytes| bytes as i64))
            .set_definition_level_histogram(facts.definitions)
            .set_repetition_level_histogram(facts.repetitions)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: self.out.len() as u64,
            rows_written: facts.rows as u64,
            metadata,
            bloom_filter: None,
            column_index,
            offset_index: Some(facts.offset_index.build()),
        };
        Ok((Bytes::from(self.out), close))
    }
}

#[cfg(test)]
mod tests {
    use parquet::basic::{LogicalType, Repetition, Type};
    use parquet::schema::types::{ColumnDescriptor, ColumnPath, Type as SchemaType};
    use std::sync::Arc;

    use super::*;
    use crate::columns::Blobs;
    use crate::resolve::LevelSlice;

    fn refused(values: &Values, physical: Type, entries: usize, definitions: Definitions<'_>) {
        let logical = (physical == Type::BYTE_ARRAY).then_some(LogicalType::String);
        let leaf = SchemaType::primitive_type_builder("t", physical)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(logical)
            .build()
            .unwrap();
        let path = ColumnPath::from("t");
        let descriptor = Arc::new(ColumnDescriptor::new(Arc::new(leaf), 0, 0, path));
        let mut scratch = Scratch::new(crate::Codec::None).unwrap();
        let codec = Compression::UNCOMPRESSED;
        let encoding = Encoding::PLAIN;
        let mut chunk = ChunkWriter::new(&mut scratch, descriptor, codec, encoding);
        let range = 0..values.len();
        let page = Page {
            values,
            range,
            rows: 1,
            entries,
            definitions,
            repetitions: LevelSlice::Each(&[]),
        };
        let error = chunk.write(&page).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.to_string().contains("column t"), "{error}");
    }

    #[test]
    fn a_row_larger_than_a_page_can_be_is_an_error() {
        // Zeros that nobody touches, so that they cost no memory.
        let bytes = vec![0; ROW_BYTES_MAX + 1];
        let blobs = Blobs { ends: vec![bytes.len()], bytes };
        refused(&Values::Bytes(blobs), Type::BYTE_ARRAY, 1, Definitions::Full);
        let nulls = Definitions::Levels(LevelSlice::Each(&[]));
        refused(&Values::Int64(Vec::new()), Type::INT64, ROW_ENTRIES_MAX + 1, nulls);
    }
}
