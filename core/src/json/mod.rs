//! JSON as RFC 8259 has it: bytes into events, and values into text.
//!
//! Our own tokenizer, because the law needs to see a number's literal before anything rounds it,
//! and because no tree is to be built between the bytes and the columns.

mod events;
pub(crate) mod fault;
pub(crate) mod number;
pub(crate) mod text;
pub(crate) mod tokenizer;
pub(crate) mod value;

use crate::Result;
pub use events::Events;
use fault::Fault;
pub(crate) use fault::{newlines, syntax_error, utf8};
pub use number::Number;
pub use text::{JsonText, write_number, write_string};

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
/// An error of kind `Row` names the line and the reason; the events before it have been passed by
/// then.
pub fn read(bytes: &[u8], events: &mut impl Events) -> Result<()> {
    let text = utf8(bytes, 1)?;
    let at_fault = |fault: Fault| syntax_error(bytes, fault, 1);
    let end = tokenizer::tell(text, events).map_err(at_fault)?;
    let end = tokenizer::skip_white_space(bytes, end);
    if end < bytes.len() {
        return Err(at_fault(Fault::new(end, "text follows the end of the document")));
    }
    Ok(())
}
