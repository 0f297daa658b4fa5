//! Verifies a whole file: every page, every index, every bloom filter, and every byte.

use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ColumnChunkMetaData;

use super::batch::LeafBatch;
use super::chunk::located;
use super::column::ColumnReader;
use super::damage::{corrupt, guarded};
use super::file::ParquetFile;
use super::footer::footer_bytes;
use super::indexes;
use super::page_index::PageIndex;
use super::pages::PageReader;
use super::values::DecodedValues;
use crate::Result;
use crate::format::checksum::{FileChecksum, NO_DIGITS, digits_at};
use crate::format::metadata::{CREATED_BY_WITHOUT_CHECKSUM, metadata_key};

const MAGIC: &[u8] = b"PAR1";

/// Rows of one column to read at once; few, to keep memory small.
const BATCH_ROWS: usize = 4_096;

/// What [`ParquetFile::verify`] has verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Rows of the file, counted in every column.
    pub rows: u64,
    /// Pages of all columns, with dictionaries.
    pub pages: u64,
    /// Whether the file has a checksum of all its bytes. It then matches.
    pub whole: bool,
}

impl ParquetFile {
    /// Verifies the whole file. It reads the pages of every column to their last value and compares
    /// them with their checksums and the footer. It compares the indexes and bloom filters with the
    /// pages, and all bytes with the file's own checksum. So it finds every flipped bit. The error,
    /// of kind `Corrupt`, says where.
    ///
    /// Files written before `coldpress version 1.1.0` have no checksum of the whole file, and
    /// [`Verified::whole`] is false. In such a file, a flipped bit outside the pages can stay
    /// unnoticed.
    ///
    /// ```
    /// use coldpress_core::{Encoder, ParquetFile, Settings, Target};
    ///
    /// let mut encoder = Encoder::new(Settings::default())?;
    /// encoder.push_json(br#"{"title":"Alien"}"#)?;
    /// let bytes = encoder.finish(&Target::new(0, "films"))?.bytes;
    /// let mut damaged = bytes.to_vec();
    /// damaged[5] ^= 1;
    ///
    /// assert!(ParquetFile::open(bytes)?.verify()?.whole);
    /// assert!(ParquetFile::open(damaged.into())?.verify().is_err());
    /// # Ok::<(), coldpress_core::Error>(())
    /// ```
    pub fn verify(&self) -> Result<Verified> {
        guarded(|| verify(self))
    }
}

fn verify(file: &ParquetFile) -> Result<Verified> {
    if !file.bytes.starts_with(MAGIC) {
        return Err(corrupt("it does not begin like a Parquet file"));
    }
    let bytes = check_bytes(file);
    // If the checksum does not match, an error in a page says more. So read the pages first, and
    // leave the indexes out: damage to them would hide an error in a page.
    let indexes = bytes.is_ok().then(|| indexes::of_file(file)).transpose()?;
    let mut pages = 0;
    for (group_number, group) in file.layout.metadata.row_groups().iter().enumerate() {
        let rows = usize::try_from(group.num_rows()).map_err(corrupt)?;
        for (leaf, chunk) in group.columns().iter().enumerate() {
            let index = indexes.as_ref().map(|groups| &groups[group_number][leaf]);
            let checked = check_chunk(file, chunk, rows, index);
            pages += checked.map_err(|error| located(&error, group_number, chunk))? as u64;
        }
    }
    // The checksum error comes last: an error in a page says more.
    Ok(Verified { rows: file.rows_count(), pages, whole: bytes? })
}

/// Reads the chunk to its last value; gives the number of its pages.
fn check_chunk(
    file: &ParquetFile,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    index: Option<&PageIndex>,
) -> Result<usize> {
    let places = PageReader::new(file.pages(chunk, rows)?, chunk, &file.layout.terms)?.places()?;
    let filter = match index {
        Some(_) => indexes::bloom_filter(file, chunk)?,
        None => None,
    };
    let mut column = ColumnReader::new(file.pages(chunk, rows)?, chunk, &file.layout.terms)?;
    let mut dictionary_checked = false;
    let mut rows_left = rows;
    while rows_left > 0 {
        let mut leaf = LeafBatch::new(column.no_values());
        let read = column.read(rows_left.min(BATCH_ROWS), &mut leaf)?;
        if let Some(filter) = &filter {
            match column.dictionary() {
                // Check each value of the dictionary once, and not for each row that has it.
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

fn check_filter(filter: &Sbbf, values: &DecodedValues) -> Result<()> {
    let has_all = match values {
        DecodedValues::Bytes(values) => values.iter().all(|value| filter.check(&value[..])),
        DecodedValues::Int32(values) => values.iter().all(|value| filter.check(value)),
        DecodedValues::Int64(values) => values.iter().all(|value| filter.check(value)),
        _ => true,
    };
    match has_all {
        true => Ok(()),
        false => Err(corrupt("its bloom filter denies a value that the column has")),
    }
}

/// Compares the checksum of the whole file; false for a file that was written before files had one.
fn check_bytes(file: &ParquetFile) -> Result<bool> {
    let about = file.layout.metadata.file_metadata();
    let pairs = about.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    let said = pairs.iter().find(|pair| pair.key == metadata_key::CHECKSUM);
    let Some(said) = said.and_then(|pair| pair.value.as_deref()) else {
        return match about.created_by() {
            Some(CREATED_BY_WITHOUT_CHECKSUM) => Ok(false),
            _ => Err(corrupt("the checksum of its bytes is missing")),
        };
    };
    let bytes = &file.bytes;
    let footer_bytes = usize::try_from(footer_bytes(bytes)?).map_err(corrupt)?;
    let footer = bytes.len().saturating_sub(footer_bytes);
    let at = digits_at(&bytes[footer..]).map(|at| footer + at);
    let at = at.ok_or_else(|| corrupt("the checksum of its bytes is at a wrong place"))?;
    let mut checksum = FileChecksum::default();
    checksum.update(&bytes[..at]);
    checksum.update(NO_DIGITS.as_bytes());
    checksum.update(&bytes[at + NO_DIGITS.len()..]);
    let digits = checksum.digits();
    if digits != said || !bytes[at..].starts_with(digits.as_bytes()) {
        return Err(corrupt(
            "its bytes do not match its checksum (the checksums of the pages match, so a page \
             header, an index, a bloom filter or the footer has changed)",
        ));
    }
    Ok(true)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
