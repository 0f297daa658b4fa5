//! The values that a filter compares with.

use std::cmp::Ordering;

use super::number::compare;
use crate::json::Number;
use crate::json::number::read_whole;
use crate::time::{date, date_text, moment, timestamp_text};
use crate::{Error, Result};

/// A value to compare with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Literal {
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(NumberLiteral),
    /// A string. It is compared as text, whatever it looks like.
    String(String),
    /// An instant.
    Instant(InstantLiteral),
    /// A date.
    Date(DateLiteral),
}

/// What kind of value a literal is. Values of different kinds are unequal, and have no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `true` and `false`; `false` is the smaller one.
    Boolean,
    /// Numbers, by their exact value.
    Number,
    /// Strings, in the order of their UTF-8 bytes.
    String,
    /// Strings that are RFC 3339 text, as the instant they name.
    Instant,
    /// Strings `YYYY-MM-DD` of the years 0001 to 9999, as the day they name.
    Date,
}

impl Literal {
    /// The kind of this value.
    pub fn kind(&self) -> Kind {
        match self {
            Literal::Boolean(_) => Kind::Boolean,
            Literal::Number(_) => Kind::Number,
            Literal::String(_) => Kind::String,
            Literal::Instant(_) => Kind::Instant,
            Literal::Date(_) => Kind::Date,
        }
    }

    /// The order of two literals; `None` if their kinds differ.
    pub fn compare(&self, other: &Literal) -> Option<Ordering> {
        match (self, other) {
            (Literal::Boolean(one), Literal::Boolean(other)) => Some(one.cmp(other)),
            (Literal::Number(one), Literal::Number(other)) => {
                Some(compare(one.number(), other.number()))
            }
            (Literal::String(one), Literal::String(other)) => Some(one.cmp(other)),
            (Literal::Instant(one), Literal::Instant(other)) => Some(one.cmp(other)),
            (Literal::Date(one), Literal::Date(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }

    /// An order of all literals, for lists: by kind, and within a kind by value.
    pub(super) fn place(&self, other: &Literal) -> Ordering {
        self.kind().cmp(&other.kind()).then(self.compare(other).unwrap_or(Ordering::Equal))
    }
}

/// A number, with its exact value.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberLiteral(Held);

#[derive(Debug, Clone, PartialEq)]
enum Held {
    Int(i64),
    Big(u64),
    Double(f64),
    /// A literal that no other variant can hold.
    Literal(String),
}

impl NumberLiteral {
    /// Reads a number in the syntax of JSON. An error of kind `Settings` for every other text.
    pub fn read(text: &str) -> Result<Self> {
        let wrong = || {
            let shown: String = text.chars().take(40).collect();
            Error::settings(format!("{shown:?} is not a number; write it as JSON does"))
        };
        read_whole(text).and_then(NumberLiteral::of).ok_or_else(wrong)
    }

    /// A finite double, with the value of its shortest decimal form.
    pub(in crate::scan) fn double(value: f64) -> Self {
        NumberLiteral(Held::Double(value))
    }

    /// `None` for an infinity, or not a number.
    pub(super) fn of(number: Number<'_>) -> Option<Self> {
        Some(NumberLiteral(match number {
            Number::Int(value) => Held::Int(value),
            Number::Big(value) => Held::Big(value),
            Number::Double(value) if value.is_finite() => Held::Double(value),
            Number::Double(_) => return None,
            Number::Literal(text) => Held::Literal(text.to_owned()),
        }))
    }

    /// The number as the JSON of rows has it.
    pub fn number(&self) -> Number<'_> {
        match &self.0 {
            Held::Int(value) => Number::Int(*value),
            Held::Big(value) => Number::Big(*value),
            Held::Double(value) => Number::Double(*value),
            Held::Literal(text) => Number::Literal(text),
        }
    }
}

impl From<i64> for NumberLiteral {
    fn from(value: i64) -> Self {
        NumberLiteral(Held::Int(value))
    }
}

/// An instant, to 10^-18 seconds, within the years 0001 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstantLiteral {
    /// Whole seconds since 1970 in UTC, rounded down.
    seconds: i64,
    /// The rest, in units of 10^-18 seconds.
    fraction: i64,
}

impl InstantLiteral {
    /// Reads RFC 3339 text in any zone, with at most 18 digits after the point; `None` for other
    /// text. `T` can be a blank, and letters can have either case, as RFC 3339 allows.
    pub fn read(text: &str) -> Option<Self> {
        let (seconds, fraction) = moment(text)?;
        Some(InstantLiteral { seconds, fraction })
    }

    /// The instant that is so many units of `10^-unit_digits` seconds after 1970 in UTC;
    /// `unit_digits` is at most 9. `None` outside the years 0001 to 9999.
    pub fn of_unit(value: i64, unit_digits: u8) -> Option<Self> {
        if unit_digits > 9 {
            return None;
        }
        Self::read(&timestamp_text(value, unit_digits, None, None)?)
    }

    /// RFC 3339 text in UTC, with as many digits after the point as it takes.
    pub fn text(&self) -> String {
        let mut text = timestamp_text(self.seconds, 0, None, None).unwrap_or_default();
        if self.fraction != 0 {
            let fraction = format!(".{:018}", self.fraction);
            text.truncate(text.len() - 1);
            text.push_str(fraction.trim_end_matches('0'));
            text.push('Z');
        }
        text
    }
}

/// A date within the years 0001 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateLiteral(i32);

impl DateLiteral {
    /// Reads `YYYY-MM-DD`; `None` for other text.
    pub fn read(text: &str) -> Option<Self> {
        date(text).map(DateLiteral)
    }

    /// The day that is so many days after 1970-01-01; `None` outside the years 0001 to 9999.
    pub fn of_days(days: i32) -> Option<Self> {
        Self::read(&date_text(i64::from(days))?)
    }

    /// The date as `YYYY-MM-DD`.
    pub fn text(&self) -> String {
        date_text(i64::from(self.0)).unwrap_or_default()
    }
}
