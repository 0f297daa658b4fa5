//! JSON read without rounding: numbers stay the literals they were. Only for the tests, which
//! must not share the reader of what they test; `std` alone, as the fuzz targets include it too.

use std::collections::HashMap;
use std::fmt::Write as _;

/// One JSON value; numbers are the literals themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// A string, its escapes resolved.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object in written order. Printing keeps a key that stands twice; reading keeps the last.
    Object(Vec<(String, Json)>),
}

/// How [`Json::print`] lays a value out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// No white space at all.
    Compact,
    /// A line for every element, two spaces for every level.
    Pretty,
    /// All four kinds of white space wherever the grammar lets them stand, except line ends.
    Spaced,
    /// Every character of every string as `\u` escapes.
    Escaped,
}

/// Nesting beyond this is refused by the reader here, which recurses.
pub const DEPTH_MAX: usize = 1_000;

impl Json {
    /// Reads one document, white space around it allowed.
    pub fn parse(text: &str) -> Result<Json, String> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at < text.len() {
            return Err(reader.wrong("the end of the text"));
        }
        Ok(value)
    }

    /// Reads documents with or without white space between them, or the elements of one array.
    pub fn parse_rows(text: &str) -> Result<Vec<Json>, String> {
        let mut reader = Reader { text, at: 0 };
        let mut rows = Vec::new();
        loop {
            reader.space();
            if reader.at == text.len() {
                break;
            }
            rows.push(reader.value(0)?);
        }
        match rows.as_slice() {
            [Json::Array(elements)] => Ok(elements.clone()),
            _ => Ok(rows),
        }
    }

    /// The value as JSON text.
    pub fn print(&self, style: Style) -> String {
        let mut out = String::new();
        self.print_into(&mut out, style, 0);
        out
    }

    /// The member `name` of an object.
    pub fn field(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(fields) => {
                fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The same value with the last of equal keys kept, as reading the printed text would give it.
    pub fn last_wins(&self) -> Json {
        match self {
            Json::Array(elements) => Json::Array(elements.iter().map(Json::last_wins).collect()),
            Json::Object(fields) => {
                let mut kept = Fields::default();
                for (key, value) in fields {
                    kept.insert(key.clone(), value.last_wins());
                }
                Json::Object(kept.list)
            }
            scalar => scalar.clone(),
        }
    }

    fn print_into(&self, out: &mut String, style: Style, level: usize) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(literal) => out.push_str(literal),
            Json::String(text) => print_string(out, text, style),
            Json::Array(elements) => {
                out.push('[');
                for (i, element) in elements.iter().enumerate() {
                    separate(out, style, level + 1, i > 0);
                    element.print_into(out, style, level + 1);
                }
                close(out, style, level, elements.is_empty());
                out.push(']');
            }
            Json::Object(fields) => {
                out.push('{');
                for (i, (key, value)) in fields.iter().enumerate() {
                    separate(out, style, level + 1, i > 0);
                    print_string(out, key, style);
                    out.push_str(match style {
                        Style::Spaced => " \t: ",
                        Style::Pretty => ": ",
                        _ => ":",
                    });
                    value.print_into(out, style, level + 1);
                }
                close(out, style, level, fields.is_empty());
                out.push('}');
            }
        }
    }
}

/// The fields of one object by name, the last of equal ones kept where the first stood.
#[derive(Default)]
struct Fields {
    list: Vec<(String, Json)>,
    places: HashMap<String, usize>,
}

impl Fields {
    fn insert(&mut self, key: String, value: Json) {
        match self.places.get(&key) {
            Some(&place) => self.list[place].1 = value,
            None => {
                self.places.insert(key.clone(), self.list.len());
                self.list.push((key, value));
            }
        }
    }
}

fn separate(out: &mut String, style: Style, level: usize, comma: bool) {
    if comma {
        out.push(',');
    }
    match style {
        Style::Pretty => {
            out.push_str("\r\n");
            (0..level).for_each(|_| out.push_str("  "));
        }
        Style::Spaced => out.push_str(" \t"),
        Style::Compact | Style::Escaped => {}
    }
}

fn close(out: &mut String, style: Style, level: usize, empty: bool) {
    if style == Style::Spaced || !empty {
        separate(out, style, level, false);
    }
}

fn print_string(out: &mut String, text: &str, style: Style) {
    out.push('"');
    for c in text.chars() {
        match c {
            _ if style == Style::Escaped => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, String> {
        self.space();
        if depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}, the tests' reader stops here"));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for (word, value) in
                    [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
                {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.wrong("a value"))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut fields = Fields::default();
        self.space();
        if self.take(b'}') {
            return Ok(Json::Object(Vec::new()));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key"));
            }
            let key = self.string()?;
            self.space();
            if !self.take(b':') {
                return Err(self.wrong("`:`"));
            }
            let value = self.value(depth + 1)?;
            fields.insert(key, value);
            self.space();
            if self.take(b'}') {
                return Ok(Json::Object(fields.list));
            }
            if !self.take(b',') {
                return Err(self.wrong("`,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut elements = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Json::Array(elements));
            }
            if !self.take(b',') {
                return Err(self.wrong("`,` or `]`"));
            }
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err(self.wrong("a digit"));
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.wrong("a digit after the point"));
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err(self.wrong("a digit of the exponent"));
            }
        }
        Ok(Json::Number(self.text[start..self.at].to_owned()))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.text[self.at..].chars().next() else {
                return Err(self.wrong("the end of the string"));
            };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(out);
                }
                '\\' => out.push(self.escape()?),
                c if c < ' ' => return Err(self.wrong("no control character in a string")),
                c => {
                    self.at += c.len_utf8();
                    out.push(c);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        self.at += 1;
        let kind = self.peek();
        self.at += 1;
        Ok(match kind {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex4()?;
                if (0xD800..0xDC00).contains(&first) && self.take(b'\\') && self.take(b'u') {
                    let second = self.hex4()?;
                    let pair = [first as u16, second as u16];
                    return char::decode_utf16(pair)
                        .next()
                        .and_then(Result::ok)
                        .filter(|c| *c > '\u{FFFF}')
                        .ok_or_else(|| self.wrong("a low surrogate"));
                }
                char::from_u32(first).ok_or_else(|| self.wrong("no lone surrogate"))?
            }
            _ => {
                self.at -= 1;
                return Err(self.wrong("an escape"));
            }
        })
    }

    fn hex4(&mut self) -> Result<u32, String> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.wrong("four hex digits"));
        }
        let value = digits.iter().fold(0, |value, &digit| {
            value * 16 + char::from(digit).to_digit(16).unwrap_or_default()
        });
        self.at += 4;
        Ok(value)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong(&self, expected: &str) -> String {
        format!("byte {}: expected {expected}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_in_every_style_reads_back() {
        let text = r#"{"a":[1,[],{},{"":"\u0000\"\\\n😀"}],"b.c":null,"d":[true,-1.5e-3]}"#;
        let value = Json::parse(text).unwrap();
        for style in [Style::Compact, Style::Pretty, Style::Spaced, Style::Escaped] {
            assert_eq!(Json::parse(&value.print(style)).unwrap(), value, "{style:?}");
        }
        assert_eq!(value.print(Style::Compact), text);
    }

    #[test]
    fn the_reader_refuses_what_is_not_json() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            "nul",
            "\"\t\"",
            "'a'",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "[1 2]",
            "{1:2}",
            "1 2",
            "\"\\u00g0\"",
        ] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
        assert!(Json::parse(&"[".repeat(DEPTH_MAX + 2)).is_err());
    }

    #[test]
    fn rows_are_read_from_lines_and_from_one_array() {
        let rows = Json::parse_rows("{\"a\":1}\n\n {}{\"b\":2}").unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(Json::parse_rows("[{\"a\":1},{},{\"b\":2}]").unwrap(), rows);
    }
}
