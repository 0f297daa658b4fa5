//! Texts that are cut to be bounds: short, and of whole characters.

/// Characters of a bound in the log. Other writers of Delta cut at as many.
pub(in crate::table) const CHARS_MAX: usize = 32;

/// A text that is not above this one, or above any text that begins with these bytes.
pub(in crate::table) fn lower(bytes: &[u8]) -> String {
    // Writers may cut a bound within a character. What is left is still below all texts.
    let whole = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    };
    whole.chars().take(CHARS_MAX).collect()
}

/// A text that is not below this one; `None` if these bytes are no text, or no short text is not
/// below it.
pub(in crate::table) fn upper(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.chars().nth(CHARS_MAX).is_none() {
        return Some(text.to_owned());
    }
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    while let Some(last) = short.pop() {
        // The next character, past the gap of the surrogates.
        let next = (u32::from(last) + 1..=u32::from(last) + 0x801).find_map(char::from_u32);
        if let Some(next) = next {
            short.push(next);
            return Some(short);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_are_cut_between_characters() {
        let long = "é".repeat(40);
        assert_eq!(lower(long.as_bytes()), "é".repeat(32));
        assert_eq!(upper(long.as_bytes()), Some(format!("{}ê", "é".repeat(31))));
        assert_eq!(upper("é".repeat(32).as_bytes()), Some("é".repeat(32)));
        let gap = format!("{}\u{D7FF}b", "a".repeat(31));
        assert_eq!(upper(gap.as_bytes()), Some(format!("{}\u{E000}", "a".repeat(31))));
        let greatest = "\u{10FFFF}".repeat(32);
        assert_eq!(upper(greatest.as_bytes()), Some(greatest.clone()));
        assert_eq!(upper(format!("{greatest}a").as_bytes()), None);
        assert_eq!(upper(format!("b{greatest}a").as_bytes()), Some("c".to_owned()));
    }

    #[test]
    fn what_is_no_text_is_a_lower_bound_only() {
        assert_eq!(lower(b"ab\xc3"), "ab");
        assert_eq!(upper(b"ab\xc3"), None);
        assert_eq!((lower(b""), upper(b"")), (String::new(), Some(String::new())));
    }

    proptest! {
        #[test]
        fn no_text_is_past_its_bounds(text in "[a\u{D7FF}\u{E000}\u{10FFFF}é]{0,40}") {
            prop_assert!(lower(text.as_bytes()) <= text);
            if let Some(upper) = upper(text.as_bytes()) {
                prop_assert!(upper >= text);
                prop_assert!(upper.chars().count() <= CHARS_MAX);
            }
        }
    }
}
