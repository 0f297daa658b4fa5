//! What goes into the table of answers, and what comes out of it.

use crate::ErrorKind;

/// What was asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreStep {
    /// Put a whole object, if no object lies at the key (`If-None-Match: *`).
    PutObject,
    /// Begin a multipart upload.
    BeginUpload,
    /// Store one part.
    PutPart,
    /// Complete a multipart upload, if no object lies at the key (`If-None-Match: *`).
    Complete,
    /// Abort a multipart upload.
    Abort,
    /// List multipart uploads, or the parts of one.
    ListUploads,
    /// Look whether an object lies at the key (HEAD: an answer without a body).
    Look,
    /// Read an object, or a range of it.
    Read,
    /// List objects.
    List,
    /// Delete one object.
    Delete,
    /// Delete many objects with one request; also the code that the answer gives for one of them.
    DeleteMany,
}

impl StoreStep {
    /// All of them.
    pub const ALL: [StoreStep; 11] = [
        StoreStep::PutObject,
        StoreStep::BeginUpload,
        StoreStep::PutPart,
        StoreStep::Complete,
        StoreStep::Abort,
        StoreStep::ListUploads,
        StoreStep::Look,
        StoreStep::Read,
        StoreStep::List,
        StoreStep::Delete,
        StoreStep::DeleteMany,
    ];
}

/// Whose credentials signed the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignedBy {
    /// Our own: there are no others to ask for.
    Us,
    /// Those of the grant server: it can give another grant.
    Grant {
        /// Whether the grant has expired by our clock, if that clock agrees with the grant
        /// server's.
        has_expired: bool,
    },
}

/// The parts of a store's answer that the table judges.
#[derive(Debug, Clone, Copy)]
pub struct StoreAnswer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The body; its first 64 KiB are enough. Leave it out if it is the content of an object.
    pub body: &'a [u8],
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// The store did it.
    Done,
    /// Send the same request again, after a pause.
    Retry,
    /// Look at what lies at the key. The same content is success, other content is a conflict. If
    /// no object lies there, send the request again after a pause.
    LookThenRetry,
    /// Look at what lies at the key, as above. If no object lies there, begin another multipart
    /// upload.
    LookThenBeginAnew,
    /// Begin another multipart upload: this one is gone, and its parts with it.
    BeginAnew,
    /// Send all parts of this multipart upload again.
    SendPartsAnew,
    /// Get another grant, then send the request again.
    Renew,
    /// What was asked for is not there. For an abort or a deletion this is success.
    Absent,
    /// Another try is of no use.
    Stop,
}

/// What an answer means, independent of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The store did it.
    Done,
    /// The store cannot do it now: it is overloaded or full, it fails, or the connection was lost.
    Busy,
    /// The bytes that arrived are not those that were sent.
    Damaged,
    /// A condition of the request does not hold (412): an object lies at the key, or it is not the
    /// one that was asked for.
    Exists,
    /// Another request for this key is under way.
    Contended,
    /// The key is a folder of other objects, or a folder of the key is an object (MinIO).
    Blocked,
    /// There is no such multipart upload: it was completed, aborted or lost.
    NoUpload,
    /// The store does not have the parts that the completion names.
    PartsLost,
    /// The store has the bucket, and no object at the key.
    NoKey,
    /// A 404 without a code. Perhaps a proxy answered, and not the store.
    NothingSaid,
    /// There is no such bucket.
    NoBucket,
    /// The credentials or the signature have expired.
    Expired,
    /// The store refuses the credentials, or they do not allow the request.
    Denied,
    /// The clocks of signer and store are too far apart.
    ClockSkewed,
    /// The object or part is larger, or smaller, than the store accepts.
    TooLarge,
    /// The store does not accept the name of the object.
    BadKey,
    /// The object is shorter than the range that was asked for.
    Shorter,
    /// The store does not support this operation or condition.
    Unsupported,
    /// The store refuses the request for another reason.
    Refused,
}

/// What the table says of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What to do next.
    pub next: Next,
    /// What the answer means.
    pub meaning: Meaning,
    /// The kind of error, if what comes next fails. It has no meaning with [`Next::Done`].
    pub kind: ErrorKind,
    /// The HTTP status.
    pub status: u16,
    /// The S3 code, or empty.
    pub code: String,
    /// The message of the store, or empty.
    pub message: String,
    /// The pause that the store asked for.
    pub retry_after_ms: Option<u64>,
    /// Whether the table knows the code.
    pub(super) code_is_known: bool,
    pub(super) retries_max: Option<u32>,
}

impl Verdict {
    /// How often the request may be sent again, if that is less than the backoff allows.
    pub fn retries_max(&self) -> Option<u32> {
        self.retries_max
    }

    /// Whether the store may have done what was asked, in spite of this answer. That is so for a
    /// 5xx, for example: a gateway can time out while the store still works.
    pub fn leaves_doubt(&self) -> bool {
        self.meaning == Meaning::Busy
    }

    /// Status, code and message in one line, and nothing else: a body can repeat the signed
    /// request.
    pub fn said(&self) -> String {
        let mut said = self.status.to_string();
        let mut between = " ";
        for part in [&self.code, &self.message] {
            if !part.is_empty() {
                said.push_str(between);
                said.push_str(part);
                between = ": ";
            }
        }
        said
    }

    /// The same verdict without secrets in its text: `scrub` removes them. A code that the table
    /// knows stays as it is, also if a short secret happens to be a part of it.
    #[must_use]
    pub fn scrubbed(mut self, scrub: impl Fn(&str) -> String) -> Self {
        if !self.code_is_known {
            self.code = scrub(&self.code);
        }
        self.message = scrub(&self.message);
        self
    }
}
