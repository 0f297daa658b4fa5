//! Percent-encoding for keys, signatures and paths of pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All characters except the unreserved ones of RFC 3986, as S3 signs them.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const RESERVED_BUT_SLASH: &AsciiSet = &RESERVED.remove(b'/');

/// Percent-decodes once. A `+` stays a `+`, because S3 writes a space only as `%20`.
///
/// None if a `%` is not followed by two hexadecimal digits, or if the result is not UTF-8.
pub fn decode(text: &str) -> Option<String> {
    // The crate would keep a `%` without digits.
    let mut behind_percent = text.split('%').skip(1);
    let is_whole = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !behind_percent.all(is_whole) {
        return None;
    }
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

/// Percent-encodes all except unreserved characters, and except slashes if they are to stay.
pub fn encode(text: &str, keep_slashes: bool) -> String {
    let set = if keep_slashes { RESERVED_BUT_SLASH } else { RESERVED };
    utf8_percent_encode(text, set).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_once() {
        assert_eq!(decode("/b/a%252Fb%20c").unwrap(), "/b/a%2Fb c");
        assert_eq!(encode("/b/a%2Fb c~é", true), "/b/a%252Fb%20c~%C3%A9");
        assert_eq!(encode("a/b", false), "a%2Fb");
    }

    #[test]
    fn what_is_not_encoded_whole_is_not_decoded() {
        for wrong in ["%", "a%2", "a%2g", "a%é", "%FF", "%%20"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        assert_eq!(decode("a+b").unwrap(), "a+b");
    }
}
