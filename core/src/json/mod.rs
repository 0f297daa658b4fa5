//! JSON as RFC 8259 has it: bytes into events, and values into text.
//!
//! Our own tokenizer, because the law needs to see a number's literal before anything rounds it, and
//! because no tree is to be built between the bytes and the columns.

pub(crate) mod number;
pub(crate) mod text;
pub(crate) mod tokenizer;
pub(crate) mod value;

use crate::{Error, ErrorKind, Result};
pub use number::Number;
pub use text::{write_number, write_string};
use tokenizer::{Fault, Tokenizer};

/// What a document is made of, in the order it is read.
pub trait Events {
    /// The name of the next value of the open object.
    fn key(&mut self, name: &str);
    /// `null`.
    fn null(&mut self);
    /// `true` or `false`.
    fn boolean(&mut self, value: bool);
    /// A number; a [`Number::Literal`] must be a JSON number literal that no other variant can hold.
    fn number(&mut self, value: Number<'_>);
    /// A string.
    fn string(&mut self, value: &str);
    /// The start of an object: of each field, its key and then its value come next.
    fn open_object(&mut self);
    /// The end of the innermost object.
    fn close_object(&mut self);
    /// The start of an array: its elements come next.
    fn open_array(&mut self);
    /// The end of the innermost array.
    fn close_array(&mut self);
}

/// Checks that `bytes` are exactly one JSON document (RFC 8259), in UTF-8.
///
/// An error of kind `Row` names the line and the reason.
///
/// ```
/// assert!(coldpress_core::json::validate(b"[1, 2.5e3, null]").is_ok());
/// let error = coldpress_core::json::validate(b"[1,]").unwrap_err();
/// assert_eq!(error.line(), Some(1));
/// ```
pub fn validate(bytes: &[u8]) -> Result<()> {
    struct Nothing;
    impl Events for Nothing {
        fn key(&mut self, _: &str) {}
        fn null(&mut self) {}
        fn boolean(&mut self, _: bool) {}
        fn number(&mut self, _: Number<'_>) {}
        fn string(&mut self, _: &str) {}
        fn open_object(&mut self) {}
        fn close_object(&mut self) {}
        fn open_array(&mut self) {}
        fn close_array(&mut self) {}
    }
    read(bytes, &mut Nothing)
}

/// Passes exactly one JSON document (RFC 8259, UTF-8) on as events.
///
/// An error of kind `Row` names the line and the reason; the events before it have been passed by then.
pub fn read(bytes: &[u8], events: &mut impl Events) -> Result<()> {
    let text = utf8(bytes, 1)?;
    let at_fault = |fault: Fault| syntax_error(bytes, fault, 1);
    let end = Tokenizer::default().document(text, 0, events).map_err(at_fault)?;
    let end = tokenizer::skip_white_space(bytes, end);
    if end < bytes.len() {
        return Err(at_fault(Fault::new(end, "something follows the end of the document")));
    }
    Ok(())
}

/// `bytes` as text, or an error that names the line of the first byte that is not UTF-8.
pub(crate) fn utf8(bytes: &[u8], first_line: u64) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let fault = Fault::new(error.valid_up_to(), "the text is not UTF-8; convert it first");
        syntax_error(bytes, fault, first_line)
    })
}

/// The error a fault in `bytes` is, where `bytes` start on line `first_line`.
pub(crate) fn syntax_error(bytes: &[u8], fault: Fault, first_line: u64) -> Error {
    let before = &bytes[..fault.offset.min(bytes.len())];
    let line = first_line + newlines(before);
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    Error::new(ErrorKind::Row, format!("not JSON at character {column}: {}", fault.reason))
        .at_line(line)
}

pub(crate) fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
