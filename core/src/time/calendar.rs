//! Days. Their numbers follow the proleptic Gregorian calendar (ISO 8601).

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_FROM_MARCH_0000: i64 = 719_468;
/// Days in 400 years.
const DAYS_PER_ERA: i64 = 146_097;

pub(super) const DAY_SECONDS: i64 = 86_400;

/// Days since 1970-01-01; `None` if the calendar has no such day.
pub(super) fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
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

/// Reads `YYYY-MM-DD` as days since 1970-01-01. The years are 0001 to 9999, because many readers,
/// Python among them, know no others.
pub(crate) fn date(text: &str) -> Option<i32> {
    day(text.as_bytes()).and_then(|days| i32::try_from(days).ok())
}

/// [`date`] of bytes.
pub(super) fn day(bytes: &[u8]) -> Option<i64> {
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?);
    if year < 1 { None } else { days_since_1970(year, month, day) }
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

/// The number with these decimal digits.
pub(super) fn number(digits: &[u8]) -> Option<i64> {
    let mut value = 0_i64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
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
            ("0001-01-01", -719_162),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(date(text), Some(days), "{text}");
        }
        for days in (-719_162..2_932_896).step_by(17) {
            assert_eq!(date(&date_text(days).unwrap()), i32::try_from(days).ok());
        }
        // The writer of an earlier version took the year 0.
        assert_eq!(date_text(-719_528).unwrap(), "0000-01-01");
        for bad in [
            "0000-12-31",
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
}
