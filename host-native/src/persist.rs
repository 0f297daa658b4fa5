//! Requests of our own signing, sent until an answer settles them or patience ends.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use bytes::Bytes;
use coldpress_core::SignedRequest;

use crate::http::{element, error_in};
use crate::remote::RemoteStore;
use crate::upload::transport::Answer;
use crate::{Error, ErrorKind, Result};

/// The longest first pause; it doubles each time up to the other, and each is a random part of it.
const PAUSE_MS: u64 = 200;
const PAUSE_MS_MAX: u64 = 5_000;

impl RemoteStore {
    /// Sends a request, again where no useful answer came and `patience` is left. The answer can be of any status.
    pub(crate) async fn perform(
        &self,
        request: &SignedRequest,
        body: Bytes,
        patience: Duration,
        doing: &str,
        path: &str,
    ) -> Result<Answer> {
        let performed = self.perform_counted(request, body, patience, doing, path).await;
        performed.map(|(answer, _)| answer)
    }

    /// The same, and how many tries it took: of those before the last nobody knows what came of them.
    pub(crate) async fn perform_counted(
        &self,
        request: &SignedRequest,
        body: Bytes,
        patience: Duration,
        doing: &str,
        path: &str,
    ) -> Result<(Answer, u32)> {
        let begun = Instant::now();
        let mut longest_ms = PAUSE_MS;
        let mut tries = 0;
        let heard = |sent: std::result::Result<Answer, String>, tries| {
            sent.map(|answer| (answer, tries)).map_err(|said| self.unheard(&said, doing, path))
        };
        loop {
            tries += 1;
            let (method, url) = (request.method(), request.url());
            let sent = self.transport().send(method, url, request.headers(), body.clone()).await;
            let asked = match &sent {
                Ok(answer) if !is_passing(answer) => {
                    return heard(sent, tries);
                }
                Ok(answer) => retry_after(answer),
                Err(_) => None,
            };
            let random = RandomState::new().hash_one(begun) % longest_ms + 1;
            let pause = asked.unwrap_or(Duration::from_millis(random));
            if begun.elapsed() + pause > patience {
                return heard(sent, tries);
            }
            tracing::debug!(path, doing, ?pause, "no useful answer; trying again");
            tokio::time::sleep(pause).await;
            longest_ms = (longest_ms * 2).min(PAUSE_MS_MAX);
        }
    }

    /// The error that an answer is which does not say yes.
    pub(crate) fn refused(&self, answer: &Answer, doing: &str, path: &str) -> Error {
        let said = format!("{} {}", answer.status, error_in(&answer.body));
        self.answers().status(answer.status, &said, doing, path)
    }

    fn unheard(&self, said: &str, doing: &str, path: &str) -> Error {
        self.answers().worded(ErrorKind::Unavailable, said, doing, path)
    }
}

/// Whether it may go better the next time. S3 can answer 200 to a completion and tell of its failure in the body.
fn is_passing(answer: &Answer) -> bool {
    let code = element(&answer.body, "Code");
    matches!(answer.status, 408 | 429 | 500 | 502..=504)
        || matches!(
            code,
            Some("SlowDown" | "InternalError" | "RequestTimeout" | "ServiceUnavailable")
        )
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    let (_, value) = answer.headers.iter().find(|(name, _)| name == "retry-after")?;
    value.trim().parse().ok().map(Duration::from_secs)
}
