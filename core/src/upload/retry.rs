//! When to try again: full jitter, bounded, and what the store itself asks for.

use super::UploadSettings;
use crate::resolve::date;

/// A small generator of random numbers (SplitMix64), seeded by the caller.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `most`, both included; the bias of the remainder does not matter to a pause.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        match most.checked_add(1) {
            Some(bound) => self.next() % bound,
            None => self.next(),
        }
    }
}

/// How one thing has gone so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Retry {
    /// Failures in a row.
    pub(super) failures: u32,
    /// Before this it is not tried again.
    pub(super) not_before_ms: u64,
}

impl Retry {
    /// Counts a failure; whether it may be tried again, from `not_before_ms` on.
    pub(super) fn after_failure(
        &mut self,
        settings: &UploadSettings,
        random: &mut Random,
        retry_after_ms: Option<u64>,
        now_ms: u64,
    ) -> bool {
        self.failures += 1;
        let doublings = (self.failures - 1).min(32);
        let longest =
            settings.backoff_ms.saturating_mul(1 << doublings).min(settings.backoff_max_ms);
        let pause = random.up_to(longest).max(retry_after_ms.unwrap_or(0));
        self.not_before_ms = now_ms.saturating_add(pause);
        self.failures <= settings.retries_max
            && retry_after_ms.is_none_or(|ms| ms <= settings.retry_after_max_ms)
    }
}

/// The time of a `Retry-After`: seconds, or a date (RFC 9110, IMF-fixdate). None where it is neither.
pub(super) fn retry_after_ms(value: &str, now_ms: u64) -> Option<u64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Digits too many for a number are a time that nobody waits for.
        return Some(value.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(1_000));
    }
    http_date_ms(value).map(|then_ms| then_ms.saturating_sub(now_ms))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` as milliseconds since 1970.
fn http_date_ms(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let words: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, clock, "GMT"] = words.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)? + 1;
    let days = u64::try_from(date(&format!("{year}-{month:02}-{day}"))?).ok()?;
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return None };
    let number = |digits: &str, most: u64| {
        let two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        two.then(|| digits.parse::<u64>().ok()).flatten().filter(|n| *n <= most)
    };
    let seconds = number(hour, 23)? * 3_600 + number(minute, 59)? * 60 + number(second, 60)?;
    Some((days * 86_400 + seconds) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now_ms = 784_111_777_000;
        for (value, expected) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 31 Feb 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 8:49:37 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ] {
            assert_eq!(retry_after_ms(value, now_ms), expected, "{value:?}");
        }
    }

    #[test]
    fn pauses_are_random_double_and_end() {
        let settings = UploadSettings {
            retries_max: 10,
            backoff_ms: 100,
            backoff_max_ms: 1_000,
            ..UploadSettings::default()
        };
        let mut longest = [0_u64; 10];
        for seed in 0..200 {
            let (mut retry, mut random) = (Retry::default(), Random::new(seed));
            for longest in &mut longest {
                assert!(retry.after_failure(&settings, &mut random, None, 7));
                *longest = (*longest).max(retry.not_before_ms - 7);
            }
            assert!(!retry.after_failure(&settings, &mut random, None, 7));
        }
        assert!((90..=100).contains(&longest[0]), "{longest:?}");
        assert!((180..=200).contains(&longest[1]), "{longest:?}");
        assert!((900..=1_000).contains(&longest[9]), "{longest:?}");
    }

    #[test]
    fn the_store_is_waited_for_but_not_for_ever() {
        let settings = UploadSettings::default();
        let (mut retry, mut random) = (Retry::default(), Random::new(1));
        assert!(retry.after_failure(&settings, &mut random, Some(60_000), 5));
        assert!(retry.not_before_ms >= 60_005);
        assert!(!retry.after_failure(&settings, &mut random, Some(120_001), 5));
        assert!(!retry.after_failure(&settings, &mut random, Some(u64::MAX), 5));
        assert_eq!(retry.not_before_ms, u64::MAX);
    }
}
