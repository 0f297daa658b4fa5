//! The rate limit of a token: a token bucket that is refilled over time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::tokens::{TokenDigest, Tokens};

/// Buckets of removed tokens are deleted when there are this many buckets.
const SWEEP_AT: usize = 1_024;

/// How many requests a token may send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Requests per second, without a pause.
    pub per_second: f64,
    /// Requests at once, after a pause.
    pub burst: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        RateLimit { per_second: 50.0, burst: 200 }
    }
}

#[derive(Debug)]
pub(crate) struct RateLimiter {
    limit: RateLimit,
    buckets: Mutex<HashMap<TokenDigest, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    turns: f64,
    at: Instant,
}

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        RateLimiter { limit, buckets: Mutex::default() }
    }

    /// Takes one request from the bucket, or says how long to wait for it.
    pub(crate) fn take(
        &self,
        digest: TokenDigest,
        tokens: &Tokens,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SWEEP_AT.max(2 * tokens.count()) {
            buckets.retain(|digest, _| tokens.contains(digest));
        }
        let full = f64::from(self.limit.burst);
        let bucket = buckets.entry(digest).or_insert(Bucket { turns: full, at: now });
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.turns = (bucket.turns + since * self.limit.per_second).min(full);
        bucket.at = now;
        if bucket.turns < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.turns) / self.limit.per_second));
        }
        bucket.turns -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate_and_each_token_for_itself() {
        let limiter = RateLimiter::new(RateLimit { per_second: 2.0, burst: 3 });
        let (tokens, start) = (Tokens::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let take = |token: u8, ms| limiter.take([token; 32], &tokens, at(ms));
        for _ in 0..3 {
            take(1, 0).unwrap();
        }
        assert_eq!(take(1, 0), Err(Duration::from_millis(500)));
        assert_eq!(take(1, 400), Err(Duration::from_millis(100)));
        take(2, 400).unwrap();
        take(1, 500).unwrap();
        assert!(take(1, 500).is_err());
        // A long pause gives the burst back and no more.
        for _ in 0..3 {
            take(1, 3_600_000).unwrap();
        }
        assert!(take(1, 3_600_000).is_err());
        // A clock that steps back gives nothing.
        assert!(take(1, 0).is_err());
    }
}
