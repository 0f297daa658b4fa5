//! Reads JSON objects from outside field by field, so that an error names the field.

use serde_json::{Map, Value};

use crate::{Error, LsnRange, Result, json};

/// The longest upload id that is accepted; stores give some 40 to 150 characters.
const UPLOAD_ID_BYTES_MAX: usize = 2_048;

/// Integers below this are exact in every JSON reader: they fit a double (RFC 8259, section 6).
const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// An object being read. Fields that it is not asked for are ignored: a later version may have
/// added them.
pub(super) struct Fields<'v> {
    map: &'v Map<String, Value>,
    /// What the object is, for errors.
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

    /// The field, if it is there and not null.
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
        value.as_u64().ok_or_else(|| self.wrong(name, "is not a whole number of at least 0"))
    }

    pub(super) fn object(&self, name: &str) -> Result<Fields<'v>> {
        Fields::new(self.required(name)?, format!("{name:?} of {}", self.place))
    }

    pub(super) fn array(&self, name: &str) -> Result<&'v [Value]> {
        let value = self.required(name)?;
        value.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong(name, "is not an array"))
    }

    /// An object whose values are all strings, such as headers.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<(String, String)>> {
        let fields = self.object(name)?;
        let text = |(name, value): (&String, &Value)| match value.as_str() {
            Some(text) => Ok((name.clone(), text.to_owned())),
            None => Err(fields.wrong(name, "is not a string")),
        };
        fields.map.iter().map(text).collect()
    }

    /// `min_lsn` and `max_lsn`: decimal strings, or numbers that no JSON reader rounds.
    pub(super) fn lsns(&self) -> Result<LsnRange> {
        LsnRange::new(self.lsn("min_lsn")?, self.lsn("max_lsn")?)
    }

    /// The same, where one of them may be missing: the range then has no end on that side. `None`
    /// if both are missing.
    pub(super) fn optional_lsns(&self) -> Result<Option<LsnRange>> {
        let lsn = |name| self.optional(name).map(|_| self.lsn(name)).transpose();
        match (lsn("min_lsn")?, lsn("max_lsn")?) {
            (None, None) => Ok(None),
            (min, max) => LsnRange::new(min.unwrap_or(0), max.unwrap_or(u64::MAX)).map(Some),
        }
    }

    fn lsn(&self, name: &str) -> Result<u64> {
        self.large(
            name,
            "is not an LSN; write a decimal string such as \"41\" (or a number below 2^53)",
        )
    }

    /// A whole number that may be too large for a double: a decimal string, or a number that no
    /// JSON reader rounds. `else_what` completes `has a "name" that …`.
    pub(super) fn large(&self, name: &str, else_what: &str) -> Result<u64> {
        let value = self.required(name)?;
        let digits = value.as_str().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number = value.as_u64().filter(|number| *number < EXACT_INTEGER_MAX);
        let read = digits.and_then(|digits| digits.parse().ok()).or(number);
        read.ok_or_else(|| self.wrong(name, else_what))
    }

    pub(super) fn wrong(&self, name: &str, what: &str) -> Error {
        self.error(format_args!("has a {name:?} that {what}"))
    }
}

/// What is wrong with an upload id, as the end of a sentence; `None` if it is valid.
pub(super) fn wrong_with_upload_id(id: &str) -> Option<&'static str> {
    if id.is_empty() {
        return Some("is empty");
    }
    if id.len() > UPLOAD_ID_BYTES_MAX {
        return Some("is longer than 2,048 bytes");
    }
    (!id.bytes().all(|b| b.is_ascii_graphic()))
        .then_some("has a character that is not visible ASCII")
}

/// The field `upload_id`, checked.
pub(super) fn upload_id(fields: &Fields<'_>) -> Result<String> {
    let id = fields.text("upload_id")?;
    match wrong_with_upload_id(id) {
        Some(wrong) => Err(fields.error(format_args!("has an \"upload_id\" that {wrong}"))),
        None => Ok(id.to_owned()),
    }
}

/// Reads JSON. The error of kind `Settings` begins with `what`.
pub(super) fn read_json(text: &str, what: &str) -> Result<Value> {
    json::value::read(text).map_err(|error| Error::settings(format!("{what} is not JSON: {error}")))
}

/// Writes JSON, on one line.
pub(super) fn write_json(value: &impl serde::Serialize) -> String {
    // The callers' structs have only strings, numbers and string maps, so this cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}
