//! The footer: whose file it is, and whether its columns are those its schema says.

use bytes::Bytes;
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{FileMetaData, FooterTail, ParquetMetaData, ParquetMetaDataReader};

use super::{Footer, ParquetFile, corrupt};
use crate::encode::{FORMAT_VERSION, metadata_key};
use crate::resolve::OwnId;
use crate::schema::RESCUED_COLUMN;
use crate::schema::parquet_type::file_type;
use crate::{Error, LsnRange, Result, Schema};

pub(super) fn open(bytes: Bytes) -> Result<ParquetFile> {
    let pages_end = (bytes.len() as u64).saturating_sub(footer_bytes(&bytes)?);
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes).map_err(no_parquet)?;
    let Facts { footer, has_rescued, own_id } = facts(&metadata, pages_end)?;
    Ok(ParquetFile { footer, has_rescued, own_id, metadata, bytes })
}

/// The footer of a file of `file_bytes` bytes, of which `tail` is the end.
pub(super) fn read(tail: &[u8], file_bytes: u64) -> Result<Footer> {
    let length = footer_bytes(tail)?;
    let footer = usize::try_from(length).ok().and_then(|length| tail.len().checked_sub(length));
    let (Some(start), true) = (footer, length <= file_bytes) else {
        return Err(corrupt("its footer is longer than what there is of it"));
    };
    let thrift = &tail[start..tail.len() - FOOTER_SIZE];
    let metadata = ParquetMetaDataReader::decode_metadata(thrift).map_err(no_parquet)?;
    Ok(facts(&metadata, file_bytes - length)?.footer)
}

/// How many bytes at the end of a file its footer takes, said by the last 8.
pub(super) fn footer_bytes(tail: &[u8]) -> Result<u64> {
    let Some(last) = tail.last_chunk::<FOOTER_SIZE>() else {
        return Err(no_parquet("it is shorter than any"));
    };
    let last = FooterTail::try_new(last).map_err(no_parquet)?;
    if last.is_encrypted_footer() {
        return Err(no_parquet("its footer is encrypted"));
    }
    Ok(last.metadata_length() as u64 + FOOTER_SIZE as u64)
}

struct Facts {
    footer: Footer,
    has_rescued: bool,
    own_id: OwnId,
}

fn facts(metadata: &ParquetMetaData, pages_end: u64) -> Result<Facts> {
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
    let rows_count = check_groups(metadata, pages_end)?;
    let lsns = lsns.map_err(corrupt)?;
    let append = match pairs.optional(metadata_key::APPEND_ID) {
        Some(id) => Some((id.to_owned(), pairs.number(metadata_key::APPEND_ROW)?)),
        None => None,
    };
    let footer = Footer { schema, tenant_id, collection, lsns, rows_count, append };
    Ok(Facts { footer, has_rescued, own_id })
}

fn no_parquet(error: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("this is no Parquet file, or a damaged one: {error}"))
}

/// The rows of all groups, after checks on what the parquet crate would trust.
fn check_groups(metadata: &ParquetMetaData, pages_end: u64) -> Result<u64> {
    let mut rows_count = 0_u64;
    for group in metadata.row_groups() {
        let rows = u64::try_from(group.num_rows())
            .map_err(|_| corrupt("a row group has less than no rows"))?;
        rows_count = rows_count.checked_add(rows).ok_or_else(|| corrupt("it has too many rows"))?;
        for chunk in group.columns() {
            // A dictionary comes before the pages that use it.
            let starts = [Some(chunk.data_page_offset()), chunk.dictionary_page_offset()];
            let start = starts.into_iter().flatten().min().map(u64::try_from);
            let length = u64::try_from(chunk.compressed_size());
            let end = match (start, length) {
                (Some(Ok(start)), Ok(length)) => start.checked_add(length),
                _ => None,
            };
            if end.is_none_or(|end| end > pages_end) || chunk.num_values() < 0 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoder, ErrorKind, Settings, Target};

    fn file() -> Bytes {
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        encoder.push_json(b"{\"a\":1}{\"a\":2,\"b\":\"x\"}").unwrap();
        let lsns = Some(LsnRange::new(4, 9).unwrap());
        encoder.finish(&Target { lsns, ..Target::new(7, "people") }).unwrap().bytes
    }

    #[test]
    fn the_end_of_a_file_is_enough() {
        let bytes = file();
        let size = bytes.len() as u64;
        let needed = Footer::bytes_needed(&bytes[bytes.len() - 8..]).unwrap();
        assert!(needed < size);
        let from = bytes.len() - usize::try_from(needed).unwrap();
        for tail in [&bytes[from..], &bytes[from - 1..], &bytes[..]] {
            let footer = Footer::read(tail, size).unwrap();
            assert_eq!((footer.tenant_id(), footer.collection()), (7, "people"));
            assert_eq!(footer.lsns(), LsnRange::new(4, 9).unwrap());
            assert_eq!((footer.rows_count(), footer.schema().columns().len()), (2, 2));
        }
        let whole = ParquetFile::open(bytes.clone()).unwrap();
        assert_eq!(whole.footer().schema(), Footer::read(&bytes[from..], size).unwrap().schema());
    }

    #[test]
    fn what_is_no_footer_is_corrupt() {
        let bytes = file();
        let size = bytes.len() as u64;
        let needed = usize::try_from(Footer::bytes_needed(&bytes).unwrap()).unwrap();
        for (tail, file_bytes) in [
            (&bytes[..0], size),
            (&bytes[bytes.len() - 7..], size),
            (&bytes[bytes.len() - 8..], size),
            (&bytes[bytes.len() - needed + 1..], size),
            (&bytes[..bytes.len() - 1], size - 1),
            // A file that says to be shorter than its own footer or pages.
            (&bytes[..], needed as u64 - 1),
            (&bytes[..], needed as u64),
            (&[0; 64][..], 64),
            (b"\xff\xff\xff\x7fPAR1", 8),
        ] {
            let error = Footer::read(tail, file_bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        }
    }
}
