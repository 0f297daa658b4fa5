//! Text of clients, as the log shows it: one short line.

use std::fmt;
use std::fmt::{Display, Formatter, Write};

/// The most characters of one value in the log.
const SHOWN_CHARS_MAX: usize = 200;

/// Text of a client, for the log: at most 200 characters, and none that could end the line, move a
/// terminal's cursor or reverse its text.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'t>(pub &'t str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut left = SHOWN_CHARS_MAX;
        for c in self.0.chars() {
            if left == 0 {
                return f.write_char('…');
            }
            left -= 1;
            if is_plain(c) {
                f.write_char(c)?;
            } else {
                write!(f, "{}", c.escape_default())?;
            }
        }
        Ok(())
    }
}

/// `text` cut to at most `chars_max` characters, for an answer or an error.
pub fn cut(text: String, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn is_plain(c: char) -> bool {
    let turns_text =
        matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    !c.is_control() && !turns_text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_sent_is_short_and_one_line() {
        assert_eq!(Shown("7/people é").to_string(), "7/people é");
        assert_eq!(Shown("a\nb\u{1b}[2J\u{202e}c").to_string(), "a\\nb\\u{1b}[2J\\u{202e}c");
        let long = Shown(&"é".repeat(60_000)).to_string();
        assert_eq!(long, format!("{}…", "é".repeat(SHOWN_CHARS_MAX)));
        let exact = "x".repeat(SHOWN_CHARS_MAX);
        assert_eq!(Shown(&exact).to_string(), exact);
        assert_eq!(
            (cut("äbc".to_owned(), 2), cut("äb".to_owned(), 2)),
            ("äb…".into(), "äb".into())
        );
    }
}
