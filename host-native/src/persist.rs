//! Requests of our own signing, sent until the table of answers calls one settled, or patience
//! ends.

use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{Next, SignedBy, SignedRequest, StoreAnswer, StoreStep, Verdict, judge};

use crate::backoff::Tries;
use crate::remote::RemoteStore;
use crate::upload::transport::Answer;
use crate::{ErrorKind, Result};

/// The last answer to a request, and what the table says of it.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) answer: Answer,
    pub(crate) verdict: Verdict,
    /// Of those before the last nobody knows what came of them.
    pub(crate) tries: u32,
}

impl RemoteStore {
    /// Sends a request, again where the table says so and `patience` is left.
    ///
    /// The answer can say anything. An error is only that none came.
    pub(crate) async fn perform(
        &self,
        step: StoreStep,
        request: &SignedRequest,
        body: Bytes,
        patience: Duration,
        doing: &str,
        path: &str,
    ) -> Result<Heard> {
        let mut waits = Tries::new(patience);
        let mut tries = 0;
        loop {
            tries += 1;
            let (method, url) = (request.method(), request.url());
            let sent = self.transport().send(method, url, request.headers(), body.clone()).await;
            let answer = match sent {
                Ok(answer) => answer,
                Err(_) if waits.again().await => continue,
                Err(said) => {
                    return Err(self.answers().worded(ErrorKind::Unavailable, &said, doing, path));
                }
            };
            let verdict = self.judged(step, &answer, waits.now_ms());
            if verdict.next != Next::Retry || !waits.again_after(&verdict).await {
                return Ok(Heard { answer, verdict, tries });
            }
        }
    }

    fn judged(&self, step: StoreStep, answer: &Answer, now_ms: u64) -> Verdict {
        let retry_after = answer.header("retry-after");
        let body = answer.body.as_bytes();
        let answer = StoreAnswer { status: answer.status, retry_after, body };
        let verdict = judge(step, SignedBy::Us, answer, now_ms);
        verdict.scrubbed(|text| self.answers().secrets.scrub(text))
    }

    /// The answer, where it says that it was done; else the error that it is.
    pub(crate) fn done(&self, heard: Heard, doing: &str, path: &str) -> Result<Answer> {
        match heard.verdict.next {
            Next::Done => Ok(heard.answer),
            _ => Err(self.answers().judged(&heard.verdict, doing, path)),
        }
    }
}
