//! The texts of values that JSON has no type for, as Coldpress writes them.

use std::fmt::Write as _;

use datafusion::arrow::datatypes::TimeUnit;

/// Appends a decimal with the digits of its scale.
pub(crate) fn decimal(out: &mut String, value: i128, scale: i8) {
    let digits = value.unsigned_abs().to_string();
    if value < 0 {
        out.push('-');
    }
    match usize::try_from(scale) {
        Ok(0) => out.push_str(&digits),
        Ok(scale) => {
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        Err(_) => {
            out.push_str(&digits);
            if value != 0 {
                out.extend(std::iter::repeat_n('0', usize::from(scale.unsigned_abs())));
            }
        }
    }
}

/// Appends the 16 bytes of a UUID in lower case with hyphens.
pub(crate) fn uuid(out: &mut String, bytes: &[u8]) {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

/// Appends the day of this number since 1970-01-01.
pub(crate) fn date(out: &mut String, days: i64) {
    let (year, month, day) = civil(days);
    let _ = match (0..=9999).contains(&year) {
        true => write!(out, "{year:04}-{month:02}-{day:02}"),
        false => write!(out, "{year:+05}-{month:02}-{day:02}"),
    };
}

/// Appends the instant of this number of units since 1970 in RFC 3339, with `Z` if it is `zoned`.
pub(crate) fn instant(out: &mut String, value: i64, unit: TimeUnit, zoned: bool) {
    let (per_second, digits) = match unit {
        TimeUnit::Second => (1, 0),
        TimeUnit::Millisecond => (1_000, 3),
        TimeUnit::Microsecond => (1_000_000, 6),
        TimeUnit::Nanosecond => (1_000_000_000, 9),
    };
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    date(out, seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let _ = write!(out, "T{hour:02}:{minute:02}:{second:02}");
    if digits > 0 {
        let _ = write!(out, ".{fraction:0digits$}");
    }
    if zoned {
        out.push('Z');
    }
}

/// Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last one of its year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(write: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn decimals_have_the_digits_of_their_scale() {
        for (value, scale, text) in [
            (-5, 0, "-5"),
            (5, 2, "0.05"),
            (-1990, 2, "-19.90"),
            (0, 3, "0.000"),
            (7, -2, "700"),
            (0, -2, "0"),
        ] {
            assert_eq!(of(|out| decimal(out, value, scale)), text);
        }
        assert!(of(|out| decimal(out, i128::MIN, 38)).starts_with("-1."));
    }

    #[test]
    fn instants_and_days_are_rfc_3339() {
        let ms = TimeUnit::Millisecond;
        assert_eq!(of(|out| instant(out, -1, ms, true)), "1969-12-31T23:59:59.999Z");
        assert_eq!(of(|out| instant(out, 951_782_400_000, ms, true)), "2000-02-29T00:00:00.000Z");
        assert_eq!(of(|out| instant(out, 1, TimeUnit::Second, false)), "1970-01-01T00:00:01");
        for (days, text) in [
            (0, "1970-01-01"),
            (-719_162, "0001-01-01"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+10000-01-01"),
            (11_016, "2000-02-29"),
        ] {
            assert_eq!(of(|out| date(out, days)), text);
        }
        assert!(!of(|out| instant(out, i64::MIN, ms, true)).is_empty());
    }

    #[test]
    fn uuids_have_hyphens() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(of(|out| uuid(out, &bytes)), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}
