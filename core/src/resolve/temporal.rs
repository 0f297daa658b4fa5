//! Dates, timestamps and decimals: their JSON text and the integers they are stored as.
//!
//! Day numbers follow the proleptic Gregorian calendar (ISO 8601); text follows RFC 3339.

use crate::time::{DAYS_PER_ERA, EPOCH_FROM_MARCH_0000, days_since_1970};

const SECONDS_PER_DAY: i64 = 86_400;

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
pub(crate) fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?);
    i32::try_from(days_since_1970(year, month, day)?).ok()
}

/// The day `days` after 1970-01-01 as `YYYY-MM-DD`; none outside the years 0 to 9999.
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
pub(super) struct Instant {
    /// In units of which `digits` make a second's fraction.
    pub(super) value: i64,
    /// Digits that stood after the point.
    pub(super) digits: u8,
}

/// Reads RFC 3339 text as `10^unit_digits`ths of a second since the epoch; none where it is no such
/// text or the unit cannot hold it exactly.
pub(super) fn timestamp(text: &str, unit_digits: u8) -> Option<Instant> {
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
    let seconds = day * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second - offset(zone)?;
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

/// An instant as RFC 3339 text in UTC with `digits` digits of a second; none where the year has more
/// than four digits or finer digits would be cut off.
pub(crate) fn timestamp_text(value: i64, unit_digits: u8, digits: u8) -> Option<String> {
    let per_second = 10_i64.pow(u32::from(unit_digits));
    let seconds = value.div_euclid(per_second);
    let fraction = value.rem_euclid(per_second);
    let cut = 10_i64.pow(u32::from(unit_digits.checked_sub(digits)?));
    if fraction % cut != 0 {
        return None;
    }
    let day = date_text(seconds.div_euclid(SECONDS_PER_DAY))?;
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut text = format!("{day}T{hour:02}:{minute:02}:{second:02}");
    if digits > 0 {
        text.push_str(&format!(".{:0width$}", fraction / cut, width = usize::from(digits)));
    }
    text.push('Z');
    Some(text)
}

/// Reads a decimal literal (JSON's number syntax) as an integer of `10^-scale`; none where it has finer
/// digits, or more than `precision` of them.
pub(super) fn decimal(literal: &str, precision: u8, scale: u8) -> Option<i128> {
    let (mantissa, exponent) = match literal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (literal, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if whole.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    let significant = &digits[..digits.len() - zeros];
    let power = i64::from(exponent) - fraction.len() as i64 + zeros as i64 + i64::from(scale);
    let mut value = 0_i128;
    for digit in significant {
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    if value == 0 {
        return Some(0);
    }
    let power = u32::try_from(power).ok().filter(|power| *power <= 38)?;
    value = value.checked_mul(10_i128.checked_pow(power)?)?;
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

/// A decimal with all `scale` digits after its point.
pub(crate) fn decimal_text(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
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

    #[test]
    fn decimals_fit_or_do_not() {
        assert_eq!(decimal("12.50", 4, 2), Some(1_250));
        assert_eq!(decimal("12.505", 5, 2), None);
        assert_eq!(decimal("100", 4, 2), None, "five digits with its scale");
        assert_eq!(decimal("-1e2", 5, 2), Some(-10_000));
        assert_eq!(decimal("1e-2", 5, 2), Some(1));
        assert_eq!(decimal("0e99", 1, 0), Some(0));
        assert_eq!(decimal("1.e", 5, 2), None);
        assert_eq!(decimal_text(-5, 2), "-0.05");
        assert_eq!(decimal_text(1_250, 2), "12.50");
        assert_eq!(decimal_text(7, 0), "7");
    }
}
