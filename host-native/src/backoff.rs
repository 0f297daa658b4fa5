//! The core's backoff on this machine's clock: waits between tries.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use coldpress_core::{Backoff, Random, Retry, Verdict};

use crate::time::{Clock, whole_ms};

/// The tries of one operation, from its first request on.
#[derive(Debug)]
pub(crate) struct Tries {
    clock: Clock,
    patience_ms: u64,
    retry: Retry,
    random: Random,
}

impl Tries {
    /// An operation that begins now and may be retried for this long.
    pub(crate) fn new(patience: Duration) -> Self {
        let clock = Clock::new();
        Tries {
            patience_ms: whole_ms(patience),
            retry: Retry::begun_at(clock.now_ms()),
            random: Random::new(RandomState::new().hash_one(clock.begun_ms())),
            clock,
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// After a try that got no answer: waits, then says whether to try again.
    pub(crate) async fn again(&mut self) -> bool {
        self.wait(Backoff::patient(self.patience_ms), None).await
    }

    /// After a try that got this answer: waits, then says whether to try again.
    pub(crate) async fn again_after(&mut self, verdict: &Verdict) -> bool {
        let backoff = Backoff::patient(self.patience_ms);
        let backoff = match verdict.retries_max() {
            Some(retries_max) => backoff.at_most(retries_max),
            None => backoff,
        };
        self.wait(backoff, verdict.retry_after_ms).await
    }

    async fn wait(&mut self, backoff: Backoff, retry_after_ms: Option<u64>) -> bool {
        let now_ms = self.now_ms();
        if !self.retry.after_failure(&backoff, &mut self.random, retry_after_ms, now_ms) {
            return false;
        }
        let pause_ms = self.retry.not_before_ms.saturating_sub(now_ms);
        tracing::debug!(pause_ms, failures = self.retry.failures, "trying again after a pause");
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        true
    }
}
