//! Requests that we sign ourselves, retried as the table of answers says.

use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{Next, SignedBy, SignedRequest, StoreAnswer, StoreStep, Verdict, judge};

use crate::backoff::Tries;
use crate::error::{ErrorKind, Result};
use crate::store::s3::client::S3Store;
use crate::transport::HttpAnswer;

/// The last answer to a request, and the table's verdict on it.
#[derive(Debug)]
pub(crate) struct JudgedAnswer {
    pub(crate) answer: HttpAnswer,
    pub(crate) verdict: Verdict,
}

impl S3Store {
    /// Sends a request. Retries it as the table says, for at most `patience`.
    ///
    /// The answer may be a refusal. An error means only that no answer came.
    pub(crate) async fn perform(
        &self,
        step: StoreStep,
        request: &SignedRequest,
        body: Bytes,
        patience: Duration,
        doing: &str,
        path: &str,
    ) -> Result<JudgedAnswer> {
        let mut waits = Tries::new(patience);
        loop {
            let (method, url) = (request.method(), request.url());
            let sent = self.transport().send(method, url, request.headers(), body.clone()).await;
            let answer = match sent {
                Ok(answer) => answer,
                Err(_) if waits.again().await => continue,
                Err(said) => {
                    return Err(self.errors().worded(ErrorKind::Unavailable, &said, doing, path));
                }
            };
            let verdict = self.judged(step, &answer, waits.now_ms());
            if verdict.next != Next::Retry || !waits.again_after(&verdict).await {
                return Ok(JudgedAnswer { answer, verdict });
            }
        }
    }

    fn judged(&self, step: StoreStep, answer: &HttpAnswer, now_ms: u64) -> Verdict {
        let retry_after = answer.header("retry-after");
        let body = answer.body.as_bytes();
        let answer = StoreAnswer { status: answer.status, retry_after, body };
        let verdict = judge(step, SignedBy::Us, answer, now_ms);
        verdict.scrubbed(|text| self.errors().secrets.scrub(text))
    }

    /// The answer, if it says that the step is done; else its error.
    pub(crate) fn expect_done(
        &self,
        judged: JudgedAnswer,
        doing: &str,
        path: &str,
    ) -> Result<HttpAnswer> {
        match judged.verdict.next {
            Next::Done => Ok(judged.answer),
            _ => Err(self.errors().judged(&judged.verdict, doing, path)),
        }
    }
}
