//! Stored values in the form that they had in the JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::batch::StoredValue;
use super::damage::corrupt;
use super::document::{Item, json_text};
use crate::format::value_text::{decimal, decimal_text, float_as_double, uuid_text, wide};
use crate::schema::{ColumnType, Form};
use crate::time::{date_text, timestamp_text};
use crate::{Result, json};

/// A stored value, in the form that it had in the JSON. `integers`: whole numbers of a
/// floating-point column have no fraction.
pub(super) fn value(
    column_type: &ColumnType,
    integers: bool,
    stored: StoredValue<'_>,
) -> Result<Item> {
    match (column_type, stored) {
        (ColumnType::Boolean, StoredValue::Boolean(value)) => Ok(Item::Boolean(value)),
        (ColumnType::Float64, StoredValue::Double(value)) => double(value, integers),
        (ColumnType::Float32, StoredValue::Float(value)) => {
            double(float_as_double(finite(value)?), integers)
        }
        (ColumnType::String, StoredValue::Bytes(bytes)) => {
            text(bytes)?;
            Ok(Item::Shared(bytes.clone()))
        }
        (ColumnType::Json, StoredValue::Bytes(bytes)) => json_text(text(bytes)?.to_owned()),
        (ColumnType::Binary, StoredValue::Bytes(bytes)) => Ok(Item::String(STANDARD.encode(bytes))),
        (ColumnType::Uuid, StoredValue::Bytes(bytes)) => Ok(Item::String(uuid_text(bytes))),
        (ColumnType::Uint32, StoredValue::Int32(value)) => {
            Ok(Item::Int(i64::from(value.cast_unsigned())))
        }
        (_, StoredValue::Int32(value)) => whole(column_type, i128::from(value)),
        (_, StoredValue::Int64(value)) => whole(column_type, i128::from(value)),
        (ColumnType::Decimal { .. }, StoredValue::Bytes(bytes)) if bytes.len() <= 16 => {
            whole(column_type, wide(bytes))
        }
        _ => Err(corrupt("a value does not have the type of its column")),
    }
}

/// A value in the form that it had in the JSON, without the memory of an [`Item`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plain {
    Nothing,
    Boolean(bool),
    Int(i64),
    Double(f64),
    /// A number, which is in the text.
    Number,
    /// A string, which is the text.
    String,
}

/// The same value as [`value`] gives. Its text, if it has one, replaces that of `into`.
pub(crate) fn plain(
    column_type: &ColumnType,
    stored: StoredValue<'_>,
    into: &mut String,
) -> Result<Plain> {
    match (column_type, stored) {
        (ColumnType::Boolean, StoredValue::Boolean(value)) => Ok(Plain::Boolean(value)),
        (ColumnType::Float64, StoredValue::Double(value)) if value.is_finite() => {
            Ok(Plain::Double(value))
        }
        (ColumnType::Int64, StoredValue::Int64(value)) => Ok(Plain::Int(value)),
        (ColumnType::String, StoredValue::Bytes(bytes)) => {
            into.clear();
            into.push_str(text(bytes)?);
            Ok(Plain::String)
        }
        (_, stored) => match value(column_type, false, stored)? {
            Item::Boolean(value) => Ok(Plain::Boolean(value)),
            Item::Int(value) => Ok(Plain::Int(value)),
            Item::Double(value) => Ok(Plain::Double(value)),
            Item::String(text) => {
                *into = text;
                Ok(Plain::String)
            }
            Item::Text(text) => {
                *into = text;
                Ok(Plain::Number)
            }
            _ => Err(corrupt("a value does not have the type of its column")),
        },
    }
}

fn whole(column_type: &ColumnType, value: i128) -> Result<Item> {
    let item = match column_type {
        ColumnType::Decimal { scale, form, .. } => {
            let text = decimal_text(value, *scale);
            if matches!(form, Some(Form::Text(_))) { Item::String(text) } else { Item::Text(text) }
        }
        ColumnType::Date => {
            let text = i64::try_from(value).ok().and_then(date_text);
            Item::String(text.ok_or_else(|| corrupt("a date is after the year 9999"))?)
        }
        ColumnType::Timestamp { unit, form: Some(Form::Text(form)) } => {
            let value = i64::try_from(value).map_err(corrupt)?;
            let unit = unit.digits();
            // A value whose form differs from that of its column is also in `_rescued_data`, and
            // that text replaces this one.
            let text = timestamp_text(value, unit, form.digits.fixed(), form.zone.offset())
                .or_else(|| timestamp_text(value, unit, Some(unit), None));
            text.map_or(Item::Int(value), Item::String)
        }
        _ => i64::try_from(value).map_or_else(|_| Item::Text(value.to_string()), Item::Int),
    };
    Ok(item)
}

fn double(value: f64, integers: bool) -> Result<Item> {
    if !value.is_finite() {
        return Err(corrupt("a number is not finite"));
    }
    if integers && let Some(item) = integer(value) {
        return Ok(item);
    }
    Ok(Item::Double(value))
}

/// The whole number that this double is, without a fraction and an exponent; `None` if it has a
/// fraction, or more than 38 digits.
fn integer(value: f64) -> Option<Item> {
    const ALL_EXACT_TO: f64 = 9_007_199_254_740_992.0;
    if value == 0.0 && value.is_sign_negative() {
        return Some(Item::Text("-0".to_owned()));
    }
    if value.abs() <= ALL_EXACT_TO {
        let integer = value as i64;
        return (integer as f64 == value).then_some(Item::Int(integer));
    }
    // The shortest decimal form decides, as it does in the encoder: 52484734308395260 is stored as
    // the double that prints so, although the double's own value ends with 64.
    let text = json::number::format(value, &mut json::number::buffer()).to_owned();
    Some(Item::Text(decimal(&text, 38, 0)?.to_string()))
}

fn finite(value: f32) -> Result<f32> {
    if value.is_finite() { Ok(value) } else { Err(corrupt("a number is not finite")) }
}

pub(super) fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| corrupt("a text is not UTF-8"))
}
