//! How much a file may ask of its reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::encode::{DICTIONARY_BYTES_MAX, PAGE_ENTRIES_MAX, ROW_ENTRIES_MAX};
use crate::{Error, ErrorKind, Result};

/// The most that a file may ask of its reader: plain data.
///
/// The defaults lie above what an encoder writes, so they refuse no file of ours that was encoded
/// with its defaults. What passes them is an error of kind [`ErrorKind::Limit`], which names the
/// limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadLimits {
    /// Bytes of the footer, with its length and its magic. Decoding takes about 30 times as much
    /// memory at worst. Default: 64 MiB, some 300,000 column chunks.
    pub footer_bytes_max: u64,
    /// Bytes of one page before the codec. An encoder ends a page at 1 MiB of values, but a page
    /// holds one row at least. Default: 768 MiB, three times the largest row that an encoder takes
    /// by default.
    pub page_bytes_max: usize,
    /// Rows of one page of a column that is no list. Default: 40,960, twice what an encoder writes.
    pub page_rows_max: usize,
    /// Bytes of one row's text and values, as rows are put together. Default: 512 MiB, twice the
    /// largest row that an encoder takes by default.
    pub row_bytes_max: usize,
    /// Values and nulls of one row in all its columns together. Default: 134,217,728, which no text
    /// of 256 MiB can have.
    pub row_values_max: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        ReadLimits {
            footer_bytes_max: 64 << 20,
            page_bytes_max: 768 << 20,
            page_rows_max: 40_960,
            row_bytes_max: 512 << 20,
            row_values_max: 1 << 27,
        }
    }
}

/// Values and nulls of one page at most: an encoder ends a page at 1,048,576 of them, but not
/// within a row.
pub(super) const PAGE_VALUES_MAX: usize = PAGE_ENTRIES_MAX + ROW_ENTRIES_MAX;
/// Bytes of a dictionary page before the codec, eight times what an encoder writes.
pub(super) const DICTIONARY_PAGE_BYTES_MAX: usize = 8 * DICTIONARY_BYTES_MAX;
/// Bytes of a page at least: the header alone has type, two sizes, values and encodings.
pub(super) const PAGE_STORED_BYTES_MIN: u64 = 14;

/// What readers of one file share: the limits, and whether somebody wants them to stop.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    pub(super) limits: Arc<ReadLimits>,
    pub(super) stop: Option<Arc<AtomicBool>>,
}

impl Terms {
    pub(super) fn new(limits: &ReadLimits) -> Self {
        Terms { limits: Arc::new(limits.clone()), stop: None }
    }

    /// An error of kind `Aborted` once the flag is set.
    pub(super) fn go_on(&self) -> Result<()> {
        match &self.stop {
            Some(stop) if stop.load(Ordering::Relaxed) => {
                Err(Error::new(ErrorKind::Aborted, "reading the file was stopped by its caller"))
            }
            _ => Ok(()),
        }
    }
}

/// An error of kind `Limit`: `what` the file asks for, and the setting that says how much it may.
pub(super) fn too_much(what: impl std::fmt::Display, setting: &str, most: usize) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!(
            "{what}, and at most {most} are read; Coldpress writes no such file by default: \
             restore it, or, if you trust it, read it with a higher `ReadLimits::{setting}`"
        ),
    )
}

/// An error of kind `Limit`: the machine has not the memory for `what`.
pub(super) fn no_memory(what: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!("there is not enough memory for {what}; read the file on a machine with more"),
    )
}
