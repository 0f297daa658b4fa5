//! The requests that store and check a file, and what follows from their answers.

use std::collections::BTreeSet;
use std::ops::Range;

use super::check::{Check, LAST_LOOK_FAILURES_MAX, Why};
use super::heard::{Answer, Miss};
use super::verdict::{Next, StoreStep, Verdict};
use super::{Action, RequestBody, Upload};
use crate::retry::Retry;
use crate::{Error, ErrorKind, GrantedWrite, SignedRequest, complete_multipart_body};

/// How often a multipart upload may begin anew that the store has lost.
const RESTARTS_MAX: u32 = 3;

#[derive(Debug)]
pub(super) enum Stage {
    Sending,
    Completing(Retry),
    Checking(Check),
    Over,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) purpose: Purpose,
    pub(super) deadline_ms: u64,
    epoch: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The whole file, or one part.
    Chunk(usize),
    Complete,
    Check,
    Abort(usize),
}

/// The file, cut as the grant wants it.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    bytes: u64,
    chunk_bytes: u64,
    /// Those to be sent, by the time from which on.
    pub(super) waiting: BTreeSet<(u64, usize)>,
    retries: Vec<Retry>,
    etags: Vec<Option<String>>,
    pub(super) done_bytes: u64,
}

impl Chunks {
    pub(super) fn new(bytes: u64, chunk_bytes: u64, now_ms: u64) -> Self {
        let count = usize::try_from(bytes.div_ceil(chunk_bytes.max(1))).unwrap_or(usize::MAX);
        Chunks {
            bytes,
            chunk_bytes,
            waiting: (0..count).map(|i| (now_ms, i)).collect(),
            retries: vec![Retry::default(); count],
            etags: vec![None; count],
            done_bytes: 0,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.etags.len()
    }

    /// How the tries of one part went so far.
    pub(super) fn retry(&self, i: usize) -> Retry {
        self.retries.get(i).copied().unwrap_or_default()
    }

    pub(super) fn bytes_of(&self, i: usize) -> u64 {
        let range = self.range(i);
        range.end - range.start
    }

    pub(super) fn range(&self, i: usize) -> Range<u64> {
        let start = self.chunk_bytes.saturating_mul(i as u64).min(self.bytes);
        start..start.saturating_add(self.chunk_bytes).min(self.bytes)
    }

    /// Keeps the store's name for a part; whether all are there.
    fn done(&mut self, i: usize, etag: String) -> bool {
        self.done_bytes += self.bytes_of(i);
        self.retries[i] = Retry::default();
        self.etags[i] = Some(etag);
        self.etags.iter().all(Option::is_some)
    }
}

impl Upload {
    pub(super) fn poll_stage(&mut self, now_ms: u64) -> Option<Action> {
        if self.is_over() {
            return None;
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

    /// When the stage has something to send or to ask; none where it waits for answers.
    pub(super) fn stage_timeout(&self) -> Option<u64> {
        if self.is_over() {
            return None;
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
                let etags = self.chunks.etags.iter().flatten().map(String::as_str);
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
        let deadline_ms = now_ms.saturating_add(self.timeout_ms(purpose));
        self.sent.insert(id, Sent { purpose, deadline_ms, epoch: self.grants.epoch });
        Action::Request {
            id,
            method: request.method(),
            url: request.url().to_owned(),
            headers: request.headers().to_vec(),
            body,
        }
    }

    pub(super) fn answered(&mut self, sent: Sent, answer: &Answer<'_>, now_ms: u64) {
        if let Purpose::Abort(i) = sent.purpose {
            return self.abort_answered(i, answer, now_ms);
        }
        let step = match sent.purpose {
            Purpose::Chunk(_) if self.grants.multipart().is_some() => StoreStep::PutPart,
            Purpose::Chunk(_) => StoreStep::PutObject,
            Purpose::Complete => StoreStep::Complete,
            Purpose::Check => StoreStep::Look,
            Purpose::Abort(_) => StoreStep::Abort,
        };
        let verdict = answer.judged(step, self.grants.clock_expired(now_ms), now_ms);
        match (verdict.next, sent.purpose) {
            (Next::Retry, _) => self.unanswered(sent, &Miss::of(&verdict), now_ms),
            (Next::Renew, purpose) => {
                self.put_back(purpose, now_ms);
                // What an older grant sent says nothing about this one.
                if sent.epoch == self.grants.epoch {
                    let message = format!("the grant has expired ({})", verdict.said());
                    self.want_grant(Error::new(verdict.kind, message), now_ms);
                }
            }
            // So does a refusal, which need not name its reason.
            (Next::Stop, purpose)
                if verdict.kind == ErrorKind::Denied && sent.epoch < self.grants.epoch =>
            {
                self.put_back(purpose, now_ms);
            }
            (_, Purpose::Check) => self.checked(&verdict, answer, now_ms),
            (_, purpose) => self.written(purpose, &verdict, answer, now_ms),
        }
    }

    /// No answer, or one that says to try again.
    pub(super) fn unanswered(&mut self, sent: Sent, miss: &Miss, now_ms: u64) {
        let after_ms = miss.after_ms;
        self.retry_after_ms = after_ms.or(self.retry_after_ms);
        self.last_failure.clone_from(&miss.said);
        let (mut backoff, random) = (self.settings.backoff(), &mut self.random);
        if let Some(retries_max) = miss.retries_max {
            backoff = backoff.at_most(retries_max);
        }
        let writes_whole = sent.purpose == Purpose::Complete || self.grants.multipart().is_none();
        let again = match (sent.purpose, &mut self.stage) {
            (Purpose::Abort(i), _) => return self.abort_failed(i, after_ms, now_ms),
            (Purpose::Chunk(i), _) => {
                self.effect_unknown |= writes_whole && miss.leaves_doubt;
                let retry = &mut self.chunks.retries[i];
                let again = retry.after_failure(&backoff, random, after_ms, now_ms);
                if again {
                    self.chunks.waiting.insert((retry.not_before_ms, i));
                }
                again
            }
            (Purpose::Complete, Stage::Completing(retry)) => {
                self.effect_unknown |= miss.leaves_doubt;
                retry.after_failure(&backoff, random, after_ms, now_ms)
            }
            (Purpose::Check, Stage::Checking(check)) => {
                let last = matches!(check.why, Why::LastLook(_));
                check.retry.after_failure(&backoff, random, after_ms, now_ms)
                    && !(last && check.retry.failures >= LAST_LOOK_FAILURES_MAX)
            }
            // Of a stage that is over.
            _ => return,
        };
        if again {
            return;
        }
        let error = self.gave_up(sent.purpose, miss);
        match (&self.stage, sent.purpose) {
            (Stage::Checking(Check { why: Why::LastLook(first), .. }), _) => {
                let first = first.clone();
                self.fail(first, now_ms);
            }
            (_, Purpose::Chunk(_) | Purpose::Complete) if writes_whole => {
                self.check(Why::LastLook(error), now_ms);
            }
            _ => self.fail(error, now_ms),
        }
    }

    /// The error of a request that is not tried again.
    fn gave_up(&self, purpose: Purpose, miss: &Miss) -> Error {
        let doing = match purpose {
            Purpose::Chunk(i) if self.grants.multipart().is_some() => {
                format!("store part {}", i + 1)
            }
            Purpose::Complete => "complete the multipart upload".to_owned(),
            Purpose::Check => "look at what lies there".to_owned(),
            _ => "store the file".to_owned(),
        };
        let wait = miss.after_ms.map(|ms| format!(", in {} seconds", ms.div_ceil(1_000)));
        let advice = match miss.kind {
            ErrorKind::Corrupt => advice(miss.kind).to_owned(),
            _ => format!(
                "see that the network and the store are up, then {}{}",
                self.settings.again,
                wait.unwrap_or_default()
            ),
        };
        Error::new(miss.kind, format!("could not {doing}: {}; {advice}", miss.said))
    }

    /// The request is to be sent again at once, by another grant.
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

    /// The store's word on the file, a part or the completion.
    fn written(&mut self, purpose: Purpose, verdict: &Verdict, answer: &Answer<'_>, now_ms: u64) {
        let multipart = self.grants.multipart().is_some();
        let said = verdict.said();
        match verdict.next {
            Next::Done => {
                if let Purpose::Chunk(i) = purpose
                    && multipart
                {
                    return self.part_stored(i, answer, now_ms);
                }
                self.grants.is_open = false;
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
                    let message = format!("the store keeps losing parts ({said}); try again later");
                    return self.fail(Error::new(verdict.kind, message), now_ms);
                }
                self.chunks = Chunks::new(self.body.bytes, self.chunks.chunk_bytes, now_ms);
                self.stage = Stage::Sending;
            }
            // Retry and Renew were met before.
            Next::Retry | Next::Renew | Next::Absent | Next::Stop => {
                let next = advice(verdict.kind);
                let message = format!("the store does not take it ({said}); {next}");
                self.fail(Error::new(verdict.kind, message), now_ms);
            }
        }
    }

    fn part_stored(&mut self, i: usize, answer: &Answer<'_>, now_ms: u64) {
        let Some(etag) = answer.header("etag").filter(|etag| !etag.is_empty()) else {
            let message = "the answer to a part shows no ETag, which is needed to complete the upload; let the bucket's CORS rules expose the header ETag (ExposeHeaders)";
            return self.fail(Error::new(ErrorKind::Cors, message), now_ms);
        };
        let all = self.chunks.done(i, etag.to_owned());
        self.grants.progressed();
        if all && matches!(self.stage, Stage::Sending) {
            self.stage = Stage::Completing(Retry::from(now_ms));
        }
    }

    /// The multipart upload is not there any more, so its parts are not either.
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
            "ask for another grant; if that is refused too, look at the credentials and the clock of who grants"
        }
        ErrorKind::Corrupt => {
            "the bytes are not those that were granted, or were damaged on the way; encode the file and ask again"
        }
        ErrorKind::Limit => "make smaller files, or parts of another size",
        ErrorKind::Key => "ask for a grant with another collection name",
        ErrorKind::Conflict => "an object lies where a folder should be, or the reverse; move it",
        _ => "check the endpoint, region and bucket of who grants",
    }
}
