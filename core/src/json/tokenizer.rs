//! Bytes into events, without recursion: nesting is bounded by memory, not by the stack.

use super::events::Events;
use super::fault::Fault;
use super::number;

/// Passes the document at the start of the text on, and gives the offset after it.
///
/// All readers share this one piece of code. The encoder, whose rows must be fast, has its own.
pub(crate) fn tell(text: &str, events: &mut dyn Events) -> Result<usize, Fault> {
    Tokenizer::default().document(text, 0, events)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Container {
    Object,
    Array,
}

/// Reads documents one at a time; keeps its buffers between them.
#[derive(Debug, Default)]
pub(crate) struct Tokenizer {
    open: Vec<Container>,
    unescaped: String,
}

impl Tokenizer {
    /// Reads the document at `start`, and gives the offset after it. White space before it is
    /// skipped.
    ///
    /// After a fault, the caller must undo the events so far.
    pub(crate) fn document<E: Events + ?Sized>(
        &mut self,
        text: &str,
        start: usize,
        events: &mut E,
    ) -> Result<usize, Fault> {
        let bytes = text.as_bytes();
        let mut at = start;
        self.open.clear();
        'value: loop {
            at = skip_white_space(bytes, at);
            match bytes.get(at) {
                Some(b'"') => {
                    let (end, value) = self.string(text, at)?;
                    events.string(value);
                    at = end;
                }
                Some(b'-' | b'0'..=b'9') => {
                    let (value, end) =
                        number::read(text, at).map_err(|fault| at_number(bytes, fault))?;
                    events.number(value);
                    at = end;
                }
                Some(b'{') => {
                    events.open_object();
                    at = skip_white_space(bytes, at + 1);
                    if bytes.get(at) != Some(&b'}') {
                        self.open.push(Container::Object);
                        at = self.key(text, at, events)?;
                        continue 'value;
                    }
                    events.close_object();
                    at += 1;
                }
                Some(b'[') => {
                    events.open_array();
                    at = skip_white_space(bytes, at + 1);
                    if bytes.get(at) != Some(&b']') {
                        self.open.push(Container::Array);
                        continue 'value;
                    }
                    events.close_array();
                    at += 1;
                }
                _ => at = word(bytes, at, events)?,
            }
            loop {
                let Some(&container) = self.open.last() else { return Ok(at) };
                at = skip_white_space(bytes, at);
                match (container, bytes.get(at)) {
                    (Container::Object, Some(b',')) => {
                        at = self.key(text, skip_white_space(bytes, at + 1), events)?;
                        continue 'value;
                    }
                    (Container::Array, Some(b',')) => {
                        at += 1;
                        continue 'value;
                    }
                    (Container::Object, Some(b'}')) => events.close_object(),
                    (Container::Array, Some(b']')) => events.close_array(),
                    (_, None) => return Err(Fault::end(at)),
                    (Container::Object, _) => {
                        return Err(Fault::new(at, "expected ',' or '}' after a value"));
                    }
                    (Container::Array, _) => {
                        return Err(Fault::new(at, "expected ',' or ']' after a value"));
                    }
                }
                self.open.pop();
                at += 1;
            }
        }
    }

    /// Reads `"name" :` and gives the offset after the colon.
    #[inline]
    fn key<E: Events + ?Sized>(
        &mut self,
        text: &str,
        at: usize,
        events: &mut E,
    ) -> Result<usize, Fault> {
        let bytes = text.as_bytes();
        match bytes.get(at) {
            Some(b'"') => {}
            None => return Err(Fault::end(at)),
            Some(_) => return Err(Fault::new(at, "expected a key in double quotes")),
        }
        let (end, name) = self.string(text, at)?;
        events.key(name);
        let end = skip_white_space(bytes, end);
        match bytes.get(end) {
            Some(b':') => Ok(end + 1),
            None => Err(Fault::end(end)),
            Some(_) => Err(Fault::new(end, "expected ':' after a key")),
        }
    }

    /// Reads the string whose opening quote is at `start`; the offset after it, and its value.
    #[inline]
    fn string<'a>(&'a mut self, text: &'a str, start: usize) -> Result<(usize, &'a str), Fault> {
        let bytes = text.as_bytes();
        let end = plain_run(bytes, start + 1);
        if bytes.get(end) == Some(&b'"') {
            return Ok((end + 1, &text[start + 1..end]));
        }
        let end = self.unescape(text, start + 1, end)?;
        Ok((end, &self.unescaped))
    }

    #[cold]
    fn unescape(&mut self, text: &str, start: usize, first: usize) -> Result<usize, Fault> {
        let bytes = text.as_bytes();
        self.unescaped.clear();
        let (mut start, mut at) = (start, first);
        loop {
            self.unescaped.push_str(&text[start..at]);
            match bytes.get(at) {
                None => return Err(Fault::end(at)),
                Some(b'"') => return Ok(at + 1),
                Some(b'\\') => at = self.escape(bytes, at + 1)?,
                Some(_) => {
                    return Err(Fault::new(at, "a string has a control character; escape it"));
                }
            }
            start = at;
            at = plain_run(bytes, at);
        }
    }

    /// Reads the escape whose backslash is before `at`; gives the offset after it.
    fn escape(&mut self, bytes: &[u8], at: usize) -> Result<usize, Fault> {
        let simple = match bytes.get(at) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(bytes, at + 1),
            None => return Err(Fault::end(at)),
            Some(_) => return Err(Fault::new(at, "a string has an unknown escape")),
        };
        self.unescaped.push(simple);
        Ok(at + 1)
    }

    fn unicode(&mut self, bytes: &[u8], at: usize) -> Result<usize, Fault> {
        const LONE: &str = "a string has half a surrogate pair, which is not a character";
        let unit = hex4(bytes, at)?;
        let (code, end) = match unit {
            0xD800..=0xDBFF => {
                for (offset, expected) in [(4, b'\\'), (5, b'u')] {
                    match bytes.get(at + offset) {
                        Some(byte) if *byte == expected => {}
                        None => return Err(Fault::end(at + offset)),
                        Some(_) => return Err(Fault::new(at, LONE)),
                    }
                }
                let low = hex4(bytes, at + 6)?;
                if !(0xDC00..=0xDFFF).contains(&low) {
                    return Err(Fault::new(at, LONE));
                }
                (0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), at + 10)
            }
            _ => (unit, at + 4),
        };
        self.unescaped.push(char::from_u32(code).ok_or(Fault::new(at, LONE))?);
        Ok(end)
    }
}

#[inline]
pub(crate) fn skip_white_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The place of the first quote, backslash or control character from `start` on; else the end.
#[inline]
pub(crate) fn plain_run(bytes: &[u8], start: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let mut at = start;
    // Eight bytes at a time: the lowest top bit set is the first hit (false ones only come after a
    // true one).
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quotes = word ^ (ONES * 0x22);
        let slashes = word ^ (ONES * 0x5C);
        let hits = ((quotes.wrapping_sub(ONES) & !quotes)
            | (slashes.wrapping_sub(ONES) & !slashes)
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & TOPS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if *byte == b'"' || *byte == b'\\' || *byte < 0x20 {
            break;
        }
        at += 1;
    }
    at
}

fn word<E: Events + ?Sized>(bytes: &[u8], at: usize, events: &mut E) -> Result<usize, Fault> {
    let rest = &bytes[at..];
    for (word, length) in [("true", 4), ("false", 5), ("null", 4)] {
        if rest.starts_with(word.as_bytes()) {
            match word {
                "null" => events.null(),
                _ => events.boolean(word == "true"),
            }
            return Ok(at + length);
        }
        if word.as_bytes().starts_with(rest) {
            return Err(Fault::end(bytes.len()));
        }
    }
    Err(Fault::new(at, "expected a value"))
}

fn at_number(bytes: &[u8], (offset, reason): (usize, &'static str)) -> Fault {
    if offset >= bytes.len() { Fault::end(offset) } else { Fault::new(offset, reason) }
}

fn hex4(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    let mut value = 0;
    for offset in at..at + 4 {
        let byte = *bytes.get(offset).ok_or(Fault::end(offset))?;
        let digit = char::from(byte).to_digit(16);
        value =
            value * 16 + digit.ok_or(Fault::new(offset, "expected four hex digits after \\u"))?;
    }
    Ok(value)
}
