//! JSON objects of strangers, read by hand so that an error names the field.

use serde_json::{Map, Value};

use crate::{Error, LsnRange, Result};

/// Integers that every JSON reader keeps whole.
const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// An object being read. Fields that nobody asks for are passed over: a later version may have added them.
pub(super) struct Fields<'v> {
    map: &'v Map<String, Value>,
    place: String,
}

impl<'v> Fields<'v> {
    pub(super) fn new(value: &'v Value, place: impl Into<String>) -> Result<Self> {
        let place = place.into();
        match value.as_object() {
            Some(map) => Ok(Fields { map, place }),
            None => Err(Error::settings(format!("{place} is not a JSON object"))),
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::settings(format!("{} {what}", self.place))
    }

    /// A field, where it is there and not null.
    pub(super) fn optional(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn required(&self, name: &str) -> Result<&'v Value> {
        self.optional(name).ok_or_else(|| self.error(format_args!("has no {name:?}")))
    }

    pub(super) fn text(&self, name: &str) -> Result<&'v str> {
        let value = self.required(name)?;
        value.as_str().ok_or_else(|| self.wrong(name, "is not a string"))
    }

    pub(super) fn number(&self, name: &str) -> Result<u64> {
        let value = self.required(name)?;
        value.as_u64().ok_or_else(|| self.wrong(name, "is not a whole number from 0"))
    }

    pub(super) fn object(&self, name: &str) -> Result<Fields<'v>> {
        Fields::new(self.required(name)?, format!("{name:?} of {}", self.place))
    }

    pub(super) fn array(&self, name: &str) -> Result<&'v [Value]> {
        let value = self.required(name)?;
        value.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong(name, "is not an array"))
    }

    /// A string map, such as headers are.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<(String, String)>> {
        let fields = self.object(name)?;
        let text = |(name, value): (&String, &Value)| match value.as_str() {
            Some(text) => Ok((name.clone(), text.to_owned())),
            None => Err(fields.wrong(name, "is not a string")),
        };
        fields.map.iter().map(text).collect()
    }

    /// `min_lsn` and `max_lsn`: decimal strings, or numbers that no reader can have rounded.
    pub(super) fn lsns(&self) -> Result<LsnRange> {
        LsnRange::new(self.lsn("min_lsn")?, self.lsn("max_lsn")?)
    }

    fn lsn(&self, name: &str) -> Result<u64> {
        let value = self.required(name)?;
        let digits = value.as_str().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number = value.as_u64().filter(|number| *number < EXACT_INTEGER_MAX);
        digits.and_then(|digits| digits.parse().ok()).or(number).ok_or_else(|| {
            self.wrong(
                name,
                "is no LSN; write a decimal string such as \"41\" (a number only below 2^53)",
            )
        })
    }

    fn wrong(&self, name: &str, what: &str) -> Error {
        self.error(format_args!("has a {name:?} that {what}"))
    }
}
