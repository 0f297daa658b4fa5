//! Why a text is not JSON, and the error that says so.

use crate::{Error, ErrorKind, Result};

/// Why and where a text is not JSON.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Bytes from the start of the text.
    pub(crate) offset: usize,
    pub(crate) reason: &'static str,
    /// The text ended too soon. With more text it can be JSON.
    pub(crate) unfinished: bool,
}

impl Fault {
    pub(crate) fn new(offset: usize, reason: &'static str) -> Self {
        Fault { offset, reason, unfinished: false }
    }

    pub(super) fn end(offset: usize) -> Self {
        Fault { offset, reason: "the text ends inside a document", unfinished: true }
    }
}

/// `bytes` as text, or an error that names the line of the first byte that is not UTF-8.
pub(crate) fn utf8(bytes: &[u8], first_line: u64) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let reason = "the text is not UTF-8; convert it to UTF-8 first";
        let fault = Fault::new(error.valid_up_to(), reason);
        syntax_error(bytes, fault, first_line)
    })
}

/// The error for a fault in `bytes`, which start on line `first_line`.
pub(crate) fn syntax_error(bytes: &[u8], fault: Fault, first_line: u64) -> Error {
    let before = &bytes[..fault.offset.min(bytes.len())];
    let line = first_line + newlines(before);
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    let reason = match first_line {
        1 => utf16(bytes).unwrap_or(fault.reason),
        _ => fault.reason,
    };
    Error::new(ErrorKind::Row, format!("not JSON at character {column}: {reason}")).at_line(line)
}

/// What to say of a text that begins as UTF-16 does. JSON begins with ASCII, and UTF-16 writes that
/// as a NUL and a byte. A NUL is never JSON (RFC 8259), so this cannot mistake JSON.
fn utf16(text: &[u8]) -> Option<&'static str> {
    const LITTLE: &str = "the text looks like UTF-16 (little-endian); convert it to UTF-8, for \
                          example: iconv -f UTF-16LE -t UTF-8";
    const BIG: &str = "the text looks like UTF-16 (big-endian); convert it to UTF-8, for example: \
                       iconv -f UTF-16BE -t UTF-8";
    match text {
        [0xFF, 0xFE, ..] => Some(LITTLE),
        [0xFE, 0xFF, ..] => Some(BIG),
        [1..=0x7F, 0] | [1..=0x7F, 0, 1..=0xFF, ..] => Some(LITTLE),
        [0, 1..=0x7F, ..] => Some(BIG),
        _ => None,
    }
}

pub(crate) fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
