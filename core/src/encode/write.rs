//! Columns into Parquet bytes: our pages, parquet's footer.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{BloomFilterPosition, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;

use super::choose::choose;
use super::leaf::LeafCursor;
use super::pages::Scratch;
use super::refused::refused;
use crate::format::checksum::{FileChecksum, NO_DIGITS};
use crate::format::metadata::{CREATED_BY, FORMAT_VERSION, OwnId, metadata_key};
use crate::resolve::{Columns, Leaf};
use crate::schema::facts::Tally;
use crate::schema::parquet_type::{TreeForm, file_type};
use crate::{Error, LsnRange, Result, Schema, Settings, Target};

/// Writes one file, row group by row group. Written bytes can be taken out at any time.
pub(super) struct FileWriter {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: Vec<ColumnDescPtr>,
    scratch: Scratch,
    /// Where the ids are, and the names down to that column.
    own_id: OwnId,
    id_path: Vec<String>,
    /// The number of row groups so far, and what their rows say of the columns.
    groups: usize,
    tally: Tally,
    /// The checksum of the bytes that were taken out.
    checksum: FileChecksum,
}

impl FileWriter {
    /// A file of the columns that these ones are.
    pub(super) fn open(columns: &Columns, settings: &Settings) -> Result<Self> {
        let (own_id, id_path) = (columns.own_id, columns.id_path.clone());
        let root =
            file_type(&columns.schema, own_id.is_named(), columns.has_rescued, TreeForm::Stated)?;
        // The filters stand next to the indexes and the footer: one read of the tail gets them all.
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_bloom_filter_position(BloomFilterPosition::End);
        let writer = SerializedFileWriter::new(Vec::new(), root, Arc::new(properties.build()));
        let writer = writer.map_err(refused)?;
        let columns = writer.schema_descr().columns().to_vec();
        let (scratch, checksum) = (Scratch::new(settings.codec)?, FileChecksum::default());
        let (groups, tally) = (0, Tally::default());
        Ok(FileWriter { writer, columns, scratch, own_id, id_path, groups, tally, checksum })
    }

    /// Writes rows, as one row group or as many as it takes.
    ///
    /// Takes the leaves out of `columns`: their values go to the pages without a copy.
    pub(super) fn write(&mut self, columns: &mut Columns, settings: &Settings) -> Result<()> {
        if self.columns.len() != columns.leaves.len() {
            return Err(Error::misuse(
                "the schema has another number of columns than the file; please report this bug",
            ));
        }
        let rows_max = settings.row_group_rows_max;
        let cursor = |leaf: Leaf| {
            let choice = choose(&leaf.values, rows_max, settings.codec, settings.encodings);
            let holds_ids = leaf.path == self.id_path;
            LeafCursor::new(leaf, choice, holds_ids)
        };
        let mut leaves: Vec<LeafCursor> =
            std::mem::take(&mut columns.leaves).into_iter().map(cursor).collect();
        let first_group = self.groups;
        let mut rows_left = columns.rows;
        while rows_left > 0 {
            let rows = rows_left.min(rows_max);
            let mut group = self.writer.next_row_group().map_err(refused)?;
            for (leaf, descriptor) in leaves.iter_mut().zip(&self.columns) {
                let (bytes, close) =
                    leaf.write(rows, Arc::clone(descriptor), settings.codec, &mut self.scratch)?;
                group.append_column(&bytes, close).map_err(refused)?;
            }
            group.close().map_err(refused)?;
            self.groups += 1;
            rows_left -= rows;
        }
        self.tally.add(&columns.found, &(first_group..self.groups));
        Ok(())
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> Result<Bytes> {
        self.writer.flush().map_err(|error| refused(error.into()))?;
        let bytes = std::mem::take(self.writer.inner_mut());
        self.checksum.update(&bytes);
        Ok(Bytes::from(bytes))
    }

    /// Writes the footer, and gives the bytes that were not taken out.
    pub(super) fn close(self, schema: &Schema, target: &Target, lsns: LsnRange) -> Result<Bytes> {
        let (mut end, checksum) = self.close_unsealed(schema, target, lsns, None)?;
        match checksum.seal(&mut end) {
            true => Ok(Bytes::from(end)),
            false => Err(Error::misuse(
                "the footer has no room for the checksum of the file; please report this bug",
            )),
        }
    }

    /// Writes the footer, and gives the bytes that were not taken out, with the whole footer. The
    /// checksum is not written yet: the second result is the checksum of the bytes before these.
    pub(super) fn close_unsealed(
        mut self,
        schema: &Schema,
        target: &Target,
        lsns: LsnRange,
        append: Option<(&str, u64)>,
    ) -> Result<(Vec<u8>, FileChecksum)> {
        let schema = schema.to_file_json(&self.tally.end());
        for pair in metadata(schema, (self.own_id, &self.id_path), target, lsns, append) {
            self.writer.append_key_value_metadata(pair);
        }
        let end = self.writer.into_inner().map_err(refused)?;
        Ok((end, self.checksum))
    }
}

impl fmt::Debug for FileWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWriter").field("writer", &self.writer).finish_non_exhaustive()
    }
}

/// `id_path`: the names down to the column of the ids. `append`: the id of the append that the rows
/// belong to, and how many of its rows come before them.
fn metadata(
    schema: String,
    (own_id, id_path): (OwnId, &[String]),
    target: &Target,
    lsns: LsnRange,
    append: Option<(&str, u64)>,
) -> Vec<KeyValue> {
    let mut pairs = vec![
        (metadata_key::FORMAT_VERSION, FORMAT_VERSION.to_owned()),
        (metadata_key::TENANT, target.tenant_id.to_string()),
        (metadata_key::COLLECTION, target.collection.clone()),
    ];
    // Names that a caller chooses come before the LSNs, because `FileTail` searches from the end.
    if let Some((id, row)) = append {
        pairs.push((metadata_key::APPEND_ID, id.to_owned()));
        pairs.push((metadata_key::APPEND_ROW, row.to_string()));
    }
    if own_id.is_named() {
        pairs.push((metadata_key::ID, serde_json::Value::from(id_path).to_string()));
    }
    pairs.push((metadata_key::MIN_LSN, lsns.min().to_string()));
    pairs.push((metadata_key::MAX_LSN, lsns.max().to_string()));
    pairs.push((metadata_key::SCHEMA, schema));
    match own_id {
        OwnId::Absent | OwnId::NamedField | OwnId::NamedPath => {}
        OwnId::String => pairs.push((metadata_key::OWN_ID, "string".to_owned())),
        OwnId::Number => pairs.push((metadata_key::OWN_ID, "number".to_owned())),
    }
    // It comes last, so nothing after it can look like it.
    pairs.push((metadata_key::CHECKSUM, NO_DIGITS.to_owned()));
    pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
}
