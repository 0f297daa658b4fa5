//! Columns into Parquet bytes: our pages, parquet's footer.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::Target;
use super::checksum::{FileChecksum, NO_DIGITS};
use super::choose::{Choice, choose};
use super::leaf::LeafCursor;
use super::pages::Scratch;
use crate::resolve::{Columns, Leaf, OwnId};
use crate::schema::parquet_type::file_type;
use crate::{Codec, Error, ErrorKind, LsnRange, Result, Settings};

/// Who wrote the file, in the form readers parse. It changes only with the bytes we write.
pub(crate) const CREATED_BY: &str = "coldpress version 1.1.0";

/// Who wrote files before they had a checksum of the whole.
#[cfg(feature = "decode")]
pub(crate) const CREATED_BY_WITHOUT_CHECKSUM: &str = "coldpress version 1.0.0";

/// The version of what `coldpress.*` metadata and `_rescued_data` mean.
pub(crate) const FORMAT_VERSION: &str = "1";

/// Keys of the file's metadata.
pub(crate) mod metadata_key {
    pub(crate) const FORMAT_VERSION: &str = "coldpress.format_version";
    pub(crate) const TENANT: &str = "coldpress.tenant";
    pub(crate) const COLLECTION: &str = "coldpress.collection";
    pub(crate) const MIN_LSN: &str = "coldpress.min_lsn";
    pub(crate) const MAX_LSN: &str = "coldpress.max_lsn";
    pub(crate) const SCHEMA: &str = "coldpress.schema";
    pub(crate) const OWN_ID: &str = "coldpress.id_in_document";
    pub(crate) const CHECKSUM: &str = "coldpress.crc32";
}

/// How often a lookup of an id that is not there reads the pages in vain. A filter's size is a power of two, and
/// at this rate that of a full row group (65,536 ids) is 64 KiB, where one in a hundred would take 128.
pub(super) const BLOOM_FALSE_POSITIVES: f64 = 0.03;

/// The whole file.
///
/// Takes the leaves out of `columns`: their values go to the pages without a copy.
pub(super) fn file(
    columns: &mut Columns,
    settings: &Settings,
    target: &Target,
    lsns: LsnRange,
) -> Result<Bytes> {
    let root = file_type(&columns.schema, columns.has_rescued)?;
    let choose = |leaf: &Leaf| choose(&leaf.values, settings.row_group_rows_max, settings.codec);
    let choices: Vec<Choice> = columns.leaves.iter().map(choose).collect();
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_key_value_metadata(Some(metadata(columns, target, lsns)));
    let mut out = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut out, root, Arc::new(properties.build())).map_err(failed)?;
    let leaves = std::mem::take(&mut columns.leaves).into_iter().zip(choices);
    let mut leaves: Vec<LeafCursor> =
        leaves.map(|(leaf, choice)| LeafCursor::new(leaf, choice)).collect();
    let descriptors = writer.schema_descr().columns().to_vec();
    if descriptors.len() != leaves.len() {
        return Err(Error::misuse("the schema has not as many columns as there are leaves"));
    }
    let mut scratch = Scratch::new(settings.codec)?;
    let mut rows_left = columns.rows;
    while rows_left > 0 {
        let rows = rows_left.min(settings.row_group_rows_max);
        let mut group = writer.next_row_group().map_err(failed)?;
        for (leaf, descriptor) in leaves.iter_mut().zip(&descriptors) {
            let (bytes, close) =
                leaf.write(rows, Arc::clone(descriptor), settings.codec, &mut scratch)?;
            group.append_column(&bytes, close).map_err(failed)?;
        }
        group.close().map_err(failed)?;
        rows_left -= rows;
    }
    let before_end = writer.bytes_written();
    writer.close().map_err(failed)?;
    let mut checksum = FileChecksum::default();
    checksum.update(&out[..before_end]);
    seal(checksum, &mut out[before_end..])?;
    Ok(Bytes::from(out))
}

/// Writes the checksum of the whole file into its end; `checksum` has taken what came before.
fn seal(checksum: FileChecksum, end: &mut [u8]) -> Result<()> {
    match checksum.seal(end) {
        true => Ok(()),
        false => Err(Error::misuse("the footer has no room for the file's checksum")),
    }
}

fn metadata(columns: &Columns, target: &Target, lsns: LsnRange) -> Vec<KeyValue> {
    let mut pairs = vec![
        (metadata_key::FORMAT_VERSION, FORMAT_VERSION.to_owned()),
        (metadata_key::TENANT, target.tenant_id.to_string()),
        (metadata_key::COLLECTION, target.collection.clone()),
        (metadata_key::MIN_LSN, lsns.min().to_string()),
        (metadata_key::MAX_LSN, lsns.max().to_string()),
        (metadata_key::SCHEMA, columns.schema.to_json()),
    ];
    match columns.own_id {
        OwnId::Absent => {}
        OwnId::String => pairs.push((metadata_key::OWN_ID, "string".to_owned())),
        OwnId::Number => pairs.push((metadata_key::OWN_ID, "number".to_owned())),
    }
    // The last one, so that nothing which looks like it can stand behind it.
    pairs.push((metadata_key::CHECKSUM, NO_DIGITS.to_owned()));
    pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
}

pub(crate) fn compression(codec: Codec) -> Result<Compression> {
    Ok(match codec {
        Codec::None => Compression::UNCOMPRESSED,
        Codec::Snappy => Compression::SNAPPY,
        Codec::Lz4 => Compression::LZ4_RAW,
        Codec::Zstd(level) => {
            Compression::ZSTD(ZstdLevel::try_new(i32::from(level)).map_err(failed)?)
        }
        Codec::Gzip(level) => {
            Compression::GZIP(GzipLevel::try_new(u32::from(level)).map_err(failed)?)
        }
        Codec::Brotli(level) => {
            Compression::BROTLI(BrotliLevel::try_new(u32::from(level)).map_err(failed)?)
        }
    })
}

pub(super) fn failed(error: ParquetError) -> Error {
    Error::new(ErrorKind::Limit, format!("Parquet cannot hold these rows: {error}"))
}
