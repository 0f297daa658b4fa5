//! One document handed over as events, by callers that have neither JSON text nor a `Value`.

use crate::columns::Builder;
use crate::json::Events;
use crate::json::number::{self, Number};
use crate::{Error, Result};

/// A row's document while it is being written: what
/// [`Encoder::push_document`](super::Encoder::push_document) lends to its caller.
///
/// Takes [`Events`] and checks their order, so that no mistake of a caller can bring the columns
/// out of step. The first mistake is kept and is what the push then ends with.
#[derive(Debug)]
pub struct Document<'b> {
    builder: &'b mut Builder,
    /// The open containers: true for an object. Lent, so that no row has to allocate it.
    open: &'b mut Vec<bool>,
    expects: Expects,
    mistake: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    Value,
    /// A key, or the end of the object.
    Key,
    Nothing,
}

impl<'b> Document<'b> {
    pub(super) fn new(builder: &'b mut Builder, open: &'b mut Vec<bool>) -> Self {
        open.clear();
        Document { builder, open, expects: Expects::Value, mistake: None }
    }

    /// Whether exactly one whole value was written.
    pub(super) fn end(self) -> Result<()> {
        let mistake = match self.mistake {
            None if self.expects == Expects::Nothing => return Ok(()),
            None => "the document has no end",
            Some(mistake) => mistake,
        };
        Err(Error::misuse(format!("the events of a document are wrong: {mistake}")))
    }

    /// Notes that a value comes; whether it may.
    #[inline]
    fn value(&mut self) -> bool {
        if self.expects != Expects::Value || self.mistake.is_some() {
            self.mistake.get_or_insert("a value at a place where no value can be");
            return false;
        }
        self.expects = self.behind();
        true
    }

    /// What may come after a value.
    #[inline]
    fn behind(&self) -> Expects {
        match self.open.last() {
            None => Expects::Nothing,
            Some(true) => Expects::Key,
            Some(false) => Expects::Value,
        }
    }

    #[inline]
    fn close(&mut self, object: bool, expected: Expects) -> bool {
        let fits = self.open.last() == Some(&object) && self.expects == expected;
        if !fits || self.mistake.is_some() {
            self.mistake.get_or_insert("the end of an object or array that is not open");
            return false;
        }
        self.open.pop();
        self.expects = self.behind();
        true
    }
}

impl Events for Document<'_> {
    #[inline]
    fn key(&mut self, name: &str) {
        if self.expects != Expects::Key || self.mistake.is_some() {
            self.mistake.get_or_insert("a key at a place where no key can be");
            return;
        }
        self.expects = Expects::Value;
        self.builder.key(name);
    }

    fn null(&mut self) {
        if self.value() {
            self.builder.null();
        }
    }

    fn boolean(&mut self, value: bool) {
        if self.value() {
            self.builder.boolean(value);
        }
    }

    #[inline]
    fn number(&mut self, value: Number<'_>) {
        if !self.value() {
            return;
        }
        match value {
            Number::Double(double) if !double.is_finite() => {
                self.mistake = Some("a number that is infinite or NaN");
            }
            // The one form that a number has, whoever brings it: the columns depend on it.
            Number::Literal(text) => match number::read_whole(text) {
                Some(number) => self.builder.number(number),
                None => self.mistake = Some("a number literal that is not JSON"),
            },
            Number::Big(big) if i64::try_from(big).is_ok() => {
                self.builder.number(Number::Int(big as i64));
            }
            value => self.builder.number(value),
        }
    }

    #[inline]
    fn string(&mut self, value: &str) {
        if self.value() {
            self.builder.string(value);
        }
    }

    fn open_object(&mut self) {
        if self.value() {
            self.open.push(true);
            self.expects = Expects::Key;
            self.builder.open_object();
        }
    }

    fn close_object(&mut self) {
        if self.close(true, Expects::Key) {
            self.builder.close_object();
        }
    }

    fn open_array(&mut self) {
        if self.value() {
            self.open.push(false);
            self.expects = Expects::Value;
            self.builder.open_array();
        }
    }

    fn close_array(&mut self) {
        if self.close(false, Expects::Value) {
            self.builder.close_array();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;
    use crate::{Encoder, ErrorKind, Settings, Target};

    fn encoder() -> Encoder {
        Encoder::new(Settings::default()).unwrap()
    }

    /// What a push of these events ends with.
    fn pushed(write: impl FnOnce(&mut Document<'_>)) -> Result<()> {
        encoder().push_document(|document| {
            write(document);
            Ok(())
        })
    }

    #[test]
    fn events_give_the_bytes_of_their_json() {
        let rows = [
            r#"{"_id":"x","a":[1,-2.5,{"b":[]}],"c":18446744073709551615,"a":null}"#,
            r#"{"a":[[true]],"c":"é","d":1e400,"e":{}}"#,
        ];
        let (mut events, mut text) = (encoder(), encoder());
        for row in rows {
            events.push_document(|document| read(row.as_bytes(), document)).unwrap();
            text.push_json(row.as_bytes()).unwrap();
        }
        let target = Target::new(0, "c");
        assert_eq!(events.finish(&target).unwrap().bytes, text.finish(&target).unwrap().bytes);
    }

    #[test]
    fn numbers_have_one_form_whoever_brings_them() {
        let (mut odd, mut even) = (encoder(), encoder());
        odd.push_document(|document| {
            document.open_object();
            document.key("a");
            document.number(Number::Literal("5"));
            document.key("b");
            document.number(Number::Big(6));
            document.close_object();
            Ok(())
        })
        .unwrap();
        even.push_json(br#"{"a":5,"b":6}"#).unwrap();
        let target = Target::new(0, "c");
        assert_eq!(odd.finish(&target).unwrap().bytes, even.finish(&target).unwrap().bytes);
    }

    #[test]
    fn events_out_of_order_are_refused() {
        let mistakes: [fn(&mut Document<'_>); 10] = [
            |_| {},
            |d| d.open_object(),
            |d| d.close_object(),
            |d| d.key("a"),
            |d| {
                d.open_object();
                d.null();
                d.close_object();
            },
            |d| {
                d.open_object();
                d.key("a");
                d.close_object();
            },
            |d| {
                d.open_object();
                d.key("a");
                d.open_array();
                d.close_object();
            },
            |d| {
                d.open_object();
                d.close_object();
                d.open_object();
                d.close_object();
            },
            |d| {
                d.open_object();
                d.key("a");
                d.number(Number::Double(f64::NAN));
                d.close_object();
            },
            |d| {
                d.open_object();
                d.key("a");
                d.number(Number::Literal("0x10"));
                d.close_object();
            },
        ];
        for (at, mistake) in mistakes.into_iter().enumerate() {
            assert_eq!(pushed(mistake).unwrap_err().kind(), ErrorKind::Misuse, "{at}");
        }
    }

    #[test]
    fn an_error_of_the_writer_is_the_pushs_and_nothing_more_is_taken() {
        let mut encoder = encoder();
        let error = encoder
            .push_document(|document| {
                document.open_object();
                Err(Error::new(ErrorKind::Limit, "enough").at_row(0))
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert_eq!(encoder.push_json(b"{}").unwrap_err().kind(), ErrorKind::Misuse);
    }
}
