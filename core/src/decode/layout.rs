//! What the footer of a file says: all that a reader knows before it has a page.

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::damage::{corrupt, guarded};
use super::file::Footer;
use super::footer;
use super::id::IdPlace;
use super::limits::{ReadLimits, Terms};
use crate::Result;
use crate::schema::facts::Facts;

/// A footer that has been read and checked. Reading it takes only the last bytes of the file.
pub(crate) struct Layout {
    pub(super) terms: Terms,
    pub(super) metadata: ParquetMetaData,
    pub(super) footer: Footer,
    /// Of each column of the schema, each field and each element, in order.
    pub(super) facts: Vec<Facts>,
    pub(super) has_rescued: bool,
    pub(super) id: IdPlace,
}

impl Layout {
    #[expect(dead_code, reason = "for the scan, which comes next")]
    /// Reads the footer of a file of `file_bytes` bytes; `tail` is the end of that file.
    pub(crate) fn read(tail: &[u8], file_bytes: u64, limits: &ReadLimits) -> Result<Self> {
        guarded(|| footer::layout(tail, file_bytes, limits))
    }

    #[expect(dead_code, reason = "for the scan, which comes next")]
    pub(crate) fn footer(&self) -> &Footer {
        &self.footer
    }

    #[expect(dead_code, reason = "for the scan, which comes next")]
    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    #[expect(dead_code, reason = "for the scan, which comes next")]
    pub(crate) fn limits(&self) -> &ReadLimits {
        &self.terms.limits
    }

    /// The chunk of the leaf in the row group.
    pub(crate) fn chunk(&self, group: usize, leaf: usize) -> Result<&ColumnChunkMetaData> {
        let group = self.metadata.row_groups().get(group);
        let chunk = group.and_then(|group| group.columns().get(leaf));
        chunk.ok_or_else(|| corrupt("a row group has too few columns"))
    }

    /// The rows of the row group.
    pub(crate) fn group_rows(&self, group: usize) -> Result<usize> {
        usize::try_from(self.metadata.row_group(group).num_rows()).map_err(corrupt)
    }
}
