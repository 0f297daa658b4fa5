//! Writes rows as JSON that JavaScript's own parser reads without rounding a number.
//!
//! `JSON.parse` makes a double of every number. So a row with a whole number past ±2^53 is written
//! with marks: such a number becomes the string `#123`, and a string that begins with `#` gets one
//! more `#`. `js/src/decode.js` removes the marks, and makes a BigInt of each number.

use coldpress_core::json::{self, Events, JsonText, Number, write_number, write_string};
use coldpress_core::{Error, ErrorKind, Result};

const SAFE_MAX: i64 = (1 << 53) - 1;
const MARK: char = '#';

/// The text that we wrote, which is UTF-8 unless the file is damaged.
pub(crate) fn text(document: &[u8]) -> Result<&str> {
    std::str::from_utf8(document).map_err(|_| {
        Error::new(
            ErrorKind::Corrupt,
            "the file is damaged: a text is not UTF-8; fetch it again, or restore it",
        )
    })
}

/// Whether the document has a number that a JavaScript number cannot represent exactly.
pub(crate) fn needs_marks(document: &[u8]) -> Result<bool> {
    // Such a number has many digits or an exponent, so most rows need no further check.
    const DIGITS_MIN: usize = 16;
    let mut digits = 0;
    let suspect = document.iter().any(|byte| {
        let exponent = digits > 0 && byte | 32 == b'e';
        digits =
            if byte.is_ascii_digit() || (digits > 0 && *byte == b'.') { digits + 1 } else { 0 };
        exponent || digits >= DIGITS_MIN
    });
    if !suspect {
        return Ok(false);
    }
    let mut seen = Seen::default();
    json::read(document, &mut seen)?;
    Ok(seen.inexact)
}

/// Appends the document with marks; an error of kind `Limit` if JavaScript cannot represent a
/// number exactly.
pub(crate) fn write_marked(document: &[u8], row: u64, out: &mut String) -> Result<()> {
    let mut marked = Marked::default();
    json::read(document, &mut marked)?;
    match marked.inexact {
        None => {
            out.push_str(&marked.text.take());
            Ok(())
        }
        Some(literal) => Err(Error::new(
            ErrorKind::Limit,
            format!(
                "JavaScript would round the number {literal}; decode with as: 'ndjson' to get it \
                 as text"
            ),
        )
        .at_row(row)),
    }
}

/// Puts `_id` before the fields of a document that has none.
pub(crate) fn with_id(document: &mut Vec<u8>, id: &str) -> Result<()> {
    let mut seen = Seen::default();
    json::read(document, &mut seen)?;
    if seen.has_id {
        return Ok(());
    }
    let mut start = String::from("{\"_id\":");
    write_string(&mut start, id);
    if document.len() > 2 {
        start.push(',');
    }
    document.splice(..1, start.into_bytes());
    Ok(())
}

fn is_exact(number: Number<'_>) -> bool {
    match number {
        Number::Int(value) => value.unsigned_abs() <= SAFE_MAX.unsigned_abs(),
        Number::Double(_) => true,
        Number::Big(_) | Number::Literal(_) => false,
    }
}

/// What a walk over a document finds.
#[derive(Default)]
struct Seen {
    depth: usize,
    inexact: bool,
    /// A field `_id` at the top.
    has_id: bool,
}

impl Events for Seen {
    fn key(&mut self, name: &str) {
        self.has_id |= self.depth == 1 && name == "_id";
    }
    fn null(&mut self) {}
    fn boolean(&mut self, _: bool) {}
    fn number(&mut self, value: Number<'_>) {
        self.inexact |= !is_exact(value);
    }
    fn string(&mut self, _: &str) {}
    fn open_object(&mut self) {
        self.depth += 1;
    }
    fn close_object(&mut self) {
        self.depth -= 1;
    }
    fn open_array(&mut self) {
        self.depth += 1;
    }
    fn close_array(&mut self) {
        self.depth -= 1;
    }
}

/// A document as JSON text, with marks.
#[derive(Default)]
struct Marked {
    text: JsonText,
    /// A number that is neither a double nor a whole number.
    inexact: Option<String>,
}

impl Events for Marked {
    fn key(&mut self, name: &str) {
        self.text.key(name);
    }

    fn null(&mut self) {
        self.text.null();
    }

    fn boolean(&mut self, value: bool) {
        self.text.boolean(value);
    }

    fn number(&mut self, value: Number<'_>) {
        if is_exact(value) {
            return self.text.number(value);
        }
        if let Number::Literal(literal) = value
            && !literal.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        {
            self.inexact.get_or_insert_with(|| literal.to_owned());
        }
        let mut marked = String::from(MARK);
        write_number(&mut marked, value);
        self.text.string(&marked);
    }

    fn string(&mut self, value: &str) {
        match value.starts_with(MARK) {
            true => self.text.string(&format!("{MARK}{value}")),
            false => self.text.string(value),
        }
    }

    fn open_object(&mut self) {
        self.text.open_object();
    }

    fn close_object(&mut self) {
        self.text.close_object();
    }

    fn open_array(&mut self) {
        self.text.open_array();
    }

    fn close_array(&mut self) {
        self.text.close_array();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(document: &str) -> String {
        let mut out = String::new();
        write_marked(document.as_bytes(), 3, &mut out).unwrap();
        out
    }

    #[test]
    fn only_numbers_past_a_double_need_marks() {
        for exact in [
            "{}",
            r#"{"a":9007199254740991,"b":[0.30000000000000004,1e21,-0.0]}"#,
            r#"{"a":"9007199254740993"}"#,
        ] {
            assert!(!needs_marks(exact.as_bytes()).unwrap(), "{exact}");
        }
        for inexact in [
            "9007199254740992",
            "-9007199254740993",
            "18446744073709551616",
            "1e400",
            "123456789.01234567890123",
        ] {
            let document = format!(r#"{{"a":[{inexact}]}}"#);
            assert!(needs_marks(document.as_bytes()).unwrap(), "{inexact}");
        }
    }

    #[test]
    fn marks_stand_before_numbers_and_marked_strings() {
        let document = concat!(
            r###"{"#a":[9007199254740993,5,{"b":"#x","c":"x#\n"}],"###,
            r###""d":18446744073709551616,"e":null}"###,
        );
        let expected = concat!(
            r###"{"#a":["#9007199254740993",5,{"b":"##x","c":"x#\n"}],"###,
            r###""d":"#18446744073709551616","e":null}"###,
        );
        assert_eq!(marked(document), expected);
    }

    #[test]
    fn what_has_no_exact_form_is_an_error() {
        let error = write_marked(br#"{"a":1e400}"#, 3, &mut String::new()).unwrap_err();
        assert_eq!((error.kind(), error.row()), (ErrorKind::Limit, Some(3)));
        assert!(error.to_string().contains("1e400"), "{error}");
    }

    #[test]
    fn an_id_comes_first_where_there_is_none() {
        for (document, expected) in [
            ("{}", r#"{"_id":"x\"y"}"#),
            (r#"{"a":{"_id":1}}"#, r#"{"_id":"x\"y","a":{"_id":1}}"#),
            (r#"{"a":1,"_id":7}"#, r#"{"a":1,"_id":7}"#),
        ] {
            let mut document = document.as_bytes().to_vec();
            with_id(&mut document, "x\"y").unwrap();
            assert_eq!(std::str::from_utf8(&document).unwrap(), expected);
        }
    }
}
