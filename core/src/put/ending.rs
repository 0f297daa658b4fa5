//! How an upload ends: what is under way is cancelled, and no parts stay behind.

use super::heard::Answer;
use super::verdict::{Next, StoreStep};
use super::work::{Purpose, Stage};
use super::{Action, RequestBody, Upload, Uploaded};
use crate::retry::Retry;
use crate::{Error, SignedRequest};

/// How often in a row an abort may fail.
const ABORT_TRIES_MAX: u32 = 6;

/// Aborting is not worth waiting for as long as bytes are.
pub(super) const ABORT_TIMEOUT_MS_MAX: u64 = 15_000;

/// Before an abort is repeated for parts that were under way.
const ABORT_PAUSE_MS: u64 = 1_000;

/// A multipart upload that is to vanish.
#[derive(Debug)]
pub(super) struct Abort {
    upload_id: String,
    request: SignedRequest,
    retry: Retry,
    is_under_way: bool,
    is_done: bool,
    /// S3 may keep a part that was still coming in while its upload was aborted, until it is
    /// aborted again.
    again: bool,
    was_taken: bool,
}

impl Upload {
    /// Ends in this error, unless the end is known already.
    pub(super) fn fail(&mut self, error: Error, now_ms: u64) {
        if self.is_over() {
            return;
        }
        let writes_whole = |purpose: &Purpose| match purpose {
            Purpose::Complete => true,
            Purpose::Chunk(_) => self.grants.multipart().is_none(),
            Purpose::Check | Purpose::Abort(_) => false,
        };
        let under_way = self.sent.values().any(|sent| writes_whole(&sent.purpose));
        let error = match self.effect_unknown || under_way {
            true => Error::new(
                error.kind(),
                format!(
                    "{error}; whether the file was stored is not known: {}, which is safe and finds out",
                    self.settings.again
                ),
            ),
            false => error,
        };
        let error = match &self.body.key {
            Some(key) if !error.to_string().contains(key.as_str()) => {
                Error::new(error.kind(), format!("{key}: {error}"))
            }
            _ => error,
        };
        self.end(Err(error), now_ms);
    }

    /// Ends in success.
    pub(super) fn succeed(&mut self, created: bool, now_ms: u64) {
        let Some(key) = self.body.key.clone() else {
            return self
                .fail(Error::misuse("an upload succeeded without a grant; report this"), now_ms);
        };
        self.end(Ok(Uploaded { key, bytes: self.body.bytes, created }), now_ms);
    }

    fn end(&mut self, ending: Result<Uploaded, Error>, now_ms: u64) {
        let parts_under_way = self.cancel(|purpose| !matches!(purpose, Purpose::Abort(_)));
        self.cancels.extend(self.grants.question.withdraw());
        self.abort_current(parts_under_way, now_ms);
        self.stage = Stage::Over;
        self.ending = Some(ending);
    }

    /// Cancels the requests of these purposes; whether any of them carried bytes.
    pub(super) fn cancel(&mut self, which: impl Fn(&Purpose) -> bool) -> bool {
        let mut bytes_under_way = false;
        let cancels = &mut self.cancels;
        self.sent.retain(|id, sent| {
            let cancelled = which(&sent.purpose);
            if cancelled {
                cancels.push_back(*id);
                bytes_under_way |= matches!(sent.purpose, Purpose::Chunk(_));
            }
            !cancelled
        });
        bytes_under_way
    }

    /// Aborts the multipart upload of the current grant, if it is open.
    pub(super) fn abort_current(&mut self, again: bool, now_ms: u64) {
        if !self.grants.is_open {
            return;
        }
        self.grants.is_open = false;
        if let Some(multipart) = self.grants.multipart().cloned() {
            self.abort_upload(&multipart.upload_id, &multipart.abort, again, now_ms);
        }
    }

    pub(super) fn abort_upload(
        &mut self,
        upload_id: &str,
        request: &SignedRequest,
        again: bool,
        now_ms: u64,
    ) {
        if self.aborts.iter().any(|abort| abort.upload_id == upload_id) {
            return;
        }
        self.aborts.push(Abort {
            upload_id: upload_id.to_owned(),
            request: request.clone(),
            retry: Retry::from(now_ms),
            is_under_way: false,
            is_done: false,
            again,
            was_taken: false,
        });
    }

    pub(super) fn poll_abort(&mut self, now_ms: u64) -> Option<Action> {
        let ready = |abort: &Abort| {
            !abort.is_done && !abort.is_under_way && now_ms >= abort.retry.not_before_ms
        };
        let i = self.aborts.iter().position(ready)?;
        let abort = &mut self.aborts[i];
        abort.is_under_way = true;
        let request = abort.request.clone();
        Some(self.send(Purpose::Abort(i), &request, RequestBody::Empty, now_ms))
    }

    pub(super) fn abort_timeout(&self) -> Option<u64> {
        let waiting = self.aborts.iter().filter(|abort| !abort.is_done && !abort.is_under_way);
        waiting.map(|abort| abort.retry.not_before_ms).min()
    }

    pub(super) fn abort_answered(&mut self, i: usize, answer: &Answer<'_>, now_ms: u64) {
        let verdict = answer.judged(StoreStep::Abort, false, now_ms);
        match verdict.next {
            Next::Absent => self.abort_over(i, true),
            Next::Done if !self.aborts[i].again => self.abort_over(i, true),
            Next::Done => {
                let abort = &mut self.aborts[i];
                (abort.is_under_way, abort.again, abort.was_taken) = (false, false, true);
                abort.retry = Retry::from(now_ms.saturating_add(ABORT_PAUSE_MS));
            }
            Next::Retry => self.abort_failed(i, verdict.retry_after_ms, now_ms),
            _ => self.abort_over(i, false),
        }
    }

    pub(super) fn abort_failed(&mut self, i: usize, after_ms: Option<u64>, now_ms: u64) {
        let abort = &mut self.aborts[i];
        abort.is_under_way = false;
        let waited_for = after_ms.is_none_or(|ms| ms <= self.settings.retry_after_max_ms);
        abort.retry.after_failure(&self.settings.backoff(), &mut self.random, after_ms, now_ms);
        if !waited_for || abort.retry.failures >= ABORT_TRIES_MAX {
            self.abort_over(i, false);
        }
    }

    fn abort_over(&mut self, i: usize, taken: bool) {
        let abort = &mut self.aborts[i];
        (abort.is_under_way, abort.is_done) = (false, true);
        if !taken && !abort.was_taken {
            self.left_open.push(abort.upload_id.clone());
        }
    }

    /// Makes the ending the outcome, once nothing is left to take away.
    pub(super) fn settle(&mut self) {
        if self.outcome.is_some() || self.aborts.iter().any(|abort| !abort.is_done) {
            return;
        }
        let Some(ending) = self.ending.clone() else { return };
        self.outcome = Some(ending.map_err(|error| match self.left_open.is_empty() {
            true => error,
            false => Error::new(
                error.kind(),
                format!(
                    "{error}; the store did not take the abort, so parts of the multipart upload {} stay in it: abort it by hand, or let a rule of the bucket do so",
                    self.left_open.join(", ")
                ),
            ),
        }));
    }
}
