//! The pages of a column chunk that a reader has: all of them, or those of some rows.

use std::ops::Range;

use bytes::Bytes;
use parquet::file::metadata::ColumnChunkMetaData;

use super::damage::corrupt;
use crate::{Error, Result};

/// Pages of one column chunk, as they lie in the file.
#[derive(Debug, Clone)]
pub(crate) struct ChunkPages {
    /// The dictionary page, if it does not lie right before `pages`.
    pub(super) dictionary: Bytes,
    pub(super) pages: Bytes,
    /// The rows that the pages hold, counted from the start of the row group.
    pub(super) rows: Range<usize>,
    /// Whether these are all pages of the chunk.
    pub(super) whole: bool,
}

impl ChunkPages {
    /// All pages of a chunk of a row group with so many rows. `bytes` begin at byte `offset` of the
    /// file. An error if the chunk does not lie within them.
    pub(crate) fn whole(
        bytes: &Bytes,
        offset: u64,
        chunk: &ColumnChunkMetaData,
        rows: usize,
    ) -> Result<Self> {
        let part = || {
            let place = place(chunk)?;
            let start = usize::try_from(place.start.checked_sub(offset)?).ok()?;
            let end = usize::try_from(place.end.checked_sub(offset)?).ok()?;
            (end <= bytes.len()).then(|| bytes.slice(start..end))
        };
        let pages = part().ok_or_else(|| corrupt("a column chunk lies outside the file"))?;
        Ok(ChunkPages { dictionary: Bytes::new(), pages, rows: 0..rows, whole: true })
    }

    /// Consecutive data pages that hold these rows, and the dictionary page of the chunk, if it has
    /// one.
    pub(crate) fn part(dictionary: Bytes, pages: Bytes, rows: Range<usize>) -> Self {
        ChunkPages { dictionary, pages, rows, whole: false }
    }
}

/// Where the chunk claims to lie in the file. A dictionary page comes before the pages that use it.
pub(crate) fn place(chunk: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let starts = [Some(chunk.data_page_offset()), chunk.dictionary_page_offset()];
    let start = u64::try_from(starts.into_iter().flatten().min()?).ok()?;
    let length = u64::try_from(chunk.compressed_size()).ok()?;
    Some(start..start.checked_add(length)?)
}

/// The error with its place in the file.
pub(super) fn located(error: &Error, group: usize, chunk: &ColumnChunkMetaData) -> Error {
    let column = chunk.column_path().parts().join(".");
    Error::new(error.kind(), format!("row group {group}, column {column}: {error}"))
}
