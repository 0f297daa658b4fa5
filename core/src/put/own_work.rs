//! What a put with own credentials does next, and what follows from the answers.
//!
//! Invariants that order the steps:
//!
//! * A request that could overwrite comes only after its [`PutRule`] is known. With
//!   [`PutRule::LookFirst`], the machine looks at the key first.
//! * Nothing makes the object visible before [`Put::publish`]: neither the put of a whole body nor
//!   a completion. Parts may be sent before.
//! * A completion needs the ETags of all parts.

use super::action::{Action, Found, OwnAction, PutRule, PutWay, RequestBody, StoreRequest};
use super::chunks::Chunks;
use super::fault::{Failure, PutFault};
use super::machine::Put;
use super::own_state::Way;
use super::response::Response;
use super::stage::{Purpose, Stage, Why};
use super::verdict::{Meaning, Next, StoreStep, Verdict};
use crate::grant::{PARTS_MAX, complete_multipart_body, upload_id_in};
use crate::retry::Retry;

/// The next thing to do, with the time before which it is not done.
#[derive(Debug)]
enum Step {
    FindRule(PutWay),
    /// Look at the key, because the next request could overwrite an object.
    LookFirst,
    Begin(u64),
    Chunk(u64, usize),
    Complete(u64),
    Compare(u64),
    Wait,
}

impl Put {
    pub(super) fn poll_own(&mut self, now_ms: u64) -> Option<Action> {
        match self.step() {
            Step::LookFirst => {
                self.check(Why::First, now_ms);
                self.poll_own(now_ms)
            }
            Step::FindRule(way) => {
                let id = self.id();
                self.own.as_mut()?.asked = Some((id, way));
                Some(Action::Own(OwnAction::FindRule { id, way }))
            }
            Step::Begin(at_ms) if now_ms >= at_ms => {
                self.own.as_mut()?.begin.begin(now_ms);
                let request = StoreRequest::Begin;
                Some(self.send_own(Purpose::Begin, request, RequestBody::Empty, now_ms))
            }
            Step::Chunk(at_ms, i) if now_ms >= at_ms => self.send_chunk((at_ms, i), now_ms),
            Step::Complete(at_ms) if now_ms >= at_ms => self.send_completion(now_ms),
            Step::Compare(at_ms) if now_ms >= at_ms => Some(self.send_comparison()),
            _ => None,
        }
    }

    /// When [`poll_own`](Self::poll_own) has something to do; `None` while it waits for an answer
    /// or for the host.
    pub(super) fn own_timeout(&self) -> Option<u64> {
        match self.step() {
            Step::LookFirst | Step::FindRule(_) => Some(0),
            Step::Begin(at_ms)
            | Step::Chunk(at_ms, _)
            | Step::Complete(at_ms)
            | Step::Compare(at_ms) => Some(at_ms),
            Step::Wait => None,
        }
    }

    fn step(&self) -> Step {
        let Some(own) = self.own.as_ref().filter(|own| own.asked.is_none()) else {
            return Step::Wait;
        };
        match &self.stage {
            Stage::Over => Step::Wait,
            Stage::Checking(_) if self.is_under_way(Purpose::Check) => Step::Wait,
            Stage::Checking(check) => Step::Compare(check.retry.not_before_ms),
            Stage::Completing(_) if !own.is_published || self.is_under_way(Purpose::Complete) => {
                Step::Wait
            }
            Stage::Completing(retry) => match (own.parts_rule, own.has_looked) {
                (Some(PutRule::LookFirst), false) => Step::LookFirst,
                _ => Step::Complete(retry.not_before_ms),
            },
            // The rest of the body is not sent. The whole body is compared with the object, and
            // for that it must have ended.
            Stage::Sending if own.has_other_object => match own.is_published && own.is_ended {
                true => Step::LookFirst,
                false => Step::Wait,
            },
            Stage::Sending => match self.way() {
                Way::Wait => Step::Wait,
                Way::Ask(way) => Step::FindRule(way),
                Way::Go(PutWay::Whole) => self.step_of_whole(own.whole_rule, own.has_looked),
                Way::Go(PutWay::Parts) => self.step_of_parts(),
            },
        }
    }

    fn step_of_whole(&self, rule: Option<PutRule>, has_looked: bool) -> Step {
        match rule {
            None => Step::FindRule(PutWay::Whole),
            Some(PutRule::LookFirst) if !has_looked => Step::LookFirst,
            Some(_) => self.next_chunk(),
        }
    }

    fn step_of_parts(&self) -> Step {
        let Some(own) = &self.own else { return Step::Wait };
        match (own.parts_rule, &own.upload_id) {
            (None, _) => Step::FindRule(PutWay::Parts),
            (Some(_), None) if self.is_under_way(Purpose::Begin) => Step::Wait,
            (Some(_), None) => Step::Begin(own.begin.not_before_ms),
            (Some(_), Some(_)) => self.next_chunk(),
        }
    }

    fn next_chunk(&self) -> Step {
        match self.chunks.next(self.settings.concurrency) {
            Some((at_ms, i)) => Step::Chunk(at_ms, i),
            None => Step::Wait,
        }
    }

    /// Cuts the bytes that the body has now into chunks, once the way is decided.
    pub(super) fn grow(&mut self, now_ms: u64) {
        let way = self.way();
        let Some(own) = &mut self.own else { return };
        if own.has_other_object || matches!(self.stage, Stage::Over) {
            return;
        }
        match way {
            Way::Go(PutWay::Parts) => {
                if !own.is_parts {
                    own.is_parts = true;
                    self.chunks = Chunks::of_parts(own.part_bytes);
                }
                self.chunks.grow(self.body.bytes, own.is_ended, now_ms);
                if self.chunks.count() > PARTS_MAX {
                    self.fail_with(Failure::Fault(PutFault::TooManyParts), now_ms);
                } else if own.is_ended && self.chunks.is_stored() {
                    // The last part was stored before the host said that the body has ended.
                    self.complete_when_sent(now_ms);
                }
            }
            Way::Go(PutWay::Whole) if self.chunks.count() == 0 => {
                self.chunks = Chunks::whole(self.body.bytes, now_ms);
            }
            _ => {}
        }
    }

    /// All parts are stored and the body has ended: the next step completes the upload.
    pub(super) fn complete_when_sent(&mut self, now_ms: u64) {
        if matches!(self.stage, Stage::Sending) {
            self.stage = Stage::Completing(Retry::from(now_ms));
        }
    }

    fn send_chunk(&mut self, (at_ms, i): (u64, usize), now_ms: u64) -> Option<Action> {
        self.chunks.waiting.remove(&(at_ms, i));
        self.chunks.begin_try(i, now_ms);
        if !self.is_multipart() {
            self.taken_retry.begin(now_ms);
        }
        let own = self.own.as_ref()?;
        let request = match &own.upload_id {
            Some(upload_id) if own.is_parts => {
                StoreRequest::Part { upload_id: upload_id.clone(), number: i + 1 }
            }
            _ => StoreRequest::Put { create_only: own.whole_rule != Some(PutRule::LookFirst) },
        };
        let body = RequestBody::File(self.chunks.range(i));
        Some(self.send_own(Purpose::Chunk(i), request, body, now_ms))
    }

    fn send_completion(&mut self, now_ms: u64) -> Option<Action> {
        if let Stage::Completing(retry) = &mut self.stage {
            retry.begin(now_ms);
        }
        self.taken_retry.begin(now_ms);
        let upload_id = self.own.as_ref()?.upload_id.clone()?;
        let body = RequestBody::Bytes(complete_multipart_body(self.chunks.etags()).into_bytes());
        Some(self.send_own(Purpose::Complete, StoreRequest::Complete { upload_id }, body, now_ms))
    }

    /// Asks the host to compare. There is no deadline: the host bounds the time of its own read.
    fn send_comparison(&mut self) -> Action {
        let id = self.id();
        self.sent_until(id, Purpose::Check, u64::MAX);
        Action::Own(OwnAction::Compare { id })
    }

    pub(super) fn send_own(
        &mut self,
        purpose: Purpose,
        request: StoreRequest,
        body: RequestBody,
        now_ms: u64,
    ) -> Action {
        let id = self.id();
        self.sent_until(id, purpose, now_ms.saturating_add(self.timeout_ms(purpose)));
        Action::Own(OwnAction::Send { id, request, body })
    }

    /// The store answered a put, a part, the beginning of an upload, or its completion.
    pub(super) fn own_written(
        &mut self,
        (purpose, step): (Purpose, StoreStep),
        verdict: Verdict,
        response: &Response<'_>,
        now_ms: u64,
    ) {
        let next = verdict.next;
        let fault = || Failure::Fault(PutFault::Answered { step, verdict: Box::new(verdict) });
        match (next, purpose) {
            (Next::Done, Purpose::Begin) => self.begun_upload(response, now_ms),
            (Next::Done, Purpose::Chunk(i)) if self.is_multipart() => {
                match response.header("etag").filter(|etag| !etag.is_empty()) {
                    Some(etag) => self.part_arrived(i, etag.to_owned(), now_ms),
                    None => self.fail_with(Failure::Fault(PutFault::NoEtag), now_ms),
                }
            }
            (Next::Done, _) => {
                self.close_upload();
                self.succeed(true, now_ms);
            }
            // The machine looks at the key already, because an earlier answer said that the upload
            // is gone. The answers to its other parts say the same.
            (_, Purpose::Chunk(_)) if matches!(self.stage, Stage::Checking(_)) => {}
            (Next::LookThenRetry, _) => self.check(Why::Taken(fault().said()), now_ms),
            // The upload or its parts are gone. Perhaps our own completion did its work and its
            // answer was lost. Perhaps another writer stored the object, and the store removed our
            // upload. So look at the key before the put fails. The bytes of stored parts are
            // dropped by now, so another upload is not possible here.
            (Next::LookThenBeginAnew | Next::BeginAnew | Next::SendPartsAnew, _) => {
                self.check(Why::LastLook(fault()), now_ms);
            }
            _ => self.fail_with(fault(), now_ms),
        }
    }

    fn begun_upload(&mut self, response: &Response<'_>, now_ms: u64) {
        let id = upload_id_in(&String::from_utf8_lossy(response.body));
        match id {
            // The answer came after the put had ended, and nothing uses the upload.
            Ok(id) if self.is_over() => self.abort_own(&id, now_ms),
            Ok(id) => {
                if let Some(own) = &mut self.own {
                    own.upload_id = Some(id);
                }
            }
            Err(error) => {
                if let Some(own) = &mut self.own {
                    own.may_have_second_upload = true;
                }
                self.fail_with(Failure::Fault(PutFault::NoUploadId(error)), now_ms);
            }
        }
    }

    fn part_arrived(&mut self, i: usize, etag: String, now_ms: u64) {
        let all = self.chunks.done(i, etag);
        if all && self.own.as_ref().is_some_and(|own| own.is_ended) {
            self.complete_when_sent(now_ms);
        }
    }

    pub(super) fn compared(&mut self, found: Found, now_ms: u64) {
        let Stage::Checking(check) = &self.stage else { return };
        let why = check.why.clone();
        match found {
            Found::Same => self.succeed(false, now_ms),
            Found::Other { bytes_there } => {
                self.fail_with(Failure::Fault(PutFault::Conflict { bytes_there }), now_ms);
            }
            Found::Nothing => self.nothing_there(why, now_ms),
            Found::Something => self.stop_sending(&why, now_ms),
        }
    }

    /// Another writer's object lies at the key, and the body has not ended. Stops sending. Once the
    /// body has ended, the content of that object decides between success and conflict.
    fn stop_sending(&mut self, why: &Why, now_ms: u64) {
        let parts_under_way = self.cancel(|purpose| matches!(purpose, Purpose::Chunk(_)));
        // Only NoSuchUpload proves that the upload is gone. A 404 without a code may come from a
        // proxy, so abort the upload then.
        let is_removed = matches!(
            why,
            Why::LastLook(Failure::Fault(PutFault::Answered { verdict, .. }))
                if verdict.meaning == Meaning::NoUpload
        );
        if !is_removed {
            self.abort_current(parts_under_way, now_ms);
        }
        self.chunks = Chunks::default();
        self.stage = Stage::Sending;
        if let Some(own) = &mut self.own {
            own.upload_id = None;
            own.has_other_object = true;
        }
    }

    /// The look before an overwrite found no object.
    pub(super) fn looked_first(&mut self, now_ms: u64) {
        let Some(own) = &mut self.own else { return };
        if own.has_other_object {
            return self.fail_with(Failure::Fault(PutFault::TakenAndGone), now_ms);
        }
        own.has_looked = true;
        self.stage = match own.is_parts {
            true => Stage::Completing(Retry::from(now_ms)),
            false => Stage::Sending,
        };
    }

    /// The host could not find out what lies at the key.
    pub(super) fn not_compared(&mut self, now_ms: u64) {
        let Stage::Checking(check) = &self.stage else { return };
        let failure = match &check.why {
            // The upload may be gone because our own request completed it. So this answer proves
            // nothing, and `PutFault::Host` leaves the doubt.
            Why::LastLook(Failure::Fault(PutFault::Answered { verdict, .. }))
                if verdict.next == Next::LookThenBeginAnew =>
            {
                Failure::Fault(PutFault::Host { doubt: None })
            }
            Why::LastLook(failure) => failure.clone(),
            _ => Failure::Fault(PutFault::Host { doubt: None }),
        };
        self.fail_with(failure, now_ms);
    }
}
