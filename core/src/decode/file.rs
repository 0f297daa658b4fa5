//! A file whose footer has been read.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use parquet::file::metadata::ColumnChunkMetaData;

use super::chunk::ChunkPages;
use super::group::GroupReader;
use super::layout::{Footer, Layout};
use crate::{LsnRange, Result, Schema};

/// A Coldpress file whose footer has been read and checked.
///
/// Only files that Coldpress wrote can be opened: their metadata says how to give the rows back
/// exactly, which Parquet alone does not say. A damaged file gives an error of kind `Corrupt`, when
/// it is opened or when its rows are read.
pub struct ParquetFile {
    pub(super) bytes: Bytes,
    pub(super) layout: Layout,
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
        let all = std::iter::once(0..rows).collect();
        GroupReader::open(&self.layout, group, leaves, all, |leaf| {
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
