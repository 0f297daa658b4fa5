//! The stages of a put, and the requests under way.

use super::fault::Failure;
use crate::retry::Retry;

/// The stage of a put.
#[derive(Debug)]
pub(super) enum Stage {
    /// Sends the body, by one request or by parts.
    Sending,
    /// All parts are stored; completes the multipart upload.
    Completing(Retry),
    /// Looks at what lies at the key.
    Checking(Check),
    /// Has ended; aborts may still be under way.
    Over,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) purpose: Purpose,
    pub(super) deadline_ms: u64,
    /// The epoch of the grant that signed it.
    pub(super) epoch: u64,
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Begins a multipart upload of our own.
    Begin,
    /// The whole file, or one part.
    Chunk(usize),
    Complete,
    Check,
    Abort(usize),
}

/// A look at what lies at the key.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) why: Why,
    pub(super) retry: Retry,
    /// Whether a refused look has asked for another grant. The answer to a HEAD has no body that
    /// could say that the signature has expired. So the first refusal leads to one fresh grant.
    pub(super) is_regranted: bool,
}

/// Why the machine looks at the key.
#[derive(Debug, Clone)]
pub(super) enum Why {
    /// The store said that the key is taken, in these words.
    Taken(String),
    /// The store has no multipart upload of this id to complete; and what the store said.
    Gone(String, String),
    /// The last try failed, but it may have stored the object. The put ends with this failure
    /// unless the look finds the object.
    LastLook(Failure),
    /// The store would overwrite the object at the key, so the look comes before the write.
    First,
}
