//! The calendar, and the texts of dates and times: RFC 3339, and the forms in which stores write a
//! time.
//!
//! Day numbers follow the proleptic Gregorian calendar (ISO 8601). Nothing here reads a clock.

use std::time::Duration;

/// Whole milliseconds, rounded up, so that no time but zero counts as none.
pub(crate) fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_FROM_MARCH_0000: i64 = 719_468;
/// Days in 400 years.
const DAYS_PER_ERA: i64 = 146_097;

const DAY_SECONDS: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Days since 1970-01-01; `None` if the calendar has no such day.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day < 1 || day > longest {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * DAYS_PER_ERA + day_of_era - EPOCH_FROM_MARCH_0000)
}

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
pub(crate) fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?);
    i32::try_from(days_since_1970(year, month, day)?).ok()
}

/// The day `days` after 1970-01-01 as `YYYY-MM-DD`; `None` outside the years 0 to 9999.
pub(crate) fn date_text(days: i64) -> Option<String> {
    let shifted = days.checked_add(EPOCH_FROM_MARCH_0000)?;
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (0..=9_999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// An instant read from RFC 3339 text.
pub(crate) struct Instant {
    /// The instant, in the unit that the caller asked for.
    pub(crate) value: i64,
    /// The number of digits after the point in the text.
    pub(crate) digits: u8,
}

/// Reads RFC 3339 text as a number of `10^-unit_digits` seconds since 1970; `None` if it is other
/// text, or if the unit cannot hold the instant exactly.
pub(crate) fn timestamp(text: &str, unit_digits: u8) -> Option<Instant> {
    let day = i64::from(date(text.get(..10)?)?);
    let bytes = text.as_bytes().get(10..)?;
    let (clock, rest) = bytes.split_at_checked(9)?;
    if !matches!(clock[0], b'T' | b't' | b' ') || clock[3] != b':' || clock[6] != b':' {
        return None;
    }
    let (hour, minute, second) =
        (number(&clock[1..3])?, number(&clock[4..6])?, number(&clock[7..9])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, zone) = match rest.split_first() {
        Some((b'.', after)) => {
            let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 || digits > 18 {
                return None;
            }
            after.split_at(digits)
        }
        _ => (&[][..], rest),
    };
    let seconds = day * DAY_SECONDS + hour * 3_600 + minute * 60 + second - offset(zone)?;
    let digits = u8::try_from(fraction.len()).ok()?;
    let fraction = if fraction.is_empty() { 0 } else { number(fraction)? };
    let fraction = if digits <= unit_digits {
        fraction * 10_i64.pow(u32::from(unit_digits - digits))
    } else {
        let below = 10_i64.pow(u32::from(digits - unit_digits));
        if fraction % below != 0 {
            return None;
        }
        fraction / below
    };
    let value = seconds.checked_mul(10_i64.pow(u32::from(unit_digits)))?.checked_add(fraction)?;
    Some(Instant { value, digits })
}

/// An instant as RFC 3339 text in UTC, with `digits` digits after the point; `None` if the year has
/// more than four digits, or if digits would be lost.
pub(crate) fn timestamp_text(value: i64, unit_digits: u8, digits: u8) -> Option<String> {
    let per_second = 10_i64.pow(u32::from(unit_digits));
    let seconds = value.div_euclid(per_second);
    let fraction = value.rem_euclid(per_second);
    let cut = 10_i64.pow(u32::from(unit_digits.checked_sub(digits)?));
    if fraction % cut != 0 {
        return None;
    }
    let day = date_text(seconds.div_euclid(DAY_SECONDS))?;
    let second = seconds.rem_euclid(DAY_SECONDS);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut text = format!("{day}T{hour:02}:{minute:02}:{second:02}");
    if digits > 0 {
        text.push_str(&format!(".{:0width$}", fraction / cut, width = usize::from(digits)));
    }
    text.push('Z');
    Some(text)
}

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

/// Reads RFC 3339 text, in any zone, to the second, as milliseconds since 1970; `None` for other text,
/// or for a time before 1970.
pub fn rfc3339_ms(text: &str) -> Option<u64> {
    let (seconds, rest) = text.split_at_checked(19)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let seconds = timestamp(&format!("{seconds}{zone}"), 0)?.value;
    u64::try_from(seconds).ok()?.checked_mul(1_000)
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

/// Seconds that a zone (`Z` or `±hh:mm`) is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let ahead = hours * 3_600 + minutes * 60;
            Some(if *sign == b'-' { -ahead } else { ahead })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    let mut value = 0_i64;
    for digit in digits {
        let digit = char::from(*digit).to_digit(10)?;
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(value)
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
    fn rfc_3339_is_read_in_any_zone_to_the_second() {
        for (text, expected) in [
            ("1970-01-02T00:00:01Z", Some(86_401_000)),
            ("1970-01-02T01:00:01.999999999+01:00", Some(86_401_000)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("1969-12-31T23:59:59Z", None),
            ("1970-01-02T00:00:01", None),
            ("1970-01-02T00:00:0é", None),
            ("soon", None),
        ] {
            assert_eq!(rfc3339_ms(text), expected, "{text}");
        }
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

    #[test]
    fn days_go_there_and_back() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("0000-01-01", -719_528),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(date(text), Some(days), "{text}");
        }
        for days in (-719_528..2_932_896).step_by(17) {
            assert_eq!(date(&date_text(days).unwrap()), i32::try_from(days).ok());
        }
        for bad in [
            "2001-02-29",
            "1900-02-29",
            "2000-13-01",
            "2000-00-01",
            "2000-01-32",
            "2000-1-01",
            "+200-01-01",
            "2000-01-0é",
        ] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    #[test]
    fn instants_keep_their_digits() {
        let ms = |text| timestamp(text, 3).map(|instant| (instant.value, instant.digits));
        assert_eq!(ms("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(ms("1970-01-01T00:00:01.5Z"), Some((1_500, 1)));
        assert_eq!(ms("1970-01-01T01:00:00.000+01:00"), Some((0, 3)));
        assert_eq!(ms("1969-12-31T23:59:59.999Z"), Some((-1, 3)));
        assert_eq!(ms("1970-01-01T00:00:00.0005Z"), None, "finer than the unit");
        assert_eq!(timestamp("9999-01-01T00:00:00Z", 9).map(|i| i.value), None, "past i64 in ns");
        for bad in [
            "1970-01-01",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00.Z",
        ] {
            assert!(timestamp(bad, 9).is_none(), "{bad}");
        }
        assert_eq!(timestamp_text(-1, 3, 3).unwrap(), "1969-12-31T23:59:59.999Z");
        assert_eq!(timestamp_text(1_500, 3, 0), None);
        assert_eq!(timestamp_text(2_000, 3, 0).unwrap(), "1970-01-01T00:00:02Z");
    }
}
