//! The end of a data file.

use bytes::Bytes;

/// The end of one data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) bytes: Bytes,
    /// The ETag of the object it came from, if the store has ETags.
    pub(crate) etag: Option<String>,
}
