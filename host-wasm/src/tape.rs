//! Reads rows from JavaScript: a tape of operations, typed arrays, and one text.
//!
//! `js/src/tape.js` writes it. One byte of the tape says what comes. Numbers, lengths and names are
//! in arrays of their own. All strings of a batch are in one text, one after the other, because
//! encoding one long string is many times faster than encoding thousands of short ones. Lengths
//! count UTF-16 units, as JavaScript does.

use coldpress_core::json::{Events, Number};
use coldpress_core::{Document, Error, ErrorKind, Result};

/// What a byte of the tape says. `js/src/tape.js` has the same numbers.
mod op {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    /// A word, as a signed integer.
    pub(super) const INT: u8 = 3;
    /// A double that is a whole number within ±2^53.
    pub(super) const WHOLE: u8 = 4;
    /// A double.
    pub(super) const DOUBLE: u8 = 5;
    /// A string that is the digits of an integer.
    pub(super) const DIGITS: u8 = 6;
    /// A string.
    pub(super) const STRING: u8 = 7;
    pub(super) const OPEN_OBJECT: u8 = 8;
    pub(super) const CLOSE_OBJECT: u8 = 9;
    pub(super) const OPEN_ARRAY: u8 = 10;
    pub(super) const CLOSE_ARRAY: u8 = 11;
    /// A word with the number of a name, in order of first appearance. A new name is a string.
    pub(super) const KEY: u8 = 12;
}

/// Field names in order of first appearance.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<Box<str>>);

/// A batch of whole rows.
#[derive(Debug)]
pub(crate) struct Tape<'t> {
    ops: std::slice::Iter<'t, u8>,
    words: std::slice::Iter<'t, u32>,
    doubles: std::slice::Iter<'t, f64>,
    text: &'t str,
    /// Every UTF-16 unit is one byte.
    ascii: bool,
}

impl<'t> Tape<'t> {
    pub(crate) fn new(
        ops: &'t [u8],
        words: &'t [u32],
        doubles: &'t [f64],
        text: &'t [u8],
        text_units: usize,
    ) -> Result<Self> {
        Ok(Tape {
            ops: ops.iter(),
            words: words.iter(),
            doubles: doubles.iter(),
            text: std::str::from_utf8(text).map_err(|_| broken())?,
            ascii: text.len() == text_units,
        })
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.ops.as_slice().is_empty()
    }

    /// Passes the next document on.
    pub(crate) fn document(
        &mut self,
        names: &mut Names,
        document: &mut Document<'_>,
    ) -> Result<()> {
        let mut depth = 0_usize;
        loop {
            match *self.ops.next().ok_or_else(broken)? {
                op::NULL => document.null(),
                op::FALSE => document.boolean(false),
                op::TRUE => document.boolean(true),
                op::INT => document.number(Number::Int(i64::from(self.word()? as i32))),
                op::WHOLE => document.number(Number::Int(self.double()? as i64)),
                op::DOUBLE => document.number(Number::Double(self.double()?)),
                op::DIGITS => document.number(Number::Literal(self.string()?)),
                op::STRING => document.string(self.string()?),
                op::OPEN_OBJECT => {
                    depth += 1;
                    document.open_object();
                }
                op::OPEN_ARRAY => {
                    depth += 1;
                    document.open_array();
                }
                op::CLOSE_OBJECT => {
                    depth = depth.saturating_sub(1);
                    document.close_object();
                }
                op::CLOSE_ARRAY => {
                    depth = depth.saturating_sub(1);
                    document.close_array();
                }
                op::KEY => {
                    document.key(self.name(names)?);
                    continue;
                }
                _ => return Err(broken()),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn name<'n>(&mut self, names: &'n mut Names) -> Result<&'n str> {
        let at = self.word()? as usize;
        if at == names.0.len() {
            names.0.push(self.string()?.into());
        }
        names.0.get(at).map(AsRef::as_ref).ok_or_else(broken)
    }

    #[inline]
    fn word(&mut self) -> Result<u32> {
        self.words.next().copied().ok_or_else(broken)
    }

    #[inline]
    fn double(&mut self) -> Result<f64> {
        self.doubles.next().copied().ok_or_else(broken)
    }

    #[inline]
    fn string(&mut self) -> Result<&'t str> {
        let units = self.word()? as usize;
        let end = if self.ascii { units } else { utf8_len(self.text, units)? };
        let (string, rest) = self.text.split_at_checked(end).ok_or_else(broken)?;
        self.text = rest;
        Ok(string)
    }
}

/// Bytes of the first `units` UTF-16 units of `text`.
fn utf8_len(text: &str, units: usize) -> Result<usize> {
    let (mut left, mut end) = (units, 0);
    let mut chars = text.chars();
    while left > 0 {
        let char = chars.next().ok_or_else(broken)?;
        // A surrogate pair across the end of a string is two lone surrogates.
        left = left.checked_sub(char.len_utf16()).ok_or_else(broken)?;
        end += char.len_utf8();
    }
    Ok(end)
}

/// The error of a wrong tape. `js/src/tape.js` finds mistakes of the caller itself, so this is our
/// bug.
fn broken() -> Error {
    Error::new(
        ErrorKind::Misuse,
        "a batch of rows cannot be read; this is a bug of coldpress: please report it",
    )
}
