//! What a whole file says of its pages, indexes and bloom filters, walked without reading a value.

use parquet::file::metadata::ColumnChunkMetaData;

use super::pages::Pages;
use super::{ParquetFile, indexes};
use crate::{Error, Result};

/// Walks every page header, index and bloom filter. No page is decompressed, so the work grows with
/// the number of pages and the bytes of the indexes.
pub(super) fn check(file: &ParquetFile) -> Result<()> {
    for (group_number, group) in file.metadata.row_groups().iter().enumerate() {
        for chunk in group.columns() {
            file.terms.go_on()?;
            let pages = || Pages::new(&file.bytes, chunk, &file.terms)?.check_headers();
            let checked = pages().and_then(|()| indexes::filter_blocks(file, chunk));
            checked.map_err(|error| located(&error, group_number, chunk))?;
        }
    }
    indexes::check(file)
}

/// Where in the file it went wrong.
pub(super) fn located(error: &Error, group: usize, chunk: &ColumnChunkMetaData) -> Error {
    let column = chunk.column_path().parts().join(".");
    Error::new(error.kind(), format!("row group {group}, column {column}: {error}"))
}
