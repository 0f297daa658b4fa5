//! The values of a leaf array into a node.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BinaryArrayType, StringArrayType};
use arrow_schema::{DataType, TimeUnit};

use super::class::{Class, DAY_MS, digits};
use super::slots::Slots;
use crate::columns::natives::{NativeText, Natives};
use crate::columns::node::{Kind, Node};
use crate::columns::values::{Blobs, Texts, Values};
use crate::schema::ColumnType;
use crate::time::timestamp_text;

/// Appends the values at these places, which all have a value. Gives the kind of each.
pub(super) fn append(
    node: &mut Node,
    array: &ArrayRef,
    class: &Class<'_>,
    slots: &Slots,
) -> KindOf {
    match class {
        Class::Boolean => {
            let values = array.as_boolean();
            node.booleans.extend(slots.places().map(|at| values.value(at)));
            KindOf::All(Kind::Boolean)
        }
        Class::Int => {
            extend::<Int64Type, _>(array, slots, &mut node.ints, |value| value);
            KindOf::All(Kind::Int)
        }
        Class::Double => {
            extend::<Float64Type, _>(array, slots, &mut node.doubles, |value| value);
            KindOf::All(Kind::Double)
        }
        Class::Text => {
            texts(array, slots, &mut node.strings);
            KindOf::All(Kind::String)
        }
        Class::Clock => {
            slots.places().for_each(|at| node.strings.push(&clock(array, at)));
            KindOf::All(Kind::String)
        }
        Class::Native(column_type) => {
            let before = node.count(Kind::Native);
            if let Some(typed) = &mut node.typed {
                natives(array, slots, typed.next(column_type, before));
            }
            KindOf::All(Kind::Native)
        }
        Class::Plain(column_type) => plain(node, array, column_type, slots),
        // The caller has dealt with these.
        Class::Null | Class::Struct(_) | Class::List(_) | Class::Elsewhere(_) => {
            KindOf::All(Kind::Null)
        }
    }
}

/// The kinds of some values.
pub(super) enum KindOf {
    All(Kind),
    Each(Vec<Kind>),
}

impl KindOf {
    pub(super) fn at(&self, at: usize) -> Kind {
        match self {
            KindOf::All(kind) => *kind,
            KindOf::Each(kinds) => kinds[at],
        }
    }
}

fn extend<A: ArrowPrimitiveType, T>(
    array: &ArrayRef,
    slots: &Slots,
    out: &mut Vec<T>,
    stored: impl Fn(A::Native) -> T,
) {
    let values = array.as_primitive::<A>().values();
    match slots.range() {
        Some(range) => out.extend(values[range].iter().map(|value| stored(*value))),
        None => out.extend(slots.places().map(|at| stored(values[at]))),
    }
}

fn texts(array: &ArrayRef, slots: &Slots, out: &mut Texts) {
    fn push<'a>(array: impl StringArrayType<'a>, slots: &Slots, out: &mut Texts) {
        slots.places().for_each(|at| out.push(array.value(at)));
    }
    match array.data_type() {
        DataType::Utf8 => push(array.as_string::<i32>(), slots, out),
        DataType::LargeUtf8 => push(array.as_string::<i64>(), slots, out),
        _ => push(array.as_string_view(), slots, out),
    }
}

fn blobs(array: &ArrayRef, slots: &Slots, out: &mut Blobs) {
    fn push<'a>(array: impl BinaryArrayType<'a>, slots: &Slots, out: &mut Blobs) {
        slots.places().for_each(|at| out.push(array.value(at)));
    }
    match array.data_type() {
        DataType::Binary => push(array.as_binary::<i32>(), slots, out),
        DataType::LargeBinary => push(array.as_binary::<i64>(), slots, out),
        DataType::FixedSizeBinary(_) => push(array.as_fixed_size_binary(), slots, out),
        _ => push(array.as_binary_view(), slots, out),
    }
}

/// Appends values of an Arrow type as the column of that type stores them.
fn natives(array: &ArrayRef, slots: &Slots, natives: &mut Natives) {
    match &mut natives.values {
        Values::Int32(out) => int32(array, slots, out),
        Values::Int64(out) => int64(array, slots, out),
        Values::Float(out) => match array.data_type() {
            DataType::Float16 => extend::<Float16Type, _>(array, slots, out, |v| v.to_f32()),
            _ => extend::<Float32Type, _>(array, slots, out, |value| value),
        },
        Values::Bytes(out) => blobs(array, slots, out),
        Values::Fixed(out, width) => match array.data_type() {
            DataType::FixedSizeBinary(_) => {
                let values = array.as_fixed_size_binary();
                slots.places().for_each(|at| out.extend_from_slice(values.value(at)));
            }
            _ => slots.places().for_each(|at| {
                out.extend_from_slice(&integer(array, at).to_be_bytes()[16 - *width..]);
            }),
        },
        // JSON has kinds for these.
        Values::Boolean(_) | Values::Double(_) => {}
    }
}

fn int32(array: &ArrayRef, slots: &Slots, out: &mut Vec<i32>) {
    match array.data_type() {
        DataType::Int8 => extend::<Int8Type, _>(array, slots, out, i32::from),
        DataType::Int16 => extend::<Int16Type, _>(array, slots, out, i32::from),
        DataType::Int32 => extend::<Int32Type, _>(array, slots, out, |value| value),
        DataType::UInt8 => extend::<UInt8Type, _>(array, slots, out, i32::from),
        DataType::UInt16 => extend::<UInt16Type, _>(array, slots, out, i32::from),
        // The same 32 bits (LogicalTypes.md, INT).
        DataType::UInt32 => extend::<UInt32Type, _>(array, slots, out, u32::cast_signed),
        DataType::Date32 => extend::<Date32Type, _>(array, slots, out, |value| value),
        DataType::Date64 => {
            extend::<Date64Type, _>(array, slots, out, |value| (value / DAY_MS) as i32);
        }
        _ => out.extend(slots.places().map(|at| integer(array, at) as i32)),
    }
}

fn int64(array: &ArrayRef, slots: &Slots, out: &mut Vec<i64>) {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            // Parquet has no seconds.
            extend::<TimestampSecondType, _>(array, slots, out, |value| value * 1_000);
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            extend::<TimestampMillisecondType, _>(array, slots, out, |value| value);
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            extend::<TimestampMicrosecondType, _>(array, slots, out, |value| value);
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            extend::<TimestampNanosecondType, _>(array, slots, out, |value| value);
        }
        _ => out.extend(slots.places().map(|at| integer(array, at) as i64)),
    }
}

/// Appends values of this type as JSON has them: whole numbers, other numbers as literals, and
/// texts.
fn plain(node: &mut Node, array: &ArrayRef, column_type: &ColumnType, slots: &Slots) -> KindOf {
    let mut kinds = Vec::with_capacity(slots.len());
    if is_whole(array.data_type()) {
        for at in slots.places() {
            kinds.push(plain_integer(node, integer(array, at)));
        }
        return KindOf::Each(kinds);
    }
    let mut read = Natives::new(column_type.clone());
    natives(array, slots, &mut read);
    for at in 0..slots.len() {
        kinds.push(match read.text(at) {
            NativeText::Text(text) => {
                node.strings.push(&text);
                Kind::String
            }
            NativeText::Number(literal) => {
                node.literals.push(&literal);
                Kind::Literal
            }
        });
    }
    KindOf::Each(kinds)
}

fn plain_integer(node: &mut Node, value: i128) -> Kind {
    if let Ok(int) = i64::try_from(value) {
        node.ints.push(int);
        Kind::Int
    } else if let Ok(big) = u64::try_from(value) {
        node.bigs.push(big);
        Kind::Big
    } else {
        node.literals.push(&value.to_string());
        Kind::Literal
    }
}

fn is_whole(data_type: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128};
    data_type.is_integer()
        || matches!(data_type, Decimal32(_, 0) | Decimal64(_, 0) | Decimal128(_, 0))
}

/// The integer at `at`, or the unscaled value of a decimal.
pub(super) fn integer(array: &ArrayRef, at: usize) -> i128 {
    match array.data_type() {
        DataType::Int8 => i128::from(array.as_primitive::<Int8Type>().value(at)),
        DataType::Int16 => i128::from(array.as_primitive::<Int16Type>().value(at)),
        DataType::Int32 => i128::from(array.as_primitive::<Int32Type>().value(at)),
        DataType::Int64 => i128::from(array.as_primitive::<Int64Type>().value(at)),
        DataType::UInt8 => i128::from(array.as_primitive::<UInt8Type>().value(at)),
        DataType::UInt16 => i128::from(array.as_primitive::<UInt16Type>().value(at)),
        DataType::UInt32 => i128::from(array.as_primitive::<UInt32Type>().value(at)),
        DataType::UInt64 => i128::from(array.as_primitive::<UInt64Type>().value(at)),
        DataType::Decimal32(..) => i128::from(array.as_primitive::<Decimal32Type>().value(at)),
        DataType::Decimal64(..) => i128::from(array.as_primitive::<Decimal64Type>().value(at)),
        _ => array.as_primitive::<Decimal128Type>().value(at),
    }
}

/// The timestamp or the time of day at `at`, in its own unit.
pub(super) fn instant_of(array: &ArrayRef, at: usize) -> i64 {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            array.as_primitive::<TimestampSecondType>().value(at)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            array.as_primitive::<TimestampMillisecondType>().value(at)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().value(at)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().value(at)
        }
        DataType::Time32(TimeUnit::Second) => {
            i64::from(array.as_primitive::<Time32SecondType>().value(at))
        }
        DataType::Time32(_) => i64::from(array.as_primitive::<Time32MillisecondType>().value(at)),
        DataType::Time64(TimeUnit::Microsecond) => {
            array.as_primitive::<Time64MicrosecondType>().value(at)
        }
        _ => array.as_primitive::<Time64NanosecondType>().value(at),
    }
}

/// A date-time or a time of day without a zone, as ISO 8601 writes it.
fn clock(array: &ArrayRef, at: usize) -> String {
    let (unit, of_day) = match array.data_type() {
        DataType::Timestamp(unit, _) => (*unit, false),
        DataType::Time32(unit) | DataType::Time64(unit) => (*unit, true),
        _ => return String::new(),
    };
    let digits = digits(unit);
    let text = timestamp_text(instant_of(array, at), digits, Some(digits), None);
    let text = text.unwrap_or_default();
    let local = text.trim_end_matches('Z');
    match of_day {
        true => local.split_once('T').map_or(local, |(_, time)| time).to_owned(),
        false => local.to_owned(),
    }
}
