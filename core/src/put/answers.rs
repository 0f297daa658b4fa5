//! The one table of a store's answers. For each step, status and S3 code it says what to do next,
//! and which kind of error it is if that fails. Nothing else decides a retry.
//!
//! The table has two halves. [`CODES`] and [`by_status`] say what an answer *means*; [`next`] says
//! what follows from a meaning at a step. Sources: the error lists of Amazon S3, Cloudflare R2,
//! Backblaze B2, Google Cloud Storage (XML), MinIO, Ceph RGW and SeaweedFS.

use super::verdict::{Meaning, Next, SignedBy, StoreAnswer, StoreStep, Verdict};
use crate::ErrorKind;
use crate::grant::xml;
use crate::text::find;
use crate::time::retry_after_ms;

/// The most characters of a code or a message that are kept.
const CODE_CHARS_MAX: usize = 80;
const MESSAGE_CHARS_MAX: usize = 300;

/// How often to send bytes again that were damaged on the way, as the store says. If the damage
/// repeats, it does not come from the network.
const DAMAGED_RETRIES_MAX: u32 = 3;

/// Judges a store's answer to a step. A `Retry-After` with a date counts from `now_ms`.
pub fn judge(
    step: StoreStep,
    signed_by: SignedBy,
    answer: StoreAnswer<'_>,
    now_ms: u64,
) -> Verdict {
    let body = String::from_utf8_lossy(answer.body);
    // S3 sends the status 200 before it has done the work, and an error can follow in the body
    // (Amazon S3 API reference: CompleteMultipartUpload, CopyObject).
    let is_success = (200..300).contains(&answer.status) && xml::root(&body) != Some("Error");
    let (code, message) = match is_success {
        true => (String::new(), String::new()),
        false => said_in(&body, signed_by),
    };
    let meaning = match is_success {
        true => Meaning::Done,
        false => meaning(answer.status, &code, &message, signed_by),
    };
    let retry_after_ms = answer.retry_after.and_then(|value| retry_after_ms(value, now_ms));
    let (next, kind) = next(step, meaning, signed_by);
    Verdict {
        next,
        meaning,
        kind,
        status: answer.status,
        code_is_known: by_code(&code).is_some(),
        code,
        message,
        retry_after_ms,
        retries_max: retries_max(meaning),
    }
}

/// Judges the code that a store gives for one key of a [`StoreStep::DeleteMany`].
pub fn judge_deleted(code: &str, message: &str) -> Verdict {
    let (code, message) = (clean(code, CODE_CHARS_MAX), clean(message, MESSAGE_CHARS_MAX));
    let known = by_code(&code);
    let meaning = known.unwrap_or(Meaning::Refused);
    let (next, kind) = next(StoreStep::DeleteMany, meaning, SignedBy::Us);
    Verdict {
        next,
        meaning,
        kind,
        status: 200,
        code_is_known: known.is_some(),
        code,
        message,
        retry_after_ms: None,
        retries_max: retries_max(meaning),
    }
}

fn retries_max(meaning: Meaning) -> Option<u32> {
    (meaning == Meaning::Damaged).then_some(DAMAGED_RETRIES_MAX)
}

/// What follows from a meaning at a step; and the kind of error, if that fails.
fn next(step: StoreStep, meaning: Meaning, signed_by: SignedBy) -> (Next, ErrorKind) {
    use StoreStep::{Abort, Complete, Delete, DeleteMany, Look, PutObject, PutPart, Read};
    match (meaning, step) {
        (Meaning::Done, _) => (Next::Done, ErrorKind::Unavailable),
        (Meaning::Busy, _) => (Next::Retry, ErrorKind::Unavailable),
        (Meaning::Damaged, _) => (Next::Retry, ErrorKind::Corrupt),

        (Meaning::Exists | Meaning::Contended, PutObject | Complete) => {
            (Next::LookThenRetry, ErrorKind::Unavailable)
        }
        // A read with `If-Match`: another object lies at the key by now.
        (Meaning::Exists, Read | Look) => (Next::Stop, ErrorKind::Unavailable),
        // For example, an earlier request with the same part is still under way.
        (Meaning::Exists, PutPart) | (Meaning::Contended, _) => {
            (Next::Retry, ErrorKind::Unavailable)
        }
        (Meaning::Blocked, _) => (Next::Stop, ErrorKind::Conflict),

        // Perhaps our own request completed the upload, and its answer was lost: S3 then answers
        // NoSuchUpload to the next one.
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
        // The answer to a HEAD has no body (RFC 9110), so a store cannot say more. To other methods
        // a store names what is absent in a body. A proxy that cannot reach its store does not.
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
    if refuses && find(&message.to_ascii_lowercase(), "has expired").is_some() {
        return Meaning::Expired;
    }
    let by_clock = signed_by == SignedBy::Grant { has_expired: true };
    if by_clock && matches!(status, 401 | 403) {
        return Meaning::Expired;
    }
    match by_code(code) {
        // A code that says "absent" counts only with a status that agrees.
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
        _ if find(code, "Throttl").is_some() => Some(Meaning::Busy),
        _ if find(code, "Expired").is_some() => Some(Meaning::Expired),
        _ => None,
    })
}

/// For a code that the table does not have.
fn by_status(status: u16, code: &str) -> Meaning {
    match status {
        // An error in the body of a 200: the store did nothing.
        200..=299 => Meaning::Busy,
        401 | 403 => Meaning::Denied,
        404 if code.is_empty() => Meaning::NothingSaid,
        409 => Meaning::Contended,
        412 => Meaning::Exists,
        413 => Meaning::TooLarge,
        416 => Meaning::Shorter,
        // 421: another connection will do. 423: a lock, which ends. 499: R2 and MinIO say that the
        // connection to the client was lost.
        408 | 421 | 423 | 425 | 429 | 499 => Meaning::Busy,
        501 => Meaning::Unsupported,
        505 => Meaning::Refused,
        500..=599 => Meaning::Busy,
        // 3xx: the bucket lies elsewhere, so endpoint or region are wrong.
        _ => Meaning::Refused,
    }
}

/// What each code means, with any status. Codes that say "absent" are an exception: see
/// [`meaning`].
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
            // The store is full. Somebody can make room, and an archiver of a log must go on
            // trying.
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
            // The request has a digest of the wrong form.
            "InvalidDigest",
            "InvalidLocationConstraint",
            // Somebody must restore the object from its storage class first.
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
    // Not S3's form, for example the page of a proxy. The page may repeat the URL of the request.
    // The URL of a grant is a secret, so show the page only for requests that we signed ourselves.
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
