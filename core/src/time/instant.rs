//! Instants as RFC 3339 text.

use super::calendar::{DAY_SECONDS, DAYS, date_text, day, pairs, two_digits};

/// The first second of the year 1, and the first one after the year 9999, in UTC.
const SECONDS_FIRST: i64 = *DAYS.start() * DAY_SECONDS;
const SECONDS_END: i64 = (*DAYS.end() + 1) * DAY_SECONDS;

/// The most digits after the point in the text of an [`Instant`].
const DIGITS_MAX: u8 = 9;

/// What a fraction of so many digits counts in: each text of a column asks for one.
const POWERS_OF_TEN: [i64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// The bytes of `2024-02-29T23:59:59`.
const SECOND_BYTES: usize = 19;

/// An instant, and the form of its text. With both, [`timestamp_text`] gives the same text again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant {
    /// Whole seconds since 1970 in UTC, rounded down.
    pub(crate) seconds: i64,
    /// The digits after the point, as a number.
    fraction: i64,
    /// The number of digits after the point.
    pub(crate) digits: u8,
    /// The minutes that the text is ahead of UTC; `None` for the letter `Z`.
    pub(crate) offset: Option<i16>,
}

impl Instant {
    /// Reads `YYYY-MM-DDTHH:MM:SS`, then a fraction of 1 to 9 digits or none, then `Z` or `±HH:MM`;
    /// `None` for every other text, for a leap second, and for `-00:00`, which RFC 3339 keeps for an
    /// unknown zone.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (second, rest) = text.as_bytes().split_first_chunk::<SECOND_BYTES>()?;
        // What most other texts fail, before any work.
        if second[10] != b'T' || second[4] != b'-' {
            return None;
        }
        let (fraction, digits, zone) = read_fraction(rest, DIGITS_MAX)?;
        let offset = match zone {
            b"Z" => None,
            b"-00:00" => return None,
            zone => Some(minutes_ahead(zone)?),
        };
        Some(Instant {
            seconds: seconds_in_utc(second, offset.unwrap_or_default())?,
            fraction,
            digits,
            offset,
        })
    }

    /// Whether the text has no zero at the end of its fraction.
    pub(crate) fn is_trimmed(self) -> bool {
        self.digits == 0 || self.fraction % 10 != 0
    }

    /// The instant as a number of `10^-unit_digits` seconds since 1970; `None` if the unit cannot
    /// hold it exactly.
    pub(crate) fn value(self, unit_digits: u8) -> Option<i64> {
        in_unit(self.seconds, self.fraction, self.digits, unit_digits)
    }
}

/// Reads RFC 3339 text of any form as a number of `10^-unit_digits` seconds since 1970; `None` if
/// it is other text, or if the unit cannot hold the instant exactly.
pub(crate) fn timestamp(text: &str, unit_digits: u8) -> Option<i64> {
    let (seconds, fraction, digits) = lenient(text)?;
    in_unit(seconds, fraction, digits, unit_digits)
}

/// Reads RFC 3339 text of any form, with at most 18 digits after the point, as whole seconds since
/// 1970 in UTC, rounded down, and the rest in units of 10^-18 seconds; `None` for other text.
#[cfg(feature = "decode")]
pub(crate) fn moment(text: &str) -> Option<(i64, i64)> {
    let (seconds, fraction, digits) = lenient(text)?;
    Some((seconds, in_unit(0, fraction, digits, 18)?))
}

/// RFC 3339 text of any form: whole seconds since 1970 in UTC, the digits after the point as a
/// number, and how many they are.
fn lenient(text: &str) -> Option<(i64, i64, u8)> {
    let (second, rest) = text.as_bytes().split_first_chunk::<SECOND_BYTES>()?;
    if !matches!(second[10], b'T' | b't' | b' ') {
        return None;
    }
    let (fraction, digits, zone) = read_fraction(rest, 18)?;
    let offset = if matches!(zone, b"Z" | b"z") { 0 } else { minutes_ahead(zone)? };
    Some((seconds_in_utc(second, offset)?, fraction, digits))
}

/// Reads RFC 3339 text, in any zone, to the second, as milliseconds since 1970; `None` for other
/// text, or for a time before 1970.
pub fn rfc3339_ms(text: &str) -> Option<u64> {
    let (seconds, rest) = text.split_at_checked(SECOND_BYTES)?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let seconds = timestamp(&format!("{seconds}{zone}"), 0)?;
    u64::try_from(seconds).ok()?.checked_mul(1_000)
}

/// An instant as RFC 3339 text. `digits`: after the point, or `None` for as many as it takes.
/// `offset`: minutes ahead of UTC, or `None` for UTC with the letter `Z`.
///
/// `None` if digits would be lost, or if the year has more than four digits.
pub(crate) fn timestamp_text(
    value: i64,
    unit_digits: u8,
    digits: Option<u8>,
    offset: Option<i16>,
) -> Option<String> {
    let per_second = 10_i64.pow(u32::from(unit_digits));
    let ahead = i64::from(offset.unwrap_or_default()) * 60;
    let seconds = value.div_euclid(per_second).checked_add(ahead)?;
    let mut fraction = value.rem_euclid(per_second);
    let mut digits_left = unit_digits;
    while digits_left > digits.unwrap_or_default() && fraction % 10 == 0 {
        fraction /= 10;
        digits_left -= 1;
    }
    if digits.is_some_and(|digits| digits != digits_left) {
        return None;
    }
    let mut text = date_text(seconds.div_euclid(DAY_SECONDS))?;
    let second = seconds.rem_euclid(DAY_SECONDS);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    text.push_str(&format!("T{hour:02}:{minute:02}:{second:02}"));
    if digits_left > 0 {
        text.push_str(&format!(".{fraction:0width$}", width = usize::from(digits_left)));
    }
    match offset {
        None => text.push('Z'),
        Some(minutes) => text.push_str(&offset_text(minutes)),
    }
    Some(text)
}

/// Minutes ahead of UTC as `±HH:MM`.
pub(crate) fn offset_text(minutes: i16) -> String {
    let (sign, ahead) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
    format!("{sign}{:02}:{:02}", ahead / 60, ahead % 60)
}

/// Reads `±HH:MM` as minutes ahead of UTC.
pub(crate) fn minutes_ahead(zone: &[u8]) -> Option<i16> {
    let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = zone else { return None };
    let (hours, minutes) = (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let ahead = i16::try_from(hours * 60 + minutes).ok()?;
    Some(if *sign == b'-' { -ahead } else { ahead })
}

/// The digits after a point, 1 to `digits_max` (at most 18), as a number; how many they are; and
/// what follows. Without a point there are none.
fn read_fraction(rest: &[u8], digits_max: u8) -> Option<(i64, u8, &[u8])> {
    let Some((b'.', mut rest)) = rest.split_first() else { return Some((0, 0, rest)) };
    let (mut fraction, mut digits) = (0, 0);
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        if digits == digits_max {
            return None;
        }
        fraction = fraction * 10 + i64::from(digit - b'0');
        digits += 1;
        rest = after;
    }
    (digits > 0).then_some((fraction, digits, rest))
}

/// Reads `YYYY-MM-DD?HH:MM:SS` in a zone that is so many minutes ahead, as seconds since 1970 in
/// UTC.
fn seconds_in_utc(second: &[u8; SECOND_BYTES], offset: i16) -> Option<i64> {
    let date = second.first_chunk()?;
    let [hour, _, _, minute, _, _, second, _] = pairs(*second.last_chunk()?, *b"00:00:00")?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let of_day = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    let seconds = day(date)? * DAY_SECONDS + of_day - i64::from(offset) * 60;
    (SECONDS_FIRST..SECONDS_END).contains(&seconds).then_some(seconds)
}

fn in_unit(seconds: i64, fraction: i64, digits: u8, unit_digits: u8) -> Option<i64> {
    let power = |digits: u8| POWERS_OF_TEN.get(usize::from(digits)).copied();
    let fraction = if digits <= unit_digits {
        fraction * power(unit_digits - digits)?
    } else {
        let below = power(digits - unit_digits)?;
        if fraction % below != 0 {
            return None;
        }
        fraction / below
    };
    seconds.checked_mul(power(unit_digits)?)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn instants_are_read_in_every_form() {
        let ms = |text| timestamp(text, 3);
        assert_eq!(ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(ms("1970-01-01T00:00:01.5Z"), Some(1_500));
        assert_eq!(ms("1970-01-01T01:00:00.000+01:00"), Some(0));
        assert_eq!(ms("1969-12-31T23:59:59.999Z"), Some(-1));
        assert_eq!(ms("1970-01-01 00:00:00z"), Some(0));
        assert_eq!(ms("1970-01-01t00:00:00.000000-00:00"), Some(0));
        assert_eq!(ms("1970-01-01T00:00:00.0005Z"), None, "finer than the unit");
        assert_eq!(timestamp("9999-01-01T00:00:00Z", 9), None, "past i64 in ns");
        assert_eq!(moment("1969-12-31T23:59:58.5Z"), Some((-2, 500_000_000_000_000_000)));
        for bad in [
            "1970-01-01",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00.Z",
            "0001-01-01T00:59:59+01:00",
            "9999-12-31T23:00:00-01:00",
            "0000-06-01T00:00:00Z",
        ] {
            assert!(timestamp(bad, 9).is_none(), "{bad}");
            assert!(timestamp(bad, 3).is_none(), "{bad}");
            assert!(moment(bad).is_none(), "{bad}");
            assert!(Instant::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn instants_are_written_in_every_form() {
        let text = |value, digits, offset| timestamp_text(value, 3, digits, offset);
        let is = |text: Option<String>, wanted: &str| assert_eq!(text.as_deref(), Some(wanted));
        is(text(-1, Some(3), None), "1969-12-31T23:59:59.999Z");
        is(text(2_000, Some(0), None), "1970-01-01T00:00:02Z");
        is(text(2_010, None, None), "1970-01-01T00:00:02.01Z");
        is(text(2_000, None, Some(0)), "1970-01-01T00:00:02+00:00");
        is(text(0, Some(1), Some(-90)), "1969-12-31T22:30:00.0-01:30");
        assert_eq!(text(1_500, Some(0), None), None, "a digit would be lost");
        assert_eq!(text(0, Some(4), None), None, "the unit has no such digit");
        assert_eq!(text(i64::MAX, None, None), None);
    }

    #[test]
    fn only_the_text_of_one_form_is_read_strictly() {
        for text in ["2024-02-29T01:02:03Z", "2024-02-29T01:02:03.000000001-23:59"] {
            assert!(Instant::read(text).is_some(), "{text}");
        }
        for text in [
            "2024-02-29t01:02:03Z",
            "2024-02-29T01:02:03z",
            "2024-02-29 01:02:03Z",
            "2024-02-29T01:02:03",
            "2024-02-29T01:02:03-00:00",
            "2024-02-29T01:02:03+0000",
            "2024-02-29T01:02:03+00",
            "2024-02-29T01:02:03+24:00",
            "2024-02-29T01:02:03,5Z",
            "2024-02-29T01:02:03.0000000001Z",
            "2024-02-29T01:02:03Z ",
            "2024-02-30T01:02:03Z",
            "+2024-02-29T01:02:03Z",
            "2024-02-29T01:02:0éZ",
            "",
        ] {
            assert!(Instant::read(text).is_none(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// What was read strictly is printed again to the letter, in every unit that holds it, and
        /// the lenient reader finds the same instant.
        #[test]
        fn what_is_read_is_what_is_written(text in near_instants()) {
            if let Some(instant) = Instant::read(&text) {
                for unit in [3, 6, 9] {
                    let Some(value) = instant.value(unit) else { continue };
                    prop_assert_eq!(timestamp(&text, unit), Some(value));
                    if instant.digits > unit {
                        continue;
                    }
                    let back = timestamp_text(value, unit, Some(instant.digits), instant.offset);
                    prop_assert_eq!(back.as_deref(), Some(text.as_str()));
                    let trimmed = timestamp_text(value, unit, None, instant.offset);
                    let same = trimmed.as_deref() == Some(text.as_str());
                    prop_assert_eq!(same, instant.is_trimmed());
                }
            }
        }

        /// What is written is read strictly, and has the form in which it was written.
        #[test]
        fn what_is_written_is_what_is_read(
            seconds in SECONDS_FIRST..SECONDS_END,
            micros in prop_oneof![0..1_000_000_i64, (0..10_i64).prop_map(|n| n * 100_000)],
            digits in proptest::option::of(0..=6_u8),
            offset in proptest::option::of(-1_439..=1_439_i16),
        ) {
            let value = seconds * 1_000_000 + micros;
            if let Some(text) = timestamp_text(value, 6, digits, offset)
                && !text.starts_with("0000")
            {
                let read = Instant::read(&text).unwrap();
                prop_assert_eq!(read.value(6), Some(value));
                prop_assert_eq!(read.offset, offset);
                prop_assert!(digits.map_or(read.is_trimmed(), |digits| digits == read.digits));
            }
        }
    }

    /// Instants, and texts that differ from one by little.
    fn near_instants() -> impl Strategy<Value = String> {
        let year = prop_oneof![4 => 1900..2100, 1 => Just(1), 1 => Just(9_999), 1 => Just(0)];
        let zone = prop_oneof![
            3 => Just("Z".to_owned()),
            3 => (-1_445..1_445_i16).prop_map(offset_text),
            1 => Just("-00:00".to_owned()),
        ];
        let fraction =
            prop_oneof![1 => Just(String::new()), 3 => "\\.[0-9]{1,9}", 1 => "\\.[0-9]0+"];
        let clock = (0..25, 0..61, 0..61);
        let date = (year, 1..13, 1..32);
        (date, clock, fraction, zone, proptest::option::weighted(0.1, (0..30_usize, any::<char>())))
            .prop_map(|((year, month, day), (hour, minute, second), fraction, zone, change)| {
                let text = format!(
                    "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
                );
                let Some((at, with)) = change else { return text };
                text.chars().enumerate().map(|(i, c)| if i == at { with } else { c }).collect()
            })
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
}
