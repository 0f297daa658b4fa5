//! Documents that are `serde_json` values, as events.

use serde_json::Value;

use crate::json::Events;
use crate::json::number::{self, Number};
use crate::json::value::DEPTH_MAX;
use crate::{Error, ErrorKind, Result};

/// Passes a value on as events.
pub(super) fn pass_on(value: &Value, row: u64, events: &mut impl Events) -> Result<()> {
    if walk(value, 0, number::keeps_literals(), events) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Limit,
        format!(
            "the document nests deeper than {DEPTH_MAX} levels; flatten it, or push it as JSON text"
        ),
    )
    .at_row(row))
}

fn walk(value: &Value, depth: usize, keeps_literals: bool, events: &mut impl Events) -> bool {
    match value {
        Value::Null => events.null(),
        Value::Bool(value) => events.boolean(*value),
        Value::Number(value) => walk_number(value, keeps_literals, events),
        Value::String(value) => events.string(value),
        Value::Array(_) | Value::Object(_) if depth == DEPTH_MAX => return false,
        Value::Array(values) => {
            events.open_array();
            for value in values {
                if !walk(value, depth + 1, keeps_literals, events) {
                    return false;
                }
            }
            events.close_array();
        }
        Value::Object(fields) => {
            events.open_object();
            for (name, value) in fields {
                events.key(name);
                if !walk(value, depth + 1, keeps_literals, events) {
                    return false;
                }
            }
            events.close_object();
        }
    }
    true
}

/// Rows asked for at once: as many texts as the processor can wait for together, and few enough to
/// stay in its nearest cache.
pub(super) const TOUCHED_ROWS: usize = 16;

/// Reads every field of these rows, but no text, and does nothing with it.
///
/// Keys and strings of a `Value` lie all over memory. Asked for when the columns need them, the
/// processor waits for each; asked for in one go, it waits for all of them together. Measured on
/// telemetry rows: a fifth of all the work.
pub(super) fn touch_fields(rows: &[(String, Value)]) {
    let fields = rows.iter().filter_map(|(_, document)| document.as_object()).flatten();
    let lengths = fields.map(|(name, value)| name.len() ^ usize::from(value.is_string()));
    std::hint::black_box(lengths.fold(0, |all, length| all ^ length));
}

/// Reads a byte of every text in these rows, for the same reason. It is faster after
/// [`touch_fields`].
pub(super) fn touch_texts(rows: &[(String, Value)]) {
    let first = |text: &String| text.as_bytes().first().copied().unwrap_or(0);
    let ids = rows.iter().fold(0, |all, (id, _)| all ^ first(id));
    let fields = rows.iter().filter_map(|(_, document)| document.as_object()).flatten();
    let bytes = fields.map(|(name, value)| match value {
        Value::String(value) => first(name) ^ first(value),
        _ => first(name),
    });
    std::hint::black_box(bytes.fold(ids, |all, byte| all ^ byte));
}

#[inline]
fn walk_number(value: &serde_json::Number, keeps_literals: bool, events: &mut impl Events) {
    if keeps_literals {
        let literal = value.to_string();
        if let Some(number) = number::read_whole(&literal) {
            return events.number(number);
        }
    }
    if let Some(value) = value.as_i64() {
        events.number(Number::Int(value));
    } else if let Some(value) = value.as_u64() {
        events.number(Number::Big(value));
    } else if let Some(value) = value.as_f64() {
        events.number(Number::Double(value));
    }
}
