//! The page indexes of a file of any writer.

use bytes::Bytes;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::Result;
use crate::decode::damage::{corrupt, guarded};
use crate::decode::indexes;
use crate::decode::limits::{ReadLimits, Terms};

/// The same metadata with the column and offset indexes of the file, if it has them. An error of
/// kind `Corrupt` if one cannot be decoded: the pages can be read all the same.
pub fn read_indexes(metadata: &ParquetMetaData, file: &Bytes) -> Result<ParquetMetaData> {
    guarded(|| {
        // Our own reading comes first: parquet believes what an index claims.
        indexes::read(metadata, &Terms::new(&ReadLimits::default()), file, 0)?;
        let unreadable = |error| corrupt(format!("its indexes cannot be decoded: {error}"));
        let mut reader = ParquetMetaDataReader::new_with_metadata(metadata.clone())
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .with_column_index_policy(PageIndexPolicy::Optional);
        reader.read_page_indexes(file).map_err(unreadable)?;
        reader.finish().map_err(unreadable)
    })
}
