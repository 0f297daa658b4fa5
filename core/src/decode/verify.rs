//! Whether a file is whole: every page, index and bloom filter, and every byte.

use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use super::column::ColumnReader;
use super::pages::{PagePlace, Pages};
use super::values::Values;
use super::{ParquetFile, corrupt, footer};
use crate::encode::{
    CREATED_BY_WITHOUT_CHECKSUM, FileChecksum, NO_DIGITS, digits_at, metadata_key,
};
use crate::{Error, Result};

const MAGIC: &[u8] = b"PAR1";

/// Rows of one column read at once, to keep memory small.
const BATCH_ROWS: usize = 4_096;

/// What [`ParquetFile::verify`] found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Rows of the file, counted in every column.
    pub rows: u64,
    /// Pages of all columns, dictionaries among them.
    pub pages: u64,
    /// Whether the file has a checksum of all its bytes, and it agrees.
    pub whole: bool,
}

pub(super) fn verify(file: &ParquetFile) -> Result<Verified> {
    if !file.bytes.starts_with(MAGIC) {
        return Err(corrupt("it does not begin as a Parquet file does"));
    }
    let bytes = check_bytes(file);
    // Indexes and filters are read by parquet, which panics at some damage: only where the bytes are as written.
    let indexes = bytes.is_ok().then(|| read_indexes(file)).transpose()?;
    let mut pages = 0;
    for (group_number, group) in file.metadata.row_groups().iter().enumerate() {
        let rows = usize::try_from(group.num_rows()).map_err(corrupt)?;
        for (leaf, chunk) in group.columns().iter().enumerate() {
            let index = indexes.as_ref().map(|metadata| Index { metadata, group_number, leaf });
            let checked = check_chunk(file, chunk, rows, index);
            pages += checked.map_err(|error| located(&error, group_number, chunk))? as u64;
        }
    }
    // Last: what was found in the pages says more.
    Ok(Verified { rows: file.rows_count(), pages, whole: bytes? })
}

/// Reads the chunk to its last value; how many pages it has.
fn check_chunk(
    file: &ParquetFile,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    index: Option<Index<'_>>,
) -> Result<usize> {
    let places = Pages::new(&file.bytes, chunk)?.places()?;
    let filter = match index {
        Some(_) => Sbbf::read_from_column_chunk(chunk, &file.bytes),
        None => Ok(None),
    };
    let filter = filter.map_err(|error| corrupt(format!("its bloom filter: {error}")))?;
    let mut column = ColumnReader::new(&file.bytes, chunk)?;
    let mut rows_left = rows;
    while rows_left > 0 {
        let batch = rows_left.min(BATCH_ROWS);
        let leaf = column.read(batch)?;
        if let (Some(filter), Values::Bytes(values)) = (&filter, &leaf.values)
            && values.iter().any(|value| !filter.check(&value[..]))
        {
            return Err(corrupt("its bloom filter denies a value that is there"));
        }
        rows_left -= batch;
    }
    column.end()?;
    if let Some(index) = index {
        index.check(chunk, &places, rows)?;
    }
    Ok(places.len())
}

/// The footer's metadata once more, with the column and offset indexes.
fn read_indexes(file: &ParquetFile) -> Result<ParquetMetaData> {
    let unreadable = |error| corrupt(format!("its indexes: {error}"));
    let mut reader = ParquetMetaDataReader::new_with_metadata(file.metadata.clone())
        .with_offset_index_policy(PageIndexPolicy::Required)
        .with_column_index_policy(PageIndexPolicy::Optional);
    reader.read_page_indexes(&file.bytes).map_err(unreadable)?;
    reader.finish().map_err(unreadable)
}

/// What the indexes say of one chunk.
#[derive(Clone, Copy)]
struct Index<'m> {
    metadata: &'m ParquetMetaData,
    group_number: usize,
    leaf: usize,
}

impl Index<'_> {
    /// Holds it against the chunk's pages.
    fn check(&self, chunk: &ColumnChunkMetaData, places: &[PagePlace], rows: usize) -> Result<()> {
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
            // Of lists, only the pages' levels would say how many rows they hold; each holds one at least.
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

/// Compares the checksum of the whole file; false where it was written before there was one.
fn check_bytes(file: &ParquetFile) -> Result<bool> {
    let about = file.metadata.file_metadata();
    let pairs = about.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    let said = pairs.iter().find(|pair| pair.key == metadata_key::CHECKSUM);
    let Some(said) = said.and_then(|pair| pair.value.as_deref()) else {
        return match about.created_by() {
            Some(CREATED_BY_WITHOUT_CHECKSUM) => Ok(false),
            _ => Err(corrupt("the checksum of its bytes is gone")),
        };
    };
    let bytes = &file.bytes;
    let footer_bytes = usize::try_from(footer::footer_bytes(bytes)?).map_err(corrupt)?;
    let footer = bytes.len().saturating_sub(footer_bytes);
    let at = digits_at(&bytes[footer..]).map(|at| footer + at);
    let at = at.ok_or_else(|| corrupt("the checksum of its bytes is not where it belongs"))?;
    let mut checksum = FileChecksum::default();
    checksum.update(&bytes[..at]);
    checksum.update(NO_DIGITS.as_bytes());
    checksum.update(&bytes[at + NO_DIGITS.len()..]);
    let digits = checksum.digits();
    if digits != said || !bytes[at..].starts_with(digits.as_bytes()) {
        return Err(corrupt(
            "its bytes are not those of its checksum (the pages' own agree: a header, an index, a bloom filter or the footer has changed)",
        ));
    }
    Ok(true)
}

fn located(error: &Error, group: usize, chunk: &ColumnChunkMetaData) -> Error {
    let column = chunk.column_path().parts().join(".");
    Error::corrupt(format!("row group {group}, column {column}: {error}"))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
