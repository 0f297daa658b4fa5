//! When to retry: pauses that double, with full jitter and a bound, and the pause that the store
//! asks for.

/// A small generator of random numbers (SplitMix64), seeded by the caller.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The generator with this seed. The same seed always gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `most`, both included. The remainder has a small bias, which does not
    /// matter for a pause.
    pub fn up_to(&mut self, most: u64) -> u64 {
        match most.checked_add(1) {
            Some(bound) => self.next() % bound,
            None => self.next(),
        }
    }
}

/// How long to pause between tries, and when to stop: plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first pause. It doubles with each failure, and every pause is a random part of
    /// it (full jitter): so many clients that fail together do not retry together.
    pub first_ms: u64,
    /// The longest pause that doubling leads to.
    pub longest_ms: u64,
    /// The most retries in a row.
    pub retries_max: u32,
    /// How long to retry, counted from the first try or failure. `None`: no bound.
    pub patience_ms: Option<u64>,
    /// The longest `Retry-After` to wait for. A longer one ends the retries.
    pub retry_after_max_ms: u64,
}

impl Backoff {
    /// Pauses of at most 100 ms at first and 2 s later. Retries stop after `patience_ms`, which
    /// also bounds a `Retry-After`. With 0 there are no retries.
    pub fn patient(patience_ms: u64) -> Self {
        Backoff {
            first_ms: 100,
            longest_ms: 2_000,
            retries_max: if patience_ms == 0 { 0 } else { u32::MAX },
            patience_ms: Some(patience_ms),
            retry_after_max_ms: patience_ms,
        }
    }

    /// The same, with at most this many retries.
    #[must_use]
    pub fn at_most(mut self, retries_max: u32) -> Self {
        self.retries_max = self.retries_max.min(retries_max);
        self
    }
}

/// The tries of one request, or of another thing, so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retry {
    /// Failures in a row.
    pub failures: u32,
    /// The next try is not before this time, in milliseconds.
    pub not_before_ms: u64,
    began_ms: Option<u64>,
}

impl Retry {
    /// No tries yet. The first one is not before this time.
    pub fn from(not_before_ms: u64) -> Self {
        Retry { failures: 0, not_before_ms, began_ms: None }
    }

    /// No tries yet. The patience counts from now, and not from the first failure.
    pub fn begun_at(now_ms: u64) -> Self {
        Retry { failures: 0, not_before_ms: now_ms, began_ms: Some(now_ms) }
    }

    /// A try begins. The patience counts from the first try.
    pub fn begin(&mut self, now_ms: u64) {
        self.began_ms.get_or_insert(now_ms);
    }

    /// Whether a try has begun or failed.
    pub(crate) fn has_begun(&self) -> bool {
        self.began_ms.is_some()
    }

    /// Counts a failure; whether to retry, and then not before
    /// [`not_before_ms`](Self::not_before_ms). `retry_after_ms` is the pause that the store asked
    /// for.
    pub fn after_failure(
        &mut self,
        backoff: &Backoff,
        random: &mut Random,
        retry_after_ms: Option<u64>,
        now_ms: u64,
    ) -> bool {
        self.failures = self.failures.saturating_add(1);
        let began_ms = *self.began_ms.get_or_insert(now_ms);
        let doublings = (self.failures - 1).min(32);
        let longest = backoff.first_ms.saturating_mul(1 << doublings).min(backoff.longest_ms);
        let pause = random.up_to(longest).max(retry_after_ms.unwrap_or(0));
        self.not_before_ms = now_ms.saturating_add(pause);
        let waited_ms = self.not_before_ms.saturating_sub(began_ms);
        self.failures <= backoff.retries_max
            && backoff.patience_ms.is_none_or(|patience_ms| waited_ms <= patience_ms)
            && retry_after_ms.is_none_or(|ms| ms <= backoff.retry_after_max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(retries_max: u32) -> Backoff {
        Backoff {
            first_ms: 100,
            longest_ms: 1_000,
            retries_max,
            patience_ms: None,
            retry_after_max_ms: 120_000,
        }
    }

    #[test]
    fn pauses_are_random_double_and_end() {
        let mut longest = [0_u64; 10];
        for seed in 0..200 {
            let (mut retry, mut random) = (Retry::default(), Random::new(seed));
            for longest in &mut longest {
                assert!(retry.after_failure(&counted(10), &mut random, None, 7));
                *longest = (*longest).max(retry.not_before_ms - 7);
            }
            assert!(!retry.after_failure(&counted(10), &mut random, None, 7));
        }
        assert!((90..=100).contains(&longest[0]), "{longest:?}");
        assert!((180..=200).contains(&longest[1]), "{longest:?}");
        assert!((900..=1_000).contains(&longest[9]), "{longest:?}");
    }

    #[test]
    fn the_store_is_waited_for_but_not_for_ever() {
        let (mut retry, mut random) = (Retry::default(), Random::new(1));
        assert!(retry.after_failure(&counted(8), &mut random, Some(60_000), 5));
        assert!(retry.not_before_ms >= 60_005);
        assert!(!retry.after_failure(&counted(8), &mut random, Some(120_001), 5));
        assert!(!retry.after_failure(&counted(8), &mut random, Some(u64::MAX), 5));
        assert_eq!(retry.not_before_ms, u64::MAX);
    }

    #[test]
    fn patience_ends_by_time_whatever_the_count() {
        for seed in 0..50 {
            let (mut retry, mut random) = (Retry::begun_at(1_000), Random::new(seed));
            let (mut now_ms, mut tries) = (1_000, 0);
            while retry.after_failure(&Backoff::patient(30_000), &mut random, None, now_ms) {
                assert!(retry.not_before_ms <= 31_000, "no try after the patience has ended");
                now_ms = retry.not_before_ms.max(now_ms + 1);
                tries += 1;
            }
            assert!((15..1_000).contains(&tries), "{tries}");
        }
        let (mut retry, mut random) = (Retry::begun_at(0), Random::new(1));
        assert!(!retry.after_failure(&Backoff::patient(0), &mut random, None, 0));
        let few = Backoff::patient(30_000).at_most(1);
        let mut retry = Retry::begun_at(0);
        assert!(retry.after_failure(&few, &mut random, None, 0));
        assert!(!retry.after_failure(&few, &mut random, None, 0));
    }
}
