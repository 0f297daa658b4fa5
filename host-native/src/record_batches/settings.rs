//! How files become record batches, and the batches so far.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use coldpress_core::ReadLimits;

use crate::error::{Error, ErrorKind, Result};

/// How a file becomes record batches: plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchSettings {
    /// What the file may cost its reader. Four of these limits count: those of the footer, of one
    /// page, of one row, and of all batches.
    pub limits: ReadLimits,
    /// The most rows of one batch. Fewer, if the values are large. Default: 8,192.
    pub batch_rows: usize,
    /// Whether to leave out row groups that can have no row of the filter, by their statistics.
    /// Default: true, like the next one. Both change no row.
    pub use_statistics: bool,
    /// The same for pages, by the page index.
    pub use_page_index: bool,
}

impl Default for BatchSettings {
    fn default() -> Self {
        BatchSettings {
            limits: ReadLimits::default(),
            batch_rows: 8_192,
            use_statistics: true,
            use_page_index: true,
        }
    }
}

/// The batches so far, within the limit of their memory.
#[derive(Debug)]
pub(crate) struct Collected {
    batches: Vec<RecordBatch>,
    bytes: u64,
    bytes_max: u64,
}

impl Collected {
    pub(crate) fn new(limits: &ReadLimits) -> Self {
        Collected { batches: Vec::new(), bytes: 0, bytes_max: limits.batches_bytes_max }
    }

    pub(crate) fn add(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let bytes = u64::try_from(batch.get_array_memory_size()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.bytes_max {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "the record batches take more than {} bytes; read fewer columns or rows, or \
                     raise `ReadLimits::batches_bytes_max`",
                    self.bytes_max
                ),
            ));
        }
        self.batches.push(batch);
        Ok(())
    }

    /// All batches; an empty one if there is none, so that the schema is known.
    pub(crate) fn finish(self, schema: SchemaRef) -> Vec<RecordBatch> {
        match self.batches.is_empty() {
            true => vec![RecordBatch::new_empty(schema)],
            false => self.batches,
        }
    }
}
