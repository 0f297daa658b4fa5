//! The settings of a put, and the file that it stores.

use std::time::Duration;

use crate::retry::Backoff;
use crate::time::whole_ms;
use crate::{Error, ObjectKey, Result, Sha256Digest};

/// The file to upload, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutBody {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256. Without it, the machine cannot tell whether an object at the key is this file.
    pub sha256: Option<Sha256Digest>,
    /// The key that the file was encoded for. The machine refuses a grant for another key. `None`:
    /// the key of the first grant.
    pub key: Option<ObjectKey>,
}

impl PutBody {
    /// A file of this size for the key of its grant, without a SHA-256.
    pub fn new(bytes: u64) -> Self {
        PutBody { bytes, sha256: None, key: None }
    }
}

/// How to upload: plain data, checked by [`Put::new`](super::Put::new).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadSettings {
    /// The most parallel requests. Default: 4.
    pub concurrency: usize,
    /// The most retries of one request in a row. Default: 8.
    pub retries_max: u32,
    /// How long one request is retried, counted from its first try. Default: only `retries_max`
    /// bounds it.
    pub patience: Option<Duration>,
    /// The longest first pause before a retry; it doubles each time, and every pause is a random
    /// part of it. Default: 500 ms.
    pub backoff: Duration,
    /// The longest pause that doubling leads to. Default: 20 s.
    pub backoff_max: Duration,
    /// The longest `Retry-After` that the machine waits for. A longer one ends the retries.
    /// Default: 120 s.
    pub retry_after_max: Duration,
    /// The most time for one request, and for one answer of the grant server. Default: 120 s.
    pub timeout: Duration,
    /// The most time for the whole upload, without its aborts. Default: no bound.
    pub total_timeout: Option<Duration>,
    /// What the caller does to upload the same file again, in the words of its own API. Error
    /// messages contain it. Default: `upload the same file again`.
    pub again: &'static str,
}

/// How much of a staged body may wait in the host's memory until the host publishes the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BufferPolicy {
    /// Nothing, because many objects may wait at a time. The body goes by a multipart upload.
    Nothing,
    /// A body of up to this many bytes: a multipart upload would need two more requests for it. And
    /// every body that fits one request, if the store would complete an upload over another object.
    UpTo(u64),
}

impl Default for UploadSettings {
    fn default() -> Self {
        UploadSettings {
            concurrency: 4,
            retries_max: 8,
            patience: None,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(20),
            retry_after_max: Duration::from_secs(120),
            timeout: Duration::from_secs(120),
            total_timeout: None,
            again: "upload the same file again",
        }
    }
}

impl UploadSettings {
    pub(super) fn backoff(&self) -> Backoff {
        Backoff {
            first_ms: whole_ms(self.backoff),
            longest_ms: whole_ms(self.backoff_max),
            retries_max: self.retries_max,
            patience_ms: self.patience.map(whole_ms),
            retry_after_max_ms: self.retry_after_max_ms(),
        }
    }

    pub(super) fn timeout_ms(&self) -> u64 {
        whole_ms(self.timeout)
    }

    pub(super) fn total_timeout_ms(&self) -> Option<u64> {
        self.total_timeout.map(whole_ms)
    }

    pub(super) fn retry_after_max_ms(&self) -> u64 {
        whole_ms(self.retry_after_max)
    }

    pub(super) fn check(&self) -> Result<()> {
        let zero = [
            ("concurrency", self.concurrency == 0),
            ("timeout", self.timeout.is_zero()),
            ("total_timeout", self.total_timeout == Some(Duration::ZERO)),
        ];
        if let Some((name, _)) = zero.iter().find(|(_, is_zero)| *is_zero) {
            return Err(Error::settings(format!("{name} is 0; give more than 0")));
        }
        Ok(())
    }
}
