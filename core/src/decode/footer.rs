//! Reads the footer: whose file it is, and whether its columns are those of its schema.

use bytes::Bytes;
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, FooterTail, ParquetMetaData, ParquetMetaDataReader,
};

use super::chunk::place;
use super::damage::{corrupt, guarded};
use super::file::ParquetFile;
use super::id::IdPlace;
use super::integers::integer_bounds;
use super::layout::{Footer, Layout};
use super::limits::{PAGE_STORED_BYTES_MIN, ReadLimits, Terms};
use super::thrift::check_footer;
use crate::format::metadata::{
    FORMAT_VERSION, FORMAT_VERSION_NUMBERED, FORMAT_VERSION_WITHOUT_FORMS, OwnId, metadata_key,
};
use crate::schema::facts::Facts;
use crate::schema::parquet_type::{TreeForm, file_type};
use crate::schema::{ID_COLUMN, RESCUED_COLUMN};
use crate::{Error, LsnRange, Result, Schema};

impl Footer {
    /// How many bytes at the end of a file [`Footer::read`] needs. `tail` is the last 8 bytes of
    /// the file, or more. `Corrupt` if it is not a Parquet file.
    pub fn bytes_needed(tail: &[u8]) -> Result<u64> {
        footer_bytes(tail)
    }

    /// Reads the footer of a file of `file_bytes` bytes; `tail` is the end of that file.
    pub fn read(tail: &[u8], file_bytes: u64) -> Result<Self> {
        Self::read_within(tail, file_bytes, &ReadLimits::default())
    }

    /// [`Footer::read`] with these limits: an error of kind `Limit` if the footer is larger than
    /// [`ReadLimits::footer_bytes_max`].
    ///
    /// Work and memory grow with the bytes of the footer, whatever these bytes claim.
    pub fn read_within(tail: &[u8], file_bytes: u64, limits: &ReadLimits) -> Result<Self> {
        guarded(|| read(tail, file_bytes, limits))
    }
}

impl Layout {
    /// Reads the footer of a file of `file_bytes` bytes; `tail` is the end of that file.
    pub(crate) fn read(tail: &[u8], file_bytes: u64, limits: &ReadLimits) -> Result<Self> {
        guarded(|| layout(tail, file_bytes, limits))
    }
}

impl ParquetFile {
    /// Opens a whole file.
    pub fn open(bytes: Bytes) -> Result<Self> {
        Self::open_within(bytes, &ReadLimits::default())
    }

    /// Opens a whole file, and reads it with these limits.
    pub fn open_within(bytes: Bytes, limits: &ReadLimits) -> Result<Self> {
        guarded(|| open(bytes, limits))
    }
}

fn open(bytes: Bytes, limits: &ReadLimits) -> Result<ParquetFile> {
    let layout = layout(&bytes, bytes.len() as u64, limits)?;
    Ok(ParquetFile { bytes, layout })
}

/// The layout of a file of `file_bytes` bytes; `tail` is the end of that file.
pub(super) fn layout(tail: &[u8], file_bytes: u64, limits: &ReadLimits) -> Result<Layout> {
    let (metadata, contents) = decode(tail, file_bytes, limits)?;
    let Contents { footer, facts, has_rescued, id } = contents;
    let (indexes, terms) = (Vec::new(), Terms::new(limits));
    Ok(Layout { footer, facts, has_rescued, id, metadata, indexes, terms })
}

/// The footer of a file of `file_bytes` bytes; `tail` is the end of that file.
fn read(tail: &[u8], file_bytes: u64, limits: &ReadLimits) -> Result<Footer> {
    Ok(decode(tail, file_bytes, limits)?.1.footer)
}

fn decode(
    tail: &[u8],
    file_bytes: u64,
    limits: &ReadLimits,
) -> Result<(ParquetMetaData, Contents)> {
    let (thrift, length) = checked_thrift(tail, file_bytes, limits)?;
    let metadata = ParquetMetaDataReader::decode_metadata(thrift).map_err(no_parquet)?;
    let contents = contents(&metadata, file_bytes - length, limits)?;
    Ok((metadata, contents))
}

/// The metadata of a footer as its bytes, which are safe to decode, and how many bytes of the file
/// the footer takes. `tail` is the end of a file of `file_bytes` bytes, whoever wrote it.
pub(super) fn checked_thrift<'t>(
    tail: &'t [u8],
    file_bytes: u64,
    limits: &ReadLimits,
) -> Result<(&'t [u8], u64)> {
    let length = footer_bytes(tail)?;
    let start = usize::try_from(length).ok().and_then(|length| tail.len().checked_sub(length));
    let (Some(start), true) = (start, length <= file_bytes) else {
        return Err(corrupt("its footer claims to be longer than the file"));
    };
    limits.check_footer_bytes(length)?;
    let thrift = &tail[start..tail.len() - FOOTER_SIZE];
    check_footer(thrift)
        .map_err(|at| corrupt(format!("its footer cannot be decoded at byte {at}")))?;
    Ok((thrift, length))
}

/// How many bytes at the end of a file its footer takes; the last 8 bytes say it.
pub(super) fn footer_bytes(tail: &[u8]) -> Result<u64> {
    let Some(last) = tail.last_chunk::<FOOTER_SIZE>() else {
        return Err(no_parquet("it is too short"));
    };
    let last = FooterTail::try_new(last).map_err(no_parquet)?;
    if last.is_encrypted_footer() {
        return Err(no_parquet("its footer is encrypted"));
    }
    Ok(last.metadata_length() as u64 + FOOTER_SIZE as u64)
}

struct Contents {
    footer: Footer,
    /// Of each column of the schema, each field and each element, in order.
    facts: Vec<Facts>,
    has_rescued: bool,
    id: IdPlace,
}

fn contents(metadata: &ParquetMetaData, pages_end: u64, limits: &ReadLimits) -> Result<Contents> {
    let pairs = Pairs(metadata.file_metadata());
    let form = match pairs.required(metadata_key::FORMAT_VERSION)? {
        FORMAT_VERSION | FORMAT_VERSION_WITHOUT_FORMS => TreeForm::Stated,
        FORMAT_VERSION_NUMBERED => TreeForm::Numbered,
        version => {
            return Err(Error::corrupt(format!(
                "the file has format version {version:?}, but this build of Coldpress reads \
                 versions {FORMAT_VERSION_NUMBERED} to {FORMAT_VERSION}; update Coldpress"
            )));
        }
    };
    let lsns =
        LsnRange::new(pairs.number(metadata_key::MIN_LSN)?, pairs.number(metadata_key::MAX_LSN)?);
    let schema = pairs.required(metadata_key::SCHEMA)?;
    let (schema, facts) = Schema::from_file_json(schema).map_err(corrupt)?;
    let groups = metadata.num_row_groups();
    if !facts.iter().all(|facts| facts.nulls.fits(groups) && facts.integers.fits(groups)) {
        return Err(corrupt("its schema names a row group that it does not have"));
    }
    let id = place_of_ids(&pairs, &schema)?;
    let tenant_id = pairs.number(metadata_key::TENANT)?;
    let collection = pairs.required(metadata_key::COLLECTION)?.to_owned();

    let root = pairs.0.schema_descr().root_schema();
    let has_rescued = root.get_fields().last().is_some_and(|field| field.name() == RESCUED_COLUMN);
    if *root != *file_type(&schema, id.is_field(), has_rescued, form)? {
        return Err(corrupt("its columns are not those of its own schema"));
    }
    let rows_count = check_groups(metadata, pages_end, limits)?;
    let lsns = lsns.map_err(corrupt)?;
    let append = match pairs.optional(metadata_key::APPEND_ID) {
        Some(id) => Some((id.to_owned(), pairs.number(metadata_key::APPEND_ROW)?)),
        None => None,
    };
    let id_field = id.path().map(<[String]>::to_vec);
    let columns_count = root.get_fields().len();
    let integers = integer_bounds(metadata, id.own_leaves(), usize::from(has_rescued));
    let footer = Footer {
        schema,
        tenant_id,
        collection,
        lsns,
        rows_count,
        columns_count,
        append,
        id_field,
        integers,
    };
    Ok(Contents { footer, facts, has_rescued, id })
}

fn place_of_ids(pairs: &Pairs<'_>, schema: &Schema) -> Result<IdPlace> {
    if let Some(text) = pairs.optional(metadata_key::ID) {
        return IdPlace::of_field(text, schema);
    }
    if schema.column(ID_COLUMN).is_some() {
        return Err(corrupt("its schema has a column \"_id\" beside the ids of its rows"));
    }
    match pairs.optional(metadata_key::OWN_ID) {
        None => Ok(IdPlace::Own(OwnId::Absent)),
        Some("string") => Ok(IdPlace::Own(OwnId::String)),
        Some("number") => Ok(IdPlace::Own(OwnId::Number)),
        Some(other) => {
            Err(corrupt(format!("its metadata names the unknown kind of ids {other:?}")))
        }
    }
}

fn no_parquet(error: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("this is not a Parquet file, or it is damaged: {error}"))
}

/// The number of rows of all groups. Checks the claims of the footer that the parquet crate would
/// trust.
fn check_groups(metadata: &ParquetMetaData, pages_end: u64, limits: &ReadLimits) -> Result<u64> {
    let mut rows_count = 0_u64;
    // Chunks must not overlap: otherwise a small file could make its reader read the same bytes
    // again and again.
    let mut from = 0;
    for group in metadata.row_groups() {
        let rows = u64::try_from(group.num_rows())
            .map_err(|_| corrupt("a row group has a negative number of rows"))?;
        rows_count = rows_count.checked_add(rows).ok_or_else(|| corrupt("it has too many rows"))?;
        for chunk in group.columns() {
            let place = place(chunk).filter(|place| place.start >= from && place.end <= pages_end);
            let place = place.ok_or_else(|| {
                corrupt("a column chunk overlaps another one, or lies outside the pages")
            })?;
            from = place.end;
            check_rows(chunk, place.end - place.start, rows, limits)?;
        }
    }
    if u64::try_from(metadata.file_metadata().num_rows()) != Ok(rows_count) {
        return Err(corrupt("the rows of its row groups do not add up to the rows of the file"));
    }
    Ok(rows_count)
}

/// An error if this many bytes cannot hold this many rows. Each page takes some bytes and holds a
/// limited number of rows, so the claim bounds the work of a reader.
fn check_rows(
    chunk: &ColumnChunkMetaData,
    bytes: u64,
    rows: u64,
    limits: &ReadLimits,
) -> Result<()> {
    let rows_max = (bytes / PAGE_STORED_BYTES_MIN).saturating_mul(limits.page_rows_max as u64);
    let column = || chunk.column_path().parts().join(".");
    if rows > rows_max {
        return Err(corrupt(format!(
            "a row group claims to have {rows} rows, \
             but the {bytes} bytes of column {} can hold at most {rows_max}",
            column()
        )));
    }
    let entries = u64::try_from(chunk.num_values()).ok();
    let flat = chunk.column_descr().max_rep_level() == 0;
    if entries.is_none_or(|entries| if flat { entries != rows } else { entries < rows }) {
        return Err(corrupt(format!(
            "the number of values of column {} does not fit the number of rows",
            column()
        )));
    }
    Ok(())
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
                "the file has no {key:?} in its metadata, so Coldpress did not write it; read it \
                 with another Parquet reader"
            ))
        })
    }

    fn number(&self, key: &str) -> Result<u64> {
        let text = self.required(key)?;
        text.parse().map_err(|_| corrupt(format!("its {key:?} is {text:?}, which is not a number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoder, ErrorKind, IdSource, Settings, Target};

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
    fn it_counts_the_columns_of_the_file_as_the_summary_does() {
        let id = IdSource::Field("a".to_owned());
        for (id, schema, columns) in [
            (IdSource::Auto, None, 2),
            (id.clone(), None, 1),
            (
                id,
                Some(r#"{"columns":[{"name":"a","type":"int64"},{"name":"b","type":"date"}]}"#),
                3,
            ),
        ] {
            let schema = schema.map(|schema| Schema::from_json(schema).unwrap());
            let mut encoder = Encoder::new(Settings { id, schema, ..Settings::default() }).unwrap();
            encoder.push_json(br#"{"a":1,"nulls":null}"#).unwrap();
            let encoded = encoder.finish(&Target::new(7, "people")).unwrap();
            let footer = Footer::read(&encoded.bytes, encoded.bytes.len() as u64).unwrap();
            assert_eq!((footer.columns_count(), encoded.summary.columns), (columns, columns));
        }
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
