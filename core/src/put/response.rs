//! The answer to a request as the host received it, and a try that failed.

use super::answers::judge;
use super::verdict::{SignedBy, StoreAnswer, StoreStep, Verdict};
use crate::ErrorKind;

/// The answer to a request, as the host received it.
pub(super) struct Response<'a> {
    pub(super) status: u16,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: &'a [u8],
}

impl Response<'_> {
    /// The value of a header; `name` in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// What the table says of it.
    pub(super) fn judged(&self, step: StoreStep, signed_by: SignedBy, now_ms: u64) -> Verdict {
        let retry_after = self.header("retry-after");
        let answer = StoreAnswer { status: self.status, retry_after, body: self.body };
        judge(step, signed_by, answer, now_ms)
    }
}

/// The text without the queries of its URLs. The error of an HTTP client may repeat the URL of the
/// request, and the query of a signed URL is a secret.
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

/// A try that failed and may be repeated.
pub(super) struct FailedTry {
    /// Why it failed, in words without secrets.
    pub(super) said: String,
    /// The kind of error, if this was the last try.
    pub(super) kind: ErrorKind,
    /// The pause that the store asked for.
    pub(super) after_ms: Option<u64>,
    /// How often it may be repeated, if that is less than the settings allow.
    pub(super) retries_max: Option<u32>,
    /// Whether the store may have done what was asked, in spite of the failure.
    pub(super) leaves_doubt: bool,
    /// The answer, if one came.
    pub(super) verdict: Option<Verdict>,
}

impl FailedTry {
    /// No answer came.
    pub(super) fn unanswered(said: &str) -> Self {
        FailedTry {
            said: without_queries(said),
            kind: ErrorKind::Unavailable,
            after_ms: None,
            retries_max: None,
            leaves_doubt: true,
            verdict: None,
        }
    }

    /// The answer says to try again.
    pub(super) fn of(verdict: Verdict) -> Self {
        FailedTry {
            said: without_queries(&verdict.said()),
            kind: verdict.kind,
            after_ms: verdict.retry_after_ms,
            retries_max: verdict.retries_max(),
            leaves_doubt: verdict.leaves_doubt(),
            verdict: Some(verdict),
        }
    }
}
