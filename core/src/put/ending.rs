//! How a put ends: it cancels what is under way, and aborts its multipart uploads, so that no parts
//! stay in the store.

use super::abort::Abort;
use super::action::{Action, RequestBody, StoreRequest, Uploaded};
use super::fault::{Failure, PutFault};
use super::machine::Put;
use super::response::Response;
use super::stage::{Purpose, Stage};
use super::verdict::{Next, SignedBy, StoreStep};
use crate::retry::Retry;
use crate::{Error, Result, SignedRequest};

/// How many times in a row an abort may fail.
const ABORT_TRIES_MAX: u32 = 6;

/// The pause before an abort is repeated because of parts that were under way.
const ABORT_PAUSE_MS: u64 = 1_000;

impl Put {
    pub(super) fn fail_with(&mut self, failure: Failure, now_ms: u64) {
        match failure {
            Failure::Error(error) => self.fail(error, now_ms),
            Failure::Fault(_) if self.is_over() => {}
            Failure::Fault(fault) => {
                let fault = self.with_doubt(fault);
                self.end(Err(Failure::Fault(fault)), now_ms);
            }
        }
    }

    /// The fault to report. If an earlier request got no answer, that request may have stored the
    /// object, or may store it when it reaches the store. A host must not read the fault as "not
    /// stored", so this gives [`PutFault::Unanswered`] instead.
    fn with_doubt(&self, fault: PutFault) -> PutFault {
        let doubt = self.own.as_ref().and_then(|own| own.doubt.as_ref());
        match (doubt, &fault) {
            // Another object lies at the key, and the store does not replace it: no doubt is left.
            (_, PutFault::Conflict { .. }) | (None, _) => fault,
            (Some(doubt), PutFault::Host { .. }) => PutFault::Host { doubt: Some(doubt.clone()) },
            _ if fault.leaves_doubt() => fault,
            (Some(doubt), _) => {
                let step = match self.is_multipart() {
                    true => StoreStep::Complete,
                    false => StoreStep::PutObject,
                };
                let then = match &fault {
                    PutFault::Answered { verdict, .. } => verdict.said(),
                    // Of these faults, the last failure has the words of the store.
                    _ => self.last_failure.clone(),
                };
                PutFault::Unanswered { step, said: format!("{doubt}; then {then}") }
            }
        }
    }

    /// Ends with this error, unless the put has ended already.
    pub(super) fn fail(&mut self, error: Error, now_ms: u64) {
        if self.is_over() {
            return;
        }
        let under_way = self.sent.values().any(|sent| self.writes_whole(sent.purpose));
        let error = match self.effect_unknown || under_way {
            true => Error::new(
                error.kind(),
                format!(
                    "{error}; it is not known whether the file was stored: {}, which is safe and \
                     finds out",
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
        self.end(Err(Failure::Error(error)), now_ms);
    }

    /// Ends with success. `created`: whether this put is known to have stored the object.
    pub(super) fn succeed(&mut self, created: bool, now_ms: u64) {
        self.end(Ok(created), now_ms);
    }

    fn end(&mut self, ending: Result<bool, Failure>, now_ms: u64) {
        // Do not cancel the request that begins an upload: only its answer names the upload to
        // abort.
        let parts_under_way =
            self.cancel(|purpose| !matches!(purpose, Purpose::Abort(_) | Purpose::Begin));
        self.cancels.extend(self.grants.question.withdraw());
        if let Some(own) = &mut self.own {
            self.cancels.extend(own.asked.take().map(|(id, _)| id));
        }
        self.abort_current(parts_under_way, now_ms);
        self.stage = Stage::Over;
        self.ending = Some(ending);
    }

    /// Cancels the requests of these purposes; whether any of them carried bytes of the body.
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

    /// The multipart upload has become an object, so there is nothing to abort.
    pub(super) fn close_upload(&mut self) {
        self.grants.is_open = false;
        if let Some(own) = &mut self.own {
            own.upload_id = None;
        }
    }

    /// Aborts the multipart upload of the current grant, or our own, if it is open. `again`: repeat
    /// the abort, because parts were under way.
    pub(super) fn abort_current(&mut self, again: bool, now_ms: u64) {
        if let Some(own) = &mut self.own {
            if let Some(upload_id) = own.upload_id.take() {
                self.push_abort(&upload_id, None, again, now_ms);
            }
            return;
        }
        if !self.grants.is_open {
            return;
        }
        self.grants.is_open = false;
        if let Some(multipart) = self.grants.multipart().cloned() {
            self.abort_upload(&multipart.upload_id, &multipart.abort, again, now_ms);
        }
    }

    /// Aborts an upload of our own that began after the put had ended.
    pub(super) fn abort_own(&mut self, upload_id: &str, now_ms: u64) {
        self.push_abort(upload_id, None, false, now_ms);
    }

    pub(super) fn abort_upload(
        &mut self,
        upload_id: &str,
        request: &SignedRequest,
        again: bool,
        now_ms: u64,
    ) {
        self.push_abort(upload_id, Some(request.clone()), again, now_ms);
    }

    fn push_abort(
        &mut self,
        upload_id: &str,
        request: Option<SignedRequest>,
        again: bool,
        now_ms: u64,
    ) {
        if self.aborts.iter().any(|abort| abort.upload_id == upload_id) {
            return;
        }
        self.aborts.push(Abort {
            upload_id: upload_id.to_owned(),
            request,
            retry: Retry::from(now_ms),
            is_under_way: false,
            is_done: false,
            again,
            was_accepted: false,
        });
    }

    pub(super) fn poll_abort(&mut self, now_ms: u64) -> Option<Action> {
        let ready = |abort: &Abort| {
            !abort.is_done && !abort.is_under_way && now_ms >= abort.retry.not_before_ms
        };
        let i = self.aborts.iter().position(ready)?;
        let abort = &mut self.aborts[i];
        abort.is_under_way = true;
        let (purpose, body) = (Purpose::Abort(i), RequestBody::Empty);
        Some(match abort.request.clone() {
            Some(request) => self.send(purpose, &request, body, now_ms),
            None => {
                let request = StoreRequest::Abort { upload_id: abort.upload_id.clone() };
                self.send_own(purpose, request, body, now_ms)
            }
        })
    }

    pub(super) fn abort_timeout(&self) -> Option<u64> {
        let waiting = self.aborts.iter().filter(|abort| !abort.is_done && !abort.is_under_way);
        waiting.map(|abort| abort.retry.not_before_ms).min()
    }

    pub(super) fn abort_answered(&mut self, i: usize, response: &Response<'_>, now_ms: u64) {
        // An abort never asks for another grant: the put is over. So an expired signature ends it.
        let signed_by = match self.own {
            Some(_) => SignedBy::Us,
            None => SignedBy::Grant { has_expired: false },
        };
        let verdict = response.judged(StoreStep::Abort, signed_by, now_ms);
        match verdict.next {
            Next::Absent => self.abort_over(i, true),
            Next::Done if !self.aborts[i].again => self.abort_over(i, true),
            Next::Done => {
                let abort = &mut self.aborts[i];
                (abort.is_under_way, abort.again, abort.was_accepted) = (false, false, true);
                abort.retry = Retry::from(now_ms.saturating_add(ABORT_PAUSE_MS));
            }
            Next::Retry => self.abort_failed(i, verdict.retry_after_ms, now_ms),
            _ => self.abort_over(i, false),
        }
    }

    pub(super) fn abort_failed(&mut self, i: usize, after_ms: Option<u64>, now_ms: u64) {
        let abort = &mut self.aborts[i];
        abort.is_under_way = false;
        let waited_for = after_ms.is_none_or(|ms| ms <= self.settings.retry_after_max_ms());
        abort.retry.after_failure(&self.settings.backoff(), &mut self.random, after_ms, now_ms);
        if !waited_for || abort.retry.failures >= ABORT_TRIES_MAX {
            self.abort_over(i, false);
        }
    }

    fn abort_over(&mut self, i: usize, accepted: bool) {
        let abort = &mut self.aborts[i];
        (abort.is_under_way, abort.is_done) = (false, true);
        if !accepted && !abort.was_accepted {
            self.left_open.push(abort.upload_id.clone());
        }
    }

    /// Makes the ending the outcome, once all aborts are done and no request that begins an upload
    /// is under way. Until then it does nothing.
    pub(super) fn try_finish(&mut self) {
        if self.is_finished
            || self.aborts.iter().any(|abort| !abort.is_done)
            || self.is_under_way(Purpose::Begin)
        {
            return;
        }
        let Some(ending) = self.ending.clone() else { return };
        self.is_finished = true;
        let left_open = self.left_open.join(", ");
        if let Some(own) = &mut self.own {
            own.outcome = Some(ending.map_err(|failure| match failure {
                Failure::Fault(fault) => fault,
                Failure::Error(_) => PutFault::Aborted,
            }));
            return;
        }
        let uploaded = |created| match self.body.key.clone() {
            Some(key) => Ok(Uploaded { key, bytes: self.body.bytes, created }),
            None => Err(Error::misuse("an upload succeeded without a grant; report this")),
        };
        let failed = |failure| match failure {
            Failure::Error(error) => error,
            Failure::Fault(_) => Error::misuse("a grant led to another fault; report this"),
        };
        let outcome = ending.map_err(failed).and_then(uploaded);
        self.outcome = Some(outcome.map_err(|error| match left_open.is_empty() {
            true => error,
            false => Error::new(
                error.kind(),
                format!(
                    "{error}; the store did not accept the abort, so parts of the multipart upload \
                     {left_open} stay in the store: abort it by hand, or with a lifecycle rule of \
                     the bucket (AbortIncompleteMultipartUpload)"
                ),
            ),
        }));
    }
}
