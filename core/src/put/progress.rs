//! How far an upload is, for its user.

use crate::retry::Retry;

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What the upload does now.
    pub phase: Phase,
    /// Bytes that the store has confirmed. The number falls if parts must be sent again.
    pub sent_bytes: u64,
    /// Bytes of the file in requests that are under way now.
    pub under_way_bytes: u64,
    /// The size of the file.
    pub total_bytes: u64,
    /// The retry that the upload waits for, or that is under way. `None`: there is no retry.
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
    /// The next try after these; `None` if none of them failed.
    pub(super) fn of(retry: &Retry, reason: &str) -> Option<NextTry> {
        (retry.failures > 0).then(|| NextTry {
            attempt: retry.failures.saturating_add(1),
            at_ms: retry.not_before_ms,
            reason: reason.to_owned(),
        })
    }
}

/// What an upload does now.
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
    /// It has ended, and aborts its multipart uploads.
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
