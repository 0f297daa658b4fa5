//! The smallest and largest value of statistics, as literals of a filter.

use arrow_schema::DataType;
use coldpress_core::filter::{DateLiteral, InstantLiteral, Kind, Literal, NumberLiteral};
use coldpress_core::foreign::StoredEnd;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::schema::types::ColumnDescriptor;

use crate::record_batches::shape::{self, Shape};

/// How the values of a column compare with those of its statistics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'c> {
    pub(super) data_type: &'c DataType,
    pub(super) shape: Shape,
    pub(super) column: &'c ColumnDescriptor,
}

impl Reading<'_> {
    /// The kind of all values; `None` if they have several, or if their order is not that of the
    /// statistics.
    pub(super) fn kind(&self) -> Option<Kind> {
        match (shape::of_values(self.data_type), self.shape) {
            (DataType::Boolean, _) => Some(Kind::Boolean),
            (
                DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32
                | DataType::UInt64
                | DataType::Float32
                | DataType::Float64,
                _,
            ) => Some(Kind::Number),
            (DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..), of) => {
                (of == Shape::Plain).then_some(Kind::Number)
            }
            (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, of) => {
                (of == Shape::Plain).then_some(Kind::String)
            }
            (DataType::Date32, _) => Some(Kind::Date),
            (DataType::Timestamp(..), Shape::Units) => Some(Kind::Number),
            (DataType::Timestamp(unit, _), _) => {
                // A coarser unit than that of the file would round the values.
                let stored = self.stored_digits()?;
                (shape::digits(*unit) >= stored).then_some(Kind::Instant)
            }
            _ => None,
        }
    }

    /// The digits of a second in the file's unit.
    fn stored_digits(&self) -> Option<u8> {
        match (self.column.logical_type_ref(), self.column.converted_type()) {
            (Some(LogicalType::Timestamp(of)), _) => Some(match of.unit {
                TimeUnit::MILLIS => 3,
                TimeUnit::MICROS => 6,
                TimeUnit::NANOS => 9,
            }),
            (None, ConvertedType::TIMESTAMP_MILLIS) => Some(3),
            (None, ConvertedType::TIMESTAMP_MICROS) => Some(6),
            _ => None,
        }
    }

    /// A value of the statistics as a literal of this kind.
    pub(super) fn literal(&self, stored: StoredEnd<'_>) -> Option<Literal> {
        match (shape::of_values(self.data_type), stored) {
            (DataType::Boolean, StoredEnd::Boolean(value)) => Some(Literal::Boolean(value)),
            (DataType::UInt8 | DataType::UInt16 | DataType::UInt32, StoredEnd::Integer(value)) => {
                Some(number(value & i64::from(u32::MAX)))
            }
            (DataType::UInt64, StoredEnd::Integer(value)) => {
                read(&value.cast_unsigned().to_string())
            }
            (
                DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64,
                StoredEnd::Integer(value),
            ) => Some(number(value)),
            (DataType::Float32, StoredEnd::Float(value)) if value.is_finite() => {
                read(&format!("{value:?}"))
            }
            (DataType::Float64, StoredEnd::Double(value)) if value.is_finite() => {
                read(&format!("{value:?}"))
            }
            (
                DataType::Decimal32(_, scale)
                | DataType::Decimal64(_, scale)
                | DataType::Decimal128(_, scale),
                stored,
            ) => {
                let value = match stored {
                    StoredEnd::Integer(value) => i128::from(value),
                    StoredEnd::Bytes(bytes) => wide(bytes)?,
                    _ => return None,
                };
                read(&format!("{value}e{}", -i16::from(*scale)))
            }
            (
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
                StoredEnd::Bytes(bytes),
            ) => std::str::from_utf8(bytes).ok().map(|text| Literal::String(text.to_owned())),
            (DataType::Date32, StoredEnd::Integer(days)) => {
                DateLiteral::of_days(i32::try_from(days).ok()?).map(Literal::Date)
            }
            (DataType::Timestamp(..), StoredEnd::Integer(value)) if self.shape == Shape::Units => {
                Some(number(value))
            }
            (DataType::Timestamp(..), StoredEnd::Integer(value)) => {
                InstantLiteral::of_unit(value, self.stored_digits()?).map(Literal::Instant)
            }
            _ => None,
        }
    }
}

fn number(value: i64) -> Literal {
    Literal::Number(NumberLiteral::from(value))
}

fn read(text: &str) -> Option<Literal> {
    NumberLiteral::read(text).ok().map(Literal::Number)
}

/// A whole number in two's complement, big-endian.
fn wide(bytes: &[u8]) -> Option<i128> {
    let sign = if bytes.first()? > &127 { 0xFF } else { 0 };
    let mut wide = [sign; 16];
    let from = wide.len().checked_sub(bytes.len())?;
    wide[from..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}
