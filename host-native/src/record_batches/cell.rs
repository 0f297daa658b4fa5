//! One value, as a filter sees it.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coldpress_core::TextForm;
use coldpress_core::filter::FilterRow as _;
use coldpress_core::filter::{ColumnPath, DateLiteral, NumberLiteral, PickedRow, Seen};
use coldpress_core::json::{self, Number};

use crate::error::Result;
use crate::record_batches::shape::{Shape, digits};
use crate::record_batches::times::time_text;

/// The name above a JSON value, whose own names are paths below it.
const ABOVE: &str = "v";

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'b> {
    Nothing,
    Boolean(bool),
    Int(i64),
    Big(u64),
    Double(f64),
    /// A number in the syntax of JSON.
    NumberText(String),
    Borrowed(&'b str),
    Text(String),
    /// What only `is null` can ask about.
    Nested,
}

impl Cell<'_> {
    pub(super) fn seen(&self) -> Seen<'_> {
        match self {
            Cell::Nothing => Seen::Nothing,
            Cell::Boolean(value) => Seen::Boolean(*value),
            Cell::Int(value) => Seen::Number(Number::Int(*value)),
            Cell::Big(value) => Seen::Number(Number::Big(*value)),
            Cell::Double(value) => Seen::Number(Number::Double(*value)),
            Cell::NumberText(text) => Seen::Number(Number::Literal(text)),
            Cell::Borrowed(text) => Seen::String(text),
            Cell::Text(text) => Seen::String(text),
            Cell::Nested => Seen::Nested,
        }
    }

    /// The same value with memory of its own.
    pub(super) fn of(seen: Seen<'_>) -> Cell<'static> {
        match seen {
            Seen::Nothing => Cell::Nothing,
            Seen::Boolean(value) => Cell::Boolean(value),
            Seen::Number(Number::Int(value)) => Cell::Int(value),
            Seen::Number(Number::Big(value)) => Cell::Big(value),
            Seen::Number(Number::Double(value)) => Cell::Double(value),
            Seen::Number(Number::Literal(text)) => Cell::NumberText(text.to_owned()),
            Seen::Literal(text) => Cell::NumberText(text.into_owned()),
            Seen::String(text) => Cell::Text(text.to_owned()),
            _ => Cell::Nested,
        }
    }
}

/// The value of an array at a row that is not null; `below`: the names of the path behind it.
pub(super) fn cell<'b>(
    array: &'b ArrayRef,
    row: usize,
    shape: Shape,
    below: &[String],
) -> Result<Cell<'b>> {
    if shape == Shape::Json
        && let Some(text) = text(array, row)
    {
        return in_json(text, below);
    }
    if !below.is_empty() {
        return Ok(Cell::Nothing);
    }
    Ok(plain(array, row, shape))
}

/// The text of an array of texts.
pub(super) fn text(array: &ArrayRef, row: usize) -> Option<&str> {
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row),
        DataType::Utf8View => array.as_string_view().value(row),
        _ => return None,
    })
}

fn in_json(text: &str, below: &[String]) -> Result<Cell<'static>> {
    let path = ColumnPath::new([ABOVE].into_iter().chain(below.iter().map(String::as_str)))?;
    let mut picked = PickedRow::new(std::slice::from_ref(&path));
    picked.clear();
    json::read(format!("{{\"{ABOVE}\":{text}}}").as_bytes(), &mut picked)?;
    Ok(Cell::of(picked.seen(&path)))
}

fn plain<'b>(array: &'b ArrayRef, row: usize, shape: Shape) -> Cell<'b> {
    macro_rules! value {
        ($of:ty) => {
            array.as_primitive::<$of>().value(row)
        };
    }
    match array.data_type() {
        DataType::Null => Cell::Nothing,
        DataType::Boolean => Cell::Boolean(array.as_boolean().value(row)),
        DataType::Int8 => Cell::Int(value!(Int8Type).into()),
        DataType::Int16 => Cell::Int(value!(Int16Type).into()),
        DataType::Int32 => Cell::Int(value!(Int32Type).into()),
        DataType::Int64 => Cell::Int(value!(Int64Type)),
        DataType::UInt8 => Cell::Int(value!(UInt8Type).into()),
        DataType::UInt16 => Cell::Int(value!(UInt16Type).into()),
        DataType::UInt32 => Cell::Int(value!(UInt32Type).into()),
        DataType::UInt64 => unsigned(value!(UInt64Type)),
        DataType::Float16 => single(value!(Float16Type).to_f32()),
        DataType::Float32 => single(value!(Float32Type)),
        DataType::Float64 => Cell::Double(value!(Float64Type)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            of_text(text(array, row).unwrap_or_default(), shape)
        }
        DataType::Binary => bytes(array.as_binary::<i32>().value(row), shape),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row), shape),
        DataType::BinaryView => bytes(array.as_binary_view().value(row), shape),
        DataType::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().value(row), shape),
        DataType::Date32 => date(value!(Date32Type)),
        DataType::Date64 => {
            i32::try_from(value!(Date64Type).div_euclid(86_400_000)).map_or(Cell::Nested, date)
        }
        DataType::Timestamp(unit, _) => instant(timestamp(array, row, *unit), *unit, shape),
        DataType::Time32(_) | DataType::Time64(_) => time(array, row),
        DataType::Duration(unit) => Cell::Int(duration(array, row, *unit)),
        DataType::Decimal32(..) => {
            decimal(array.as_primitive::<Decimal32Type>().value_as_string(row), shape)
        }
        DataType::Decimal64(..) => {
            decimal(array.as_primitive::<Decimal64Type>().value_as_string(row), shape)
        }
        DataType::Decimal128(..) => {
            decimal(array.as_primitive::<Decimal128Type>().value_as_string(row), shape)
        }
        DataType::Decimal256(..) => {
            decimal(array.as_primitive::<Decimal256Type>().value_as_string(row), shape)
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            looked_up(dictionary.values(), key(dictionary.keys(), row), shape)
        }
        _ => Cell::Nested,
    }
}

fn looked_up(values: &ArrayRef, key: Option<usize>, shape: Shape) -> Cell<'_> {
    match key.filter(|key| *key < values.len() && !values.is_null(*key)) {
        None => Cell::Nothing,
        // Parquet makes no dictionary of dictionaries.
        Some(_) if matches!(values.data_type(), DataType::Dictionary(..)) => Cell::Nested,
        Some(key) => plain(values, key, shape),
    }
}

/// The key of a row in a dictionary.
fn key(keys: &dyn Array, row: usize) -> Option<usize> {
    if keys.is_null(row) {
        return None;
    }
    match keys.data_type() {
        DataType::Int8 => usize::try_from(keys.as_primitive::<Int8Type>().value(row)).ok(),
        DataType::Int16 => usize::try_from(keys.as_primitive::<Int16Type>().value(row)).ok(),
        DataType::Int32 => usize::try_from(keys.as_primitive::<Int32Type>().value(row)).ok(),
        DataType::Int64 => usize::try_from(keys.as_primitive::<Int64Type>().value(row)).ok(),
        DataType::UInt8 => Some(keys.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Some(keys.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => usize::try_from(keys.as_primitive::<UInt32Type>().value(row)).ok(),
        DataType::UInt64 => usize::try_from(keys.as_primitive::<UInt64Type>().value(row)).ok(),
        _ => None,
    }
}

fn of_text(text: &str, shape: Shape) -> Cell<'_> {
    match shape {
        Shape::NumberText if NumberLiteral::read(text).is_ok() => Cell::NumberText(text.to_owned()),
        _ => Cell::Borrowed(text),
    }
}

fn unsigned(value: u64) -> Cell<'static> {
    i64::try_from(value).map_or(Cell::Big(value), Cell::Int)
}

/// The double that has the same shortest decimal form.
fn single(value: f32) -> Cell<'static> {
    Cell::Double(value.to_string().parse().unwrap_or(f64::NAN))
}

fn bytes(bytes: &[u8], shape: Shape) -> Cell<'static> {
    if shape != Shape::Uuid || bytes.len() != 16 {
        return Cell::Text(STANDARD.encode(bytes));
    }
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Cell::Text(text)
}

fn date(days: i32) -> Cell<'static> {
    DateLiteral::of_days(days).map_or(Cell::Nested, |date| Cell::Text(date.text()))
}

fn instant(value: i64, unit: TimeUnit, shape: Shape) -> Cell<'static> {
    let digits = digits(unit);
    let form = match shape {
        Shape::Units => return Cell::Int(value),
        Shape::Instant(form) => form,
        _ => TextForm::fixed(digits),
    };
    form.timestamp(value, digits).map_or(Cell::Nested, Cell::Text)
}

fn timestamp(array: &ArrayRef, row: usize, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
    }
}

fn duration(array: &ArrayRef, row: usize, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<DurationSecondType>().value(row),
        TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().value(row),
        TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().value(row),
    }
}

fn time(array: &ArrayRef, row: usize) -> Cell<'static> {
    let (value, unit) = match array.data_type() {
        DataType::Time32(TimeUnit::Second) => {
            (array.as_primitive::<Time32SecondType>().value(row).into(), TimeUnit::Second)
        }
        DataType::Time32(unit) => {
            (array.as_primitive::<Time32MillisecondType>().value(row).into(), *unit)
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            (array.as_primitive::<Time64NanosecondType>().value(row), TimeUnit::Nanosecond)
        }
        _ => (array.as_primitive::<Time64MicrosecondType>().value(row), TimeUnit::Microsecond),
    };
    time_text(value, digits(unit)).map_or(Cell::Nested, Cell::Text)
}

fn decimal(text: String, shape: Shape) -> Cell<'static> {
    match shape {
        Shape::DecimalText => Cell::Text(text),
        _ => Cell::NumberText(text),
    }
}
