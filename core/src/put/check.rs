//! The look at what lies at the key, if an answer alone does not tell whether the object is stored.

use super::fault::{Failure, PutFault};
use super::machine::Put;
use super::response::Response;
use super::stage::{Check, Stage, Why};
use super::verdict::{Next, StoreStep, Verdict};
use crate::grant::SHA256_HEADER;
use crate::retry::Retry;
use crate::{Error, ErrorKind, Sha256Digest};

impl Put {
    pub(super) fn check(&mut self, why: Why, now_ms: u64) {
        let retry = Retry::from(now_ms);
        self.stage = Stage::Checking(Check { why, retry, is_regranted: false });
    }

    /// The store's word on what lies at the key.
    pub(super) fn checked(&mut self, verdict: &Verdict, response: &Response<'_>, now_ms: u64) {
        let Stage::Checking(check) = &mut self.stage else { return };
        let said = verdict.said();
        match verdict.next {
            Next::Done => self.compare(response, now_ms),
            Next::Absent => {
                let why = check.why.clone();
                self.nothing_there(why, now_ms);
            }
            Next::Stop if verdict.kind == ErrorKind::Denied && !check.is_regranted => {
                check.is_regranted = true;
                check.retry.not_before_ms = now_ms;
                let why = Error::new(
                    ErrorKind::Denied,
                    format!("the store refuses to show what lies at the key ({said})"),
                );
                self.want_grant(why, now_ms);
            }
            _ => {
                let (kind, first) = match &check.why {
                    Why::LastLook(Failure::Error(error)) => (error.kind(), error.to_string()),
                    Why::Taken(said) | Why::Gone(_, said) => (verdict.kind, said.clone()),
                    Why::LastLook(Failure::Fault(_)) | Why::First => (verdict.kind, said.clone()),
                };
                let message = format!(
                    "{first}; and the store does not show what lies at the key ({said}); give the \
                     credentials of the grant server the permissions GetObject and ListBucket"
                );
                self.fail(Error::new(kind, message), now_ms);
            }
        }
    }

    /// No object lies at the key.
    pub(super) fn nothing_there(&mut self, why: Why, now_ms: u64) {
        match why {
            // A request without an answer may still reach the store later, so `fail_with` keeps
            // the doubt.
            Why::LastLook(failure) => self.fail_with(failure, now_ms),
            Why::First => self.looked_first(now_ms),
            Why::Gone(upload_id, said) => {
                self.effect_unknown = false;
                let current = self.grants.multipart().map(|multipart| &multipart.upload_id);
                match current == Some(&upload_id) {
                    true => self.upload_lost(&said, now_ms),
                    // The look needed a fresh grant, and that grant has another multipart upload:
                    // all chunks are waiting already.
                    false => self.stage = Stage::Sending,
                }
            }
            Why::Taken(said) => {
                // The store refused the put, but shows no object. Either another put of this key
                // is under way (S3 answers 409 ConditionalRequestConflict), or somebody deleted the
                // object just now. So wait, and send the same request again.
                self.last_failure.clone_from(&said);
                let backoff = self.settings.backoff();
                if !self.taken_retry.after_failure(&backoff, &mut self.random, None, now_ms) {
                    return self.fail_with(self.taken_but_empty(&said), now_ms);
                }
                self.stage = Stage::Sending;
                // If a fresh grant has another multipart upload, all chunks are waiting already.
                if self.chunks.waiting.is_empty() {
                    match self.is_multipart() {
                        true => self.stage = Stage::Completing(self.taken_retry),
                        false => {
                            _ = self.chunks.waiting.insert((self.taken_retry.not_before_ms, 0))
                        }
                    }
                }
            }
        }
    }

    fn taken_but_empty(&self, said: &str) -> Failure {
        match (&self.own, self.is_multipart()) {
            (Some(_), true) => {
                Failure::Fault(PutFault::TakenByNobody { step: StoreStep::Complete })
            }
            (Some(_), false) => {
                Failure::Fault(PutFault::TakenByNobody { step: StoreStep::PutObject })
            }
            (None, _) => Failure::Error(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "the store says that the key is taken ({said}), but no object lies there; {}",
                    self.settings.again
                ),
            )),
        }
    }

    /// Whether the object at the key is our file.
    fn compare(&mut self, response: &Response<'_>, now_ms: u64) {
        let bytes = self.body.bytes;
        let bytes_there: Option<u64> =
            response.header("content-length").and_then(|text| text.parse().ok());
        let there =
            response.header(SHA256_HEADER).and_then(|text| Sha256Digest::from_hex(text).ok());
        if bytes_there.is_some_and(|there| there != bytes) {
            let there = bytes_there.unwrap_or_default();
            let difference = format!("it has {there} bytes, this file has {bytes}");
            return self.conflict(&difference, now_ms);
        }
        match (there, self.body.sha256) {
            (Some(there), Some(ours)) if there == ours => self.succeed(false, now_ms),
            (Some(there), Some(ours)) => {
                let difference = format!("its SHA-256 is {there}, that of this file is {ours}");
                self.conflict(&difference, now_ms);
            }
            (None, Some(_)) => {
                let message = format!(
                    "an object lies at the key already, and it is not known whether it is this \
                     file: the answer has no header {SHA256_HEADER}; let the bucket's CORS rules \
                     expose that header (ExposeHeaders), or compare the object by hand"
                );
                self.fail(Error::new(ErrorKind::Cors, message), now_ms);
            }
            (_, None) => {
                let message = "an object lies at the key already, and it is not known whether \
                               it is this file: the request for the grant did not name the file's \
                               SHA-256; name it, or compare the object by hand";
                self.fail(Error::settings(message), now_ms);
            }
        }
    }

    fn conflict(&mut self, difference: &str, now_ms: u64) {
        // No doubt is left: the object is not ours.
        self.effect_unknown = false;
        let message = format!(
            "an object with other content lies at the key already ({difference}), and Coldpress \
             never overwrites an object; give these rows an LSN range of their own"
        );
        self.fail(Error::new(ErrorKind::Conflict, message), now_ms);
    }
}
