//! Where one JSON text ends and the next begins, when several are read as one.

use memchr::memchr_iter;

/// Passes one text on as documents that stand one after the other: an array is unwrapped, and a
/// text that ends within a document is found out before the next can continue it. Rows are
/// counted on the way.
///
/// Whether the documents themselves are JSON is left to the encoder.
#[derive(Debug)]
pub struct Seam {
    form: Form,
    depth: usize,
    in_string: bool,
    escaped: bool,
    lines_ended: u64,
    rows: u64,
    bytes: usize,
}

/// Allowed at the start of a text, though JSON itself has no place for it.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Nothing but white space so far.
    Unknown,
    Documents,
    Array(Next),
    ArrayEnded,
}

/// What may stand next between the elements of the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    ElementOrEnd,
    Element,
    CommaOrEnd,
}

impl Seam {
    /// At the start of a text.
    pub fn new() -> Self {
        Seam {
            form: Form::Unknown,
            depth: 0,
            in_string: false,
            escaped: false,
            lines_ended: 0,
            rows: 0,
            bytes: 0,
        }
    }

    /// Appends a slice of the text to `out`, brackets and commas of an outer array as spaces.
    pub fn pass(&mut self, slice: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let start = out.len();
        out.extend_from_slice(slice);
        for (i, &byte) in slice.iter().enumerate() {
            let outer = self.step(byte).map_err(|expected| {
                let lines = memchr_iter(b'\n', &slice[..i]).count() as u64;
                format!("line {}: not JSON: expected {expected}", self.lines_ended + lines + 1)
            })?;
            if outer {
                out[start + i] = b' ';
            }
        }
        self.lines_ended += memchr_iter(b'\n', slice).count() as u64;
        Ok(())
    }

    /// An error where the text ends too early.
    pub fn end(&self) -> Result<(), String> {
        let array_open = matches!(self.form, Form::Array(_));
        if self.depth > 0 || self.in_string || array_open {
            return Err(format!(
                "line {}: not JSON: the text ends within a document",
                self.lines_ended + 1
            ));
        }
        Ok(())
    }

    /// How many lines of the text were ended.
    pub fn lines_ended(&self) -> u64 {
        self.lines_ended
    }

    /// How many objects stand in the text, those within others not counted.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether the byte belongs to the outer array.
    fn step(&mut self, byte: u8) -> Result<bool, &'static str> {
        let at = self.bytes;
        self.bytes += 1;
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return Ok(false);
        }
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return Ok(false);
        }
        if BYTE_ORDER_MARK.get(at) == Some(&byte) {
            return Ok(true);
        }
        if self.depth == 0 {
            match (self.form, byte) {
                (Form::Unknown, b'[') => {
                    self.form = Form::Array(Next::ElementOrEnd);
                    return Ok(true);
                }
                (Form::Unknown, _) => self.form = Form::Documents,
                (Form::Documents, _) => {}
                (Form::Array(next), _) => {
                    if let Some(form) = between_elements(next, byte)? {
                        self.form = form;
                        return Ok(true);
                    }
                    self.form = Form::Array(Next::CommaOrEnd);
                }
                (Form::ArrayEnded, _) => return Err("nothing after the end of the array"),
            }
        }
        self.rows += u64::from(self.depth == 0 && byte == b'{');
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(false)
    }
}

/// The form after a byte of the array itself; none where the byte begins an element.
fn between_elements(next: Next, byte: u8) -> Result<Option<Form>, &'static str> {
    match (next, byte) {
        (Next::ElementOrEnd | Next::CommaOrEnd, b']') => Ok(Some(Form::ArrayEnded)),
        (Next::CommaOrEnd, b',') => Ok(Some(Form::Array(Next::Element))),
        (Next::CommaOrEnd, _) => Err("',' or ']' after an element"),
        // Anything else is no row, and would end where only a tokenizer knows.
        (_, b'{') => Ok(None),
        _ => Err("an object as the next row"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text passed on in slices of every size, which must all agree.
    fn passed(text: &str) -> Result<String, String> {
        counted(text).map(|(text, _)| text)
    }

    fn counted(text: &str) -> Result<(String, u64), String> {
        let mut results = (1..=text.len().max(1)).map(|size| {
            let mut seam = Seam::new();
            let mut out = Vec::new();
            for slice in text.as_bytes().chunks(size) {
                seam.pass(slice, &mut out)?;
            }
            seam.end()?;
            Ok((String::from_utf8(out).unwrap(), seam.rows()))
        });
        let first = results.next().unwrap();
        assert!(results.all(|result| result == first), "{text:?}");
        first
    }

    #[test]
    fn documents_pass_as_they_are() {
        for text in ["", " \n", "{}", "{\"a\":[1,{\"b\":\"}]\\\"\"}]}\n{}", "5 true \"x\"", "}"] {
            assert_eq!(passed(text).unwrap(), text);
        }
    }

    #[test]
    fn an_array_is_unwrapped() {
        assert_eq!(passed("[]").unwrap(), "  ");
        assert_eq!(
            passed("\n[ {\"a\":\",]\"} , {\"b\":[1,2]}\n]\n").unwrap(),
            "\n  {\"a\":\",]\"}   {\"b\":[1,2]}\n \n"
        );
    }

    #[test]
    fn rows_are_counted_and_a_byte_order_mark_passed_over() {
        for (text, rows) in [
            ("", 0),
            ("[]", 0),
            ("{}{}\n{\"a\":{\"b\":[{}]}}", 3),
            ("[{\"a\":{}},{}]", 2),
            ("\u{feff}[{}]", 1),
            ("{\"{\":\"{\"}", 1),
        ] {
            assert_eq!(counted(text).unwrap().1, rows, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_whole_text_is_refused_with_its_line() {
        for (text, line) in [
            ("{\"a\":1", 1),
            ("{}\n{\"a\":\"x", 2),
            ("[", 1),
            ("[{}", 1),
            ("[{},\n]", 2),
            ("[,]", 1),
            ("[{} {}]", 1),
            ("[{}]\n\n{}", 3),
            ("[{}]]", 1),
            ("[{},,{}]", 1),
            ("[1]", 1),
        ] {
            let error = passed(text).unwrap_err();
            assert!(error.starts_with(&format!("line {line}: not JSON")), "{text:?}: {error}");
        }
    }
}
