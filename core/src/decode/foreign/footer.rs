//! The footer of a file of any writer.

use std::ops::Range;

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};

use crate::decode::damage::{corrupt, guarded};
use crate::decode::footer::checked_thrift;
use crate::decode::limits::ReadLimits;
use crate::{Error, ErrorKind, Result};

/// The most rows of a file: with none of them taken, they are minutes of work.
const ROWS_MAX: u64 = 1 << 31;

/// Reads the footer of a file of `file_bytes` bytes, whoever wrote it. `tail` is the end of that
/// file: [`Footer::bytes_needed`](crate::Footer::bytes_needed) says how much of it is needed.
///
/// Work and memory grow with the bytes of the footer, whatever they claim. An error of kind
/// `Corrupt` if it cannot be decoded, or if a column chunk lies outside the file, and of kind
/// `Limit` if it is longer than [`ReadLimits::footer_bytes_max`] or claims too many rows.
pub fn read_footer(tail: &[u8], file_bytes: u64, limits: &ReadLimits) -> Result<ParquetMetaData> {
    guarded(|| read(tail, file_bytes, limits))
}

/// The bytes of the file that hold the pages of a chunk. `file_bytes`: how long the file is.
pub fn chunk_range(chunk: &ColumnChunkMetaData, file_bytes: u64) -> Result<Range<u64>> {
    let range = || {
        // Some writers say 0 where there is no dictionary, or where there is no data.
        let dictionary = chunk.dictionary_page_offset().filter(|offset| *offset > 0);
        let start = dictionary.unwrap_or(chunk.data_page_offset());
        let start = u64::try_from(start).ok()?;
        let end = start.checked_add(u64::try_from(chunk.compressed_size()).ok()?)?;
        (end <= file_bytes).then_some(start..end)
    };
    range().ok_or_else(|| {
        let column = chunk.column_path().parts().join(".");
        corrupt(format!("the pages of column {column} lie outside the file"))
    })
}

fn read(tail: &[u8], file_bytes: u64, limits: &ReadLimits) -> Result<ParquetMetaData> {
    let (thrift, _) = checked_thrift(tail, file_bytes, limits)?;
    let metadata = ParquetMetaDataReader::decode_metadata(thrift)
        .map_err(|error| corrupt(format!("its footer cannot be decoded: {error}")))?;
    check(&metadata, file_bytes)?;
    Ok(metadata)
}

fn check(metadata: &ParquetMetaData, file_bytes: u64) -> Result<()> {
    if metadata.file_metadata().schema_descr().num_columns() == 0 {
        return Err(corrupt("it has no column that holds values"));
    }
    let (mut rows, mut left) = (0_u64, file_bytes);
    for group in metadata.row_groups() {
        let of_group = u64::try_from(group.num_rows())
            .map_err(|_| corrupt("a row group has a negative number of rows"))?;
        rows = rows.saturating_add(of_group);
        for chunk in group.columns() {
            // Chunks that overlap would make a small file cost much.
            let range = chunk_range(chunk, file_bytes)?;
            left = left
                .checked_sub(range.end - range.start)
                .ok_or_else(|| corrupt("its column chunks together are longer than the file"))?;
        }
    }
    if rows > ROWS_MAX {
        let message = format!(
            "the file claims to have {rows} rows, and at most {ROWS_MAX} are read; split the file"
        );
        return Err(Error::new(ErrorKind::Limit, message));
    }
    Ok(())
}
