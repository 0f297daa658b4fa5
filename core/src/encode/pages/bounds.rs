//! Bounds of byte strings for statistics: short, and of texts between characters.

/// Bytes of a bound in statistics: readers need only enough to prune by.
const BOUND_BYTES_MAX: usize = 64;

/// A byte string that is not greater, short enough for statistics; and whether it is this one
/// itself.
pub(super) fn lower_bound(bytes: &[u8], text: bool) -> (Vec<u8>, bool) {
    let end = if text { cut(bytes) } else { bytes.len().min(BOUND_BYTES_MAX) };
    (bytes[..end].to_vec(), end == bytes.len())
}

/// A byte string that is not lower, also cut if it is long; the whole string if no short one is not
/// lower.
pub(super) fn upper_bound(bytes: &[u8], text: bool) -> (Vec<u8>, bool) {
    if text { upper_text(bytes) } else { upper_bytes(bytes) }
}

fn upper_bytes(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut short = bytes[..bytes.len().min(BOUND_BYTES_MAX)].to_vec();
    // A cut upper bound must not be lower than the whole value. So its last byte is raised by one;
    // if that is 0xFF already, the byte before it.
    if short.len() < bytes.len() {
        while let Some(last) = short.pop() {
            if last < u8::MAX {
                short.push(last + 1);
                return (short, false);
            }
        }
    }
    (bytes.to_vec(), true)
}

fn upper_text(text: &[u8]) -> (Vec<u8>, bool) {
    let end = cut(text);
    if end == text.len() {
        return (text.to_vec(), true);
    }
    let mut short = String::from_utf8_lossy(&text[..end]).into_owned();
    while let Some(last) = short.pop() {
        // The next character, past the gap of the surrogates.
        let next = (u32::from(last) + 1..=u32::from(last) + 0x801).find_map(char::from_u32);
        if let Some(next) = next {
            short.push(next);
            return (short.into_bytes(), false);
        }
    }
    (text.to_vec(), true)
}

/// Where a text of UTF-8 can be cut: within the limit, between characters.
fn cut(text: &[u8]) -> usize {
    if text.len() <= BOUND_BYTES_MAX {
        return text.len();
    }
    // A byte 10xxxxxx continues a character.
    (0..=BOUND_BYTES_MAX).rev().find(|at| text[*at] & 0xC0 != 0x80).unwrap_or(0)
}

/// The first eight bytes as a number that orders as they do.
#[inline]
pub(super) fn head(text: &[u8]) -> u64 {
    match text.first_chunk::<8>() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => {
            let mut chunk = [0; 8];
            chunk[..text.len()].copy_from_slice(text);
            u64::from_be_bytes(chunk)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_cut_between_characters() {
        let long = "é".repeat(40);
        let (low, exact) = lower_bound(long.as_bytes(), true);
        assert_eq!((low.len(), exact), (64, false));
        let (high, exact) = upper_bound(long.as_bytes(), true);
        assert!(high.as_slice() > long.as_bytes() && !exact);
        assert!(String::from_utf8(high).unwrap().ends_with('ê'));
        let greatest = "\u{10FFFF}".repeat(40);
        assert_eq!(upper_bound(greatest.as_bytes(), true), (greatest.clone().into_bytes(), true));
        let before_surrogates = format!("{}\u{D7FF}{greatest}", "a".repeat(61));
        let (high, exact) = upper_bound(before_surrogates.as_bytes(), true);
        assert!(high.as_slice() > before_surrogates.as_bytes() && !exact);
        assert!(String::from_utf8(high).unwrap().ends_with('\u{E000}'));
    }

    #[test]
    fn bounds_of_bytes_are_cut_anywhere() {
        let mut bytes = vec![7; 100];
        bytes[60..].fill(0xFF);
        assert_eq!(lower_bound(&bytes, false), (bytes[..64].to_vec(), false));
        assert_eq!(upper_bound(&bytes, false), ([vec![7; 59], vec![8]].concat(), false));
        assert_eq!(upper_bound(&[0xFF; 100], false), (vec![0xFF; 100], true));
        assert_eq!(upper_bound(b"short", false), (b"short".to_vec(), true));
    }

    #[test]
    fn heads_order_as_texts_do() {
        let texts: [&[u8]; 7] = [b"", b"\0", b"a", b"a\0", b"abcdefgh", b"abcdefgha", b"b"];
        for pair in texts.windows(2) {
            assert!((head(pair[0]), pair[0]) < (head(pair[1]), pair[1]));
        }
    }
}
