//! An object in a listing, of either kind of store.

use std::time::SystemTime;

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) modified: SystemTime,
    /// As the store wrote it; a folder has none.
    pub(crate) etag: Option<String>,
}
