//! Columns into Parquet bytes: our pages, parquet's footer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{BloomFilterPosition, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;

use super::Target;
use super::checksum::{FileChecksum, NO_DIGITS};
use super::choose::choose;
use super::leaf::LeafCursor;
use super::pages::Scratch;
use crate::resolve::{Columns, Leaf, OwnId};
use crate::schema::parquet_type::{TreeForm, file_type};
use crate::{Codec, Error, ErrorKind, LsnRange, Result, Schema, Settings};

/// Who wrote the file, in the form readers parse. It changes only with the bytes we write.
pub(crate) const CREATED_BY: &str = "coldpress version 1.2.0";

/// Who wrote files before they had a checksum of the whole.
#[cfg(feature = "decode")]
pub(crate) const CREATED_BY_WITHOUT_CHECKSUM: &str = "coldpress version 1.0.0";

/// The version of what `coldpress.*` metadata and `_rescued_data` mean, and of the columns' form.
pub(crate) const FORMAT_VERSION: &str = "2";

/// The version whose columns are [`TreeForm::Numbered`].
#[cfg(feature = "decode")]
pub(crate) const FORMAT_VERSION_NUMBERED: &str = "1";

/// Keys of the file's metadata.
pub(crate) mod metadata_key {
    pub(crate) const FORMAT_VERSION: &str = "coldpress.format_version";
    pub(crate) const TENANT: &str = "coldpress.tenant";
    pub(crate) const COLLECTION: &str = "coldpress.collection";
    pub(crate) const APPEND_ID: &str = "coldpress.append_id";
    pub(crate) const APPEND_ROW: &str = "coldpress.append_row";
    pub(crate) const MIN_LSN: &str = "coldpress.min_lsn";
    pub(crate) const MAX_LSN: &str = "coldpress.max_lsn";
    pub(crate) const SCHEMA: &str = "coldpress.schema";
    pub(crate) const OWN_ID: &str = "coldpress.id_in_document";
    pub(crate) const CHECKSUM: &str = "coldpress.crc32";
}

/// One file on its way, row group by row group: what is written may be taken away at once.
pub(super) struct FileWriter {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: Vec<ColumnDescPtr>,
    scratch: Scratch,
    /// Of what was taken away.
    checksum: FileChecksum,
}

impl FileWriter {
    /// A file of the columns that these ones are.
    pub(super) fn open(columns: &Columns, settings: &Settings) -> Result<Self> {
        let root = file_type(&columns.schema, columns.has_rescued, TreeForm::Stated)?;
        // The filters stand next to the indexes and the footer: one read of the tail gets them all.
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_bloom_filter_position(BloomFilterPosition::End);
        let writer = SerializedFileWriter::new(Vec::new(), root, Arc::new(properties.build()));
        let writer = writer.map_err(failed)?;
        let columns = writer.schema_descr().columns().to_vec();
        let (scratch, checksum) = (Scratch::new(settings.codec)?, FileChecksum::default());
        Ok(FileWriter { writer, columns, scratch, checksum })
    }

    /// Writes rows, as one row group or as many as it takes.
    ///
    /// Takes the leaves out of `columns`: their values go to the pages without a copy.
    pub(super) fn write(&mut self, columns: &mut Columns, settings: &Settings) -> Result<()> {
        if self.columns.len() != columns.leaves.len() {
            return Err(Error::misuse("the schema has not as many columns as there are leaves"));
        }
        let rows_max = settings.row_group_rows_max;
        let cursor = |leaf: Leaf| {
            let choice = choose(&leaf.values, rows_max, settings.codec, settings.encodings);
            LeafCursor::new(leaf, choice)
        };
        let mut leaves: Vec<LeafCursor> =
            std::mem::take(&mut columns.leaves).into_iter().map(cursor).collect();
        let mut rows_left = columns.rows;
        while rows_left > 0 {
            let rows = rows_left.min(rows_max);
            let mut group = self.writer.next_row_group().map_err(failed)?;
            for (leaf, descriptor) in leaves.iter_mut().zip(&self.columns) {
                let (bytes, close) =
                    leaf.write(rows, Arc::clone(descriptor), settings.codec, &mut self.scratch)?;
                group.append_column(&bytes, close).map_err(failed)?;
            }
            group.close().map_err(failed)?;
            rows_left -= rows;
        }
        Ok(())
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> Result<Bytes> {
        self.writer.flush().map_err(|error| failed(error.into()))?;
        let bytes = std::mem::take(self.writer.inner_mut());
        self.checksum.update(&bytes);
        Ok(Bytes::from(bytes))
    }

    /// Writes the footer, and gives what was not taken yet.
    pub(super) fn close(
        self,
        schema: &Schema,
        own_id: OwnId,
        target: &Target,
        lsns: LsnRange,
    ) -> Result<Bytes> {
        let (mut end, checksum) = self.close_unsealed(schema, own_id, target, lsns, None)?;
        match checksum.seal(&mut end) {
            true => Ok(Bytes::from(end)),
            false => Err(Error::misuse("the footer has no room for the file's checksum")),
        }
    }

    /// Writes the footer, and gives what was not taken yet. The whole footer is in it, and the
    /// place of the checksum, which is not written yet: it is the one of the bytes before.
    pub(super) fn close_unsealed(
        mut self,
        schema: &Schema,
        own_id: OwnId,
        target: &Target,
        lsns: LsnRange,
        append: Option<(&str, u64)>,
    ) -> Result<(Vec<u8>, FileChecksum)> {
        for pair in metadata(schema, own_id, target, lsns, append) {
            self.writer.append_key_value_metadata(pair);
        }
        let end = self.writer.into_inner().map_err(failed)?;
        Ok((end, self.checksum))
    }
}

impl fmt::Debug for FileWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWriter").field("writer", &self.writer).finish_non_exhaustive()
    }
}

/// `append`: the id of the append that the rows belong to, and how many of its rows come before
/// them.
fn metadata(
    schema: &Schema,
    own_id: OwnId,
    target: &Target,
    lsns: LsnRange,
    append: Option<(&str, u64)>,
) -> Vec<KeyValue> {
    let mut pairs = vec![
        (metadata_key::FORMAT_VERSION, FORMAT_VERSION.to_owned()),
        (metadata_key::TENANT, target.tenant_id.to_string()),
        (metadata_key::COLLECTION, target.collection.clone()),
    ];
    // Names that a caller chooses stand before the LSNs: `FileTail` looks for those from the end.
    if let Some((id, row)) = append {
        pairs.push((metadata_key::APPEND_ID, id.to_owned()));
        pairs.push((metadata_key::APPEND_ROW, row.to_string()));
    }
    pairs.push((metadata_key::MIN_LSN, lsns.min().to_string()));
    pairs.push((metadata_key::MAX_LSN, lsns.max().to_string()));
    pairs.push((metadata_key::SCHEMA, schema.to_json()));
    match own_id {
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
