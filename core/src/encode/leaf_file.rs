//! A Parquet file of leaves whose levels the caller knows, such as a checkpoint of a table.

use std::sync::Arc;

use bytes::Bytes;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, TypePtr};

use super::choose::choose;
use super::leaf::LeafCursor;
use super::pages::Scratch;
use super::refused::refused;
use crate::format::metadata::CREATED_BY;
use crate::resolve::Leaf;
use crate::{Codec, Encodings, Error, Result};

/// Writes one file, row group by row group, with our own pages and parquet's footer. It has no
/// metadata of ours: no reader takes it for a file of rows.
pub(crate) struct LeafFile {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: Vec<ColumnDescPtr>,
    scratch: Scratch,
    codec: Codec,
    encodings: Encodings,
}

impl LeafFile {
    /// A file of this schema.
    pub(crate) fn open(schema: TypePtr, codec: Codec, encodings: Encodings) -> Result<Self> {
        let properties = WriterProperties::builder().set_created_by(CREATED_BY.to_owned());
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build()));
        let writer = writer.map_err(refused)?;
        let columns = writer.schema_descr().columns().to_vec();
        Ok(LeafFile { writer, columns, scratch: Scratch::new(codec)?, codec, encodings })
    }

    /// Writes one row group. `leaves` are all leaves of the schema, in its order, and each has
    /// entries for `rows` rows, of which there is one at least.
    pub(crate) fn write(&mut self, leaves: Vec<Leaf>, rows: usize) -> Result<()> {
        if self.columns.len() != leaves.len() {
            return Err(Error::misuse(
                "the rows have another number of columns than the file; please report this bug",
            ));
        }
        let mut group = self.writer.next_row_group().map_err(refused)?;
        for (leaf, descriptor) in leaves.into_iter().zip(&self.columns) {
            let choice = choose(&leaf.values, rows, self.codec, self.encodings);
            let mut cursor = LeafCursor::new(leaf, choice, false);
            let (bytes, close) =
                cursor.write(rows, Arc::clone(descriptor), self.codec, &mut self.scratch)?;
            group.append_column(&bytes, close).map_err(refused)?;
        }
        group.close().map_err(refused)?;
        Ok(())
    }

    /// Writes the footer, and gives the whole file.
    pub(crate) fn close(self) -> Result<Bytes> {
        self.writer.into_inner().map(Bytes::from).map_err(refused)
    }
}
