//! The indexes and bloom filters of a file: walked first, then decoded by parquet for whoever
//! verifies it.

use std::ops::Range;

use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use super::pages::PagePlace;
use super::thrift::{BLOOM_FILTER_HEADER, COLUMN_INDEX, Found, OFFSET_INDEX, Reader};
use super::{ParquetFile, corrupt, footer};
use crate::Result;

/// Bytes of a block of a bloom filter, of which it has one at least.
const BLOCK_BYTES: usize = 32;

/// The footer's metadata once more, with the column and offset indexes.
pub(super) fn read(file: &ParquetFile) -> Result<ParquetMetaData> {
    check(file)?;
    let unreadable = |error| corrupt(format!("its indexes: {error}"));
    let mut reader = ParquetMetaDataReader::new_with_metadata(file.metadata.clone())
        .with_offset_index_policy(PageIndexPolicy::Required)
        .with_column_index_policy(PageIndexPolicy::Optional);
    reader.read_page_indexes(&file.bytes).map_err(unreadable)?;
    reader.finish().map_err(unreadable)
}

/// Walks every index before parquet decodes it. All together they are no longer than the file:
/// bytes that several share would be decoded again for each.
pub(super) fn check(file: &ParquetFile) -> Result<()> {
    let mut left = file.bytes.len();
    for chunk in file.metadata.row_groups().iter().flat_map(|group| group.columns()) {
        file.terms.go_on()?;
        for (name, shape, offset, length) in [
            ("offset", &OFFSET_INDEX, chunk.offset_index_offset(), chunk.offset_index_length()),
            ("column", &COLUMN_INDEX, chunk.column_index_offset(), chunk.column_index_length()),
        ] {
            let Some(offset) = offset else { continue };
            let mut walk = || {
                let length = usize::try_from(length?).ok()?;
                left = left.checked_sub(length)?;
                let mut reader = Reader::for_parquet(&file.bytes[part(file, offset, length)?]);
                reader.structure(shape, &mut |_, _| Some(()))
            };
            walk().ok_or_else(|| corrupt(format!("its {name} index makes no sense")))?;
        }
    }
    Ok(())
}

/// The chunk's bloom filter, where it has one.
pub(super) fn bloom_filter(
    file: &ParquetFile,
    chunk: &ColumnChunkMetaData,
) -> Result<Option<Sbbf>> {
    Ok(filter_blocks(file, chunk)?.map(Sbbf::new))
}

/// The blocks of the chunk's bloom filter, where it has one.
pub(super) fn filter_blocks<'f>(
    file: &'f ParquetFile,
    chunk: &ColumnChunkMetaData,
) -> Result<Option<&'f [u8]>> {
    let Some(offset) = chunk.bloom_filter_offset() else { return Ok(None) };
    let filter = || {
        let start = usize::try_from(offset).ok()?;
        // Files of others say no length.
        let end = match chunk.bloom_filter_length() {
            Some(length) => start.checked_add(usize::try_from(length).ok()?)?,
            None => pages_end(file)?,
        };
        let bytes = part(file, offset, end.checked_sub(start)?)?;
        let bytes = &file.bytes[bytes];
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
    filter().map(Some).ok_or_else(|| corrupt("its bloom filter makes no sense"))
}

/// Where the footer begins.
fn pages_end(file: &ParquetFile) -> Option<usize> {
    let footer = usize::try_from(footer::footer_bytes(&file.bytes).ok()?).ok()?;
    file.bytes.len().checked_sub(footer)
}

/// Bytes before the footer.
fn part(file: &ParquetFile, offset: i64, length: usize) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(length)?;
    (length > 0 && end <= pages_end(file)?).then_some(start..end)
}

/// What the indexes say of one chunk.
#[derive(Clone, Copy)]
pub(super) struct Index<'m> {
    pub(super) metadata: &'m ParquetMetaData,
    pub(super) group_number: usize,
    pub(super) leaf: usize,
}

impl Index<'_> {
    /// Holds it against the chunk's pages.
    pub(super) fn check(
        &self,
        chunk: &ColumnChunkMetaData,
        places: &[PagePlace],
        rows: usize,
    ) -> Result<()> {
        let data: Vec<_> = places.iter().filter(|place| !place.dictionary).collect();
        if chunk.offset_index_offset().is_some() && !self.says_where(chunk, &data, rows) {
            return Err(corrupt("its offset index does not say where its pages lie"));
        }
        if chunk.column_index_offset().is_none() {
            return Ok(());
        }
        let pages = match self.metadata.column_index().and_then(|of| self.of_chunk(of)) {
            None | Some(ColumnIndexMetaData::NONE) => 0,
            Some(index) => index.num_pages(),
        };
        if pages != data.len() as u64 {
            return Err(corrupt("its column index is not one of its pages"));
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
            let row_agrees = if flat { row == row_least } else { row >= row_least };
            // Of lists, only the pages' levels would say how many rows they hold; each holds one at
            // least.
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
