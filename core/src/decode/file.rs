//! A file whose footer has been read, and the facts of that footer.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use parquet::file::metadata::ColumnChunkMetaData;

use super::chunk::ChunkPages;
use super::group::GroupReader;
use super::layout::Layout;
use crate::{Error, KeyTarget, LsnRange, ObjectKey, Result, Schema};

/// A Coldpress file whose footer has been read and checked.
///
/// Only files that Coldpress wrote can be opened: their metadata says how to give the rows back
/// exactly, which Parquet alone does not say. A damaged file gives an error of kind `Corrupt`, when
/// it is opened or when its rows are read.
pub struct ParquetFile {
    pub(super) bytes: Bytes,
    pub(super) layout: Layout,
}

/// What the footer of a Coldpress file says. Reading it takes only the last bytes of the file.
///
/// The columns are checked against the schema. The pages are not checked: they can be damaged even
/// if the footer is not.
#[derive(Debug, Clone)]
pub struct Footer {
    pub(super) schema: Schema,
    pub(super) tenant_id: u64,
    pub(super) collection: String,
    pub(super) lsns: LsnRange,
    pub(super) rows_count: u64,
    pub(super) columns_count: usize,
    pub(super) append: Option<(String, u64)>,
    pub(super) id_field: Option<Vec<String>>,
}

impl Footer {
    /// The columns of the documents, with those that had only nulls.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many rows the file holds.
    pub fn rows_count(&self) -> u64 {
        self.rows_count
    }

    /// How many columns the top of the file has, `_id` and `_rescued_data` among them. As in
    /// [`Summary::columns`](crate::Summary::columns).
    pub fn columns_count(&self) -> usize {
        self.columns_count
    }

    /// The tenant whose rows they are.
    pub fn tenant_id(&self) -> u64 {
        self.tenant_id
    }

    /// The collection they belong to.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// The LSNs they have.
    pub fn lsns(&self) -> LsnRange {
        self.lsns
    }

    /// The id of the append of the rows, and how many rows of that append come before them; `None`
    /// if the append had no id.
    pub fn append(&self) -> Option<(&str, u64)> {
        self.append.as_ref().map(|(id, row)| (id.as_str(), *row))
    }

    /// The names down to the field of the documents that holds the ids; `None` if the column `_id`
    /// holds them. See [`IdSource::Field`](crate::IdSource::Field).
    pub fn id_field(&self) -> Option<&[String]> {
        self.id_field.as_deref()
    }

    /// An error of kind `Corrupt` if the file was made for another key. Otherwise a moved file
    /// would give the rows of one tenant or collection as those of another.
    pub fn check_key(&self, key: &ObjectKey) -> Result<()> {
        let KeyTarget::Data { tenant_id, collection, lsns } = key.target() else {
            return Err(Error::corrupt(
                "the key is that of a segment of a log, but a file of rows lies there",
            ));
        };
        if (self.tenant_id, &self.collection, self.lsns) == (*tenant_id, collection, *lsns) {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "the file was made for tenant {}, collection {:?}, LSNs {}, but it lies at {key}; move \
             it to its own key",
            self.tenant_id, self.collection, self.lsns
        )))
    }
}

impl ParquetFile {
    /// Lets a host stop the work. Once `stop` is true, [`ParquetFile::verify`] and
    /// [`Rows`](crate::Rows) give an error of kind `Aborted`. They look at it before each page and
    /// every thousand rows.
    pub fn stop_when(&mut self, stop: Arc<AtomicBool>) {
        self.layout.terms.stop = Some(stop);
    }

    /// What its footer says.
    pub fn footer(&self) -> &Footer {
        &self.layout.footer
    }

    /// The columns of the documents, with those that had only nulls.
    pub fn schema(&self) -> &Schema {
        &self.layout.footer.schema
    }

    /// How many rows it holds.
    pub fn rows_count(&self) -> u64 {
        self.layout.footer.rows_count
    }

    /// The tenant whose rows they are.
    pub fn tenant_id(&self) -> u64 {
        self.layout.footer.tenant_id
    }

    /// The collection they belong to.
    pub fn collection(&self) -> &str {
        &self.layout.footer.collection
    }

    /// The LSNs they have.
    pub fn lsns(&self) -> LsnRange {
        self.layout.footer.lsns
    }

    /// All pages of the chunk.
    pub(super) fn pages(&self, chunk: &ColumnChunkMetaData, rows: usize) -> Result<ChunkPages> {
        ChunkPages::whole(&self.bytes, 0, chunk, rows)
    }

    /// All rows of the row group, with the leaves at these places.
    pub(super) fn open_group(&self, group: usize, leaves: &[usize]) -> Result<GroupReader> {
        let rows = self.layout.group_rows(group)?;
        GroupReader::open(&self.layout, group, leaves, 0..rows, |leaf| {
            self.pages(self.layout.chunk(group, leaf)?, rows)
        })
    }
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetFile")
            .field("tenant_id", &self.layout.footer.tenant_id)
            .field("collection", &self.layout.footer.collection)
            .field("lsns", &self.layout.footer.lsns)
            .field("rows_count", &self.layout.footer.rows_count)
            .finish_non_exhaustive()
    }
}
