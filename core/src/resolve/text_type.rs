//! Which type a column of texts has: instants, dates, or texts.
//!
//! A text counts only if printing its typed value gives the same text again.

use crate::columns::Texts;
use crate::schema::{ColumnType, Digits, Form, TextForm, TimeUnit, Zone};
use crate::time::{self, Instant};

/// At most one text in this many may be no value of the type.
const TEXTS_PER_MISFIT: usize = 100;

/// The most digits of an instant that becomes typed. Spark refuses a file with finer instants.
const DIGITS_MAX: u8 = 6;

/// The most and the fewest bytes of a text that can be typed: `2024-02-29`,
/// `2024-02-29T23:59:59.999999+00:00`.
const BYTES_MAX: usize = 32;
const BYTES_MIN: usize = 10;

/// 1582-10-15, in days since 1970. Before it, Spark 2 counted days by the Julian calendar, and so
/// Spark 3 refuses a file with such days until a setting says which calendar they are of.
const FIRST_DAY: i128 = -141_427;

/// 1900-01-01T00:00:00Z, in seconds since 1970: the same for instants, because of the zones.
const FIRST_SECOND: i64 = -2_208_988_800;

/// Whether every engine reads a file with this instant.
pub(super) fn is_instant_read(unit: TimeUnit, value: i64) -> bool {
    value >= FIRST_SECOND * unit.per_second()
}

/// Whether every engine reads a file that has this stored value in a column of this type.
pub(super) fn is_read(column_type: &ColumnType, value: i128) -> bool {
    match column_type {
        ColumnType::Date => value >= FIRST_DAY,
        ColumnType::Timestamp { unit, .. } => {
            i64::try_from(value).is_ok_and(|value| is_instant_read(*unit, value))
        }
        _ => true,
    }
}

/// The type of a column of these texts.
///
/// The cost of other texts is small: the work ends as soon as too many of them are no values of any
/// type.
pub(super) fn of_texts(texts: &Texts) -> ColumnType {
    let misfits_max = texts.len() / TEXTS_PER_MISFIT;
    let is_enough = |count: usize| texts.len() - count <= misfits_max;
    let (mut dates, mut zones, mut most) = (0, Zones::default(), 0);
    for at in 0..texts.len() {
        let text = texts.text(at);
        if (BYTES_MIN..=BYTES_MAX).contains(&text.len()) {
            if text.len() == BYTES_MIN {
                let day = time::date(text).map(i128::from);
                dates += usize::from(day.is_some_and(|day| day >= FIRST_DAY));
                most = most.max(dates);
            } else if let Some(instant) = Instant::read(text)
                && instant.seconds >= FIRST_SECOND
            {
                most = most.max(zones.add(instant, DIGITS_MAX));
            }
        }
        // However the other texts are, each type lacks these already.
        if at + 1 - most > misfits_max {
            return ColumnType::String;
        }
    }
    if texts.len() > 0 && is_enough(dates) {
        return ColumnType::Date;
    }
    match zones.most_frequent() {
        Some(found) if is_enough(found.count) => {
            let unit = match found.digits {
                0..=3 => TimeUnit::Millis,
                _ => TimeUnit::Micros,
            };
            ColumnType::Timestamp { unit, form: Some(Form::Text(found.form)) }
        }
        _ => ColumnType::String,
    }
}

/// The form of the most texts that a column of instants in `unit` gives back to the letter, and
/// how many these are.
pub(super) fn form_of(texts: &Texts, unit: TimeUnit) -> Option<(TextForm, usize)> {
    let mut zones = Zones::default();
    for at in 0..texts.len() {
        let instant = Instant::read(texts.text(at));
        if let Some(instant) = instant.filter(|found| found.value(unit.digits()).is_some()) {
            zones.add(instant, unit.digits());
        }
    }
    zones.most_frequent().map(|found| (found.form, found.count))
}

/// The form of the most texts.
struct Found {
    form: TextForm,
    /// How many texts have this form.
    count: usize,
    /// The most digits in one of these.
    digits: u8,
}

/// How often each form occurs, by the offset of the zone, in order; `None` is the letter `Z`. There
/// is hardly ever more than one, and never more than 2,880.
#[derive(Default)]
struct Zones(Vec<(Option<i16>, Tally)>);

#[derive(Default)]
struct Tally {
    all: usize,
    /// Texts with so many digits.
    fixed: [usize; 10],
    trimmed: usize,
    /// The most digits of a trimmed text.
    trimmed_digits: u8,
}

impl Zones {
    /// Counts an instant if it has at most `digits_max` digits. Gives how many its zone has now.
    fn add(&mut self, instant: Instant, digits_max: u8) -> usize {
        if instant.digits > digits_max {
            return 0;
        }
        let known = self.0.binary_search_by_key(&instant.offset, |(offset, _)| *offset);
        let at = known.unwrap_or_else(|at| {
            self.0.insert(at, (instant.offset, Tally::default()));
            at
        });
        let tally = &mut self.0[at].1;
        tally.all += 1;
        if let Some(count) = tally.fixed.get_mut(usize::from(instant.digits)) {
            *count += 1;
        }
        if instant.is_trimmed() {
            tally.trimmed += 1;
            tally.trimmed_digits = tally.trimmed_digits.max(instant.digits);
        }
        tally.all
    }

    /// The zone of the most texts, and within it either one number of digits or trimmed ones. In a
    /// tie: the letter `Z` before an offset, the lower offset, a fixed number of digits before
    /// trimmed ones, and fewer digits.
    fn most_frequent(&self) -> Option<Found> {
        let most = self.0.iter().map(|(_, tally)| tally.all).max()?;
        let (offset, tally) = self.0.iter().find(|(_, tally)| tally.all == most)?;
        let zone = offset.map_or(Zone::Utc, Zone::Offset);
        let fixed = tally.fixed.iter().copied().max()?;
        if tally.trimmed > fixed {
            let form = TextForm { digits: Digits::Trimmed, zone };
            return Some(Found { form, count: tally.trimmed, digits: tally.trimmed_digits });
        }
        let digits = (0..=9_u8).zip(tally.fixed).find(|(_, count)| *count == fixed)?.0;
        let form = TextForm { digits: Digits::Fixed(digits), zone };
        Some(Found { form, count: fixed, digits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'t>(all: impl IntoIterator<Item = &'t str>) -> Texts {
        let mut texts = Texts::default();
        all.into_iter().for_each(|text| texts.push(text));
        texts
    }

    /// The type of so many of each text, with its form.
    fn shown(parts: &[(usize, &str)]) -> String {
        let all = parts.iter().flat_map(|(count, text)| std::iter::repeat_n(*text, *count));
        match of_texts(&texts(all)) {
            ColumnType::Timestamp { unit, form: Some(form) } => format!("{} {form}", unit.name()),
            other => other.to_string(),
        }
    }

    #[test]
    fn one_text_in_a_hundred_may_be_another() {
        for (type_of, good) in [("date", "2024-02-29"), ("ms text:0", "2024-02-29T01:02:03Z")] {
            for bad in ["", "2023-02-29", "tomorrow", "2024-02-29T25:00:00Z", "2024-02-30"] {
                assert_eq!(shown(&[(1, good)]), type_of);
                assert_eq!(shown(&[(99, good), (1, bad)]), type_of, "{bad}");
                assert_eq!(shown(&[(1, bad), (99, good)]), type_of, "{bad}");
                assert_eq!(shown(&[(98, good), (1, bad)]), "string", "{bad}");
                assert_eq!(shown(&[(1, bad), (98, good)]), "string", "{bad}");
                assert_eq!(shown(&[(197, good), (2, bad)]), "string", "{bad}");
                assert_eq!(shown(&[(2, bad), (198, good)]), type_of, "{bad}");
            }
        }
        assert_eq!(shown(&[(1, "text")]), "string");
        assert_eq!(shown(&[]), "string");
        assert_eq!(shown(&[(1, "2024-02-29"), (1, "2024-02-29T01:02:03Z")]), "string");
    }

    #[test]
    fn the_form_is_the_one_of_the_most_texts() {
        let at = |fraction_and_zone: &str| format!("2024-02-29T01:02:03{fraction_and_zone}");
        let form = |parts: &[(usize, &str)]| {
            let parts: Vec<(usize, String)> =
                parts.iter().map(|(count, end)| (*count, at(end))).collect();
            let parts: Vec<(usize, &str)> =
                parts.iter().map(|(count, text)| (*count, text.as_str())).collect();
            shown(&parts)
        };
        assert_eq!(form(&[(3, ".120Z")]), "ms text:3");
        assert_eq!(form(&[(3, ".1200Z")]), "us text:4");
        assert_eq!(form(&[(3, ".123456+00:00")]), "us text:6+00:00");
        assert_eq!(form(&[(3, "-05:30")]), "ms text:0-05:30");
        assert_eq!(form(&[(3, ".1234567Z")]), "string", "finer than microseconds");
        assert_eq!(form(&[(3, "-00:00")]), "string");
        assert_eq!(form(&[(3, "")]), "string", "without a zone");
        // Trimmed, and one number of digits.
        assert_eq!(form(&[(1, "Z"), (1, ".5Z"), (1, ".12Z")]), "ms text:trimmed");
        assert_eq!(form(&[(1, "Z"), (1, ".5Z"), (1, ".1234Z")]), "us text:trimmed");
        assert_eq!(form(&[(90, ".123Z"), (10, ".120Z")]), "ms text:3");
        assert_eq!(form(&[(200, ".123Z"), (2, ".12Z"), (1, ".120Z")]), "ms text:trimmed");
        assert_eq!(form(&[(150, ".123Z"), (1, "Z"), (1, ".120Z")]), "ms text:3", "a tie");
        assert_eq!(form(&[(50, ".123Z"), (50, ".120Z"), (50, ".12Z")]), "string");
        // Zones.
        assert_eq!(form(&[(99, "Z"), (1, "+00:00")]), "ms text:0");
        assert_eq!(form(&[(1, "Z"), (99, "+00:00")]), "ms text:0+00:00");
        assert_eq!(form(&[(50, "Z"), (50, "+00:00")]), "string");
        // What is not of the form at all does not choose the unit.
        assert_eq!(form(&[(99, ".123Z"), (1, ".123456Z")]), "us text:trimmed");
        assert_eq!(form(&[(99, ".120Z"), (1, ".123456Z")]), "ms text:3");
    }

    #[test]
    fn years_and_days_that_readers_lack_are_texts() {
        for text in [
            "0000-01-01",
            "2023-02-29",
            "2024-04-31",
            "2024-2-1",
            "20240229",
            "0000-06-01T00:00:00Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "2016-12-31T23:59:60Z",
            "2024-02-29T24:00:00Z",
            "2024-02-29 01:02:03Z",
            "1582-10-14",
            "1899-12-31T23:59:59.999999Z",
            "1900-01-01T00:00:00+00:01",
        ] {
            assert_eq!(shown(&[(3, text)]), "string", "{text}");
        }
        assert_eq!(shown(&[(1, "1582-10-15"), (1, "9999-12-31")]), "date");
        assert_eq!(shown(&[(1, "1900-01-01T00:00:00Z")]), "ms text:0");
        assert_eq!(shown(&[(1, "1899-12-31T23:59:00-00:01")]), "ms text:0-00:01");
    }

    #[test]
    fn a_given_unit_counts_what_it_gives_back() {
        let form = |all: &[&str], unit| {
            let found = form_of(&texts(all.iter().copied()), unit);
            found.map(|(form, count)| (Form::Text(form).to_string(), count))
        };
        let instants = [
            "2024-02-29T01:02:03.123456789Z",
            "2024-02-29T01:02:03.5Z",
            "2024-02-29T01:02:03.500Z",
        ];
        let is = |form: &str, count| Some((form.to_owned(), count));
        assert_eq!(form(&instants, TimeUnit::Nanos), is("text:trimmed", 2));
        assert_eq!(form(&instants, TimeUnit::Micros), is("text:1", 1));
        assert_eq!(form(&["yesterday", "2024-02-29 01:02:03Z"], TimeUnit::Micros), None);
        assert_eq!(form(&["2262-04-11T23:47:16.854775808Z"], TimeUnit::Nanos), None);
    }
}
