//! The indexes and bloom filters of a file.

use std::ops::Range;

use bytes::Bytes;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use super::chunk::{located, place};
use super::damage::corrupt;
use super::file::ParquetFile;
use super::footer;
use super::layout::Layout;
use super::limits::Terms;
use super::page_index::{FileIndexes, IndexedPage, PageFacts, PageIndex};
use super::pages::PagePlace;
use super::thrift::{BLOOM_FILTER_HEADER, Found};
use crate::format::thrift::Reader;
use crate::{Error, Result};

/// Bytes of a block of a bloom filter. A filter has at least one block.
const BLOCK_BYTES: usize = 32;

/// Reads every index of a file. All indexes together must not be longer than what lies between the
/// first of them and the footer: otherwise they overlap, and a small file could make its reader
/// decode the same bytes again and again.
pub(super) fn of_file(file: &ParquetFile) -> Result<FileIndexes> {
    let end = pages_end(file).ok_or_else(|| corrupt("its footer is longer than the file"))?;
    read(&file.layout.metadata, &file.layout.terms, &file.bytes.slice(..end), 0)
}

/// [`of_file`] by the bytes that begin at byte `from` of the file, and hold every index.
pub(super) fn read(
    metadata: &ParquetMetaData,
    terms: &Terms,
    bytes: &Bytes,
    from: u64,
) -> Result<FileIndexes> {
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let offsets =
        chunks.flat_map(|chunk| [chunk.offset_index_offset(), chunk.column_index_offset()]);
    let first = offsets.flatten().min().and_then(|first| u64::try_from(first).ok());
    let before = first.unwrap_or(from).saturating_sub(from);
    let left = bytes.len().saturating_sub(usize::try_from(before).unwrap_or(usize::MAX));
    let mut source = Source { bytes, from, left };
    let groups = metadata.row_groups().iter().enumerate();
    let of_group = |(number, group): (usize, &RowGroupMetaData)| {
        let of_chunk = |chunk| {
            terms.go_on()?;
            source.of_chunk(chunk).map_err(|error| located(&error, number, chunk))
        };
        group.columns().iter().map(of_chunk).collect::<Result<_>>()
    };
    groups.map(of_group).collect()
}

/// The bytes that hold every index.
struct Source<'b> {
    bytes: &'b Bytes,
    /// Where they begin in the file.
    from: u64,
    /// How many bytes the indexes that are not read yet can have together.
    left: usize,
}

impl Source<'_> {
    fn of_chunk(&mut self, chunk: &ColumnChunkMetaData) -> Result<PageIndex> {
        let wrong = |name| move || corrupt(format!("its {name} index cannot be decoded"));
        let mut index = PageIndex::default();
        if let Some(offset) = chunk.offset_index_offset() {
            let bytes = self.part(offset, chunk.offset_index_length());
            let places = bytes.and_then(|bytes| IndexedPage::read_all(&bytes));
            index.places = places.ok_or_else(wrong("offset"))?;
        }
        if let Some(offset) = chunk.column_index_offset() {
            let bytes = self.part(offset, chunk.column_index_length());
            let facts = bytes.and_then(|bytes| PageFacts::read(bytes, chunk.column_type()));
            index.facts = Some(facts.ok_or_else(wrong("column"))?);
        }
        Ok(index)
    }

    /// The bytes of an index; `None` if there are none.
    fn part(&mut self, offset: i64, length: Option<i32>) -> Option<Bytes> {
        let length = usize::try_from(length?).ok().filter(|length| *length > 0)?;
        self.left = self.left.checked_sub(length)?;
        let start = u64::try_from(offset).ok()?.checked_sub(self.from)?;
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        Some(self.bytes.slice(start..end))
    }
}

/// The bloom filter of the chunk, if it has one.
pub(super) fn bloom_filter(
    file: &ParquetFile,
    chunk: &ColumnChunkMetaData,
) -> Result<Option<Sbbf>> {
    Ok(filter_blocks(file, chunk)?.map(Sbbf::new))
}

/// The blocks of the chunk's bloom filter, if it has one.
pub(super) fn filter_blocks<'f>(
    file: &'f ParquetFile,
    chunk: &ColumnChunkMetaData,
) -> Result<Option<&'f [u8]>> {
    let Some(offset) = chunk.bloom_filter_offset() else { return Ok(None) };
    let filter = || {
        let start = usize::try_from(offset).ok()?;
        // The length is optional in `parquet.thrift`, and some writers leave it out.
        let end = match chunk.bloom_filter_length() {
            Some(length) => start.checked_add(usize::try_from(length).ok()?)?,
            None => pages_end(file)?,
        };
        let bytes = part(file, offset, end.checked_sub(start)?)?;
        blocks(&file.bytes[bytes]).ok()
    };
    filter().map(Some).ok_or_else(no_filter)
}

/// The blocks of the bloom filter at the start of `bytes`.
pub(crate) fn blocks(bytes: &[u8]) -> Result<&[u8]> {
    let blocks = || {
        let mut size = None;
        let mut reader = Reader::for_parquet(bytes);
        reader.structure(&BLOOM_FILTER_HEADER, &mut |id, found| {
            if let (1, Found::Int(bytes)) = (id, found) {
                size = Some(bytes);
            }
            Some(())
        })?;
        let size = usize::try_from(size?).ok()?;
        if size < BLOCK_BYTES || !size.is_multiple_of(BLOCK_BYTES) {
            return None;
        }
        bytes.get(reader.at()..reader.at().checked_add(size)?)
    };
    blocks().ok_or_else(no_filter)
}

fn no_filter() -> Error {
    corrupt("its bloom filter cannot be decoded")
}

impl Layout {
    /// Where all column and offset indexes lie together; `None` if there are none. An error if they
    /// do not lie between the pages and the footer, where every writer of such files puts them.
    pub(crate) fn indexes_place(&self, footer_start: u64) -> Result<Option<Range<u64>>> {
        let (mut pages_end, mut found) = (0, None::<Range<u64>>);
        for chunk in self.metadata.row_groups().iter().flat_map(|group| group.columns()) {
            pages_end = place(chunk).map_or(pages_end, |place| place.end.max(pages_end));
            for (offset, length) in [
                (chunk.offset_index_offset(), chunk.offset_index_length()),
                (chunk.column_index_offset(), chunk.column_index_length()),
            ] {
                let Some(offset) = offset else { continue };
                let range = || {
                    let start = u64::try_from(offset).ok()?;
                    Some(start..start.checked_add(u64::try_from(length?).ok()?)?)
                };
                let range = range().ok_or_else(|| corrupt("an index lies nowhere"))?;
                found = Some(match found {
                    Some(all) => all.start.min(range.start)..all.end.max(range.end),
                    None => range,
                });
            }
        }
        match found {
            Some(all) if all.start < pages_end || all.end > footer_start => {
                Err(corrupt("an index does not lie between the pages and the footer"))
            }
            found => Ok(found),
        }
    }

    /// Takes all column and offset indexes. `bytes` begin at byte `from` of the file, and are those
    /// of [`Layout::indexes_place`].
    pub(crate) fn take_indexes(&mut self, bytes: &Bytes, from: u64) -> Result<()> {
        self.indexes = read(&self.metadata, &self.terms, bytes, from)?;
        Ok(())
    }

    /// The indexes of the leaf in the row group; `None` if they have not been taken.
    pub(crate) fn page_index(&self, group: usize, leaf: usize) -> Option<&PageIndex> {
        self.indexes.get(group)?.get(leaf)
    }
}

/// Where the footer begins.
fn pages_end(file: &ParquetFile) -> Option<usize> {
    let footer = usize::try_from(footer::footer_bytes(&file.bytes).ok()?).ok()?;
    file.bytes.len().checked_sub(footer)
}

/// The range of `length` bytes from `offset`; `None` if it is empty or reaches into the footer.
fn part(file: &ParquetFile, offset: i64, length: usize) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(length)?;
    (length > 0 && end <= pages_end(file)?).then_some(start..end)
}

impl PageIndex {
    /// Compares the indexes with the pages of the chunk, which has so many rows.
    pub(super) fn check(
        &self,
        chunk: &ColumnChunkMetaData,
        pages: &[PagePlace],
        rows: usize,
    ) -> Result<()> {
        let data: Vec<_> = pages.iter().filter(|place| !place.dictionary).collect();
        if chunk.offset_index_offset().is_some() && !self.says_where(chunk, &data, rows) {
            return Err(corrupt("its offset index does not agree with its pages"));
        }
        match &self.facts {
            Some(facts) if facts.len() != data.len() => {
                Err(corrupt("its column index does not agree with its pages"))
            }
            _ => Ok(()),
        }
    }

    fn says_where(&self, chunk: &ColumnChunkMetaData, data: &[&PagePlace], rows: usize) -> bool {
        let (chunk_start, _) = chunk.byte_range();
        let flat = chunk.column_descr().max_rep_level() == 0;
        let mut row_least = 0;
        let agree = |(said, place): (&IndexedPage, &&PagePlace)| {
            let row = said.first_row;
            // The first page begins with the first row. Of a list, only the levels would say how
            // many rows a page has: at least one.
            let exact = flat || row_least == 0;
            let row_agrees = if exact { row == row_least } else { row >= row_least };
            row_least = if flat { row.saturating_add(place.entries) } else { row + 1 };
            said.offset == chunk_start + place.start as u64
                && said.bytes == place.length as u64
                && row < rows
                && row_agrees
        };
        self.places.len() == data.len() && self.places.iter().zip(data).all(agree)
    }
}
