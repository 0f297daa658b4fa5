//! Columns of texts that are instants or days, with some that are something else.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// How a column writes its instants, or that it has days.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// So many digits after the point, and this zone.
    Fixed(usize, &'static str),
    /// Without zeros at the end, and this zone.
    Trimmed(&'static str),
    /// `YYYY-MM-DD`.
    Day,
}

impl Form {
    /// The text of an instant, in microseconds since 1970 by the clock of the zone. Written with a
    /// calendar of its own, because a judge shares nothing with those it judges.
    pub fn print(self, micros: i64) -> String {
        let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let day = day(days);
        let clock = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
        let digits = format!("{fraction:06}");
        let with = |digits: &str, zone| match digits {
            "" => format!("{day}T{clock}{zone}"),
            digits => format!("{day}T{clock}.{digits}{zone}"),
        };
        match self {
            Form::Day => day,
            Form::Fixed(count, zone) => with(&digits[..count], zone),
            Form::Trimmed(zone) => with(digits.trim_end_matches('0'), zone),
        }
    }
}

/// The texts of one form.
pub fn texts(form: Form) -> impl Strategy<Value = String> {
    instant().prop_map(move |micros| form.print(micros))
}

/// Any form.
pub fn forms() -> impl Strategy<Value = Form> {
    let zone = || select(vec!["Z", "Z", "+00:00", "+02:00", "-05:30", "+23:59", "-23:59"]);
    prop_oneof![
        4 => (0..=6_usize, zone()).prop_map(|(digits, zone)| Form::Fixed(digits, zone)),
        2 => zone().prop_map(Form::Trimmed),
        2 => Just(Form::Day),
    ]
}

/// A form; a column with texts that are mostly of this form; and how many of them may be others.
pub fn columns() -> impl Strategy<Value = (Form, Vec<String>, usize)> {
    (forms(), 1..260_usize, 0..4_usize).prop_flat_map(|(form, count, others)| {
        let texts = vec(texts(form), count..=count);
        let others = vec((any::<prop::sample::Index>(), other()), others..=others);
        (Just(form), texts, others).prop_map(|(form, mut texts, others)| {
            let count = others.len();
            for (at, other) in others {
                let at = at.index(texts.len());
                texts[at] = other;
            }
            (form, texts, count)
        })
    })
}

/// Most years that people write, the years that all engines read, and whole seconds.
fn instant() -> impl Strategy<Value = i64> {
    const SECOND: i64 = 1_000_000;
    prop_oneof![
        6 => 0..4_102_444_800 * SECOND,
        // A day less at both ends, for the zones.
        2 => (-25_566 * 86_400..2_932_895 * 86_400_i64).prop_map(|seconds| seconds * SECOND),
        1 => -1_000_000..1_000_000_i64,
        1 => (0..4_102_444_800_000_i64).prop_map(|millis| millis * 1_000),
    ]
}

/// Texts that are of no form, or of another one.
fn other() -> impl Strategy<Value = String> {
    let near = select(vec![
        "",
        "2024-02-29",
        "2023-02-29",
        "0000-01-01",
        "2024-02-29T01:02:03Z",
        "2024-02-29T01:02:03.120Z",
        "2024-02-29T01:02:03.1234567Z",
        "2024-02-29T01:02:03.123456000Z",
        "2024-02-29T01:02:03+01:00",
        "2024-02-29T01:02:03-00:00",
        "2024-02-29 01:02:03Z",
        "2024-02-29t01:02:03z",
        "2016-12-31T23:59:60Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2024-02-29T01:02:03",
        "yesterday",
        "0001-01-01",
        "1582-10-14",
        "1899-12-31T23:59:59Z",
        "1900-01-01T00:00:00+00:01",
        "0001-01-01T00:00:00.000000Z",
    ]);
    prop_oneof![4 => near.prop_map(str::to_owned), 1 => ".{0,40}"]
}

/// The day so many days after 1970-01-01, counted year by year and month by month.
fn day(mut days: i64) -> String {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days < 0 {
        year -= 1;
        days += 365 + i64::from(leap(year));
    }
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}
