//! An answer as the host got it, and a try that came to nothing.

use super::answers::judge;
use super::verdict::{SignedBy, StoreAnswer, StoreStep, Verdict};
use crate::ErrorKind;

/// An answer, as the host got it.
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: &'a [u8],
}

impl Answer<'_> {
    /// The value of a header; `name` in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// What the table says of it. `has_expired`: by a clock that is believed, the grant no longer
    /// holds.
    pub(super) fn judged(&self, step: StoreStep, has_expired: bool, now_ms: u64) -> Verdict {
        let retry_after = self.header("retry-after");
        let answer = StoreAnswer { status: self.status, retry_after, body: self.body };
        judge(step, SignedBy::Grant { has_expired }, answer, now_ms)
    }
}

/// The text with the queries of its URLs cut off: a client's error may repeat the URL of a request,
/// whose query is a signature.
pub(super) fn without_queries(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find("://") {
        let ends = |c: char| c.is_whitespace() || "\"'`<>()[]{}".contains(c);
        let url_end = rest[scheme + 3..].find(ends).map_or(rest.len(), |at| scheme + 3 + at);
        let url = &rest[..url_end];
        kept.push_str(url.split(['?', '#']).next().unwrap_or_default());
        rest = &rest[url_end..];
    }
    kept + rest
}

/// A try that is to be repeated.
pub(super) struct Miss {
    /// Why, in words.
    pub(super) said: String,
    /// The kind of error, if this was the last try.
    pub(super) kind: ErrorKind,
    pub(super) after_ms: Option<u64>,
    /// How often it may be repeated, where that is less than the settings allow.
    pub(super) retries_max: Option<u32>,
    /// Whether it may have had its effect all the same.
    pub(super) leaves_doubt: bool,
}

impl Miss {
    /// No answer came.
    pub(super) fn unanswered(said: &str) -> Self {
        Miss {
            said: without_queries(said),
            kind: ErrorKind::Unavailable,
            after_ms: None,
            retries_max: None,
            leaves_doubt: true,
        }
    }

    /// An answer came that says to try again.
    pub(super) fn of(verdict: &Verdict) -> Self {
        Miss {
            said: without_queries(&verdict.said()),
            kind: verdict.kind,
            after_ms: verdict.retry_after_ms,
            retries_max: verdict.retries_max(),
            leaves_doubt: verdict.leaves_doubt(),
        }
    }
}
