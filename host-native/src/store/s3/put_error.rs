//! The error messages of failed puts.

use coldpress_core::{PARTS_MAX, PutFault, StoreStep};

use crate::error::{Error, ErrorKind};
use crate::store::error::conflict;
use crate::store::s3::client::S3Store;
use crate::store::s3::multipart::{PART_BYTES, no_etag};

/// The error of a put of `bytes` bytes at this key.
pub(super) fn put_error(store: &S3Store, fault: &PutFault, key: &str, bytes: u64) -> Error {
    let errors = &store.errors;
    match fault {
        PutFault::Answered { step, verdict } => {
            // The verdict came first and secrets are removed only now: a secret that is part of a
            // code, such as a key `k` in `ExpiredToken`, must not hide what the code means.
            let verdict = (**verdict).clone().scrubbed(|text| errors.secrets.scrub(text));
            errors.judged(&verdict, doing(*step), key)
        }
        PutFault::Unanswered { step, said } => {
            errors.worded(ErrorKind::Unavailable, said, doing(*step), key)
        }
        PutFault::TakenByNobody { step } => errors.taken_but_absent(doing(*step), key),
        PutFault::TakenAndGone => {
            let message =
                "another writer's object was there and is gone again; put this object again";
            Error::new(ErrorKind::Unavailable, message).at(key)
        }
        PutFault::Conflict { bytes_there } => conflict(key, *bytes_there, bytes),
        PutFault::NoEtag => no_etag(key),
        PutFault::NoUploadId(error) => Error::from(error.clone()).at(key),
        PutFault::TooManyParts => {
            let most = PARTS_MAX as u64 * PART_BYTES;
            let message = format!("an object has at most {most} bytes; make smaller files");
            Error::new(ErrorKind::Limit, message).at(key)
        }
        PutFault::TooSlow => errors.too_slow(doing(StoreStep::PutObject), key, store.limit_ms),
        PutFault::Aborted => {
            Error::new(ErrorKind::Aborted, "the object was aborted before it was stored").at(key)
        }
        PutFault::Host { .. } => {
            Error::new(ErrorKind::Internal, "a put ended without an outcome; report this").at(key)
        }
    }
}

/// The error of a put that may have stored its object, though the store does not show whether it
/// has. Its kind says so too, whatever the kind of `why`: a caller that took it for "not stored"
/// would store the rows twice.
pub(super) fn put_in_doubt(store: &S3Store, doubt: &str, why: &Error, key: &str) -> Error {
    let doubt = store.errors.secrets.scrub(doubt);
    let message = format!(
        "it is not known whether the object was stored: the answer to the put was lost ({doubt}), \
         and the store does not show the object ({}); run the same put again, which is safe",
        why.message()
    );
    Error::new(ErrorKind::Unavailable, message).at(key)
}

/// Completes "could not …".
fn doing(step: StoreStep) -> &'static str {
    match step {
        StoreStep::BeginUpload => "begin a multipart upload",
        StoreStep::PutPart => "store a part",
        StoreStep::Complete => "complete the multipart upload",
        _ => "put the object",
    }
}
