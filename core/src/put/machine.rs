//! The machine that stores one object.

use std::collections::{BTreeMap, VecDeque};

use super::abort::{ABORT_TIMEOUT_MS_MAX, Abort};
use super::action::{Action, Uploaded};
use super::chunks::Chunks;
use super::fault::{Failure, PutFault};
use super::grants::Grants;
use super::own_state::Own;
use super::response::{FailedTry, Response};
use super::settings::{PutBody, UploadSettings};
use super::stage::{Purpose, Sent, Stage};
use crate::retry::{Random, Retry};
use crate::{Error, ErrorKind, Grant, Result};

/// Stores one file: by a [`Grant`], or with the host's own credentials ([`Put::own`]). It says
/// what to send and learns how that went. It ends with an object that is stored exactly once, or
/// with an error and nothing left behind.
///
/// It does no IO and knows no clock. Its host
///
/// 1. calls [`poll`](Self::poll) until it gives `None`, and performs each [`Action`], one after the
///    other or side by side;
/// 2. stops when [`outcome`](Self::outcome) gives one;
/// 3. else waits for the next answer or grant, or until the time of
///    [`next_timeout`](Self::next_timeout), passes the answer to its `handle_…` method, and begins
///    again.
///
/// Times are milliseconds since 1970 and must not go backwards. Answers may come in any order. The
/// machine ignores an answer that comes twice, or after its request was cancelled. The host must
/// send the headers of a request exactly as they are, because they are signed. If its client sets
/// `content-length` itself, the host leaves that header out.
///
/// The machine does this by itself:
///
/// * it sends parts in parallel, at most [`UploadSettings::concurrency`] at a time;
/// * it retries after network failures and where the table of answers ([`judge`](crate::judge))
///   says so, with full jitter, and honours `Retry-After`;
/// * it asks for a fresh grant when one has expired, and keeps the parts that are stored;
/// * it looks at the object if the store says that the key is taken, or if an answer was lost;
/// * it treats an error in the body of a 200 as an error;
/// * it never leaves a multipart upload open, unless the store refuses the abort.
///
/// The whole loop, with a store of a few lines:
///
/// ```
/// use coldpress_core::{Action, Grant, RequestBody, Put, PutBody, UploadSettings};
///
/// # let grant = Grant::from_json(r#"{"version":1,"prefix":"","key":"7/people/lsn-41-42.parquet",
/// #   "expires_ms":9000,"bytes_max":100,
/// #   "put":{"method":"PUT","url":"https://s3.example/b/k","headers":{"if-none-match":"*"}},
/// #   "check":{"method":"HEAD","url":"https://s3.example/b/k","headers":{}}}"#)?;
/// let file = b"PAR1...PAR1";
/// let mut now_ms = 0; // the host's clock
/// let seed = 7; // from the host's source of randomness
/// let body = PutBody::new(file.len() as u64);
/// let mut upload = Put::new(body, Some(grant), UploadSettings::default(), seed, now_ms)?;
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
///                 let headers = [("etag".to_owned(), "\"1\"".to_owned())];
///                 upload.handle_response(id, 200, &headers, b"", now_ms);
///             }
///             // Ask the grant server, and answer by `handle_grant`.
///             Action::AskGrant { .. } => unreachable!("the grant has not expired"),
///             Action::Own(_) => unreachable!("this put works by a grant"),
///             // Drop the request; its answer does not matter any more.
///             Action::Cancel { .. } => {}
///         }
///     }
///     if let Some(outcome) = upload.outcome() {
///         break outcome.clone()?;
///     }
///     // No request is under way here, so only time has to pass.
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
/// * once [`outcome`](Self::outcome) gives one, no request is under way. Of the multipart uploads
///   that this value knew, only those in [`left_open`](Self::left_open) are open, and the error
///   names them
/// * the settings bound the number of requests and grants, whatever the store answers
#[derive(Debug)]
pub struct Put {
    pub(super) body: PutBody,
    pub(super) settings: UploadSettings,
    pub(super) random: Random,
    pub(super) ends_ms: Option<u64>,
    pub(super) stage: Stage,
    /// The state of a put by grant.
    pub(super) grants: Grants,
    /// The state of a put with the host's own credentials; `None` for a put by grant.
    pub(super) own: Option<Own>,
    pub(super) chunks: Chunks,
    /// Requests under way, by id.
    pub(super) sent: BTreeMap<u64, Sent>,
    pub(super) id_next: u64,
    pub(super) cancels: VecDeque<u64>,
    pub(super) aborts: Vec<Abort>,
    pub(super) left_open: Vec<String>,
    /// A put or a completion may have stored the object, though no answer said so.
    pub(super) effect_unknown: bool,
    /// Tries of a put or a completion while the store says that the key is taken, and no object
    /// lies there.
    pub(super) taken_retry: Retry,
    /// How often the machine had to begin another multipart upload.
    pub(super) restarts: u32,
    pub(super) retry_after_ms: Option<u64>,
    /// Why the latest try failed, in words that hold no secret.
    pub(super) last_failure: String,
    /// How the put ends: whether it created the object, or why it failed. It becomes the outcome
    /// once all aborts are done.
    pub(super) ending: Option<Result<bool, Failure>>,
    pub(super) is_finished: bool,
    pub(super) outcome: Option<Result<Uploaded>>,
}

impl Put {
    /// An upload by a grant that has not begun. If there is no grant yet, or if the grant does not
    /// fit the file, the first action asks for one. `seed` makes the pauses between retries differ
    /// among devices.
    ///
    /// # Errors
    ///
    /// `Settings` if a setting is out of range; `Misuse` if the file has 0 bytes.
    pub fn new(
        body: PutBody,
        grant: Option<Grant>,
        settings: UploadSettings,
        seed: u64,
        now_ms: u64,
    ) -> Result<Self> {
        settings.check()?;
        if body.bytes == 0 {
            return Err(Error::misuse("the file to upload has 0 bytes; pass its true size"));
        }
        let mut put = Self::begun(body, settings, seed, now_ms);
        match grant {
            Some(grant) => put.take_first_grant(grant, now_ms),
            None => put.grants.want(None, now_ms),
        }
        Ok(put)
    }

    pub(super) fn begun(body: PutBody, settings: UploadSettings, seed: u64, now_ms: u64) -> Self {
        Put {
            ends_ms: settings.total_timeout_ms().map(|ms| now_ms.saturating_add(ms)),
            body,
            settings,
            random: Random::new(seed),
            stage: Stage::Sending,
            grants: Grants::default(),
            own: None,
            chunks: Chunks::default(),
            sent: BTreeMap::new(),
            id_next: 0,
            cancels: VecDeque::new(),
            aborts: Vec::new(),
            left_open: Vec::new(),
            effect_unknown: false,
            taken_retry: Retry::default(),
            restarts: 0,
            retry_after_ms: None,
            last_failure: String::new(),
            ending: None,
            is_finished: false,
            outcome: None,
        }
    }

    /// The next action, if there is one now. Call it until it gives `None`.
    pub fn poll(&mut self, now_ms: u64) -> Option<Action> {
        self.expire(now_ms);
        // Twice: the first call may end the upload instead of sending something. Then there are
        // requests to cancel and uploads to abort.
        let action = self.poll_once(now_ms).or_else(|| self.poll_once(now_ms));
        self.try_finish();
        action
    }

    pub(super) fn poll_once(&mut self, now_ms: u64) -> Option<Action> {
        if let Some(id) = self.cancels.pop_front() {
            return Some(Action::Cancel { id });
        }
        self.poll_abort(now_ms).or_else(|| self.poll_stage(now_ms))
    }

    /// When to call [`poll`](Self::poll) again if no answer comes before. `None`: only an answer, a
    /// grant or [`abort`](Self::abort) changes anything.
    pub fn next_timeout(&self) -> Option<u64> {
        if !self.cancels.is_empty() {
            return Some(0);
        }
        let requests = self.sent.values().map(|sent| sent.deadline_ms);
        // A comparison has no deadline.
        let requests = requests.min().filter(|deadline_ms| *deadline_ms != u64::MAX);
        let ends = self.ends_ms.filter(|_| !self.is_over());
        [requests, ends, self.abort_timeout(), self.stage_timeout()].into_iter().flatten().min()
    }

    /// The store answered a request, with any status. The names in `headers` may be in any case.
    /// The first 64 KiB of the body are enough.
    pub fn handle_response(
        &mut self,
        id: u64,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        now_ms: u64,
    ) {
        let Some(sent) = self.sent.remove(&id) else { return };
        self.answered(sent, &Response { status, headers, body }, now_ms);
        self.try_finish();
    }

    /// A request got no answer; `message` says why.
    pub fn handle_failure(&mut self, id: u64, message: &str, now_ms: u64) {
        let Some(sent) = self.sent.remove(&id) else { return };
        self.try_failed(sent, FailedTry::unanswered(message), now_ms);
        self.try_finish();
    }

    /// The grant that [`Action::AskGrant`] asked for. The machine aborts the multipart upload of a
    /// grant that it did not ask for.
    pub fn handle_grant(&mut self, grant: Grant, now_ms: u64) {
        self.take_asked_grant(grant, now_ms);
        self.try_finish();
    }

    /// The grant server gave no grant. After `Unavailable` the machine asks again, and not before
    /// `retry_after_ms` if the server named a pause. Every other kind ends the upload.
    pub fn handle_grant_failure(
        &mut self,
        kind: ErrorKind,
        message: &str,
        retry_after_ms: Option<u64>,
        now_ms: u64,
    ) {
        self.grant_refused(kind, message, retry_after_ms, now_ms);
        self.try_finish();
    }

    /// Aborts the put: cancels what is under way, and aborts the multipart upload. The outcome is
    /// an error of kind `Aborted`. Poll on until there is an outcome.
    pub fn abort(&mut self, now_ms: u64) {
        let failure = match self.own {
            Some(_) => Failure::Fault(PutFault::Aborted),
            None => Failure::Error(Error::new(ErrorKind::Aborted, "the upload was aborted")),
        };
        self.fail_with(failure, now_ms);
        self.try_finish();
    }

    /// How a put by grant ended; `None` before its end. Once there is an outcome, nothing is under
    /// way any more. For [`Put::own`], see [`own_outcome`](Self::own_outcome).
    pub fn outcome(&self) -> Option<&Result<Uploaded>> {
        self.outcome.as_ref()
    }

    /// The ids of multipart uploads whose parts may still lie in the store, because the store did
    /// not accept the abort.
    pub fn left_open(&self) -> &[String] {
        &self.left_open
    }

    /// The pause that the last `Retry-After` asked for, in milliseconds. After an outcome of kind
    /// `Unavailable`, a new try is of no use before that.
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    pub(super) fn id(&mut self) -> u64 {
        self.id_next += 1;
        self.id_next
    }

    /// Ends the put if its time is over, and the requests whose time is over.
    pub(super) fn expire(&mut self, now_ms: u64) {
        if let (Some(ends_ms), Some(all_ms)) = (self.ends_ms, self.settings.total_timeout_ms())
            && now_ms >= ends_ms
        {
            let failure = match self.own {
                Some(_) => Failure::Fault(PutFault::TooSlow),
                None => Failure::Error(Error::new(
                    ErrorKind::Unavailable,
                    format!(
                        "the upload did not finish within {all_ms} ms; try again, or raise \
                         total_timeout"
                    ),
                )),
            };
            self.fail_with(failure, now_ms);
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
                let failed = FailedTry::unanswered(&format!("no answer within {timeout_ms} ms"));
                self.try_failed(sent, failed, now_ms);
            }
        }
        self.expire_question(now_ms);
        self.try_finish();
    }

    /// The most time for one request of this purpose.
    pub(super) fn timeout_ms(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Abort(_) => self.settings.timeout_ms().min(ABORT_TIMEOUT_MS_MAX),
            _ => self.settings.timeout_ms(),
        }
    }
}
