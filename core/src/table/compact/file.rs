//! What a compaction knows of a file, and what it aims at.

use crate::sort::sort;
use crate::{Error, LsnRange, ObjectKey, Result};

/// The most ranges of LSNs that the rows of one file may have.
pub const RANGES_MAX: usize = 10_000;

/// What a compaction aims at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactSettings {
    /// The most bytes of the files that become one file; at least 2. Files of half of it and more
    /// stay. Default: 256 MiB.
    pub target_bytes: u64,
    /// The most files that become one file; at least 2. The log entry names each of them. Default:
    /// 10,000.
    pub files_max: usize,
}

/// A file that the table has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactFile {
    /// Where it lies.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The LSNs of its rows. The lowest and the highest are those of its key.
    pub lsns: Vec<LsnRange>,
    /// Whether it must be rewritten, also alone: to sort it, or to erase rows.
    pub must_rewrite: bool,
}

impl CompactSettings {
    pub(super) fn check(&self) -> Result<()> {
        if self.target_bytes < 2 || self.files_max < 2 {
            return Err(Error::settings(format!(
                "target_bytes is {} and files_max is {}; both must be at least 2",
                self.target_bytes, self.files_max
            )));
        }
        Ok(())
    }
}

impl Default for CompactSettings {
    fn default() -> Self {
        CompactSettings { target_bytes: 256 << 20, files_max: 10_000 }
    }
}

/// The same LSNs in as few ranges as possible, sorted.
pub fn joined_lsns(mut ranges: Vec<LsnRange>) -> Vec<LsnRange> {
    sort(&mut ranges);
    let mut joined: Vec<LsnRange> = Vec::new();
    for range in ranges {
        let last = joined.last_mut();
        match last.filter(|last| last.touches(range)) {
            Some(last) => *last = last.hull(range),
            None => joined.push(range),
        }
    }
    joined
}
