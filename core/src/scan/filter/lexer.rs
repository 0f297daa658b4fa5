//! A filter's text as tokens.

use super::limits::check_bytes;
use crate::json::number;
use crate::{Error, Result};

/// The words of the grammar. A column with such a name stands in quotes.
const RESERVED: [&str; 10] =
    ["and", "or", "not", "in", "is", "null", "like", "true", "false", "between"];

/// How much of the text an error shows.
const SHOWN_CHARS: usize = 20;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    /// Letters, digits and `_`: a name or a word of the grammar.
    Word(&'t str),
    /// A text in quotes, without them, and which quotes they were.
    Quoted(char, String),
    /// A JSON number, as it stands there.
    Number(&'t str),
    /// `=`, `!=`, `<>`, `<`, `<=`, `>`, `>=`
    Sign(&'t str),
    Dot,
    Comma,
    Open,
    Close,
    /// The end of the text.
    End,
}

/// Reads tokens, one after the other.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    /// What the text is, for errors.
    what: &'static str,
    /// Behind the last token.
    at: usize,
    /// Where the last token begins.
    token_at: usize,
    /// The next token, where it begins, and where it ends, if it has been looked at.
    peeked: Option<(Token<'t>, usize, usize)>,
}

impl<'t> Lexer<'t> {
    /// An error of kind `Limit` if the text is too long. `what` is what errors call it.
    pub(super) fn new(text: &'t str, what: &'static str) -> Result<Self> {
        check_bytes(text)?;
        Ok(Lexer { text, what, at: 0, token_at: 0, peeked: None })
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token<'t>> {
        let (token, start, end) = match self.peeked.take() {
            Some(peeked) => peeked,
            None => self.read()?,
        };
        self.token_at = start;
        self.at = end;
        Ok(token)
    }

    /// The next token, which stays the next one.
    pub(super) fn peek(&mut self) -> Result<&Token<'t>> {
        let next = match self.peeked.take() {
            Some(peeked) => peeked,
            None => self.read()?,
        };
        Ok(&self.peeked.insert(next).0)
    }

    /// Takes the next token if it is this word, in either case.
    pub(super) fn takes_word(&mut self, wanted: &str) -> Result<bool> {
        let is_next = self.next_is_word(wanted)?;
        if is_next {
            self.next()?;
        }
        Ok(is_next)
    }

    /// Whether the next token is this word, in either case.
    pub(super) fn next_is_word(&mut self, wanted: &str) -> Result<bool> {
        Ok(matches!(self.peek()?, Token::Word(word) if word.eq_ignore_ascii_case(wanted)))
    }

    /// An error at the last token.
    pub(super) fn fault(&self, what: impl AsRef<str>) -> Error {
        self.fault_at(self.token_at, what.as_ref())
    }

    fn fault_at(&self, at: usize, what: &str) -> Error {
        let (before, rest) = self.text.split_at_checked(at).unwrap_or((self.text, ""));
        let place = before.chars().count() + 1;
        let mut shown: String = rest.chars().take(SHOWN_CHARS).collect();
        if shown.len() < rest.len() {
            shown.push('…');
        }
        let near = if rest.is_empty() {
            "at its end".to_owned()
        } else {
            format!("at character {place}, before {shown:?}")
        };
        Error::settings(format!("{} is wrong {near}: {what}", self.what))
    }

    fn read(&self) -> Result<(Token<'t>, usize, usize)> {
        let rest = &self.text[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else { return Ok((Token::End, start, start)) };
        let (token, length) = match first {
            '.' => (Token::Dot, 1),
            ',' => (Token::Comma, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '\'' | '"' | '`' => self.quoted(rest, start, first)?,
            '-' | '0'..='9' => self.number(start)?,
            '=' | '!' | '<' | '>' => self.sign(rest, start)?,
            first if starts_word(first) => {
                let end = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
                (Token::Word(&rest[..end]), end)
            }
            _ => return Err(self.fault_at(start, "this character has no meaning here")),
        };
        Ok((token, start, start + length))
    }

    fn sign(&self, rest: &'t str, start: usize) -> Result<(Token<'t>, usize)> {
        let signs = ["!=", "<>", "<=", ">=", "<", ">", "="];
        let Some(sign) = signs.iter().find(|sign| rest.starts_with(**sign)) else {
            return Err(self.fault_at(start, "expected !="));
        };
        if rest.starts_with("==") {
            return Err(self.fault_at(start, "a comparison has one sign =, not two"));
        }
        Ok((Token::Sign(&rest[..sign.len()]), sign.len()))
    }

    fn number(&self, start: usize) -> Result<(Token<'t>, usize)> {
        let end = match number::read(self.text, start) {
            Ok((_, end)) => end,
            Err((at, reason)) => return Err(self.fault_at(at, reason)),
        };
        if self.text[end..].starts_with(|next| in_word(next) || next == '.') {
            return Err(self.fault_at(end, "a number ends here; put a blank behind it"));
        }
        Ok((Token::Number(&self.text[start..end]), end - start))
    }

    /// A text in quotes. A quote inside it is doubled.
    fn quoted(&self, rest: &str, start: usize, quote: char) -> Result<(Token<'t>, usize)> {
        let mut text = String::new();
        let mut at = 1;
        loop {
            let Some(length) = rest[at..].find(quote) else {
                let what = format!("the text in quotes that begins here has no {quote} at its end");
                return Err(self.fault_at(start, &what));
            };
            text.push_str(&rest[at..at + length]);
            at += length + 1;
            if !rest[at..].starts_with(quote) {
                return Ok((Token::Quoted(quote, text), at));
            }
            text.push(quote);
            at += 1;
        }
    }
}

/// Whether a name can stand bare.
pub(super) fn is_word(name: &str) -> bool {
    name.starts_with(starts_word) && name.chars().all(in_word)
}

/// Whether a name is a word of the grammar, in either case.
pub(super) fn reserved(name: &str) -> bool {
    RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word))
}

fn starts_word(first: char) -> bool {
    first.is_alphabetic() || first == '_'
}

fn in_word(next: char) -> bool {
    next.is_alphanumeric() || next == '_'
}
