//! What a filter sees of a row.

use std::borrow::Cow;

use serde_json::Value;

use super::path::ColumnPath;
use crate::json::Number;
use crate::json::number::keeps_literals;

/// What a row has at a path.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Seen<'r> {
    /// Null, or no such field.
    Nothing,
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(Number<'r>),
    /// A number, as the literal that JSON has for it.
    Literal(Cow<'r, str>),
    /// A string.
    String(&'r str),
    /// An object or an array. Only `is null` can ask about it.
    Nested,
}

/// A row that filters can look at. It is the row as it was put, with rescued values in their
/// places.
pub trait FilterRow {
    /// What the row has at this path: one of [`Filter::columns`](super::Filter::columns). A path
    /// leads through objects only, so behind an array, as behind any other value, there is nothing.
    fn seen(&self, path: &ColumnPath) -> Seen<'_>;
}

/// A document. A number in it has the value of its shortest decimal form.
impl FilterRow for Value {
    fn seen(&self, path: &ColumnPath) -> Seen<'_> {
        let mut value = self;
        for name in path.names() {
            match value.as_object().and_then(|fields| fields.get(name)) {
                Some(inner) => value = inner,
                None => return Seen::Nothing,
            }
        }
        match value {
            Value::Null => Seen::Nothing,
            Value::Bool(value) => Seen::Boolean(*value),
            Value::Number(number) => seen_number(number),
            Value::String(text) => Seen::String(text),
            Value::Array(_) | Value::Object(_) => Seen::Nested,
        }
    }
}

fn seen_number(number: &serde_json::Number) -> Seen<'_> {
    if keeps_literals() {
        return Seen::Literal(number.to_string().into());
    }
    let number = match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(value), ..) => Number::Int(value),
        (None, Some(value), _) => Number::Big(value),
        (None, None, Some(value)) => Number::Double(value),
        (None, None, None) => return Seen::Literal(number.to_string().into()),
    };
    Seen::Number(number)
}
