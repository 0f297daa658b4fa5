//! What is known of a file.

use coldpress::Footer;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ColumnStatistics;

/// What a footer says that every query needs.
#[derive(Debug)]
pub(crate) struct FileFacts {
    pub(crate) footer: Footer,
    /// The columns of the file as a scan reads them.
    pub(crate) schema: SchemaRef,
    /// Of each column of `schema`.
    pub(crate) columns: Vec<ColumnStatistics>,
    /// How many bytes its columns take before compression.
    pub(crate) plain_bytes: usize,
}
