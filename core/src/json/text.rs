//! JSON text out: compact, escaped as serde_json escapes, so that both input forms give one text.

use super::events::Events;
use super::number::{self, Number};
use super::tokenizer::plain_run;
use crate::sort;

/// The bytes that an open object, or a field of one, takes in memory: two places in the text. The
/// number is the same on machines of 32 bits.
const PLACES_BYTES: usize = 16;

/// Events in, one compact JSON text out. Of equal keys in one object, the last stays.
///
/// ```
/// use coldpress_core::json::{JsonText, read};
///
/// let mut text = JsonText::default();
/// read(br#" { "a": 1.0, "b": [true, null], "a": 2e0 } "#, &mut text)?;
/// assert_eq!(text.take(), r#"{"b":[true,null],"a":2.0}"#);
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct JsonText {
    out: String,
    comma: bool,
    /// The objects that have no end yet, the innermost last.
    objects: Vec<OpenObject>,
    /// The fields of all open objects, in the order of `out`.
    fields: Vec<Field>,
    /// Keys that stood twice in one object so far.
    pub(crate) duplicate_keys: u64,
}

#[derive(Debug)]
struct OpenObject {
    /// Where it begins in the text.
    start: usize,
    /// Its first place in `fields`.
    first_field: usize,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    /// Where its name begins in the text, with its quotes.
    start: usize,
    name_end: usize,
}

impl Field {
    /// The name as it was written. Equal names are written with the same bytes.
    fn name(self, text: &str) -> &str {
        &text[self.start..self.name_end]
    }
}

impl JsonText {
    /// The text so far, leaving this empty for the next one.
    pub fn take(&mut self) -> String {
        self.comma = false;
        std::mem::take(&mut self.out)
    }

    /// The bytes that this takes in memory, approximately.
    pub(crate) fn bytes(&self) -> usize {
        self.out.len() + (self.objects.len() + self.fields.len()) * PLACES_BYTES
    }

    fn value(&mut self) -> &mut String {
        if self.comma {
            self.out.push(',');
        }
        self.comma = true;
        &mut self.out
    }

    fn open(&mut self, bracket: char) {
        self.value().push(bracket);
        self.comma = false;
    }

    fn close(&mut self, bracket: char) {
        self.out.push(bracket);
        self.comma = true;
    }

    /// Removes the fields that later fields with the same name replace. The object is the last one
    /// in the text.
    fn keep_last(&mut self, object: &OpenObject) {
        let fields = &self.fields[object.first_field..];
        let name = |at: usize| fields[at].name(&self.out);
        let by_name = sort::places(fields.len(), &|one, other| name(one).cmp(name(other)));
        let mut replaced = vec![false; fields.len()];
        for pair in by_name.windows(2) {
            let same = name(pair[0]) == name(pair[1]);
            replaced[pair[0]] = same;
            self.duplicate_keys += u64::from(same);
        }
        if !replaced.contains(&true) {
            return;
        }
        let mut text = String::from("{");
        for (at, field) in fields.iter().enumerate().filter(|(at, _)| !replaced[*at]) {
            if text.len() > 1 {
                text.push(',');
            }
            // Each field but the last is followed by a comma.
            let end = fields.get(at + 1).map_or(self.out.len(), |next| next.start - 1);
            text.push_str(&self.out[field.start..end]);
        }
        self.out.replace_range(object.start.., &text);
    }
}

impl Events for JsonText {
    fn key(&mut self, name: &str) {
        let start = self.value().len();
        write_string(&mut self.out, name);
        self.fields.push(Field { start, name_end: self.out.len() });
        self.out.push(':');
        self.comma = false;
    }

    fn null(&mut self) {
        self.value().push_str("null");
    }

    fn boolean(&mut self, value: bool) {
        self.value().push_str(if value { "true" } else { "false" });
    }

    fn number(&mut self, value: Number<'_>) {
        write_number(self.value(), value);
    }

    fn string(&mut self, value: &str) {
        write_string(self.value(), value);
    }

    fn open_object(&mut self) {
        self.open('{');
        let start = self.out.len() - 1;
        self.objects.push(OpenObject { start, first_field: self.fields.len() });
    }

    fn close_object(&mut self) {
        if let Some(object) = self.objects.pop() {
            if self.fields.len() > object.first_field + 1 {
                self.keep_last(&object);
            }
            self.fields.truncate(object.first_field);
        }
        self.close('}');
    }

    fn open_array(&mut self) {
        self.open('[');
    }

    fn close_array(&mut self) {
        self.close(']');
    }
}

/// Appends a number as JSON, with exactly its value.
pub fn write_number(out: &mut String, value: Number<'_>) {
    match value {
        Number::Int(value) => out.push_str(itoa::Buffer::new().format(value)),
        Number::Big(value) => out.push_str(itoa::Buffer::new().format(value)),
        Number::Double(value) => {
            out.push_str(number::format(value, &mut number::buffer()));
        }
        Number::Literal(literal) => out.push_str(literal),
    }
}

/// Appends a string as JSON, quoted and escaped.
pub fn write_string(out: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = value.as_bytes();
    out.push('"');
    let mut start = 0;
    loop {
        let end = plain_run(bytes, start);
        out.push_str(&value[start..end]);
        let Some(&byte) = bytes.get(end) else { break };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            _ => {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
        start = end + 1;
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tokenizer::Tokenizer;

    #[test]
    fn the_last_of_equal_keys_stays() {
        let source = r#"[{"a":1,"b":{"x":1,"x":[2,{}]},"a":{},"":0,"a":"z"},{"a":1}]"#;
        let mut text = JsonText::default();
        Tokenizer::default().document(source, 0, &mut text).unwrap();
        assert_eq!(text.duplicate_keys, 3);
        assert_eq!(text.take(), r#"[{"b":{"x":[2,{}]},"":0,"a":"z"},{"a":1}]"#);
    }

    #[test]
    fn strings_are_escaped_as_serde_json_does() {
        let all: String = (0..0x250_u32).filter_map(char::from_u32).collect();
        for text in [all.as_str(), "", "\"", "a\\b", "\u{1F600}", "1234567\"", "12345678\n9"] {
            let mut out = String::new();
            write_string(&mut out, text);
            assert_eq!(out, serde_json::to_string(text).unwrap());
        }
    }
}
