//! The footer: whose file it is, and whether its columns are those its schema says.

use bytes::Bytes;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataReader};

use super::{ParquetFile, corrupt};
use crate::encode::{FORMAT_VERSION, metadata_key};
use crate::resolve::OwnId;
use crate::schema::RESCUED_COLUMN;
use crate::schema::parquet_type::file_type;
use crate::{Error, LsnRange, Result, Schema};

pub(super) fn open(bytes: Bytes) -> Result<ParquetFile> {
    let size = bytes.len() as u64;
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes).map_err(|error| {
        Error::corrupt(format!("this is no Parquet file, or a damaged one: {error}"))
    })?;
    let pairs = Pairs(metadata.file_metadata());
    let version = pairs.required(metadata_key::FORMAT_VERSION)?;
    if version != FORMAT_VERSION {
        return Err(Error::corrupt(format!(
            "the file has format version {version:?} and this build reads {FORMAT_VERSION:?}; update coldpress"
        )));
    }
    let lsns =
        LsnRange::new(pairs.number(metadata_key::MIN_LSN)?, pairs.number(metadata_key::MAX_LSN)?);
    let schema = Schema::from_json(pairs.required(metadata_key::SCHEMA)?).map_err(corrupt)?;
    let own_id = match pairs.optional(metadata_key::OWN_ID) {
        None => OwnId::Absent,
        Some("string") => OwnId::String,
        Some("number") => OwnId::Number,
        Some(other) => return Err(corrupt(format!("it calls its ids {other:?}"))),
    };
    let tenant_id = pairs.number(metadata_key::TENANT)?;
    let collection = pairs.required(metadata_key::COLLECTION)?.to_owned();

    let root = pairs.0.schema_descr().root_schema();
    let has_rescued = root.get_fields().last().is_some_and(|field| field.name() == RESCUED_COLUMN);
    if *root != *file_type(&schema, has_rescued)? {
        return Err(corrupt("its columns are not those its own schema names"));
    }
    let rows_count = check_groups(&metadata, size)?;
    let lsns = lsns.map_err(corrupt)?;
    Ok(ParquetFile {
        schema,
        has_rescued,
        own_id,
        tenant_id,
        collection,
        lsns,
        rows_count,
        metadata,
        bytes,
    })
}

/// The rows of all groups, after checks on what the parquet crate would trust.
fn check_groups(metadata: &ParquetMetaData, size: u64) -> Result<u64> {
    let mut rows_count = 0_u64;
    for group in metadata.row_groups() {
        let rows = u64::try_from(group.num_rows())
            .map_err(|_| corrupt("a row group has less than no rows"))?;
        rows_count = rows_count.checked_add(rows).ok_or_else(|| corrupt("it has too many rows"))?;
        for chunk in group.columns() {
            let starts = [Some(chunk.data_page_offset()), chunk.dictionary_page_offset()];
            let length = chunk.compressed_size();
            let inside = starts
                .into_iter()
                .flatten()
                .all(|start| u64::try_from(start).is_ok_and(|start| start <= size));
            if !inside
                || u64::try_from(length).map_or(true, |length| length > size)
                || chunk.num_values() < 0
            {
                return Err(corrupt("a column chunk lies outside the file"));
            }
        }
    }
    if u64::try_from(metadata.file_metadata().num_rows()) != Ok(rows_count) {
        return Err(corrupt("its row groups do not add up to its rows"));
    }
    Ok(rows_count)
}

/// The file's key-value metadata.
struct Pairs<'m>(&'m FileMetaData);

impl<'m> Pairs<'m> {
    fn optional(&self, key: &str) -> Option<&'m str> {
        let pairs = self.0.key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    fn required(&self, key: &str) -> Result<&'m str> {
        self.optional(key).ok_or_else(|| {
            Error::corrupt(format!(
                "the file has no {key:?} in its metadata: Coldpress did not write it; read it with another Parquet reader"
            ))
        })
    }

    fn number(&self, key: &str) -> Result<u64> {
        let text = self.required(key)?;
        text.parse().map_err(|_| corrupt(format!("its {key:?} is {text:?}, which is no number")))
    }
}
