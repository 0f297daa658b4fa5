//! The indexes and bloom filters of a file. Our own walk checks their bytes first; then parquet
//! decodes them, to verify the file.

use std::ops::Range;

use bytes::Bytes;
use parquet::DecodeResult;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder,
    ParquetMetaDataReader,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use super::chunk;
use super::damage::{corrupt, guarded};
use super::file::ParquetFile;
use super::footer;
use super::layout::Layout;
use super::limits::Terms;
use super::pages::PagePlace;
use super::thrift::{BLOOM_FILTER_HEADER, COLUMN_INDEX, Found, OFFSET_INDEX};
use crate::format::thrift::Reader;
use crate::{Error, Result};

/// Bytes of a block of a bloom filter. A filter has at least one block.
const BLOCK_BYTES: usize = 32;

/// The metadata of the footer, together with the column and offset indexes.
pub(super) fn read(file: &ParquetFile) -> Result<ParquetMetaData> {
    check(file)?;
    let unreadable = |error| corrupt(format!("its indexes cannot be decoded: {error}"));
    let mut reader = ParquetMetaDataReader::new_with_metadata(file.layout.metadata.clone())
        .with_offset_index_policy(PageIndexPolicy::Required)
        .with_column_index_policy(PageIndexPolicy::Optional);
    reader.read_page_indexes(&file.bytes).map_err(unreadable)?;
    reader.finish().map_err(unreadable)
}

/// Walks every index before parquet decodes it. All indexes together must not be longer than what
/// lies between the first of them and the footer: otherwise they overlap, and a small file could
/// make its reader decode the same bytes again and again.
pub(super) fn check(file: &ParquetFile) -> Result<()> {
    let end = pages_end(file).ok_or_else(|| corrupt("its footer is longer than the file"))?;
    walk(&file.layout.metadata, &file.layout.terms, &file.bytes[..end], 0)
}

/// [`check`] of the bytes that begin at byte `from` of the file, and hold every index.
pub(super) fn walk(
    metadata: &ParquetMetaData,
    terms: &Terms,
    bytes: &[u8],
    from: u64,
) -> Result<()> {
    let chunks = || metadata.row_groups().iter().flat_map(|group| group.columns());
    let offsets =
        chunks().flat_map(|chunk| [chunk.offset_index_offset(), chunk.column_index_offset()]);
    let first = offsets.flatten().min().and_then(|first| u64::try_from(first).ok());
    let before = first.unwrap_or(from).saturating_sub(from);
    let mut left = bytes.len().saturating_sub(usize::try_from(before).unwrap_or(usize::MAX));
    for chunk in chunks() {
        terms.go_on()?;
        for (name, shape, offset, length) in [
            ("offset", &OFFSET_INDEX, chunk.offset_index_offset(), chunk.offset_index_length()),
            ("column", &COLUMN_INDEX, chunk.column_index_offset(), chunk.column_index_length()),
        ] {
            let Some(offset) = offset else { continue };
            let mut walk = || {
                let length = usize::try_from(length?).ok()?;
                left = left.checked_sub(length)?;
                let start = usize::try_from(u64::try_from(offset).ok()?.checked_sub(from)?).ok()?;
                let index = bytes.get(start..start.checked_add(length)?);
                let mut reader = Reader::for_parquet(index.filter(|index| !index.is_empty())?);
                reader.structure(shape, &mut |_, _| Some(()))
            };
            walk().ok_or_else(|| corrupt(format!("its {name} index cannot be decoded")))?;
        }
    }
    Ok(())
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
            pages_end = chunk::place(chunk).map_or(pages_end, |place| place.end.max(pages_end));
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

    /// Takes all column and offset indexes. `bytes` begin at byte `from` of the file of
    /// `file_bytes` bytes, and are those of [`Layout::indexes_place`].
    pub(crate) fn take_indexes(&mut self, bytes: Bytes, from: u64, file_bytes: u64) -> Result<()> {
        walk(&self.metadata, &self.terms, &bytes, from)?;
        let unreadable = |error| corrupt(format!("its indexes cannot be decoded: {error}"));
        let metadata = self.metadata.clone();
        self.metadata = guarded(|| {
            let decoder = ParquetMetaDataPushDecoder::try_new_with_metadata(file_bytes, metadata);
            let mut decoder =
                decoder.map_err(unreadable)?.with_page_index_policy(PageIndexPolicy::Optional);
            let range = from..from + bytes.len() as u64;
            decoder.push_range(range, bytes).map_err(unreadable)?;
            match decoder.try_decode().map_err(unreadable)? {
                DecodeResult::Data(metadata) => Ok(metadata),
                _ => Err(corrupt("its indexes do not lie where its footer says")),
            }
        })?;
        Ok(())
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

/// The indexes of one chunk.
#[derive(Clone, Copy)]
pub(super) struct Index<'m> {
    pub(super) metadata: &'m ParquetMetaData,
    pub(super) group_number: usize,
    pub(super) leaf: usize,
}

impl Index<'_> {
    /// Compares the indexes with the pages of the chunk.
    pub(super) fn check(
        &self,
        chunk: &ColumnChunkMetaData,
        places: &[PagePlace],
        rows: usize,
    ) -> Result<()> {
        let data: Vec<_> = places.iter().filter(|place| !place.dictionary).collect();
        if chunk.offset_index_offset().is_some() && !self.says_where(chunk, &data, rows) {
            return Err(corrupt("its offset index does not agree with its pages"));
        }
        if chunk.column_index_offset().is_none() {
            return Ok(());
        }
        let pages = match self.metadata.column_index().and_then(|of| self.of_chunk(of)) {
            None | Some(ColumnIndexMetaData::NONE) => 0,
            Some(index) => index.num_pages(),
        };
        if pages != data.len() as u64 {
            return Err(corrupt("its column index does not agree with its pages"));
        }
        Ok(())
    }

    fn says_where(&self, chunk: &ColumnChunkMetaData, data: &[&PagePlace], rows: usize) -> bool {
        let index = self.metadata.offset_index().and_then(|of| self.of_chunk(of));
        let Some(locations) = index.map(|index| index.page_locations()) else { return false };
        let (chunk_start, _) = chunk.byte_range();
        let flat = chunk.column_descr().max_rep_level() == 0;
        let mut row_least = 0;
        let agree = |(location, place): (&PageLocation, &&PagePlace)| {
            let Ok(row) = usize::try_from(location.first_row_index) else { return false };
            // The first page begins with the first row. Of a list, only the levels would say how
            // many rows a page has: at least one.
            let exact = flat || row_least == 0;
            let row_agrees = if exact { row == row_least } else { row >= row_least };
            row_least = if flat { row.saturating_add(place.entries) } else { row + 1 };
            u64::try_from(location.offset) == Ok(chunk_start + place.start as u64)
                && usize::try_from(location.compressed_page_size) == Ok(place.length)
                && row < rows
                && row_agrees
        };
        locations.len() == data.len() && locations.iter().zip(data).all(agree)
    }

    fn of_chunk<'m, T>(&self, groups: &'m [Vec<T>]) -> Option<&'m T> {
        groups.get(self.group_number)?.get(self.leaf)
    }
}
