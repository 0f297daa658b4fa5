//! The files of a collection, as a claim sees them.

use crate::{LsnRange, ObjectKey};

/// A file that holds LSNs of its collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFile {
    /// Its key.
    pub key: ObjectKey,
    /// Its LSNs. A file that was rewritten from several has those of all of them, and perhaps not
    /// all between the first and the last.
    pub lsns: Vec<LsnRange>,
    /// Whether a table has removed it. A put may take its LSNs again by another key. An append
    /// never does.
    pub is_removed: bool,
}

impl HeldFile {
    /// A file that holds all LSNs that its key names: of a segment of a log, none.
    pub fn of_key(key: ObjectKey) -> Self {
        let lsns = key.lsns().into_iter().collect();
        HeldFile { key, lsns, is_removed: false }
    }

    pub(super) fn overlaps(&self, lsns: LsnRange) -> bool {
        self.lsns.iter().any(|held| held.overlaps(lsns))
    }
}
