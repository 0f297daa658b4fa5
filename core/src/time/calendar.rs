//! Days. Their numbers follow the proleptic Gregorian calendar (ISO 8601).

use std::ops::RangeInclusive;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_FROM_MARCH_0000: i64 = 719_468;
/// Days in 400 years.
const DAYS_PER_ERA: i64 = 146_097;

pub(crate) const DAY_SECONDS: i64 = 86_400;

/// From 0001-01-01 to 9999-12-31, in days since 1970. Many readers, Python among them, know no
/// others.
pub(crate) const DAYS: RangeInclusive<i64> = -719_162..=2_932_896;

/// Days since 1970-01-01; `None` if the calendar has no such day, or if the year is not within 0 to
/// 9999.
pub(super) fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    // Divisions of unsigned numbers of 32 bits are the cheap ones.
    let year = u32::try_from(year).ok().filter(|year| *year <= 9_999)?;
    let century = year / 100;
    let is_whole_century = century * 100 == year;
    let leap = if is_whole_century { century % 4 == 0 } else { year % 4 == 0 };
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day < 1 || day > longest {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year; and 400 years early,
    // so that none is negative.
    let (year, months) = if month <= 2 { (year + 399, month + 9) } else { (year + 400, month - 3) };
    let century = year / 100;
    let days_before = year * 365 + year / 4 - century + century / 4;
    let day_of_year = (153 * months + 2) / 5 + day - 1;
    Some(i64::from(days_before) + day_of_year - DAYS_PER_ERA - EPOCH_FROM_MARCH_0000)
}

/// Reads `YYYY-MM-DD` as days since 1970-01-01. The years are 0001 to 9999, because many readers,
/// Python among them, know no others.
pub(crate) fn date(text: &str) -> Option<i32> {
    let days = day(text.as_bytes().try_into().ok()?)?;
    i32::try_from(days).ok()
}

/// [`date`] of bytes.
#[inline]
pub(super) fn day(bytes: &[u8; 10]) -> Option<i64> {
    let [century, _, year, _, _, month, ..] = pairs(*bytes.first_chunk()?, *b"0000-00-")?;
    let [.., day, _] = pairs(*bytes.last_chunk()?, *b"00-00-00")?;
    let year = i64::from(century) * 100 + i64::from(year);
    if year < 1 { None } else { days_since_1970(year, i64::from(month), i64::from(day)) }
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

/// The number with these two decimal digits.
pub(super) fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// At each place, the number with the two decimal digits there and behind it, read all at once.
/// `form` has `0` for each digit, and at other places the character that the text must have, which
/// counts as 0.
#[inline]
pub(super) fn pairs(text: [u8; 8], form: [u8; 8]) -> Option<[u8; 8]> {
    // A digit becomes its number, the right character becomes 0.
    let values = u64::from_le_bytes(text) ^ u64::from_le_bytes(form);
    // More than 9 for a digit, more than 0 for another character, reach the upper half of the byte.
    let reach = u64::from_le_bytes(form.map(|character| if character == b'0' { 6 } else { 15 }));
    if (values | values.wrapping_add(reach)) & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    Some(((values * 10).wrapping_add(values >> 8)).to_le_bytes())
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
        for year in 0..=9_999 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            assert_eq!(days_since_1970(year, 2, 29).is_some(), leap, "{year}");
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
