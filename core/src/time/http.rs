//! The forms in which HTTP and stores write a time.

use super::calendar::{DAY_SECONDS, days_since_1970};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads a `Retry-After`: seconds, or an HTTP date (RFC 9110, section 10.2.3). The result is the
/// pause in milliseconds from `now_ms`; `None` if the value is neither.
pub fn retry_after_ms(value: &str, now_ms: u64) -> Option<u64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // A value that does not fit u64 is longer than anybody waits.
        return Some(value.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(1_000));
    }
    http_date_ms(value).map(|then_ms| then_ms.saturating_sub(now_ms))
}

/// Reads an HTTP date in one of the three forms of RFC 9110 as milliseconds since 1970:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
pub(crate) fn http_date_ms(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    match words.as_slice() {
        [weekday, day, month, year, clock, "GMT"] if is_weekday(weekday.strip_suffix(',')?) => {
            instant_ms(digits(year, 4)?, month, digits(day, 2)?, clock)
        }
        [weekday, date, clock, "GMT"] if is_weekday(weekday.strip_suffix(',')?) => {
            let parts: Vec<&str> = date.split('-').collect();
            let [day, month, year] = parts.as_slice() else { return None };
            let year = digits(year, 2)?;
            // A year of two digits: from 1970 to 2069.
            let year = if year < 70 { 2_000 + year } else { 1_900 + year };
            instant_ms(year, month, digits(day, 2)?, clock)
        }
        [weekday, month, day, clock, year] if is_weekday(weekday) => {
            instant_ms(digits(year, 4)?, month, digits(day, day.len().min(2))?, clock)
        }
        _ => None,
    }
}

/// Reads a time as S3 writes it in listings (`2026-01-02T03:04:05.000Z`), to the second, as
/// milliseconds since 1970; `None` for another form, or for a time before 1970.
pub fn listed_time_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    let (date, clock) = text.get(..19)?.split_once('T')?;
    let is_utc = text.ends_with('Z') && matches!(text.as_bytes().get(19), Some(b'Z' | b'.'));
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    if !is_utc {
        return None;
    }
    let days = days_since_1970(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?)?;
    at_clock_ms(days, clock)
}

fn is_weekday(text: &str) -> bool {
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].iter().any(|day| text.starts_with(day))
}

fn instant_ms(year: i64, month: &str, day: i64, clock: &str) -> Option<u64> {
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let days = days_since_1970(year, i64::try_from(month).ok()?, day)?;
    at_clock_ms(days, clock)
}

/// The instant at this time of a day, as milliseconds since 1970; `None` before 1970.
fn at_clock_ms(days: i64, clock: &str) -> Option<u64> {
    let midnight = u64::try_from(days * DAY_SECONDS).ok()?;
    Some((midnight + clock_seconds(clock)?) * 1_000)
}

/// The seconds of a time such as `08:49:37`. A leap second is 60.
fn clock_seconds(clock: &str) -> Option<u64> {
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return None };
    let number = |text: &str, most: u64| {
        digits(text, 2).and_then(|n| u64::try_from(n).ok()).filter(|n| *n <= most)
    };
    Some(number(hour, 23)? * 3_600 + number(minute, 59)? * 60 + number(second, 60)?)
}

/// A number with exactly this many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let now_ms = 784_111_777_000;
        for (value, expected) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10_000)),
            ("Sun Nov  6 08:49:47 1994", Some(10_000)),
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
            ("Xyz, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun Nov 666 08:49:47 1994", None),
        ] {
            assert_eq!(retry_after_ms(value, now_ms), expected, "{value:?}");
        }
        assert_eq!(http_date_ms("Friday, 29-Nov-69 00:00:00 GMT"), Some(3_152_908_800_000));
    }

    #[test]
    fn listed_times_are_read_as_the_stores_write_them() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-11-26T12:59:06Z", 1_795_697_946),
            ("2100-03-01T00:00:00.123456Z", 4_107_542_400),
        ] {
            assert_eq!(listed_time_ms(text), Some(seconds * 1_000), "{text}");
        }
        for text in [
            "",
            "Z",
            "2026-11-26T12:59:06",
            "2026-11-26T12:59:06+01:00",
            "2026-13-26T12:59:06Z",
            "2026-02-30T12:59:06Z",
            "1969-12-31T23:59:59Z",
            "2026-11-26T12:59:0éZ",
            "Thu, 26 Nov 2026 12:59:06 GMT",
        ] {
            assert_eq!(listed_time_ms(text), None, "{text}");
        }
    }
}
