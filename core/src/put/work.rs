//! The requests of a put by grant, and what follows from the answers to any put.

use super::action::{Action, RequestBody};
use super::chunks::Chunks;
use super::fault::{Failure, PutFault};
use super::machine::Put;
use super::response::{FailedTry, Response};
use super::stage::{Check, Purpose, Sent, Stage, Why};
use super::verdict::{Next, SignedBy, StoreStep, Verdict};
use crate::grant::{GrantedWrite, SignedRequest, complete_multipart_body};
use crate::retry::Retry;
use crate::{Error, ErrorKind};

/// How often the machine begins another multipart upload, or sends all parts again, because the
/// store lost them.
const RESTARTS_MAX: u32 = 3;

/// The most failures of a look that only follows another failure. The put fails in any case then,
/// so its user does not wait for more.
const LAST_LOOK_FAILURES_MAX: u32 = 3;

impl Put {
    pub(super) fn poll_stage(&mut self, now_ms: u64) -> Option<Action> {
        if self.is_over() {
            return None;
        }
        if self.own.is_some() {
            return self.poll_own(now_ms);
        }
        if !self.grants.is_usable() {
            return self.poll_question(now_ms);
        }
        if self.stage_timeout().is_none_or(|ready_ms| now_ms < ready_ms) {
            return None;
        }
        if self.grants.clock_expired(now_ms) {
            self.want_grant(Error::new(ErrorKind::Expired, "the grant has expired"), now_ms);
            return self.poll_question(now_ms);
        }
        self.send_next(now_ms)
    }

    /// When the stage has something to send or to ask; `None` while it waits for answers.
    pub(super) fn stage_timeout(&self) -> Option<u64> {
        if self.is_over() {
            return None;
        }
        if self.own.is_some() {
            return self.own_timeout();
        }
        if !self.grants.is_usable() {
            return self.grants.question.timeout();
        }
        let under_way = |which: fn(Purpose) -> bool| {
            self.sent.values().filter(|sent| which(sent.purpose)).count()
        };
        match &self.stage {
            Stage::Sending => {
                let room =
                    under_way(|p| matches!(p, Purpose::Chunk(_))) < self.settings.concurrency;
                self.chunks
                    .waiting
                    .first()
                    .map(|(not_before_ms, _)| *not_before_ms)
                    .filter(|_| room)
            }
            Stage::Completing(retry) => {
                let idle = under_way(|p| p == Purpose::Complete) == 0;
                Some(retry.not_before_ms).filter(|_| idle)
            }
            Stage::Checking(check) => {
                let idle = under_way(|p| p == Purpose::Check) == 0;
                Some(check.retry.not_before_ms).filter(|_| idle)
            }
            Stage::Over => None,
        }
    }

    fn send_next(&mut self, now_ms: u64) -> Option<Action> {
        let grant = self.grants.usable()?;
        let (purpose, request, body) = match (&self.stage, grant.write()) {
            (Stage::Sending, GrantedWrite::Put(put)) => {
                let (_, i) = self.chunks.waiting.pop_first()?;
                (Purpose::Chunk(i), put.clone(), RequestBody::File(0..self.body.bytes))
            }
            (Stage::Sending, GrantedWrite::Multipart(multipart)) => {
                let (_, i) = self.chunks.waiting.pop_first()?;
                let body = RequestBody::File(self.chunks.range(i));
                (Purpose::Chunk(i), multipart.parts.get(i)?.clone(), body)
            }
            (Stage::Completing(_), GrantedWrite::Multipart(multipart)) => {
                let etags = self.chunks.etags();
                let body = RequestBody::Bytes(complete_multipart_body(etags).into_bytes());
                (Purpose::Complete, multipart.complete.clone(), body)
            }
            (Stage::Checking(_), _) => (Purpose::Check, grant.check().clone(), RequestBody::Empty),
            (Stage::Completing(_), GrantedWrite::Put(_)) | (Stage::Over, _) => return None,
        };
        Some(self.send(purpose, &request, body, now_ms))
    }

    pub(super) fn send(
        &mut self,
        purpose: Purpose,
        request: &SignedRequest,
        body: RequestBody,
        now_ms: u64,
    ) -> Action {
        let id = self.id();
        self.sent_until(id, purpose, now_ms.saturating_add(self.timeout_ms(purpose)));
        Action::Request {
            id,
            method: request.method(),
            url: request.url().to_owned(),
            headers: request.headers().to_vec(),
            body,
        }
    }

    pub(super) fn sent_until(&mut self, id: u64, purpose: Purpose, deadline_ms: u64) {
        self.sent.insert(id, Sent { purpose, deadline_ms, epoch: self.grants.epoch });
    }

    /// The step that a request of this purpose is for the table of answers.
    fn step_of(&self, purpose: Purpose) -> StoreStep {
        match purpose {
            Purpose::Begin => StoreStep::BeginUpload,
            Purpose::Chunk(_) if self.is_multipart() => StoreStep::PutPart,
            Purpose::Chunk(_) => StoreStep::PutObject,
            Purpose::Complete => StoreStep::Complete,
            Purpose::Check => StoreStep::Look,
            Purpose::Abort(_) => StoreStep::Abort,
        }
    }

    /// Whose credentials sign the requests.
    pub(super) fn signed_by(&self, now_ms: u64) -> SignedBy {
        match self.own {
            Some(_) => SignedBy::Us,
            None => SignedBy::Grant { has_expired: self.grants.clock_expired(now_ms) },
        }
    }

    /// Whether the body goes by a multipart upload.
    pub(super) fn is_multipart(&self) -> bool {
        match &self.own {
            Some(own) => own.is_parts,
            None => self.grants.multipart().is_some(),
        }
    }

    /// Whether a request of this purpose makes the object visible.
    pub(super) fn writes_whole(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Complete => true,
            Purpose::Chunk(_) => !self.is_multipart(),
            Purpose::Begin | Purpose::Check | Purpose::Abort(_) => false,
        }
    }

    /// A request was answered: the table says what it means, and the purpose who acts on it.
    pub(super) fn answered(&mut self, sent: Sent, response: &Response<'_>, now_ms: u64) {
        if let Purpose::Abort(i) = sent.purpose {
            return self.abort_answered(i, response, now_ms);
        }
        let step = self.step_of(sent.purpose);
        let verdict = response.judged(step, self.signed_by(now_ms), now_ms);
        match (verdict.next, sent.purpose) {
            (Next::Retry, _) => self.try_failed(sent, FailedTry::of(verdict), now_ms),
            (_, purpose) if self.own.is_some() => {
                self.own_written((purpose, step), verdict, response, now_ms);
            }
            (Next::Renew, purpose) => {
                self.put_back(purpose, now_ms);
                // The request of an earlier grant says nothing about the current grant.
                if sent.epoch == self.grants.epoch {
                    let message = format!("the grant has expired ({})", verdict.said());
                    self.want_grant(Error::new(verdict.kind, message), now_ms);
                }
            }
            // A store can refuse an expired signature without naming the reason. If an earlier
            // grant signed the request, send it again by the current grant.
            (Next::Stop, purpose)
                if verdict.kind == ErrorKind::Denied && sent.epoch < self.grants.epoch =>
            {
                self.put_back(purpose, now_ms);
            }
            (_, Purpose::Check) => self.checked(&verdict, response, now_ms),
            (_, purpose) => self.written(purpose, &verdict, response, now_ms),
        }
    }

    /// A request got no answer, or an answer that says to try again.
    pub(super) fn try_failed(&mut self, sent: Sent, failed: FailedTry, now_ms: u64) {
        let after_ms = failed.after_ms;
        self.retry_after_ms = after_ms.or(self.retry_after_ms);
        self.last_failure.clone_from(&failed.said);
        let writes_whole = self.writes_whole(sent.purpose);
        if writes_whole && failed.leaves_doubt {
            self.effect_unknown = true;
            if let Some(own) = &mut self.own {
                own.doubt = Some(failed.said.clone());
            }
        }
        let (mut backoff, random) = (self.settings.backoff(), &mut self.random);
        if let Some(retries_max) = failed.retries_max {
            backoff = backoff.at_most(retries_max);
        }
        let again = match (sent.purpose, &mut self.stage) {
            (Purpose::Abort(i), _) => return self.abort_failed(i, after_ms, now_ms),
            // An earlier answer said that the upload is gone, and the machine looks at the key.
            // That look decides, so this part is not retried.
            (Purpose::Chunk(_), Stage::Checking(_)) if self.own.is_some() => return,
            (Purpose::Chunk(i), _) => {
                let retry = &mut self.chunks.retries[i];
                let again = retry.after_failure(&backoff, random, after_ms, now_ms);
                if again {
                    self.chunks.waiting.insert((retry.not_before_ms, i));
                }
                again
            }
            (Purpose::Complete, Stage::Completing(retry)) => {
                retry.after_failure(&backoff, random, after_ms, now_ms)
            }
            (Purpose::Begin, stage) => {
                let Some(own) = &mut self.own else { return };
                own.may_have_second_upload |= failed.leaves_doubt;
                if !matches!(stage, Stage::Sending) {
                    return;
                }
                own.begin.after_failure(&backoff, random, after_ms, now_ms)
            }
            (Purpose::Check, Stage::Checking(check)) => {
                let last = matches!(check.why, Why::LastLook(_));
                check.retry.after_failure(&backoff, random, after_ms, now_ms)
                    && !(last && check.retry.failures >= LAST_LOOK_FAILURES_MAX)
            }
            // The stage has changed since the request was sent, so its failure does not matter.
            _ => return,
        };
        if !again {
            self.no_retry_left(sent.purpose, failed, now_ms);
        }
    }

    /// A write of the object may have succeeded though no answer said so. So this looks at the key
    /// once more before the put fails.
    fn no_retry_left(&mut self, purpose: Purpose, failed: FailedTry, now_ms: u64) {
        let writes_whole = self.writes_whole(purpose);
        let failure = self.gave_up(purpose, failed);
        match (&self.stage, purpose) {
            (Stage::Checking(Check { why: Why::LastLook(first), .. }), _) => {
                let first = first.clone();
                self.fail_with(first, now_ms);
            }
            (_, Purpose::Chunk(_) | Purpose::Complete) if writes_whole => {
                self.check(Why::LastLook(failure), now_ms);
            }
            _ => self.fail_with(failure, now_ms),
        }
    }

    /// The failure of a request that is not retried any more.
    fn gave_up(&self, purpose: Purpose, failed: FailedTry) -> Failure {
        if self.own.is_some() {
            let step = self.step_of(purpose);
            return Failure::Fault(match failed.verdict {
                Some(verdict) => PutFault::Answered { step, verdict: Box::new(verdict) },
                None => PutFault::Unanswered { step, said: failed.said },
            });
        }
        let doing = match purpose {
            Purpose::Chunk(i) if self.is_multipart() => format!("store part {}", i + 1),
            Purpose::Complete => "complete the multipart upload".to_owned(),
            Purpose::Check => "look at the object at the key".to_owned(),
            _ => "store the file".to_owned(),
        };
        let wait = failed.after_ms.map(|ms| format!(", in {} seconds", ms.div_ceil(1_000)));
        let advice = match failed.kind {
            ErrorKind::Corrupt => advice(failed.kind).to_owned(),
            _ => format!(
                "check that the network and the store are up, then {}{}",
                self.settings.again,
                wait.unwrap_or_default()
            ),
        };
        let message = format!("could not {doing}: {}; {advice}", failed.said);
        Failure::Error(Error::new(failed.kind, message))
    }

    /// Sends the request again at once, by another grant.
    fn put_back(&mut self, purpose: Purpose, now_ms: u64) {
        match (purpose, &mut self.stage) {
            (Purpose::Chunk(i), _) => {
                self.chunks.waiting.insert((now_ms, i));
            }
            (Purpose::Complete, Stage::Completing(retry)) => retry.not_before_ms = now_ms,
            (Purpose::Check, Stage::Checking(check)) => check.retry.not_before_ms = now_ms,
            _ => {}
        }
    }

    /// The store answered a put by grant, a part, or a completion.
    fn written(
        &mut self,
        purpose: Purpose,
        verdict: &Verdict,
        response: &Response<'_>,
        now_ms: u64,
    ) {
        let multipart = self.is_multipart();
        let said = verdict.said();
        match verdict.next {
            Next::Done => {
                if let Purpose::Chunk(i) = purpose
                    && multipart
                {
                    return self.part_stored(i, response, now_ms);
                }
                self.close_upload();
                self.succeed(true, now_ms);
            }
            Next::LookThenRetry => self.check(Why::Taken(said), now_ms),
            Next::LookThenBeginAnew => {
                let upload_id =
                    self.grants.multipart().map(|multipart| multipart.upload_id.clone());
                self.check(Why::Gone(upload_id.unwrap_or_default(), said), now_ms);
            }
            Next::BeginAnew => self.upload_lost(&said, now_ms),
            Next::SendPartsAnew => {
                self.restarts += 1;
                if self.restarts > RESTARTS_MAX {
                    let message = format!(
                        "the store lost parts of the file {} times ({said}); later, {}",
                        self.restarts, self.settings.again
                    );
                    return self.fail(Error::new(verdict.kind, message), now_ms);
                }
                self.chunks = Chunks::new(self.body.bytes, self.chunks.chunk_bytes, now_ms);
                self.stage = Stage::Sending;
            }
            // `answered` has handled `Retry` and `Renew`.
            Next::Retry | Next::Renew | Next::Absent | Next::Stop => {
                let next = advice(verdict.kind);
                let message = format!("the store refused the file ({said}); {next}");
                self.fail(Error::new(verdict.kind, message), now_ms);
            }
        }
    }

    fn part_stored(&mut self, i: usize, response: &Response<'_>, now_ms: u64) {
        let Some(etag) = response.header("etag").filter(|etag| !etag.is_empty()) else {
            let message = "the answer to a part has no ETag, and the upload needs it to complete; \
                           let the bucket's CORS rules expose the header ETag (ExposeHeaders)";
            return self.fail(Error::new(ErrorKind::Cors, message), now_ms);
        };
        let all = self.chunks.done(i, etag.to_owned());
        self.grants.progressed();
        if all && matches!(self.stage, Stage::Sending) {
            self.stage = Stage::Completing(Retry::from(now_ms));
        }
    }

    /// The multipart upload is gone from the store, and its parts with it. Asks for a grant of
    /// another upload and begins the file anew.
    pub(super) fn upload_lost(&mut self, said: &str, now_ms: u64) {
        self.cancel(|purpose| matches!(purpose, Purpose::Chunk(_) | Purpose::Complete));
        self.grants.forget();
        self.chunks = Chunks::default();
        self.stage = Stage::Sending;
        self.restarts += 1;
        let message = format!("the multipart upload is gone from the store ({said})");
        let error = Error::new(ErrorKind::Unavailable, message);
        match self.restarts > RESTARTS_MAX {
            true => self.fail(error, now_ms),
            false => self.want_grant(error, now_ms),
        }
    }
}

/// What to do about a refusal of this kind.
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Denied => {
            "ask for another grant; if the store refuses that too, check the credentials and the \
             clock of the grant server"
        }
        ErrorKind::Corrupt => {
            "the bytes are not those of the grant, or were damaged on the way; encode the file \
             again, and ask for a grant again"
        }
        ErrorKind::Limit => "make smaller files, or choose another size of parts",
        ErrorKind::Key => "ask for a grant with another collection name",
        ErrorKind::Conflict => {
            "a folder lies at the key, or an object where the key needs a folder; move it"
        }
        _ => "check the endpoint, region and bucket of the grant server",
    }
}
