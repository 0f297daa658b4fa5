//! Limits of what a file may cost its reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::format::limits::{DICTIONARY_BYTES_MAX, PAGE_ENTRIES_MAX, ROW_ENTRIES_MAX};
use crate::{Error, ErrorKind, Result};

/// Limits of what a file may cost its reader: plain data.
///
/// The defaults are above what an encoder with default settings writes, so they refuse no such
/// file. A file that exceeds a limit gives an error of kind [`ErrorKind::Limit`], which names the
/// limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadLimits {
    /// Bytes of the footer, with its length and its magic bytes. Decoding takes up to about 30
    /// times as much memory. Default: 64 MiB, which is some 300,000 column chunks.
    pub footer_bytes_max: u64,
    /// Bytes of one page before the codec. An encoder ends a page at 1 MiB of values, but a page
    /// has at least one row. Default: 768 MiB, three times the largest row that an encoder accepts
    /// by default.
    pub page_bytes_max: usize,
    /// Rows of one page of a column that is not in a list. Default: 40,960, twice what an encoder
    /// writes.
    pub page_rows_max: usize,
    /// Bytes of the texts and values of one row, while the row is assembled. Default: 512 MiB,
    /// twice the largest row that an encoder accepts by default.
    pub row_bytes_max: usize,
    /// Values and nulls of one row in all its columns together. Default: 134,217,728, which no JSON
    /// text of 256 MiB can have.
    pub row_values_max: usize,
    /// Bytes of memory of the record batches that one call gives. Default: 4 GiB.
    pub batches_bytes_max: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        ReadLimits {
            footer_bytes_max: 64 << 20,
            page_bytes_max: 768 << 20,
            page_rows_max: 40_960,
            row_bytes_max: 512 << 20,
            row_values_max: 1 << 27,
            batches_bytes_max: 4 << 30,
        }
    }
}

/// The most values and nulls of one page. An encoder ends a page at 1,048,576 of them, but only at
/// the end of a row.
pub(super) const PAGE_VALUES_MAX: usize = PAGE_ENTRIES_MAX + ROW_ENTRIES_MAX;
/// The most bytes of a dictionary page before the codec: eight times what an encoder writes.
pub(super) const DICTIONARY_PAGE_BYTES_MAX: usize = 8 * DICTIONARY_BYTES_MAX;
/// The least bytes of a page: the header has a type, two sizes, a number of values, and encodings.
pub(super) const PAGE_STORED_BYTES_MIN: u64 = 14;

/// What all readers of one file share: the limits, and the flag of a host that wants to stop.
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
                Err(Error::new(ErrorKind::Aborted, "the caller stopped the reading of the file"))
            }
            _ => Ok(()),
        }
    }
}

impl ReadLimits {
    /// An error of kind `Limit` if a footer of so many bytes is too long.
    pub(crate) fn check_footer_bytes(&self, bytes: u64) -> Result<()> {
        let most = self.footer_bytes_max;
        if bytes <= most {
            return Ok(());
        }
        let what = format!("the footer claims to have {bytes} bytes");
        Err(too_much(what, "footer_bytes_max", usize::try_from(most).unwrap_or(usize::MAX)))
    }
}

/// An error of kind `Limit`. `what` is a sentence that says what is too large; `setting` is the
/// name of the limit, and `most` its value.
pub(crate) fn too_much(what: impl std::fmt::Display, setting: &str, most: usize) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!(
            "{what} (limit: {most}); with default settings Coldpress writes no such file: \
             restore it, or, if you trust it, read it with a higher `ReadLimits::{setting}`"
        ),
    )
}

/// An error of kind `Limit`: the machine does not have enough memory for `what`.
pub(super) fn no_memory(what: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!("there is not enough memory for {what}; read the file on a machine with more"),
    )
}
