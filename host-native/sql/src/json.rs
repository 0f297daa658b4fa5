//! Values of record batches as JSON text, as the rest of Coldpress writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coldpress_core::json::{Number, write_number, write_string};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, ListArray, StructArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt64Type,
};
use datafusion::arrow::error::ArrowError;

use crate::text;

/// The bytes of a UUID.
const UUID_BYTES: i32 = 16;

/// Writes the values of one array as JSON.
///
/// Instants and days are RFC 3339 text, decimals are numbers with the digits of their scale, bytes
/// are base64, and 16 bytes of fixed size are a UUID. Fields of structs that are null are left out.
/// Types that Coldpress does not store are texts.
#[derive(Debug)]
pub struct JsonColumn {
    nulls: ArrayRef,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Null,
    Boolean(ArrayRef),
    Integer(ArrayRef),
    Unsigned(ArrayRef),
    Float(ArrayRef),
    Double(ArrayRef),
    Decimal(ArrayRef, i8),
    Text(ArrayRef),
    Bytes(ArrayRef),
    Uuid(FixedSizeBinaryArray),
    Date(ArrayRef),
    Instant(ArrayRef, TimeUnit, bool),
    List(ListArray, Box<JsonColumn>),
    Struct(Vec<(String, JsonColumn)>),
}

impl JsonColumn {
    /// A writer of the values of this array.
    ///
    /// It is an error if a value of a type that Coldpress does not store has no text.
    pub fn new(array: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(JsonColumn { nulls: array.clone(), values: Values::new(array)? })
    }

    /// Whether the value in this row is null.
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null) || self.nulls.is_null(row)
    }

    /// Appends the value in this row as JSON.
    pub fn write(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            out.push_str("null");
            return;
        }
        match &self.values {
            Values::Text(_)
            | Values::Bytes(_)
            | Values::Uuid(_)
            | Values::Date(_)
            | Values::Instant(..) => self.write_quoted(row, out),
            // JSON has no number for what is not finite.
            Values::Float(array) if !array.as_primitive::<Float32Type>().value(row).is_finite() => {
                self.write_quoted(row, out);
            }
            Values::Double(array)
                if !array.as_primitive::<Float64Type>().value(row).is_finite() =>
            {
                self.write_quoted(row, out);
            }
            _ => self.write_text(row, out),
        }
    }

    fn write_quoted(&self, row: usize, out: &mut String) {
        let mut text = String::new();
        self.write_text(row, &mut text);
        write_string(out, &text);
    }

    /// Appends the value in this row as text: the same as JSON, but a string without its quotes.
    /// The value is not null.
    pub fn write_text(&self, row: usize, out: &mut String) {
        match &self.values {
            Values::Null => {}
            Values::Boolean(array) => {
                out.push_str(if array.as_boolean().value(row) { "true" } else { "false" });
            }
            Values::Integer(array) => {
                write_number(out, Number::Int(array.as_primitive::<Int64Type>().value(row)));
            }
            Values::Unsigned(array) => {
                write_number(out, Number::Big(array.as_primitive::<UInt64Type>().value(row)));
            }
            Values::Float(array) => {
                let value = array.as_primitive::<Float32Type>().value(row);
                // The shortest decimal form of the float, not of the double beside it.
                write_double(out, value.to_string().parse().unwrap_or(f64::from(value)));
            }
            Values::Double(array) => {
                write_double(out, array.as_primitive::<Float64Type>().value(row));
            }
            Values::Decimal(array, scale) => {
                text::decimal(out, array.as_primitive::<Decimal128Type>().value(row), *scale);
            }
            Values::Text(array) => out.push_str(array.as_string::<i32>().value(row)),
            Values::Bytes(array) => {
                STANDARD.encode_string(array.as_binary::<i32>().value(row), out);
            }
            Values::Uuid(array) => text::uuid(out, array.value(row)),
            Values::Date(array) => {
                text::date(out, i64::from(array.as_primitive::<Date32Type>().value(row)));
            }
            Values::Instant(array, unit, zoned) => {
                text::instant(out, instant(array, *unit, row), *unit, *zoned);
            }
            Values::List(array, elements) => {
                let offsets = array.value_offsets();
                out.push('[');
                for at in offsets[row]..offsets[row + 1] {
                    if at > offsets[row] {
                        out.push(',');
                    }
                    elements.write(usize::try_from(at).unwrap_or_default(), out);
                }
                out.push(']');
            }
            Values::Struct(fields) => write_fields(fields, row, out),
        }
    }
}

impl Values {
    fn new(array: &ArrayRef) -> Result<Self, ArrowError> {
        let to = |data_type: &DataType| cast(array, data_type);
        Ok(match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Boolean(array.clone()),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                Values::Integer(to(&DataType::Int64)?)
            }
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                Values::Unsigned(to(&DataType::UInt64)?)
            }
            DataType::Float16 | DataType::Float32 => Values::Float(to(&DataType::Float32)?),
            DataType::Float64 => Values::Double(array.clone()),
            DataType::Decimal128(_, scale) => Values::Decimal(array.clone(), *scale),
            DataType::Binary | DataType::BinaryView | DataType::LargeBinary => {
                Values::Bytes(to(&DataType::Binary)?)
            }
            DataType::FixedSizeBinary(UUID_BYTES) => {
                Values::Uuid(array.as_fixed_size_binary().clone())
            }
            DataType::FixedSizeBinary(_) => Values::Bytes(to(&DataType::Binary)?),
            DataType::Date32 => Values::Date(array.clone()),
            DataType::Timestamp(unit, zone) => {
                Values::Instant(array.clone(), *unit, zone.is_some())
            }
            DataType::List(_) => Values::list(array.as_list::<i32>())?,
            DataType::LargeList(field)
            | DataType::ListView(field)
            | DataType::LargeListView(field)
            | DataType::FixedSizeList(field, _) => {
                let list = to(&DataType::List(field.clone()))?;
                Values::list(list.as_list::<i32>())?
            }
            DataType::Map(entries, _) => {
                let pairs: ArrayRef = std::sync::Arc::new(array.as_map().entries().clone());
                let list = ListArray::try_new(
                    entries.clone(),
                    array.as_map().offsets().clone(),
                    pairs,
                    array.nulls().cloned(),
                )?;
                Values::list(&list)?
            }
            DataType::Struct(_) => Values::fields(array.as_struct())?,
            DataType::Dictionary(_, values) => Values::new(&to(values)?)?,
            _ => Values::Text(to(&DataType::Utf8)?),
        })
    }

    fn list(list: &ListArray) -> Result<Self, ArrowError> {
        Ok(Values::List(list.clone(), Box::new(JsonColumn::new(list.values())?)))
    }

    fn fields(array: &StructArray) -> Result<Self, ArrowError> {
        let field = |(field, column): (&std::sync::Arc<Field>, &ArrayRef)| {
            Ok((field.name().clone(), JsonColumn::new(column)?))
        };
        let fields = array.fields().iter().zip(array.columns()).map(field);
        Ok(Values::Struct(fields.collect::<Result<_, ArrowError>>()?))
    }
}

/// Appends the fields of one object: those that are not null.
fn write_fields(fields: &[(String, JsonColumn)], row: usize, out: &mut String) {
    out.push('{');
    let mut comma = false;
    for (name, column) in fields.iter().filter(|(_, column)| !column.is_null(row)) {
        if comma {
            out.push(',');
        }
        comma = true;
        write_string(out, name);
        out.push(':');
        column.write(row, out);
    }
    out.push('}');
}

fn write_double(out: &mut String, value: f64) {
    match value.is_finite() {
        true => write_number(out, Number::Double(value)),
        false => out.push_str(&value.to_string()),
    }
}

fn instant(array: &ArrayRef, unit: TimeUnit, row: usize) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
    }
}
