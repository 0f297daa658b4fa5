//! The form that values of a timestamp or a decimal have in the JSON.

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "arrow")]
use crate::time::timestamp_text;
use crate::time::{minutes_ahead, offset_text};
use crate::{Error, Result};

/// The form that values of a timestamp or a decimal have in the JSON. Decoding gives the same form
/// back.
///
/// A text in another form goes into the column too, and is also rescued. So does a number in a
/// decimal column of texts. A number in a timestamp column of texts is rescued alone: it may count
/// seconds, or anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A JSON number: the timestamp in its unit, or the decimal itself.
    Number,
    /// A JSON string.
    Text(TextForm),
}

/// The form of the text of a timestamp (RFC 3339: `2024-02-29T23:59:59.5Z`) or of a decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextForm {
    /// The digits after the point.
    pub digits: Digits,
    /// How the zone of a timestamp is written; of a decimal always [`Zone::Utc`].
    pub zone: Zone,
}

/// The digits after the point of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digits {
    /// So many in every text.
    Fixed(u8),
    /// As many as it takes, so that none at the end is 0. A whole second has no point.
    Trimmed,
}

/// The zone of a text. The column holds the instant in UTC, whatever the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// UTC, written as the letter `Z`.
    Utc,
    /// This many minutes ahead of UTC, written `±HH:MM`; from -1439 to 1439. 0 is `+00:00`.
    Offset(i16),
}

impl TextForm {
    /// This many digits after the point; the letter `Z` for the zone of a timestamp.
    pub const fn fixed(digits: u8) -> Self {
        TextForm { digits: Digits::Fixed(digits), zone: Zone::Utc }
    }
}

#[cfg(feature = "arrow")]
impl TextForm {
    /// The text of a timestamp that is so many units of `10^-unit_digits` seconds after 1970 in
    /// UTC; `None` outside the years 0001 to 9999. If the digits of the form cannot hold it, it has
    /// all digits of the unit and the zone `Z`.
    pub fn timestamp(&self, value: i64, unit_digits: u8) -> Option<String> {
        timestamp_text(value, unit_digits, self.digits.fixed(), self.zone.offset())
            .or_else(|| timestamp_text(value, unit_digits, Some(unit_digits), None))
    }
}

impl Zone {
    /// The minutes of an offset.
    pub(crate) fn offset(self) -> Option<i16> {
        match self {
            Zone::Utc => None,
            Zone::Offset(minutes) => Some(minutes),
        }
    }
}

impl Digits {
    /// The number of digits, if it is fixed.
    pub(crate) fn fixed(self) -> Option<u8> {
        match self {
            Digits::Fixed(digits) => Some(digits),
            Digits::Trimmed => None,
        }
    }
}

/// The text in the JSON form of a schema: `number`, `text:3`, `text:trimmed`, `text:6+00:00`.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Form::Text(TextForm { digits, zone }) = self else { return f.write_str("number") };
        match digits {
            Digits::Fixed(digits) => write!(f, "text:{digits}"),
            Digits::Trimmed => f.write_str("text:trimmed"),
        }?;
        match zone {
            Zone::Utc => Ok(()),
            Zone::Offset(minutes) => f.write_str(&offset_text(*minutes)),
        }
    }
}

impl FromStr for Form {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        read(text).ok_or_else(|| {
            Error::settings(format!(
                "{text:?} is not a form; choose \"number\", \"text:DIGITS\" or \"text:trimmed\", \
                 for a timestamp with an offset behind it if its texts have one: \"text:3+02:00\""
            ))
        })
    }
}

fn read(text: &str) -> Option<Form> {
    if text == "number" {
        return Some(Form::Number);
    }
    let form = text.strip_prefix("text:")?;
    let (digits, zone) = form.split_at(form.find(['+', '-']).unwrap_or(form.len()));
    let digits = match digits {
        "trimmed" => Digits::Trimmed,
        digits => Digits::Fixed(digits.parse().ok()?),
    };
    let zone = match zone {
        "" => Zone::Utc,
        // RFC 3339 keeps it for times whose zone is unknown.
        "-00:00" => return None,
        zone => Zone::Offset(minutes_ahead(zone.as_bytes())?),
    };
    Some(Form::Text(TextForm { digits, zone }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_read_what_they_print() {
        for text in [
            "number",
            "text:0",
            "text:38",
            "text:trimmed",
            "text:6+00:00",
            "text:trimmed-05:30",
            "text:0+23:59",
            "text:3-23:59",
        ] {
            assert_eq!(text.parse::<Form>().unwrap().to_string(), text);
        }
        assert_eq!("text:3".parse::<Form>().unwrap(), Form::Text(TextForm::fixed(3)));
        for bad in [
            "",
            "text",
            "text:",
            "text:x",
            "text:-1",
            "text:256",
            "text:3Z",
            "text:3+0200",
            "text:3+24:00",
            "text:3-00:00",
            "text:3+02:00 ",
            "number+02:00",
            "text:+02:00",
        ] {
            assert!(bad.parse::<Form>().is_err(), "{bad}");
        }
    }
}
