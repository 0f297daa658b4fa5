//! Columns into Parquet bytes, by parquet's own column writers.

use bytes::Bytes;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::sync::Arc;

use super::{Target, choose};
use crate::resolve::{Blobs, Columns, Leaf, OwnId, Values};
use crate::schema::ID_COLUMN;
use crate::schema::parquet_type::file_type;
use crate::{Codec, Error, ErrorKind, LsnRange, Result, Settings};

/// Who wrote the file, in the form readers parse. It changes only with the bytes we write.
pub(crate) const CREATED_BY: &str = "coldpress version 1.0.0";

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
}

/// How often a lookup of an id that is not there reads the pages in vain.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// Entries handed over at once: their values stay in the processor's cache.
const CHUNK_ENTRIES: usize = 4_096;

/// The whole file.
pub(super) fn file(
    columns: &Columns,
    settings: &Settings,
    target: &Target,
    lsns: LsnRange,
) -> Result<Bytes> {
    let root = file_type(&columns.schema, columns.has_rescued)?;
    let properties = Arc::new(properties(columns, settings, target, lsns)?);
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, root, properties).map_err(failed)?;
    let mut leaves: Vec<LeafCursor<'_>> = columns.leaves.iter().map(LeafCursor::new).collect();
    let mut rows_left = columns.rows;
    while rows_left > 0 {
        let rows = rows_left.min(settings.row_group_rows_max);
        let mut group = writer.next_row_group().map_err(failed)?;
        for leaf in &mut leaves {
            let mut column = group.next_column().map_err(failed)?.ok_or_else(|| {
                Error::misuse("the schema has fewer columns than there are leaves")
            })?;
            leaf.write(rows, column.untyped()).map_err(failed)?;
            column.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        rows_left -= rows;
    }
    writer.close().map_err(failed)?;
    Ok(Bytes::from(out))
}

fn properties(
    columns: &Columns,
    settings: &Settings,
    target: &Target,
    lsns: LsnRange,
) -> Result<WriterProperties> {
    let id = ColumnPath::from(ID_COLUMN);
    let ids_in_group = columns.rows.min(settings.row_group_rows_max) as u64;
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(compression(settings.codec)?)
        .set_key_value_metadata(Some(metadata(columns, target, lsns)))
        .set_column_bloom_filter_enabled(id.clone(), true)
        .set_column_bloom_filter_fpp(id.clone(), BLOOM_FALSE_POSITIVES)
        .set_column_bloom_filter_max_ndv(id, ids_in_group);
    for leaf in &columns.leaves {
        builder = with_choice(builder, leaf, settings);
    }
    Ok(builder.build())
}

fn with_choice(
    builder: WriterPropertiesBuilder,
    leaf: &Leaf,
    settings: &Settings,
) -> WriterPropertiesBuilder {
    let path = ColumnPath::new(leaf.path.clone());
    let choice = choose::choose(&leaf.values, settings.row_group_rows_max, settings.codec);
    builder
        .set_column_dictionary_enabled(path.clone(), choice.dictionary)
        .set_column_encoding(path, choice.encoding)
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
    pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
}

fn compression(codec: Codec) -> Result<Compression> {
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

fn failed(error: ParquetError) -> Error {
    Error::new(ErrorKind::Limit, format!("Parquet cannot hold these rows: {error}"))
}

/// A leaf, and how much of it is written.
struct LeafCursor<'l> {
    leaf: &'l Leaf,
    /// The leaf's byte strings as the writer wants them: shared, not copied.
    shared: Bytes,
    /// Levels of a chunk all of whose entries are values.
    full: Vec<i16>,
    entry: usize,
    value: usize,
}

impl<'l> LeafCursor<'l> {
    fn new(leaf: &'l Leaf) -> Self {
        let shared = match &leaf.values {
            Values::Bytes(blobs) => Bytes::copy_from_slice(&blobs.bytes),
            Values::Fixed(bytes, _) => Bytes::copy_from_slice(bytes),
            _ => Bytes::new(),
        };
        let full = if leaf.definition_max > 0 && leaf.definitions.is_empty() {
            vec![leaf.definition_max; CHUNK_ENTRIES]
        } else {
            Vec::new()
        };
        LeafCursor { leaf, shared, full, entry: 0, value: 0 }
    }

    /// Writes the next `rows` rows.
    fn write(&mut self, rows: usize, column: &mut ColumnWriter<'_>) -> parquet::errors::Result<()> {
        let mut rows_left = rows;
        while rows_left > 0 {
            let (entries, rows) = self.chunk(rows_left);
            self.write_chunk(entries, column)?;
            rows_left -= rows;
        }
        Ok(())
    }

    /// How many entries come next, and how many whole rows they are.
    fn chunk(&self, rows_max: usize) -> (usize, usize) {
        let repetitions = &self.leaf.repetitions;
        if repetitions.is_empty() {
            let rows = rows_max.min(CHUNK_ENTRIES);
            return (rows, rows);
        }
        let mut rows = 0;
        let mut end = self.entry;
        while end < repetitions.len() {
            if repetitions[end] == 0 {
                if rows == rows_max || end - self.entry >= CHUNK_ENTRIES {
                    break;
                }
                rows += 1;
            }
            end += 1;
        }
        (end - self.entry, rows)
    }

    fn write_chunk(
        &mut self,
        entries: usize,
        column: &mut ColumnWriter<'_>,
    ) -> parquet::errors::Result<()> {
        let leaf = self.leaf;
        let range = self.entry..self.entry + entries;
        self.entry = range.end;
        let full: Vec<i16>;
        let (definitions, values) = if leaf.definition_max == 0 {
            (None, entries)
        } else if !leaf.definitions.is_empty() {
            let levels = &leaf.definitions[range.clone()];
            let values = levels.iter().filter(|level| **level == leaf.definition_max).count();
            (Some(levels), values)
        } else if entries <= self.full.len() {
            (Some(&self.full[..entries]), entries)
        } else {
            full = vec![leaf.definition_max; entries];
            (Some(full.as_slice()), entries)
        };
        let repetitions =
            if leaf.repetitions.is_empty() { None } else { Some(&leaf.repetitions[range]) };
        let range = self.value..self.value + values;
        self.value = range.end;
        match (column, &leaf.values) {
            (ColumnWriter::BoolColumnWriter(column), Values::Boolean(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::Int32ColumnWriter(column), Values::Int32(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::Int64ColumnWriter(column), Values::Int64(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::FloatColumnWriter(column), Values::Float(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::DoubleColumnWriter(column), Values::Double(values)) => {
                column.write_batch(&values[range], definitions, repetitions)
            }
            (ColumnWriter::ByteArrayColumnWriter(column), Values::Bytes(blobs)) => {
                let values = byte_arrays(blobs, &self.shared, range);
                column.write_batch(&values, definitions, repetitions)
            }
            (ColumnWriter::FixedLenByteArrayColumnWriter(column), Values::Fixed(_, width)) => {
                let value = |at: usize| {
                    let bytes = self.shared.slice(at * width..(at + 1) * width);
                    FixedLenByteArray::from(ByteArray::from(bytes))
                };
                let values: Vec<FixedLenByteArray> = range.map(value).collect();
                column.write_batch(&values, definitions, repetitions)
            }
            _ => Err(ParquetError::General("a leaf's values are not of its column's type".into())),
        }?;
        Ok(())
    }
}

fn byte_arrays(blobs: &Blobs, shared: &Bytes, range: std::ops::Range<usize>) -> Vec<ByteArray> {
    range.map(|at| ByteArray::from(shared.slice(blobs.range(at)))).collect()
}
