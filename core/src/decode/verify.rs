//! Whether a file is whole: every page, index and bloom filter, and every byte.

use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ColumnChunkMetaData;

use super::column::ColumnReader;
use super::indexes::{self, Index};
use super::outline::located;
use super::pages::Pages;
use super::values::Values;
use super::{ParquetFile, corrupt, footer};
use crate::Result;
use crate::encode::{
    CREATED_BY_WITHOUT_CHECKSUM, FileChecksum, NO_DIGITS, digits_at, metadata_key,
};

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
    // What is wrong with the pages says more, where the bytes are not as written.
    let indexes = bytes.is_ok().then(|| indexes::read(file)).transpose()?;
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
    let places = Pages::new(&file.bytes, chunk, &file.terms)?.places()?;
    let filter = match index {
        Some(_) => indexes::bloom_filter(file, chunk)?,
        None => None,
    };
    let mut column = ColumnReader::new(&file.bytes, chunk, &file.terms)?;
    let mut dictionary_checked = false;
    let mut rows_left = rows;
    while rows_left > 0 {
        let (leaf, read) = column.read(rows_left.min(BATCH_ROWS))?;
        if let Some(filter) = &filter {
            match column.dictionary() {
                // Its values once, and not for each row that has one of them.
                Some(dictionary) if leaf.looked_up => {
                    if !std::mem::replace(&mut dictionary_checked, true) {
                        check_filter(filter, dictionary)?;
                    }
                }
                _ => check_filter(filter, &leaf.values)?,
            }
        }
        rows_left -= read;
    }
    column.end()?;
    if let Some(index) = index {
        index.check(chunk, &places, rows)?;
    }
    Ok(places.len())
}

fn check_filter(filter: &Sbbf, values: &Values) -> Result<()> {
    match values {
        Values::Bytes(values) if values.iter().any(|value| !filter.check(&value[..])) => {
            Err(corrupt("its bloom filter denies a value that is there"))
        }
        _ => Ok(()),
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

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
