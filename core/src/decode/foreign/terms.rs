//! The terms of one caller. All pages that it reads share them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::decode::limits::ReadLimits;
use crate::{Error, ErrorKind, Result};

/// The most bytes that the pages of one batch may become, besides what its rows are known to take.
const BATCH_BYTES_MAX: u64 = 2 << 30;

/// The terms of one caller: limits, the flag that stops the work, and the first error. All pages
/// that it reads share them. Parquet's readers keep only the text of an error.
#[derive(Debug)]
pub struct PageTerms {
    pub(super) limits: ReadLimits,
    stop: Arc<AtomicBool>,
    spent: AtomicU64,
    fault: Mutex<Option<Error>>,
}

impl PageTerms {
    /// Pages are read within these limits, until the flag is set.
    pub fn new(limits: &ReadLimits, stop: Arc<AtomicBool>) -> Self {
        let (spent, fault) = (AtomicU64::new(0), Mutex::new(None));
        PageTerms { limits: limits.clone(), stop, spent, fault }
    }

    /// An error of kind `Aborted` once the flag is set.
    pub fn go_on(&self) -> Result<()> {
        match self.stop.load(Ordering::Relaxed) {
            true => {
                Err(Error::new(ErrorKind::Aborted, "the caller stopped the reading of the file"))
            }
            false => Ok(()),
        }
    }

    /// The next pages are read for another batch.
    pub fn begin_batch(&self) {
        self.spent.store(0, Ordering::Relaxed);
    }

    /// The first error of a page, if there was one.
    pub fn take_fault(&self) -> Option<Error> {
        self.fault.lock().ok().and_then(|mut fault| fault.take())
    }

    pub(super) fn keep_fault(&self, error: &Error) {
        if let Ok(mut fault) = self.fault.lock() {
            fault.get_or_insert_with(|| error.clone());
        }
    }

    /// Counts bytes that a page becomes.
    pub(super) fn spend(&self, bytes: u64) -> Result<()> {
        let before = self.spent.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= BATCH_BYTES_MAX {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the values of a few rows would take more than {BATCH_BYTES_MAX} bytes; read fewer \
                 columns, or read the file on a machine with more memory by another reader"
            ),
        ))
    }
}
