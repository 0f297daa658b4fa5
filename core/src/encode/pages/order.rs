//! How the values of a column are ordered, and so what its statistics say (`parquet.thrift`,
//! `ColumnOrder`).

use std::cmp::Ordering;
use std::ops::Range;

use parquet::basic::{LogicalType, Type};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescriptor;

use super::bounds::{head, lower_bound, upper_bound};
use crate::columns::{Blobs, Values};

/// The order of one column's values. Bounds are values in their PLAIN form, without a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Boolean,
    Int32,
    Uint32,
    Int64,
    Float,
    Double,
    /// Byte by byte, of any width. Bounds are cut between characters if the bytes are text.
    Bytes {
        text: bool,
    },
    /// Byte by byte, all of one width.
    Fixed,
    /// Big-endian numbers of two's complement, all of one width.
    Decimal,
}

impl Order {
    pub(super) fn of(descriptor: &ColumnDescriptor) -> Self {
        let logical = descriptor.logical_type_ref();
        match descriptor.physical_type() {
            Type::BOOLEAN => Order::Boolean,
            Type::INT32 => match logical {
                Some(LogicalType::Integer(integer)) if !integer.is_signed => Order::Uint32,
                _ => Order::Int32,
            },
            Type::INT64 | Type::INT96 => Order::Int64,
            Type::FLOAT => Order::Float,
            Type::DOUBLE => Order::Double,
            Type::BYTE_ARRAY => Order::Bytes {
                text: matches!(logical, Some(LogicalType::String | LogicalType::Json)),
            },
            Type::FIXED_LEN_BYTE_ARRAY => match logical {
                Some(LogicalType::Decimal(_)) => Order::Decimal,
                _ => Order::Fixed,
            },
        }
    }

    /// Compares two bounds.
    pub(super) fn compare(self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Order::Boolean | Order::Bytes { .. } | Order::Fixed => a.cmp(b),
            Order::Int32 => int32(a).cmp(&int32(b)),
            Order::Uint32 => int32(a).cast_unsigned().cmp(&int32(b).cast_unsigned()),
            Order::Int64 => int64(a).cmp(&int64(b)),
            Order::Float => float(a).partial_cmp(&float(b)).unwrap_or(Ordering::Equal),
            Order::Double => double(a).partial_cmp(&double(b)).unwrap_or(Ordering::Equal),
            Order::Decimal => {
                let sign = |bytes: &[u8]| bytes.first().map_or(0, |byte| byte ^ 0x80);
                sign(a).cmp(&sign(b)).then_with(|| a.cmp(b))
            }
        }
    }

    /// The lowest and the highest of these values; `None` if there is no value, or only NaN.
    pub(super) fn bounds(self, values: &Values, range: Range<usize>) -> Option<(Vec<u8>, Vec<u8>)> {
        match values {
            Values::Boolean(values) => {
                let (min, max) = extremes(&values[range], |a, b| !a & b)?;
                Some((vec![u8::from(min)], vec![u8::from(max)]))
            }
            Values::Int32(values) if self == Order::Uint32 => {
                let less = |a: i32, b: i32| a.cast_unsigned() < b.cast_unsigned();
                let (min, max) = extremes(&values[range], less)?;
                Some((min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec()))
            }
            Values::Int32(values) => {
                let (min, max) = extremes(&values[range], |a, b| a < b)?;
                Some((min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec()))
            }
            Values::Int64(values) => {
                let (min, max) = extremes(&values[range], |a, b| a < b)?;
                Some((min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec()))
            }
            // Zeros of either sign are equal, so the bounds take the sign that holds both; NaN is
            // no bound. `parquet.thrift` asks for both (`ColumnOrder`, TYPE_ORDER).
            Values::Float(values) => {
                let values = &values[range];
                let values = &values[values.iter().position(|value| !value.is_nan())?..];
                let (min, max) = extremes(values, |a, b| a < b)?;
                let min = if min == 0.0 { -0.0 } else { min };
                let max = if max == 0.0 { 0.0 } else { max };
                Some((min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec()))
            }
            Values::Double(values) => {
                let values = &values[range];
                let values = &values[values.iter().position(|value| !value.is_nan())?..];
                let (min, max) = extremes(values, |a, b| a < b)?;
                let min = if min == 0.0 { -0.0 } else { min };
                let max = if max == 0.0 { 0.0 } else { max };
                Some((min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec()))
            }
            Values::Bytes(blobs) => blob_extremes(blobs, range),
            Values::Fixed(bytes, width) => {
                let mut values = bytes[range.start * width..range.end * width].chunks_exact(*width);
                let first = values.next()?;
                let (mut min, mut max) = (first, first);
                for value in values {
                    if self.compare(value, min).is_lt() {
                        min = value;
                    } else if self.compare(value, max).is_gt() {
                        max = value;
                    }
                }
                Some((min.to_vec(), max.to_vec()))
            }
        }
    }

    /// A lower bound that is short enough for an index, and whether it is the value itself.
    pub(super) fn low(self, min: &[u8]) -> (Vec<u8>, bool) {
        match self {
            Order::Bytes { text } => lower_bound(min, text),
            _ => (min.to_vec(), true),
        }
    }

    /// An upper bound likewise.
    pub(super) fn high(self, max: &[u8]) -> (Vec<u8>, bool) {
        match self {
            Order::Bytes { text } => upper_bound(max, text),
            _ => (max.to_vec(), true),
        }
    }

    /// The statistics of a column chunk.
    pub(super) fn statistics(self, bounds: Option<(Vec<u8>, Vec<u8>)>, nulls: u64) -> Statistics {
        let nulls = Some(nulls);
        let low = bounds.as_ref().map(|(min, _)| self.low(min));
        let high = bounds.as_ref().map(|(_, max)| self.high(max));
        let exact = |bound: &Option<(Vec<u8>, bool)>| bound.as_ref().is_some_and(|bound| bound.1);
        let (low_exact, high_exact) = (exact(&low), exact(&high));
        let (min, max) = (low.map(|low| low.0), high.map(|high| high.0));
        let (min_bytes, max_bytes) = (min.as_deref(), max.as_deref());
        match self {
            Order::Boolean => {
                let value = |bytes: &[u8]| bytes != [0];
                Statistics::boolean(min_bytes.map(value), max_bytes.map(value), None, nulls, false)
            }
            Order::Int32 | Order::Uint32 => {
                Statistics::int32(min_bytes.map(int32), max_bytes.map(int32), None, nulls, false)
            }
            Order::Int64 => {
                Statistics::int64(min_bytes.map(int64), max_bytes.map(int64), None, nulls, false)
            }
            Order::Float => {
                Statistics::float(min_bytes.map(float), max_bytes.map(float), None, nulls, false)
            }
            Order::Double => {
                Statistics::double(min_bytes.map(double), max_bytes.map(double), None, nulls, false)
            }
            Order::Bytes { .. } => {
                let (min, max) = (min.map(ByteArray::from), max.map(ByteArray::from));
                let statistics = ValueStatistics::new(min, max, None, nulls, false)
                    .with_min_is_exact(low_exact)
                    .with_max_is_exact(high_exact);
                Statistics::ByteArray(statistics)
            }
            Order::Fixed | Order::Decimal => {
                let value = |bytes: Vec<u8>| FixedLenByteArray::from(ByteArray::from(bytes));
                let (min, max) = (min.map(value), max.map(value));
                Statistics::FixedLenByteArray(ValueStatistics::new(min, max, None, nulls, false))
            }
        }
    }
}

fn extremes<T: Copy>(values: &[T], less: impl Fn(T, T) -> bool) -> Option<(T, T)> {
    let first = *values.first()?;
    let (mut min, mut max) = (first, first);
    for value in values {
        min = if less(*value, min) { *value } else { min };
        max = if less(max, *value) { *value } else { max };
    }
    Some((min, max))
}

fn blob_extremes(blobs: &Blobs, range: Range<usize>) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut values = blobs.iter(range);
    let first = values.next()?;
    // Eight bytes decide most comparisons without a call.
    let (mut min, mut max) = ((head(first), first), (head(first), first));
    for value in values {
        let value = (head(value), value);
        if value < min {
            min = value;
        } else if value > max {
            max = value;
        }
    }
    Some((min.1.to_vec(), max.1.to_vec()))
}

/// A bound's bytes as a number; the bounds here are as wide as their type, so none falls to the
/// zero.
fn int32(bytes: &[u8]) -> i32 {
    bytes.first_chunk().map_or(0, |bytes| i32::from_le_bytes(*bytes))
}

fn int64(bytes: &[u8]) -> i64 {
    bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

fn float(bytes: &[u8]) -> f32 {
    bytes.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes))
}

fn double(bytes: &[u8]) -> f64 {
    bytes.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubles(values: &[f64]) -> Option<(f64, f64)> {
        let all = Values::Double(values.to_vec());
        let bounds = Order::Double.bounds(&all, 0..values.len());
        bounds.map(|(min, max)| (double(&min), double(&max)))
    }

    #[test]
    fn zeros_and_nan_follow_the_specification() {
        assert_eq!(doubles(&[f64::NAN, 2.0, f64::NAN, -1.5]), Some((-1.5, 2.0)));
        assert_eq!(doubles(&[f64::NAN]), None);
        let (min, max) = doubles(&[0.0, -0.0]).unwrap();
        assert!(min.is_sign_negative() && max.is_sign_positive());
        let (min, max) = doubles(&[0.0, 3.0]).unwrap();
        assert!(min.is_sign_negative() && max == 3.0);
        let floats = Values::Float(vec![f32::NAN, -0.0, -2.0]);
        let (min, max) = Order::Float.bounds(&floats, 0..3).unwrap();
        assert_eq!((min, max), ((-2.0_f32).to_le_bytes().to_vec(), 0.0_f32.to_le_bytes().to_vec()));
    }

    #[test]
    fn unsigned_numbers_and_decimals_have_orders_of_their_own() {
        let values = Values::Int32(vec![1, -1, 7]);
        let bounds = |order: Order| order.bounds(&values, 0..3).unwrap();
        assert_eq!(bounds(Order::Int32).0, (-1_i32).to_le_bytes());
        assert_eq!(bounds(Order::Uint32).1, (-1_i32).to_le_bytes());
        assert_eq!(bounds(Order::Uint32).0, 1_i32.to_le_bytes());
        let decimals = Values::Fixed([[0, 1], [0xFF, 0xFE], [0, 0x80], [0xFF, 0xFF]].concat(), 2);
        let bounds = Order::Decimal.bounds(&decimals, 0..4).unwrap();
        assert_eq!(bounds, (vec![0xFF, 0xFE], vec![0, 0x80]));
        let bounds = Order::Fixed.bounds(&decimals, 0..4).unwrap();
        assert_eq!(bounds, (vec![0, 1], vec![0xFF, 0xFF]));
        let booleans = Values::Boolean(vec![true, true]);
        assert_eq!(Order::Boolean.bounds(&booleans, 0..2), Some((vec![1], vec![1])));
    }
}
