//! Bytes as hexadecimal digits, text with percent signs (RFC 3986), and words in short texts.

/// Bytes as hexadecimal digits, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(b"0123456789abcdef", byte >> 4));
        text.push(digit(b"0123456789abcdef", byte & 15));
    }
    text
}

/// The bytes of pairs of hexadecimal digits, of either case; `None` if the text has something else.
pub(crate) fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| byte(*pair.first()?, *pair.get(1)?)).collect()
}

/// The text with each byte as `%XX`, in upper case, for which `keeps` is false.
pub(crate) fn percent_encoded(text: &str, keeps: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        if keeps(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(digit(b"0123456789ABCDEF", byte >> 4));
            encoded.push(digit(b"0123456789ABCDEF", byte & 15));
        }
    }
    encoded
}

/// The text with each `%XX` decoded; `None` if a `%` has no two digits, or if the bytes are not
/// UTF-8.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(next) = rest.next() {
        bytes.push(match next {
            b'%' => byte(rest.next()?, rest.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Where the word first occurs in a short text. In WebAssembly, the standard library's search is
/// 3 KB of code that a page has to download.
pub(crate) fn find(text: &str, word: &str) -> Option<usize> {
    text.as_bytes().windows(word.len()).position(|part| part == word.as_bytes())
}

fn digit(digits: &[u8; 16], half: u8) -> char {
    char::from(digits[usize::from(half & 15)])
}

fn byte(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (char::from(high).to_digit(16)?, char::from(low).to_digit(16)?);
    Some((high * 16 + low) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_go_there_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(from_hex(&hex(&all)), Some(all.clone()));
        assert_eq!(from_hex(&hex(&all).to_uppercase()), Some(all));
        for bad in ["0", "0g", "+1", "é"] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_word_is_found_where_the_standard_library_finds_it() {
        for text in ["", "x", "://", "a:/b://c", "é://é", "ab</a></b"] {
            for word in ["://", "</", "x", "é"] {
                assert_eq!(find(text, word), text.find(word), "{text} {word}");
            }
        }
    }

    #[test]
    fn percent_signs_stand_for_bytes() {
        let encoded = percent_encoded("a/é %", |byte| byte.is_ascii_alphanumeric());
        assert_eq!(encoded, "a%2F%C3%A9%20%25");
        assert_eq!(percent_decoded(&encoded).unwrap(), "a/é %");
        assert_eq!(percent_decoded("%c3%A9").unwrap(), "é");
        for bad in ["%", "%2", "%2g", "%C3", "a%+1"] {
            assert_eq!(percent_decoded(bad), None, "{bad}");
        }
    }
}
