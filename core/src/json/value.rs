//! JSON text into a `Value`, without rounding a number and without recursion.

use serde_json::{Map, Value};

use super::events::Events;
use super::fault::{Fault, syntax_error};
use super::number::{self, Number};
use super::text::write_number;
use super::tokenizer::{skip_white_space, tell};
use crate::{Error, ErrorKind, Result};

/// The deepest a `Value` may nest that we make or walk: both dropping and walking one recurse, and
/// a stack is finite.
pub(crate) const DEPTH_MAX: usize = 1_000;

/// Reads a whole text as a `Value`; an error of kind `Limit` if a `Value` cannot hold it.
pub(crate) fn read(text: &str) -> Result<Value> {
    let mut builder = ValueBuilder::default();
    let at_fault = |fault: Fault| syntax_error(text.as_bytes(), fault, 1);
    let end = tell(text, &mut builder).map_err(at_fault)?;
    let end = skip_white_space(text.as_bytes(), end);
    if end < text.len() {
        return Err(at_fault(Fault::new(end, "text follows the end of the document")));
    }
    match builder.problem {
        Some(problem) => Err(Error::new(ErrorKind::Limit, problem)),
        None => Ok(builder.done),
    }
}

#[derive(Default)]
struct ValueBuilder {
    open: Vec<(Value, String)>,
    key: String,
    done: Value,
    problem: Option<String>,
}

impl ValueBuilder {
    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some((Value::Object(fields), _)) => {
                fields.insert(std::mem::take(&mut self.key), value);
            }
            Some((Value::Array(items), _)) => items.push(value),
            _ => self.done = value,
        }
    }

    fn open(&mut self, value: Value) {
        if self.open.len() >= DEPTH_MAX {
            self.problem = Some(format!(
                "the document nests deeper than {DEPTH_MAX} levels, which a Value cannot hold; \
                 read it as JSON text"
            ));
        } else {
            self.open.push((value, std::mem::take(&mut self.key)));
        }
    }

    fn close(&mut self) {
        if self.problem.is_some() {
            return;
        }
        if let Some((value, key)) = self.open.pop() {
            self.key = key;
            self.put(value);
        }
    }
}

impl Events for ValueBuilder {
    fn key(&mut self, name: &str) {
        name.clone_into(&mut self.key);
    }

    fn null(&mut self) {
        self.put(Value::Null);
    }

    fn boolean(&mut self, value: bool) {
        self.put(Value::Bool(value));
    }

    fn number(&mut self, value: Number<'_>) {
        let number = match value {
            Number::Int(value) => Some(value.into()),
            Number::Big(value) => Some(value.into()),
            Number::Double(value) => serde_json::Number::from_f64(value),
            Number::Literal(text) if number::keeps_literals() => text.parse().ok(),
            Number::Literal(_) => None,
        };
        if number.is_none() {
            let mut text = String::new();
            write_number(&mut text, value);
            self.problem = Some(format!(
                "the number {text} would be rounded; read it as JSON text, or write a string"
            ));
        }
        self.put(number.map_or(Value::Null, Value::Number));
    }

    fn string(&mut self, value: &str) {
        self.put(Value::String(value.to_owned()));
    }

    fn open_object(&mut self) {
        self.open(Value::Object(Map::new()));
    }

    fn close_object(&mut self) {
        self.close();
    }

    fn open_array(&mut self) {
        self.open(Value::Array(Vec::new()));
    }

    fn close_array(&mut self) {
        self.close();
    }
}
