//! How far an upload is, as its user is told.

use super::Upload;
use super::work::{Purpose, Stage};
use crate::retry::Retry;

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub phase: Phase,
    /// Bytes that the store has confirmed. Falls back where parts must be sent again.
    pub sent_bytes: u64,
    /// Bytes of the file that requests carry which are under way now.
    pub under_way_bytes: u64,
    /// The size of the file.
    pub total_bytes: u64,
    /// The repeated try that it waits for, or that is under way. `None`: no try is a repeated one.
    pub retry: Option<NextTry>,
}

/// A try that follows a failed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextTry {
    /// Which try it is: 2 is the first one that follows a failure.
    pub attempt: u32,
    /// When it begins, or began.
    pub at_ms: u64,
    /// Why the latest try failed, in words. URLs in it have no query, so no signature.
    pub reason: String,
}

impl NextTry {
    /// The next try of something that went like this; none where it has not failed yet.
    pub(super) fn of(retry: &Retry, reason: &str) -> Option<NextTry> {
        (retry.failures > 0).then(|| NextTry {
            attempt: retry.failures.saturating_add(1),
            at_ms: retry.not_before_ms,
            reason: reason.to_owned(),
        })
    }
}

/// What an upload is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It asks for a grant.
    Granting,
    /// It sends the bytes.
    Sending,
    /// It makes the object out of its parts.
    Completing,
    /// It looks at what lies at the key.
    Checking,
    /// Nothing is under way: it waits for the next try of what has failed.
    Waiting,
    /// It takes away what must not stay.
    Aborting,
    /// There is an outcome.
    Over,
}

impl Phase {
    /// The name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Granting => "granting",
            Phase::Sending => "sending",
            Phase::Completing => "completing",
            Phase::Checking => "checking",
            Phase::Waiting => "waiting",
            Phase::Aborting => "aborting",
            Phase::Over => "over",
        }
    }
}

impl Upload {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        let retry = self.next_try();
        let phase = match self.stage {
            _ if self.outcome.is_some() => Phase::Over,
            Stage::Over => Phase::Aborting,
            _ if retry.is_some() && self.is_idle() => Phase::Waiting,
            _ if !self.grants.is_usable() => Phase::Granting,
            Stage::Sending => Phase::Sending,
            Stage::Completing(_) => Phase::Completing,
            Stage::Checking(_) => Phase::Checking,
        };
        let all = matches!(self.ending, Some(Ok(_)));
        Progress {
            phase,
            sent_bytes: if all { self.body.bytes } else { self.chunks.done_bytes },
            under_way_bytes: self.chunks_under_way().map(|i| self.chunks.bytes_of(i)).sum(),
            total_bytes: self.body.bytes,
            retry,
        }
    }

    /// Whether no request of the upload and no question is under way.
    fn is_idle(&self) -> bool {
        !self.grants.question.is_asked()
            && self.sent.values().all(|sent| matches!(sent.purpose, Purpose::Abort(_)))
    }

    fn chunks_under_way(&self) -> impl Iterator<Item = usize> {
        self.sent.values().filter_map(|sent| match sent.purpose {
            Purpose::Chunk(i) => Some(i),
            _ => None,
        })
    }

    /// The repeated try that is under way, or comes next where nothing is under way.
    fn next_try(&self) -> Option<NextTry> {
        let is_idle = self.is_idle();
        let retry = if !self.grants.is_usable() {
            let question = &self.grants.question;
            if !is_idle && !question.is_asked() {
                return None;
            }
            question.retry
        } else {
            match &self.stage {
                Stage::Over => return None,
                Stage::Completing(retry) => *retry,
                Stage::Checking(check) => check.retry,
                Stage::Sending if is_idle => {
                    let (not_before_ms, i) = *self.chunks.waiting.first()?;
                    let mut retry = Retry::from(not_before_ms);
                    retry.failures = self.chunks.retry(i).failures.saturating_add(self.taken_tries);
                    retry
                }
                Stage::Sending => {
                    let tries = self.chunks_under_way().map(|i| self.chunks.retry(i));
                    tries.max_by_key(|retry| retry.failures)?
                }
            }
        };
        NextTry::of(&retry, &self.last_failure)
    }
}
