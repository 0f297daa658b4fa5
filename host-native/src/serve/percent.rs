//! Percent-encoding, as keys, signatures and paths of pages have it.

/// Percent-decodes once. A `+` stays one: S3 means a space only by `%20`.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|d| char::from(d).to_digit(16));
        bytes.push((digit()? * 16 + digit()?) as u8);
    }
    String::from_utf8(bytes).ok()
}

/// Percent-encodes all but unreserved characters, and slashes where they are to stay.
pub(crate) fn encode(text: &str, keep_slashes: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'~')
            || keep_slashes && byte == b'/';
        if plain {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
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
}
