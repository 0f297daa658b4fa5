//! The one table of a store's answers: for each step, status and S3 code, what to do next, and which
//! error it is when that comes to nothing. Nothing else decides a retry.
//!
//! It is read in two halves. [`CODES`] and [`by_status`] say what an answer *means*; [`next`] says
//! what follows from a meaning at a step. Sources: the error lists of Amazon S3, Cloudflare R2,
//! Backblaze B2, Google Cloud Storage (XML), MinIO, Ceph RGW and SeaweedFS.

use crate::ErrorKind;
use crate::grant::xml;
use crate::time::retry_after_ms;

/// The most characters of a code or a message that are kept.
const CODE_CHARS_MAX: usize = 80;
const MESSAGE_CHARS_MAX: usize = 300;

/// How often bytes are sent again that the store says were damaged on the way. Damage that repeats
/// does not come from the network.
const DAMAGED_RETRIES_MAX: u32 = 3;

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
    /// Look at what lies at the key. The same content is success, other content is a conflict; where
    /// nothing lies there, send the request again after a pause.
    LookThenRetry,
    /// Look at what lies at the key, as above; where nothing lies there, begin another multipart upload.
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
    /// The kind of error it is, where what is next comes to nothing. Of no meaning with [`Next::Done`].
    pub kind: ErrorKind,
    /// The HTTP status.
    pub status: u16,
    /// The S3 code, or empty.
    pub code: String,
    /// What the store said besides, or empty.
    pub message: String,
    /// The pause that the store asked for.
    pub retry_after_ms: Option<u64>,
}

impl Verdict {
    /// How often the request may be sent again, where that is less than the backoff allows.
    pub fn retries_max(&self) -> Option<u32> {
        (self.meaning == Meaning::Damaged).then_some(DAMAGED_RETRIES_MAX)
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
        if by_code(&self.code).is_none() {
            self.code = scrub(&self.code);
        }
        self.message = scrub(&self.message);
        self
    }
}

/// Judges what a store answered to a step. `now_ms` is for a `Retry-After` with a date.
pub fn judge(
    step: StoreStep,
    signed_by: SignedBy,
    answer: StoreAnswer<'_>,
    now_ms: u64,
) -> Verdict {
    let body = String::from_utf8_lossy(answer.body);
    // S3 may answer 200 at once, and find out later that it could not do it.
    let is_success = (200..300).contains(&answer.status) && xml::root(&body) != Some("Error");
    let (code, message) = match is_success {
        true => (String::new(), String::new()),
        false => said_in(&body, signed_by),
    };
    let meaning = match is_success {
        true => Meaning::Done,
        false => meaning(answer.status, &code, &message, signed_by),
    };
    let (next, kind) = next(step, meaning, signed_by);
    let retry_after_ms = answer.retry_after.and_then(|value| retry_after_ms(value, now_ms));
    Verdict { next, meaning, kind, status: answer.status, code, message, retry_after_ms }
}

/// Judges the code that a store gives for one key of a [`StoreStep::DeleteMany`].
pub fn judge_deleted(code: &str, message: &str) -> Verdict {
    let (code, message) = (clean(code, CODE_CHARS_MAX), clean(message, MESSAGE_CHARS_MAX));
    let meaning = by_code(&code).unwrap_or(Meaning::Refused);
    let (next, kind) = next(StoreStep::DeleteMany, meaning, SignedBy::Us);
    Verdict { next, meaning, kind, status: 200, code, message, retry_after_ms: None }
}

/// What follows from a meaning at a step; and the kind of error, where that comes to nothing.
fn next(step: StoreStep, meaning: Meaning, signed_by: SignedBy) -> (Next, ErrorKind) {
    use StoreStep::{Abort, Complete, Delete, DeleteMany, Look, PutObject, PutPart, Read};
    match (meaning, step) {
        (Meaning::Done, _) => (Next::Done, ErrorKind::Unavailable),
        (Meaning::Busy, _) => (Next::Retry, ErrorKind::Unavailable),
        (Meaning::Damaged, _) => (Next::Retry, ErrorKind::Corrupt),

        (Meaning::Exists | Meaning::Contended, PutObject | Complete) => {
            (Next::LookThenRetry, ErrorKind::Unavailable)
        }
        // Reading on, pinned by an ETag: the object is another one by now.
        (Meaning::Exists, Read | Look) => (Next::Stop, ErrorKind::Unavailable),
        // Another request of the same part, say, whose answer was lost.
        (Meaning::Exists, PutPart) | (Meaning::Contended, _) => {
            (Next::Retry, ErrorKind::Unavailable)
        }
        (Meaning::Blocked, _) => (Next::Stop, ErrorKind::Conflict),

        // It may be gone because it was completed: by us, with the answer lost.
        (Meaning::NoUpload | Meaning::NoKey | Meaning::NothingSaid, Complete) => {
            (Next::LookThenBeginAnew, ErrorKind::Unavailable)
        }
        (Meaning::NoUpload | Meaning::NoKey | Meaning::NothingSaid, PutPart) => {
            (Next::BeginAnew, ErrorKind::Unavailable)
        }
        (Meaning::NoUpload | Meaning::NoKey | Meaning::NothingSaid, Abort) => {
            (Next::Absent, ErrorKind::Missing)
        }
        (Meaning::PartsLost, Complete) => (Next::SendPartsAnew, ErrorKind::Unavailable),

        (Meaning::NoKey, Look | Read | Delete | DeleteMany) => (Next::Absent, ErrorKind::Missing),
        // A HEAD has no body, so that no store can say more. With a body a store says what is not
        // there; a proxy without its store behind it does not.
        (Meaning::NothingSaid, Look) => (Next::Absent, ErrorKind::Missing),

        (Meaning::Expired, _) if signed_by != SignedBy::Us => (Next::Renew, ErrorKind::Expired),
        (Meaning::Expired | Meaning::Denied | Meaning::ClockSkewed, _) => {
            (Next::Stop, ErrorKind::Denied)
        }
        (Meaning::TooLarge, _) => (Next::Stop, ErrorKind::Limit),
        (Meaning::BadKey, _) => (Next::Stop, ErrorKind::Key),
        (Meaning::Shorter, Read) => (Next::Stop, ErrorKind::Corrupt),
        (
            Meaning::Exists
            | Meaning::NoUpload
            | Meaning::PartsLost
            | Meaning::NoKey
            | Meaning::NothingSaid
            | Meaning::NoBucket
            | Meaning::Shorter
            | Meaning::Unsupported
            | Meaning::Refused,
            _,
        ) => (Next::Stop, ErrorKind::Settings),
    }
}

fn meaning(status: u16, code: &str, message: &str, signed_by: SignedBy) -> Meaning {
    let refuses = matches!(status, 400 | 401 | 403);
    if refuses && message.to_ascii_lowercase().contains("has expired") {
        return Meaning::Expired;
    }
    let by_clock = signed_by == SignedBy::Grant { has_expired: true };
    if by_clock && matches!(status, 401 | 403) {
        return Meaning::Expired;
    }
    match by_code(code) {
        // That something is absent is believed only of a status that says so too.
        Some(Meaning::NoKey | Meaning::NoUpload | Meaning::NoBucket)
            if matches!(status, 401 | 403 | 500..) =>
        {
            by_status(status, code)
        }
        Some(meaning) => meaning,
        None => by_status(status, code),
    }
}

fn by_code(code: &str) -> Option<Meaning> {
    let listed = CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(meaning, _)| *meaning);
    listed.or_else(|| match code {
        _ if code.contains("Throttl") => Some(Meaning::Busy),
        _ if code.contains("Expired") => Some(Meaning::Expired),
        _ => None,
    })
}

/// For a code that the table does not have.
fn by_status(status: u16, code: &str) -> Meaning {
    match status {
        // An error in the body of a success: nothing was done.
        200..=299 => Meaning::Busy,
        401 | 403 => Meaning::Denied,
        404 if code.is_empty() => Meaning::NothingSaid,
        409 => Meaning::Contended,
        412 => Meaning::Exists,
        413 => Meaning::TooLarge,
        416 => Meaning::Shorter,
        // 421 and 423: another connection, or a lock that passes. 499: R2 and MinIO, for a client
        // that was cut off.
        408 | 421 | 423 | 425 | 429 | 499 => Meaning::Busy,
        501 => Meaning::Unsupported,
        505 => Meaning::Refused,
        500..=599 => Meaning::Busy,
        // 3xx: the bucket lies elsewhere, which is a matter of endpoint and region.
        _ => Meaning::Refused,
    }
}

/// What each code means under any status. `NoSuchKey` and its like: see [`meaning`].
const CODES: &[(Meaning, &[&str])] = &[
    (
        Meaning::Busy,
        &[
            "BandwidthLimitExceeded",
            "Busy",
            "ClientDisconnect",
            "ClientDisconnected",
            "ConnectionClosedByRequester",
            "ErrRequestBytesExceed",
            "ErrTooManyRequest",
            // The body was cut on its way, as by a connection that broke.
            "IncompleteBody",
            "InternalError",
            "InternalServerError",
            "LimitExceeded",
            "Locked",
            "OperationTimedOut",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceeded",
            "ProvisionedThroughputExceededException",
            // Full: room can be made, and who archives a log goes on trying.
            "QuotaExceeded",
            "RequestLimitExceeded",
            // The body came too slowly; 400 at Amazon, 408 elsewhere.
            "RequestTimeout",
            "RequestTimeoutException",
            "ResponseInterrupted",
            "ServerBusy",
            "ServiceUnavailable",
            "SlowDown",
            "SlowDownRead",
            "SlowDownWrite",
            "TooManyRequests",
            "TooManyRequestsException",
            "TransactionInProgressException",
            "UnknownError",
            "XMinioAdminBucketQuotaExceeded",
            "XMinioBackendDown",
            "XMinioServerNotInitialized",
            "XMinioStorageFull",
        ],
    ),
    (
        Meaning::Damaged,
        &[
            "BadDigest",
            "ContentSHA256Mismatch",
            "CrcMismatch",
            "XAmzContentChecksumMismatch",
            "XAmzContentSHA256Mismatch",
        ],
    ),
    (Meaning::Exists, &["PreconditionFailed"]),
    (
        Meaning::Contended,
        &["ConcurrentModification", "ConditionalRequestConflict", "OperationAborted"],
    ),
    (Meaning::Blocked, &["XMinioObjectExistsAsDirectory", "XMinioParentIsObject"]),
    (Meaning::NoUpload, &["NoSuchMultipartUpload", "NoSuchUpload"]),
    (Meaning::PartsLost, &["InvalidPart", "InvalidPartOrder"]),
    (Meaning::NoKey, &["NoSuchKey", "NoSuchObject", "NoSuchVersion"]),
    (Meaning::NoBucket, &["NoSuchAccessPoint", "NoSuchBucket", "NoSuchMultiRegionAccessPoint"]),
    (Meaning::Expired, &["ExpiredRequest", "ExpiredToken", "TokenRefreshRequired"]),
    (
        Meaning::Denied,
        &[
            "AccessDenied",
            "AccountProblem",
            "AllAccessDisabled",
            "AuthenticationRequired",
            "Forbidden",
            "InvalidAccessKeyId",
            "InvalidSecurity",
            "InvalidSignature",
            "InvalidToken",
            "MissingAuthenticationToken",
            "NotEntitled",
            "NotSignedUp",
            "ObjectLockedByBucketPolicy",
            "SignatureDoesNotMatch",
            "Unauthorized",
            "UnauthorizedAccess",
            "UserSuspended",
        ],
    ),
    // Not a retry: a clock that is wrong now is wrong in half a minute.
    (Meaning::ClockSkewed, &["RequestTimeTooSkewed"]),
    (
        Meaning::TooLarge,
        &[
            "EntityTooLarge",
            "EntityTooSmall",
            "InlineDataTooLarge",
            "MaxMessageLengthExceeded",
            "MetadataTooLarge",
            "RequestHeaderSectionTooLarge",
        ],
    ),
    (
        Meaning::BadKey,
        &[
            "InvalidObjectName",
            "InvalidURI",
            "KeyTooLong",
            "KeyTooLongError",
            "XMinioInvalidObjectName",
            "XMinioInvalidResourceName",
        ],
    ),
    (Meaning::Shorter, &["InvalidRange"]),
    (Meaning::Unsupported, &["NotImplemented"]),
    (
        Meaning::Refused,
        &[
            "AuthorizationHeaderMalformed",
            "AuthorizationQueryParametersError",
            "BucketNotEmpty",
            "EndpointNotFound",
            "IllegalLocationConstraintException",
            "IncorrectEndpoint",
            "InvalidArgument",
            "InvalidBucketName",
            "InvalidBucketState",
            // A digest that is none: the request was made wrongly.
            "InvalidDigest",
            "InvalidLocationConstraint",
            // Its storage class wants it to be restored first.
            "InvalidObjectState",
            "InvalidRegion",
            "InvalidRequest",
            "InvalidStorageClass",
            "KMS.DisabledException",
            "KMS.NotFoundException",
            "MalformedXML",
            "MethodNotAllowed",
            "MissingContentLength",
            "MissingContentMD5",
            "MissingRequestBodyError",
            "MissingSecurityHeader",
            "PermanentRedirect",
            "Redirect",
            "TemporaryRedirect",
            "UnexpectedContent",
            "UnprocessableEntity",
            "UserProjectMissing",
        ],
    ),
];

/// Code and message of an error body.
fn said_in(body: &str, signed_by: SignedBy) -> (String, String) {
    let code = xml::element(body, "Code").unwrap_or_default();
    let mut message = xml::element(body, "Message").unwrap_or_default();
    // Not S3's form, but the page of a proxy, say. It is shown to who holds the credentials, never
    // beside a grant, whose URL it may repeat.
    if code.is_empty() && message.is_empty() && signed_by == SignedBy::Us {
        message = body.lines().next().unwrap_or_default().to_owned();
    }
    (clean(&code, CODE_CHARS_MAX), clean(&message, MESSAGE_CHARS_MAX))
}

fn clean(text: &str, chars_max: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars_max).collect()
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
