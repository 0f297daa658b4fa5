//! What the table of answers is asked, and what it says.

use crate::ErrorKind;

/// What was asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreStep {
    /// Put a whole object, on the condition that the key is free.
    PutObject,
    /// Begin a multipart upload.
    BeginUpload,
    /// Store one part.
    PutPart,
    /// Complete a multipart upload, on the condition that the key is free.
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
    /// Delete many objects with one request; also the code that is told of one of them.
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
    /// Our own: nobody can be asked for others.
    Us,
    /// Those of whoever granted: another grant can be asked for.
    Grant {
        /// Whether the grant has expired by a clock that is believed.
        has_expired: bool,
    },
}

/// What a store answered, as far as it is judged.
#[derive(Debug, Clone, Copy)]
pub struct StoreAnswer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The body; its first 64 KiB are enough. Leave out that of an object that was read.
    pub body: &'a [u8],
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// It was done.
    Done,
    /// Send the same request again, after a pause.
    Retry,
    /// Look at what lies at the key. The same content is success, other content is a conflict;
    /// where nothing lies there, send the request again after a pause.
    LookThenRetry,
    /// Look at what lies at the key, as above; where nothing lies there, begin another multipart
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

/// What an answer means, whatever was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// It was done.
    Done,
    /// The store cannot do it now: it is overloaded, full, failing, or lost the connection.
    Busy,
    /// The bytes that arrived are not those that were sent.
    Damaged,
    /// The key is taken, or the object is not the one that was asked for.
    Exists,
    /// Another request for this key is under way.
    Contended,
    /// A name that is no object stands in the way of the key.
    Blocked,
    /// There is no such multipart upload: it was completed, aborted or lost.
    NoUpload,
    /// The store has other parts than it told us.
    PartsLost,
    /// The store has the bucket, and no object at the key.
    NoKey,
    /// 404 without a code: who answered need not even be a store.
    NothingSaid,
    /// There is no such bucket.
    NoBucket,
    /// The credentials or the signature have expired.
    Expired,
    /// The store refuses the credentials, or they do not allow this.
    Denied,
    /// The clocks of signer and store are too far apart.
    ClockSkewed,
    /// It is larger, or smaller, than the store takes.
    TooLarge,
    /// The store does not take this name of an object.
    BadKey,
    /// The object is shorter than the range that was asked for.
    Shorter,
    /// The store does not have this operation or condition.
    Unsupported,
    /// The store does not take the request, for another reason.
    Refused,
}

/// What the table says of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What to do next.
    pub next: Next,
    /// What the answer means.
    pub meaning: Meaning,
    /// The kind of error it is, where what is next comes to nothing. Of no meaning with
    /// [`Next::Done`].
    pub kind: ErrorKind,
    /// The HTTP status.
    pub status: u16,
    /// The S3 code, or empty.
    pub code: String,
    /// What the store said besides, or empty.
    pub message: String,
    /// The pause that the store asked for.
    pub retry_after_ms: Option<u64>,
    /// Whether the table knows the code.
    pub(super) code_is_known: bool,
    pub(super) retries_max: Option<u32>,
}

impl Verdict {
    /// How often the request may be sent again, where that is less than the backoff allows.
    pub fn retries_max(&self) -> Option<u32> {
        self.retries_max
    }

    /// Whether a try that failed like this may have had its effect all the same.
    pub fn leaves_doubt(&self) -> bool {
        self.meaning == Meaning::Busy
    }

    /// Status, code and message in one line. Nothing else: a body can echo the signed request.
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

    /// The same verdict with secrets taken out of its text. A code that the table knows stays as it
    /// is: a secret that happens to be a part of it must not hide it.
    #[must_use]
    pub fn scrubbed(mut self, scrub: impl Fn(&str) -> String) -> Self {
        if !self.code_is_known {
            self.code = scrub(&self.code);
        }
        self.message = scrub(&self.message);
        self
    }
}
