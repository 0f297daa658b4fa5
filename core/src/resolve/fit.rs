//! One value into one column: whether it fits, and whether decoding would give it back as it was.

use super::native;
use super::text_type;
use crate::columns::{Kind, Native, NativeText, Node, Values};
use crate::format::value_text::{self, float_as_double, uuid, uuid_text};
use crate::json::number::{self, Number};
use crate::schema::{ColumnType, Digits, Form, TextForm, TimeUnit};
use crate::time::{self, Instant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A value that is not an object or an array.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'n> {
    Boolean(bool),
    Number(Number<'n>),
    String(&'n str),
    /// A value that came with its type.
    Native(Native<'n>),
    /// An object, an array, or the text of one: no scalar column can hold it.
    Nested,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Stored, and decoding gives it back.
    Exact,
    /// Stored, but it stood in another form than its column's: it must be rescued too.
    Reformed,
    /// Not stored.
    Misfit,
}

/// Appends `value` to `values`, if a column of this type can hold it; `for_all_engines`: so that
/// each of them reads the file.
pub(super) fn push(
    values: &mut Values,
    column_type: &ColumnType,
    value: Scalar<'_>,
    for_all_engines: bool,
) -> Fit {
    if let Scalar::Native(value) = value {
        return push_native(values, column_type, value, for_all_engines);
    }
    let whole = |column_type, value| whole_read(column_type, value, for_all_engines);
    match (values, value) {
        (Values::Boolean(values), Scalar::Boolean(value)) => stored(values, Some(value)),
        (Values::Double(values), Scalar::Number(value)) => stored(values, double(value)),
        (Values::Float(values), Scalar::Number(value)) => stored(values, float(value)),
        (Values::Bytes(values), Scalar::String(text)) => match column_type {
            ColumnType::Binary => match STANDARD.decode(text) {
                Ok(bytes) => {
                    values.push(&bytes);
                    Fit::Exact
                }
                Err(_) => Fit::Misfit,
            },
            _ => {
                values.push(text.as_bytes());
                Fit::Exact
            }
        },
        (Values::Int32(values), value) => match whole(column_type, value) {
            Some((value, exact)) => stored_as(values, i32_bits(column_type, value), exact),
            None => Fit::Misfit,
        },
        (Values::Int64(values), value) => match whole_i64(column_type, value, for_all_engines) {
            Some((value, exact)) => stored_as(values, Some(value), exact),
            None => Fit::Misfit,
        },
        (Values::Fixed(values, width), value) => match (column_type, value) {
            (ColumnType::Uuid, Scalar::String(text)) => match uuid(text) {
                Some(bytes) => {
                    values.extend_from_slice(&bytes);
                    if uuid_text(&bytes) == text { Fit::Exact } else { Fit::Reformed }
                }
                None => Fit::Misfit,
            },
            (ColumnType::Uuid, _) => Fit::Misfit,
            _ => match whole(column_type, value) {
                Some((value, exact)) => {
                    values.extend_from_slice(&value.to_be_bytes()[16 - *width..]);
                    if exact { Fit::Exact } else { Fit::Reformed }
                }
                None => Fit::Misfit,
            },
        },
        _ => Fit::Misfit,
    }
}

/// Appends a native value to `values`, if a column of this type can hold it. An instant and a
/// decimal came without a form, so they are exact in a column of any form.
fn push_native(
    values: &mut Values,
    column_type: &ColumnType,
    value: Native<'_>,
    for_all_engines: bool,
) -> Fit {
    let Native { natives, at, .. } = value;
    if natives.are_stored_in(column_type) {
        if for_all_engines && !native::is_read(natives, at) {
            return Fit::Misfit;
        }
        native::copy(&natives.values, at, values);
        return Fit::Exact;
    }
    let text = value.text();
    let scalar = match &text {
        NativeText::Text(text) => Scalar::String(text),
        NativeText::Number(literal) => match number::read_whole(literal) {
            Some(number) => Scalar::Number(number),
            None => return Fit::Misfit,
        },
    };
    match push(values, column_type, scalar, for_all_engines) {
        Fit::Reformed if natives.form().is_some() => Fit::Exact,
        fit => fit,
    }
}

/// The type with its form decided: the given form, or the form of the most values; for a decimal,
/// that of the first value that fits.
pub(super) fn with_form(column_type: &ColumnType, node: Option<&Node>) -> ColumnType {
    let mut decided = column_type.clone();
    let natives = node.filter(|node| node.count(Kind::Native) * 2 > node.values());
    let of_natives = natives.and_then(|node| native::form(node, column_type));
    match &mut decided {
        ColumnType::Timestamp { form: form @ None, .. }
        | ColumnType::Decimal { form: form @ None, .. }
            if of_natives.is_some() =>
        {
            *form = of_natives;
        }
        ColumnType::Timestamp { unit, form: form @ None } => {
            *form = Some(node.map_or(Form::Number, |node| timestamp_form(node, *unit)));
        }
        ColumnType::Decimal { precision, scale, form: form @ None } => {
            let of_text = |text: &str| {
                let fits = value_text::decimal(text, *precision, *scale).is_some();
                fits.then_some(Form::Text(TextForm::fixed(*scale)))
            };
            *form = Some(node.and_then(|node| first_form(node, of_text)).unwrap_or(Form::Number));
        }
        _ => {}
    }
    decided
}

/// The form of the most values. In a tie it is the number, because a column of numbers takes texts
/// too.
fn timestamp_form(node: &Node, unit: TimeUnit) -> Form {
    let (native_numbers, native_texts) = native::numbers_and_texts(node);
    let numbers: usize =
        [Kind::Int, Kind::Big, Kind::Double].iter().map(|kind| node.count(*kind)).sum();
    let numbers = numbers + native_numbers;
    match text_type::form_of(&node.strings, unit) {
        Some((form, texts)) if texts > numbers => Form::Text(form),
        // Texts that no form gives back, as far as they are instants at all.
        None if numbers == 0 && node.strings.len() + native_texts > 0 => {
            Form::Text(TextForm::fixed(unit.digits()))
        }
        _ => Form::Number,
    }
}

fn first_form(node: &Node, of_text: impl Fn(&str) -> Option<Form>) -> Option<Form> {
    let (mut strings, mut at) = (0, 0);
    while at < node.end() {
        match node.kind_at(at) {
            Kind::String => {
                if let Some(form) = of_text(node.strings.text(strings)) {
                    return Some(form);
                }
                strings += 1;
            }
            Kind::Int | Kind::Big | Kind::Double | Kind::Literal => return Some(Form::Number),
            _ => {}
        }
        at += 1;
    }
    None
}

fn stored<T>(values: &mut Vec<T>, value: Option<T>) -> Fit {
    stored_as(values, value, true)
}

fn stored_as<T>(values: &mut Vec<T>, value: Option<T>, exact: bool) -> Fit {
    match value {
        Some(value) => {
            values.push(value);
            if exact { Fit::Exact } else { Fit::Reformed }
        }
        None => Fit::Misfit,
    }
}

fn double(value: Number<'_>) -> Option<f64> {
    match value {
        Number::Int(value) => number::int_as_double(value),
        Number::Big(value) => number::big_as_double(value),
        Number::Double(value) => Some(value),
        Number::Literal(_) => None,
    }
}

/// A number as a float whose shortest decimal form has the same value.
fn float(value: Number<'_>) -> Option<f32> {
    let value = double(value)?;
    let narrow = value as f32;
    let same = narrow.is_finite() && float_as_double(narrow).to_bits() == value.to_bits();
    same.then_some(narrow)
}

/// [`whole_read`] for a column of 64 bits. Instants as text, the most frequent of all these, take
/// no detour over 128 bits.
fn whole_i64(
    column_type: &ColumnType,
    value: Scalar<'_>,
    for_all_engines: bool,
) -> Option<(i64, bool)> {
    if let (ColumnType::Timestamp { unit, form }, Scalar::String(text)) = (column_type, value) {
        let is_read = |value| !for_all_engines || text_type::is_instant_read(*unit, value);
        return instant(text, *unit, *form).filter(|(value, _)| is_read(*value));
    }
    let (value, exact) = whole_read(column_type, value, for_all_engines)?;
    Some((i64::try_from(value).ok()?, exact))
}

/// [`whole`]; `for_all_engines`: if each of them reads the file.
fn whole_read(
    column_type: &ColumnType,
    value: Scalar<'_>,
    for_all_engines: bool,
) -> Option<(i128, bool)> {
    let is_read = |value| !for_all_engines || text_type::is_read(column_type, value);
    whole(column_type, value).filter(|(value, _)| is_read(*value))
}

/// A value as the whole number that its column stores, and whether it has the form of the column.
/// Instants as text are [`whole_i64`]'s.
fn whole(column_type: &ColumnType, value: Scalar<'_>) -> Option<(i128, bool)> {
    match (column_type, value) {
        (ColumnType::Decimal { precision, scale, form }, Scalar::Number(value)) => {
            let value = decimal_number(value, *precision, *scale)?;
            Some((value, *form == Some(Form::Number)))
        }
        (ColumnType::Decimal { precision, scale, form }, Scalar::String(text)) => {
            let value = value_text::decimal(text, *precision, *scale)?;
            let exact = matches!(form, Some(Form::Text(_)))
                && value_text::decimal_text(value, *scale) == text;
            Some((value, exact))
        }
        // Nothing says what a number beside texts counts.
        (ColumnType::Timestamp { form: Some(Form::Text(_)), .. }, _) => None,
        (ColumnType::Timestamp { .. }, Scalar::Number(value)) => {
            Some((i128::from(i64::try_from(whole_number(value)?).ok()?), true))
        }
        (ColumnType::Date, Scalar::String(text)) => Some((i128::from(time::date(text)?), true)),
        (ColumnType::Date, _) => None,
        (_, Scalar::Number(value)) => Some((whole_number(value)?, true)),
        _ => None,
    }
}

/// An instant in its unit, and whether its text has the form of the column.
fn instant(text: &str, unit: TimeUnit, form: Option<Form>) -> Option<(i64, bool)> {
    let (Some(instant), Some(Form::Text(form))) = (Instant::read(text), form) else {
        return Some((time::timestamp(text, unit.digits())?, false));
    };
    let digits = match form.digits {
        Digits::Fixed(digits) => instant.digits == digits,
        Digits::Trimmed => instant.is_trimmed(),
    };
    Some((instant.value(unit.digits())?, digits && instant.offset == form.zone.offset()))
}

fn decimal_number(value: Number<'_>, precision: u8, scale: u8) -> Option<i128> {
    match value {
        Number::Int(value) => value_text::decimal(&value.to_string(), precision, scale),
        Number::Big(value) => value_text::decimal(&value.to_string(), precision, scale),
        // No whole number and no decimal keeps the sign of a minus zero.
        Number::Double(value) if value == 0.0 && value.is_sign_negative() => None,
        Number::Double(value) => {
            value_text::decimal(number::format(value, &mut number::buffer()), precision, scale)
        }
        Number::Literal(literal) => value_text::decimal(literal, precision, scale),
    }
}

/// A number that is whole, however it is written.
fn whole_number(value: Number<'_>) -> Option<i128> {
    match value {
        Number::Int(value) => Some(i128::from(value)),
        Number::Big(value) => Some(i128::from(value)),
        // Past 2^53 a double's neighbours are whole numbers too, but its shortest form is one of
        // them exactly.
        Number::Double(_) => decimal_number(value, 38, 0),
        Number::Literal(_) => None,
    }
}

/// The stored bits of a whole number in an INT32 column; `None` if it is outside the type's range.
fn i32_bits(column_type: &ColumnType, value: i128) -> Option<i32> {
    let in_range = match column_type {
        ColumnType::Int8 => i8::try_from(value).is_ok(),
        ColumnType::Int16 => i16::try_from(value).is_ok(),
        ColumnType::Uint8 => u8::try_from(value).is_ok(),
        ColumnType::Uint16 => u16::try_from(value).is_ok(),
        // An unsigned number past i32 is stored in the same 32 bits (LogicalTypes.md, INT).
        ColumnType::Uint32 => return u32::try_from(value).ok().map(u32::cast_signed),
        _ => true,
    };
    i32::try_from(value).ok().filter(|_| in_range)
}
