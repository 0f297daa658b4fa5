//! What an upload is told before it begins.

use crate::retry::Backoff;
use crate::{Error, ObjectKey, Result, Sha256Digest};

/// The file to upload, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadBody {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256. Without it, an object that is already there cannot be told from our own.
    pub sha256: Option<Sha256Digest>,
    /// The key it was encoded for; a grant for another is refused. `None`: that of the first grant.
    pub key: Option<ObjectKey>,
}

impl UploadBody {
    /// A file of this size, of unknown content, for the key of its grant.
    pub fn new(bytes: u64) -> Self {
        UploadBody { bytes, sha256: None, key: None }
    }
}

/// How an upload goes about it: plain data, checked by [`Upload::new`](super::Upload::new).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadSettings {
    /// The most requests at a time. Default: 4.
    pub concurrency: usize,
    /// How often in a row one request is tried again. Default: 8.
    pub retries_max: u32,
    /// The longest first pause before a retry; it doubles each time, and every pause is a random
    /// part of it. Default: 500.
    pub backoff_ms: u64,
    /// The longest pause that doubling leads to. Default: 20,000.
    pub backoff_max_ms: u64,
    /// The longest `Retry-After` that is waited for. Default: 120,000.
    pub retry_after_max_ms: u64,
    /// The most time for one request or one grant. Default: 120,000.
    pub timeout_ms: u64,
    /// The most time for all of it, but for aborting. Default: none.
    pub total_timeout_ms: Option<u64>,
    /// How the caller tries again with the same file, in the words of the caller's language: errors
    /// say so. Default: `upload the same file again`.
    pub again: &'static str,
}

impl Default for UploadSettings {
    fn default() -> Self {
        UploadSettings {
            concurrency: 4,
            retries_max: 8,
            backoff_ms: 500,
            backoff_max_ms: 20_000,
            retry_after_max_ms: 120_000,
            timeout_ms: 120_000,
            total_timeout_ms: None,
            again: "upload the same file again",
        }
    }
}

impl UploadSettings {
    pub(super) fn backoff(&self) -> Backoff {
        Backoff {
            first_ms: self.backoff_ms,
            longest_ms: self.backoff_max_ms,
            retries_max: self.retries_max,
            patience_ms: None,
            retry_after_max_ms: self.retry_after_max_ms,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let zero = [
            ("concurrency", self.concurrency == 0),
            ("timeout_ms", self.timeout_ms == 0),
            ("total_timeout_ms", self.total_timeout_ms == Some(0)),
        ];
        if let Some((name, _)) = zero.iter().find(|(_, is_zero)| *is_zero) {
            return Err(Error::settings(format!("{name} is 0; give at least 1")));
        }
        Ok(())
    }
}
