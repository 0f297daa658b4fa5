//! The look at what lies at the key, where an answer alone does not tell.

use super::Upload;
use super::heard::Answer;
use super::verdict::{Next, Verdict};
use super::work::Stage;
use crate::grant::SHA256_HEADER;
use crate::retry::Retry;
use crate::{Error, ErrorKind, Sha256Digest};

/// How often a look fails that only follows another failure.
pub(super) const LAST_LOOK_FAILURES_MAX: u32 = 3;

/// A look at what lies at the key.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) why: Why,
    pub(super) retry: Retry,
    /// A HEAD has no body to say that its signature expired, so a refusal is met with one fresh
    /// grant.
    is_regranted: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Why {
    /// The store said that the key is taken.
    Taken(String),
    /// The multipart upload of this id was gone when it should be completed.
    Gone(String, String),
    /// The last try got no answer, which does not mean that it had no effect.
    LastLook(Error),
}

impl Upload {
    pub(super) fn check(&mut self, why: Why, now_ms: u64) {
        let retry = Retry::from(now_ms);
        self.stage = Stage::Checking(Check { why, retry, is_regranted: false });
    }

    /// The store's word on what lies at the key.
    pub(super) fn checked(&mut self, verdict: &Verdict, answer: &Answer<'_>, now_ms: u64) {
        let Stage::Checking(check) = &mut self.stage else { return };
        let said = verdict.said();
        match verdict.next {
            Next::Done => self.compare(answer, now_ms),
            Next::Absent => {
                let why = check.why.clone();
                self.nothing_there(why, now_ms);
            }
            Next::Stop if verdict.kind == ErrorKind::Denied && !check.is_regranted => {
                check.is_regranted = true;
                check.retry.not_before_ms = now_ms;
                let why = Error::new(
                    ErrorKind::Denied,
                    format!("the store does not let us look at the key ({said})"),
                );
                self.want_grant(why, now_ms);
            }
            _ => {
                let (kind, first) = match &check.why {
                    Why::LastLook(error) => (error.kind(), error.to_string()),
                    Why::Taken(said) | Why::Gone(_, said) => (verdict.kind, said.clone()),
                };
                let message = format!(
                    "{first}; and the store does not show what lies at the key ({said}): whoever grants needs GetObject and ListBucket for it"
                );
                self.fail(Error::new(kind, message), now_ms);
            }
        }
    }

    fn nothing_there(&mut self, why: Why, now_ms: u64) {
        match why {
            // A request without an answer may still be on its way.
            Why::LastLook(error) => self.fail(error, now_ms),
            Why::Gone(upload_id, said) => {
                self.effect_unknown = false;
                let current = self.grants.multipart().map(|multipart| &multipart.upload_id);
                match current == Some(&upload_id) {
                    true => self.upload_lost(&said, now_ms),
                    // A fresh grant came for the look, and began the file anew.
                    false => self.stage = Stage::Sending,
                }
            }
            Why::Taken(said) => {
                // Another put of this key is under way, or its object was deleted just now.
                self.taken_tries += 1;
                self.last_failure.clone_from(&said);
                let mut retry = Retry::from(now_ms);
                retry.failures = self.taken_tries - 1;
                let backoff = self.settings.backoff();
                if !retry.after_failure(&backoff, &mut self.random, None, now_ms) {
                    let message = format!(
                        "the store says that the key is taken ({said}), but nothing lies there; try again"
                    );
                    return self.fail(Error::new(ErrorKind::Unavailable, message), now_ms);
                }
                self.stage = Stage::Sending;
                // Where a fresh grant began the file anew, all of it is waiting already.
                if self.chunks.waiting.is_empty() {
                    match self.grants.multipart() {
                        Some(_) => self.stage = Stage::Completing(retry),
                        None => _ = self.chunks.waiting.insert((retry.not_before_ms, 0)),
                    }
                }
            }
        }
    }

    /// Whether the object at the key is our file.
    fn compare(&mut self, answer: &Answer<'_>, now_ms: u64) {
        let bytes = self.body.bytes;
        let bytes_there: Option<u64> =
            answer.header("content-length").and_then(|text| text.parse().ok());
        let there = answer.header(SHA256_HEADER).and_then(|text| Sha256Digest::from_hex(text).ok());
        if bytes_there.is_some_and(|there| there != bytes) {
            let there = bytes_there.unwrap_or_default();
            return self.conflict(&format!("{there} bytes there, {bytes} bytes here"), now_ms);
        }
        match (there, self.body.sha256) {
            (Some(there), Some(ours)) if there == ours => self.succeed(false, now_ms),
            (Some(there), Some(ours)) => {
                self.conflict(&format!("SHA-256 {there} there, {ours} here"), now_ms);
            }
            (None, Some(_)) => {
                let message = format!(
                    "an object lies there already, and it cannot be told whether it is this file: its {SHA256_HEADER} is not there, or the bucket's CORS rules do not expose that header; expose it, or compare the object by hand"
                );
                self.fail(Error::new(ErrorKind::Cors, message), now_ms);
            }
            (_, None) => {
                let message = "an object lies there already, and it cannot be told whether it is this file: its SHA-256 was not named when asking for the grant; name it, or compare the object by hand";
                self.fail(Error::settings(message), now_ms);
            }
        }
    }

    fn conflict(&mut self, difference: &str, now_ms: u64) {
        // Known now: what lies there is not ours.
        self.effect_unknown = false;
        let message = format!(
            "another object, of other content, already lies there ({difference}), and objects are never overwritten; give these rows an LSN range of their own"
        );
        self.fail(Error::new(ErrorKind::Conflict, message), now_ms);
    }
}
