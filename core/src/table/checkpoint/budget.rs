//! What the actions of a checkpoint may cost in memory.

use crate::{Error, ErrorKind, Result};

/// The most bytes of the actions of one checkpoint in memory, or of one part of it. A file of a
/// table takes about 1 KiB with its statistics, so this is some four million files.
pub(super) const ACTIONS_BYTES_MAX: u64 = 4 << 30;

/// The bytes that are left for actions. A dictionary of Parquet makes a few bytes of a file stand
/// for any number of long texts, so each text counts when it is copied.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
}

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        Budget { left: bytes }
    }

    /// Counts bytes that an action takes. An error of kind `Limit` if there are not so many left.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<()> {
        let left = u64::try_from(bytes).ok().and_then(|bytes| self.left.checked_sub(bytes));
        self.left = left.ok_or_else(|| {
            Error::new(
                ErrorKind::Limit,
                format!(
                    "the actions of the checkpoint take more than {ACTIONS_BYTES_MAX} bytes of \
                     memory; write the checkpoint in several parts with the engine that wrote it, \
                     or compact the table, so that it has fewer files"
                ),
            )
        })?;
        Ok(())
    }
}
