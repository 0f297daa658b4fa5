//! JSON text out: compact, escaped as serde_json escapes, so that both input forms give one text.

use std::collections::{BTreeMap, BTreeSet};

use super::Events;
use super::number::{self, Number};
use super::tokenizer::plain_run;

/// Events in, one compact JSON text out. Of equal keys in one object, the last stays.
#[derive(Debug, Default)]
pub(crate) struct JsonText {
    out: String,
    comma: bool,
    objects: Vec<OpenObject>,
    /// Keys that stood twice in one object so far.
    pub(crate) duplicate_keys: u64,
}

/// What is known of an object that has no end yet.
#[derive(Debug)]
struct OpenObject {
    /// Where it begins.
    start: usize,
    /// Where each field begins, by name: the last of that name.
    fields: BTreeMap<Box<str>, usize>,
    /// Where the fields begin that a later one replaces, and those that stay, in order.
    starts: Vec<usize>,
    duplicates: u64,
}

impl OpenObject {
    /// Removes from `out`, in which the object stands to the end, the fields that later ones replace.
    fn keep_last(&self, out: &mut String) {
        let kept: BTreeSet<usize> = self.fields.values().copied().collect();
        let mut text = String::from("{");
        for (at, start) in self.starts.iter().enumerate().filter(|(_, start)| kept.contains(start))
        {
            if text.len() > 1 {
                text.push(',');
            }
            // Each field but the last is followed by a comma.
            let end = self.starts.get(at + 1).map_or(out.len(), |next| next - 1);
            text.push_str(&out[*start..end]);
        }
        out.replace_range(self.start.., &text);
    }
}

impl JsonText {
    /// The text so far, leaving this empty for the next one.
    pub(crate) fn take(&mut self) -> String {
        self.comma = false;
        std::mem::take(&mut self.out)
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
}

impl Events for JsonText {
    fn key(&mut self, name: &str) {
        let start = self.value().len();
        if let Some(object) = self.objects.last_mut() {
            object.starts.push(start);
            let earlier = object.fields.insert(name.into(), start);
            object.duplicates += u64::from(earlier.is_some());
        }
        write_string(&mut self.out, name);
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
        let (fields, starts) = (BTreeMap::new(), Vec::new());
        self.objects.push(OpenObject { start, fields, starts, duplicates: 0 });
    }

    fn close_object(&mut self) {
        if let Some(object) = self.objects.pop().filter(|object| object.duplicates > 0) {
            self.duplicate_keys += object.duplicates;
            object.keep_last(&mut self.out);
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

/// Appends a number as JSON, exactly as it is worth.
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
