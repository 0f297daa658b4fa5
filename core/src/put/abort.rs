//! The abort of a multipart upload.

use crate::SignedRequest;
use crate::retry::Retry;

/// The most time for one abort. The outcome waits for it, and it carries no bytes.
pub(super) const ABORT_TIMEOUT_MS_MAX: u64 = 15_000;

/// A multipart upload that must be aborted.
#[derive(Debug)]
pub(super) struct Abort {
    pub(super) upload_id: String,
    /// The signed request of a grant. `None`: the host signs.
    pub(super) request: Option<SignedRequest>,
    pub(super) retry: Retry,
    pub(super) is_under_way: bool,
    pub(super) is_done: bool,
    /// Whether to abort once more after success. A part that is in progress during an abort may
    /// still be stored, and only another abort frees it (Amazon S3 API reference,
    /// AbortMultipartUpload).
    pub(super) again: bool,
    /// Whether the store has accepted one abort.
    pub(super) was_accepted: bool,
}
