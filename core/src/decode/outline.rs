//! Checks the page headers, indexes and bloom filters of a whole file without reading a value.

use parquet::file::metadata::ColumnChunkMetaData;

use super::file::ParquetFile;
use super::indexes;
use super::pages::PageReader;
use crate::{Error, Result};

impl ParquetFile {
    /// Checks the headers of all pages, the indexes and the bloom filters. An error of kind
    /// `Corrupt` or `Limit` if one cannot be decoded or exceeds a limit. It reads no values:
    /// [`ParquetFile::verify`] does that too.
    pub fn check_outline(&self) -> Result<()> {
        check(self)
    }
}

/// Walks every page header, index and bloom filter. No page is decompressed, so the work grows with
/// the number of pages and the bytes of the indexes.
fn check(file: &ParquetFile) -> Result<()> {
    for (group_number, group) in file.layout.metadata.row_groups().iter().enumerate() {
        let rows = file.layout.group_rows(group_number)?;
        for chunk in group.columns() {
            file.layout.terms.go_on()?;
            let pages = || {
                PageReader::new(file.pages(chunk, rows)?, chunk, &file.layout.terms)?
                    .check_headers()
            };
            let checked = pages().and_then(|()| indexes::filter_blocks(file, chunk));
            checked.map_err(|error| located(&error, group_number, chunk))?;
        }
    }
    indexes::check(file)
}

/// The error with its place in the file.
pub(super) fn located(error: &Error, group: usize, chunk: &ColumnChunkMetaData) -> Error {
    let column = chunk.column_path().parts().join(".");
    Error::new(error.kind(), format!("row group {group}, column {column}: {error}"))
}
