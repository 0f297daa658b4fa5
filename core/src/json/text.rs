//! JSON text out: compact, escaped as serde_json escapes, so that both input forms give one text.

use super::Events;
use super::number::{self, Number};
use super::tokenizer::plain_run;

/// Events in, one compact JSON text out.
#[derive(Debug, Default)]
pub(crate) struct JsonText {
    out: String,
    comma: bool,
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
        write_string(self.value(), name);
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
    }

    fn close_object(&mut self) {
        self.close('}');
    }

    fn open_array(&mut self) {
        self.open('[');
    }

    fn close_array(&mut self) {
        self.close(']');
    }
}

pub(crate) fn write_number(out: &mut String, value: Number<'_>) {
    match value {
        Number::Int(value) => out.push_str(itoa::Buffer::new().format(value)),
        Number::Big(value) => out.push_str(itoa::Buffer::new().format(value)),
        Number::Double(value) => {
            out.push_str(number::format(value, &mut number::buffer()));
        }
        Number::Literal(literal) => out.push_str(literal),
    }
}

pub(crate) fn write_string(out: &mut String, value: &str) {
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
