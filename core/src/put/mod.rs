//! Putting one object into a store: the table of answers, and uploads by a grant, a machine that
//! decides and is driven by a host that performs.

mod action;
mod answers;
mod check;
mod ending;
mod granting;
mod heard;
mod progress;
mod question;
mod settings;
mod verdict;
mod work;

use std::collections::{BTreeMap, VecDeque};

pub use action::{Action, RequestBody, Uploaded};
pub use answers::{judge, judge_deleted};
pub use progress::{NextTry, Phase, Progress};
pub use question::FirstGrant;
pub use settings::{UploadBody, UploadSettings};
pub use verdict::{Meaning, Next, SignedBy, StoreAnswer, StoreStep, Verdict};

use crate::retry::Random;
use crate::{Error, ErrorKind, Grant, Result};
use ending::Abort;
use granting::Grants;
use heard::{Answer, Miss};
use work::{Chunks, Purpose, Sent, Stage};

/// One upload of one file by a [`Grant`]: says what to send and hears how it went, and ends in an
/// object stored exactly once, or in an error with nothing left behind.
///
/// It does no IO and knows no clock. Its host
///
/// 1. calls [`poll`](Self::poll) until it gives `None`, and does what each [`Action`] says, at once
///    or side by side;
/// 2. stops when [`outcome`](Self::outcome) gives one, or else
/// 3. waits for whatever comes first, an answer, a grant, or the time of
///    [`next_timeout`](Self::next_timeout); hands an answer to the `handle_…` it belongs to; and
///    begins again.
///
/// Times are milliseconds since 1970 and must not go backwards. Answers may come in any order,
/// twice, or after their request was cancelled; those are passed over. A request's headers must be
/// sent exactly as they are: they are signed. A host whose client sets `content-length` itself
/// leaves that one out.
///
/// What it does by itself: parts in parallel with a bound; retries with full jitter on network
/// failures and on what the table of answers ([`judge`]) says, `Retry-After` honoured; a fresh
/// grant where one expired, going on with the parts already stored; a look at the object where the
/// key is taken or an answer was lost; an error in the body of a 200 is an error; and whatever
/// happens, no multipart upload is left open.
///
/// The whole loop, with a store that is a few lines:
///
/// ```
/// use coldpress_core::{Action, Grant, RequestBody, Upload, UploadBody, UploadSettings};
///
/// # let grant = Grant::from_json(r#"{"version":1,"prefix":"","key":"7/people/lsn-41-42.parquet","expires_ms":9000,
/// #   "bytes_max":100,"put":{"method":"PUT","url":"https://s3.example/b/k","headers":{"if-none-match":"*"}},
/// #   "check":{"method":"HEAD","url":"https://s3.example/b/k","headers":{}}}"#)?;
/// let file = b"PAR1...PAR1";
/// let mut now_ms = 0; // the host's clock
/// let seed = 7; // from the host's source of randomness
/// let body = UploadBody::new(file.len() as u64);
/// let mut upload = Upload::new(body, Some(grant), UploadSettings::default(), seed, now_ms)?;
/// let mut stored = None;
/// let mut busy = 2; // this store is busy at first
/// let uploaded = loop {
///     while let Some(action) = upload.poll(now_ms) {
///         match action {
///             Action::Request { id, method, url, headers, body } => {
///                 assert_eq!((method.as_str(), url.as_str()), ("PUT", "https://s3.example/b/k"));
///                 assert_eq!(headers, [("if-none-match".to_owned(), "*".to_owned())]);
///                 let RequestBody::File(range) = body else { unreachable!() };
///                 if busy > 0 {
///                     busy -= 1;
///                     upload.handle_response(id, 503, &[], b"", now_ms);
///                     continue;
///                 }
///                 stored = Some(file[range.start as usize..range.end as usize].to_vec());
///                 upload.handle_response(id, 200, &[("etag".into(), "\"1\"".into())], b"", now_ms);
///             }
///             // Ask whoever grants, with the upload to go on with, and answer by `handle_grant`.
///             Action::AskGrant { .. } => unreachable!("the grant held"),
///             // Drop the request; its answer does not matter any more.
///             Action::Cancel { .. } => {}
///         }
///     }
///     if let Some(outcome) = upload.outcome() {
///         break outcome.clone()?;
///     }
///     // Nothing is under way here, so there is only the time to wait for.
///     now_ms = upload.next_timeout().ok_or("a hang")?;
/// };
/// assert_eq!(stored.as_deref(), Some(&file[..]));
/// assert_eq!(uploaded.key.as_str(), "7/people/lsn-41-42.parquet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// * no request carries a header that its grant did not sign
/// * once [`outcome`](Self::outcome) gives one, no request is under way, and no multipart upload
///   that this value knew of is open but those in [`left_open`](Self::left_open), which the error
///   names too
/// * requests and grants are bounded in number by the settings, whatever is answered
#[derive(Debug)]
pub struct Upload {
    body: UploadBody,
    settings: UploadSettings,
    random: Random,
    ends_ms: Option<u64>,
    stage: Stage,
    grants: Grants,
    chunks: Chunks,
    /// Requests under way, by id.
    sent: BTreeMap<u64, Sent>,
    id_next: u64,
    cancels: VecDeque<u64>,
    aborts: Vec<Abort>,
    left_open: Vec<String>,
    /// A put or a completion may have had its effect though no answer said so.
    effect_unknown: bool,
    /// How often the key was said to be taken while nothing could be seen there.
    taken_tries: u32,
    /// How often the multipart upload had to begin anew.
    restarts: u32,
    retry_after_ms: Option<u64>,
    /// Why the latest try failed, in words that hold no secret.
    last_failure: String,
    ending: Option<Result<Uploaded>>,
    outcome: Option<Result<Uploaded>>,
}

impl Upload {
    /// An upload that has not begun. Without a grant, its first action is to ask for one; with one
    /// that does not fit the file too. `seed` makes the pauses between retries differ among
    /// devices.
    ///
    /// An error of kind `Settings` or `Misuse` where it makes no sense.
    pub fn new(
        body: UploadBody,
        grant: Option<Grant>,
        settings: UploadSettings,
        seed: u64,
        now_ms: u64,
    ) -> Result<Self> {
        settings.check()?;
        if body.bytes == 0 {
            return Err(Error::misuse("there is nothing to upload: the file has 0 bytes"));
        }
        let mut upload = Upload {
            ends_ms: settings.total_timeout_ms.map(|ms| now_ms.saturating_add(ms)),
            body,
            settings,
            random: Random::new(seed),
            stage: Stage::Sending,
            grants: Grants::default(),
            chunks: Chunks::default(),
            sent: BTreeMap::new(),
            id_next: 0,
            cancels: VecDeque::new(),
            aborts: Vec::new(),
            left_open: Vec::new(),
            effect_unknown: false,
            taken_tries: 0,
            restarts: 0,
            retry_after_ms: None,
            last_failure: String::new(),
            ending: None,
            outcome: None,
        };
        match grant {
            Some(grant) => upload.take_first_grant(grant, now_ms),
            None => upload.grants.want(None, now_ms),
        }
        Ok(upload)
    }

    /// The next thing to do, if there is one now. Call it until there is none.
    pub fn poll(&mut self, now_ms: u64) -> Option<Action> {
        self.expire(now_ms);
        // Twice, because a stage that has nothing to send may end the upload, which leaves things
        // to take away.
        let action = self.poll_once(now_ms).or_else(|| self.poll_once(now_ms));
        self.settle();
        action
    }

    fn poll_once(&mut self, now_ms: u64) -> Option<Action> {
        if let Some(id) = self.cancels.pop_front() {
            return Some(Action::Cancel { id });
        }
        self.poll_abort(now_ms).or_else(|| self.poll_stage(now_ms))
    }

    /// When to call [`poll`](Self::poll) again though nothing was answered. `None`: only an answer,
    /// a grant or [`abort`](Self::abort) changes anything.
    pub fn next_timeout(&self) -> Option<u64> {
        if !self.cancels.is_empty() {
            return Some(0);
        }
        let requests = self.sent.values().map(|sent| sent.deadline_ms).min();
        let ends = self.ends_ms.filter(|_| !self.is_over());
        [requests, ends, self.abort_timeout(), self.stage_timeout()].into_iter().flatten().min()
    }

    /// The answer to a request, of whatever status. `headers` with names of any case; the first
    /// 64 KiB of the body are enough.
    pub fn handle_response(
        &mut self,
        id: u64,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        now_ms: u64,
    ) {
        let Some(sent) = self.sent.remove(&id) else { return };
        self.answered(sent, &Answer { status, headers, body }, now_ms);
        self.settle();
    }

    /// A request that got no answer; `message` says why.
    pub fn handle_failure(&mut self, id: u64, message: &str, now_ms: u64) {
        let Some(sent) = self.sent.remove(&id) else { return };
        self.unanswered(sent, &Miss::unanswered(message), now_ms);
        self.settle();
    }

    /// The grant that was asked for. One that nobody asked for is given back: its parts are
    /// aborted.
    pub fn handle_grant(&mut self, grant: Grant, now_ms: u64) {
        self.take_asked_grant(grant, now_ms);
        self.settle();
    }

    /// The grant that was asked for cannot be had. `Unavailable` asks again, after `retry_after_ms`
    /// where the server said so; every other kind ends the upload.
    pub fn handle_grant_failure(
        &mut self,
        kind: ErrorKind,
        message: &str,
        retry_after_ms: Option<u64>,
        now_ms: u64,
    ) {
        self.grant_refused(kind, message, retry_after_ms, now_ms);
        self.settle();
    }

    /// Breaks the upload off: what is under way is cancelled, parts are taken away, and the outcome
    /// is an error of kind `Aborted`. Go on polling until there is one.
    pub fn abort(&mut self, now_ms: u64) {
        self.fail(Error::new(ErrorKind::Aborted, "the upload was aborted"), now_ms);
        self.settle();
    }

    /// How it ended, once it has: then nothing is under way any more.
    pub fn outcome(&self) -> Option<&Result<Uploaded>> {
        self.outcome.as_ref()
    }

    /// Multipart uploads whose parts may still lie in the store, because it did not take the abort.
    pub fn left_open(&self) -> &[String] {
        &self.left_open
    }

    /// What the last `Retry-After` asked for: after an outcome of kind `Unavailable`, when it is
    /// worth trying again.
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    fn id(&mut self) -> u64 {
        self.id_next += 1;
        self.id_next
    }

    /// Ends what took too long.
    fn expire(&mut self, now_ms: u64) {
        if let (Some(ends_ms), Some(all_ms)) = (self.ends_ms, self.settings.total_timeout_ms)
            && now_ms >= ends_ms
        {
            let message = format!(
                "the upload was not done within {all_ms} ms; try again, or allow more time"
            );
            self.fail(Error::new(ErrorKind::Unavailable, message), now_ms);
        }
        let late: Vec<u64> = self
            .sent
            .iter()
            .filter(|(_, sent)| now_ms >= sent.deadline_ms)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            if let Some(sent) = self.sent.remove(&id) {
                self.cancels.push_back(id);
                let timeout_ms = self.timeout_ms(sent.purpose);
                let miss = Miss::unanswered(&format!("no answer within {timeout_ms} ms"));
                self.unanswered(sent, &miss, now_ms);
            }
        }
        self.expire_question(now_ms);
        self.settle();
    }

    fn timeout_ms(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Abort(_) => self.settings.timeout_ms.min(ending::ABORT_TIMEOUT_MS_MAX),
            _ => self.settings.timeout_ms,
        }
    }
}

#[cfg(test)]
mod tests;
