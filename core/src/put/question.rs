//! The question for a grant: when to ask, and when to ask again. And [`FirstGrant`], the machine
//! that asks for a grant before there is a file.

use super::action::Action;
use super::progress::{NextTry, Phase, Progress};
use super::response::without_queries;
use super::settings::UploadSettings;
use crate::retry::{Backoff, Random, Retry};
use crate::{Error, ErrorKind, Grant, Result};

/// One question to the grant server, with its retries.
#[derive(Debug, Default)]
pub(super) struct Question {
    asking: Asking,
    pub(super) retry: Retry,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Asking {
    #[default]
    No,
    Wanted,
    Asked {
        id: u64,
        deadline_ms: u64,
    },
}

impl Question {
    /// Ask the question, unless it is open already.
    pub(super) fn want(&mut self, now_ms: u64) {
        if self.asking == Asking::No {
            self.asking = Asking::Wanted;
            self.retry = Retry::from(now_ms);
        }
    }

    /// Whether the question waits to be asked, or for its answer.
    pub(super) fn is_open(&self) -> bool {
        self.asking != Asking::No
    }

    pub(super) fn is_asked(&self) -> bool {
        matches!(self.asking, Asking::Asked { .. })
    }

    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        self.asking == Asking::Wanted && now_ms >= self.retry.not_before_ms
    }

    pub(super) fn asked(&mut self, id: u64, deadline_ms: u64) {
        self.asking = Asking::Asked { id, deadline_ms };
    }

    /// The question ends: no retry follows.
    pub(super) fn answered(&mut self) {
        self.asking = Asking::No;
    }

    /// Ends the question without an answer; gives its id if it is under way, to cancel it.
    pub(super) fn withdraw(&mut self) -> Option<u64> {
        match std::mem::take(&mut self.asking) {
            Asking::Asked { id, .. } => Some(id),
            _ => None,
        }
    }

    /// The id of the question, if its time is over.
    pub(super) fn late(&self, now_ms: u64) -> Option<u64> {
        match self.asking {
            Asking::Asked { id, deadline_ms } if now_ms >= deadline_ms => Some(id),
            _ => None,
        }
    }

    /// There was no grant; whether to ask again. Only after `Unavailable`: the grant server answers
    /// every other kind in the same way next time.
    pub(super) fn refused(
        &mut self,
        kind: ErrorKind,
        backoff: &Backoff,
        random: &mut Random,
        retry_after_ms: Option<u64>,
        now_ms: u64,
    ) -> bool {
        let again = kind == ErrorKind::Unavailable
            && self.retry.after_failure(backoff, random, retry_after_ms, now_ms);
        if again {
            self.asking = Asking::Wanted;
        }
        again
    }

    /// When to ask, or when the time for the answer is over.
    pub(super) fn timeout(&self) -> Option<u64> {
        match self.asking {
            Asking::No => None,
            Asking::Wanted => Some(self.retry.not_before_ms),
            Asking::Asked { deadline_ms, .. } => Some(deadline_ms),
        }
    }
}

/// The message if no answer came in time.
pub(super) fn unanswered(settings: &UploadSettings) -> String {
    format!("the grant server did not answer within {} ms", settings.timeout_ms())
}

/// The error of a question that is not asked again.
pub(super) fn no_grant(
    why: Option<&Error>,
    kind: ErrorKind,
    message: &str,
    settings: &UploadSettings,
) -> Error {
    let mut said = match why {
        Some(why) => format!("{why}; no new grant is available: {message}"),
        None => format!("asking for a grant failed: {message}"),
    };
    if kind == ErrorKind::Unavailable {
        said.push_str("; once the grant server is up again, ");
        said.push_str(settings.again);
    }
    Error::new(kind, said)
}

/// Asks for a grant before there is a file, with the retries of an upload. So a device that has
/// only a token learns from the first grant which tenant the token stands for.
///
/// A host drives it like a [`Put`](super::Put): it calls [`poll`](Self::poll) until that gives
/// `None`, stops when [`outcome`](Self::outcome) gives one, and else waits for an answer or until
/// [`next_timeout`](Self::next_timeout). The only actions are [`Action::AskGrant`] and
/// [`Action::Cancel`].
#[derive(Debug)]
pub struct FirstGrant {
    settings: UploadSettings,
    random: Random,
    question: Question,
    ids: u64,
    cancels: Option<u64>,
    ends_ms: Option<u64>,
    last_failure: String,
    retry_after_ms: Option<u64>,
    outcome: Option<Result<Grant>>,
}

impl FirstGrant {
    /// A question that has not been asked. `seed` makes the pauses between retries differ among
    /// devices.
    ///
    /// # Errors
    ///
    /// `Settings` if a setting is out of range.
    pub fn new(settings: UploadSettings, seed: u64, now_ms: u64) -> Result<Self> {
        settings.check()?;
        let mut question = Question::default();
        question.want(now_ms);
        Ok(FirstGrant {
            random: Random::new(seed),
            question,
            ids: 0,
            cancels: None,
            ends_ms: settings.total_timeout_ms().map(|ms| now_ms.saturating_add(ms)),
            settings,
            last_failure: String::new(),
            retry_after_ms: None,
            outcome: None,
        })
    }

    /// The next action, if there is one now.
    pub fn poll(&mut self, now_ms: u64) -> Option<Action> {
        self.expire(now_ms);
        if let Some(id) = self.cancels.take() {
            return Some(Action::Cancel { id });
        }
        if !self.question.is_due(now_ms) {
            return None;
        }
        self.ids += 1;
        self.question.asked(self.ids, now_ms.saturating_add(self.settings.timeout_ms()));
        Some(Action::AskGrant { id: self.ids, upload_id: None })
    }

    /// When to call [`poll`](Self::poll) again if no answer comes before.
    pub fn next_timeout(&self) -> Option<u64> {
        if self.cancels.is_some() {
            return Some(0);
        }
        let ends = self.ends_ms.filter(|_| self.outcome.is_none());
        [self.question.timeout(), ends].into_iter().flatten().min()
    }

    /// The grant that was asked for.
    pub fn handle_grant(&mut self, grant: Grant) {
        if self.question.is_open() {
            self.question.answered();
            self.end(Ok(grant));
        }
    }

    /// The grant server gave no grant. After `Unavailable` the machine asks again, and not before
    /// `retry_after_ms` if the server named a pause. Every other kind ends the question.
    pub fn handle_grant_failure(
        &mut self,
        kind: ErrorKind,
        message: &str,
        retry_after_ms: Option<u64>,
        now_ms: u64,
    ) {
        if !self.question.is_asked() {
            return;
        }
        self.retry_after_ms = retry_after_ms.or(self.retry_after_ms);
        self.last_failure = without_queries(message);
        let (backoff, random) = (self.settings.backoff(), &mut self.random);
        if !self.question.refused(kind, &backoff, random, retry_after_ms, now_ms) {
            self.question.answered();
            self.end(Err(no_grant(None, kind, message, &self.settings)));
        }
    }

    /// Aborts it: the outcome is an error of kind `Aborted`.
    pub fn abort(&mut self) {
        self.end(Err(Error::new(ErrorKind::Aborted, "the upload was aborted")));
    }

    /// How far it is. The size of the file is not known yet, so all bytes are 0.
    pub fn progress(&self) -> Progress {
        let retry = NextTry::of(&self.question.retry, &self.last_failure)
            .filter(|_| self.question.is_open());
        let phase = match &retry {
            _ if self.outcome.is_some() => Phase::Over,
            Some(_) if !self.question.is_asked() => Phase::Waiting,
            _ => Phase::Granting,
        };
        Progress { phase, sent_bytes: 0, under_way_bytes: 0, total_bytes: 0, retry }
    }

    /// The grant, or why there is none.
    pub fn outcome(&self) -> Option<&Result<Grant>> {
        self.outcome.as_ref()
    }

    /// The pause that the last `Retry-After` asked for, in milliseconds.
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after_ms
    }

    fn expire(&mut self, now_ms: u64) {
        if let (Some(ends_ms), Some(all_ms)) = (self.ends_ms, self.settings.total_timeout_ms())
            && now_ms >= ends_ms
        {
            let message =
                format!("no grant came within {all_ms} ms; try again, or raise total_timeout");
            self.end(Err(Error::new(ErrorKind::Unavailable, message)));
        }
        if let Some(id) = self.question.late(now_ms) {
            self.cancels = Some(id);
            let said = unanswered(&self.settings);
            self.handle_grant_failure(ErrorKind::Unavailable, &said, None, now_ms);
        }
    }

    fn end(&mut self, outcome: Result<Grant>) {
        if self.outcome.is_none() {
            self.cancels = self.cancels.or(self.question.withdraw());
            self.outcome = Some(outcome);
        }
    }
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
