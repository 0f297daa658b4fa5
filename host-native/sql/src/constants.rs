//! Constants of a statement, by their exact values.

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::compute::kernels::cast_utils::string_to_datetime;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Cast, Expr};

const SECOND_NS: i128 = 1_000_000_000;
const DAY_NS: i128 = 86_400 * SECOND_NS;

/// Where a constant lies among the values of a type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Below,
    /// It is this value.
    At(ScalarValue),
    /// Between this value and the next one.
    After(ScalarValue),
    Above,
}

/// Where the constant, which is compared as a value of type `to`, lies among those of type `from`.
/// `None` if it is no constant, or if the types are none of these:
///
/// | `from` | `to` |
/// | --- | --- |
/// | a day or an instant | an instant of a finer unit |
/// | an integer or a decimal | a decimal |
/// | an integer | `float64` |
/// | `float32` | `float64` |
pub(crate) fn place(constant: &Expr, from: &DataType, to: &DataType) -> Option<Place> {
    match (from, to) {
        (DataType::Date32 | DataType::Timestamp(..), DataType::Timestamp(..)) => {
            let unit_ns = unit_ns(from).filter(|unit| Some(*unit) > unit_ns(to))?;
            Some(divided(instant(constant)?, unit_ns, from))
        }
        (DataType::Float32, DataType::Float64) => {
            // The value that has this text: 0.1 is the float32 that is written so.
            let value = double(constant)? as f32;
            value.is_finite().then_some(Place::At(ScalarValue::Float32(Some(value))))
        }
        (from, DataType::Float64) if from.is_integer() => {
            let value = double(constant).filter(|value| !value.is_nan())?;
            // A double that is too large becomes the largest number, which is none of theirs.
            match divided(value.floor() as i128, 1, from) {
                Place::At(floor) if value.fract() != 0.0 => Some(Place::After(floor)),
                place => Some(place),
            }
        }
        (from, DataType::Decimal128(..)) => {
            let own_scale = match from {
                DataType::Decimal128(_, scale) => i32::from(*scale),
                from if from.is_integer() => 0,
                _ => return None,
            };
            let (digits, scale) = decimal(constant)?;
            let power = 10_i128.checked_pow(scale.abs_diff(own_scale));
            Some(match (scale > own_scale, power) {
                (true, unit) => divided(digits, unit?, from),
                (false, power) => match power.and_then(|power| digits.checked_mul(power)) {
                    Some(digits) => divided(digits, 1, from),
                    None => outside(digits),
                },
            })
        }
        _ => None,
    }
}

fn divided(value: i128, unit: i128, data_type: &DataType) -> Place {
    match integer(data_type, value.div_euclid(unit)) {
        Some(floor) if value.rem_euclid(unit) == 0 => Place::At(floor),
        Some(floor) => Place::After(floor),
        None => outside(value),
    }
}

/// Outside of all values of a type: they lie around 0, or from 0 on.
fn outside(value: i128) -> Place {
    if value < 0 { Place::Below } else { Place::Above }
}

/// The value of this type that has so many units.
fn integer(data_type: &DataType, units: i128) -> Option<ScalarValue> {
    Some(match data_type {
        DataType::Int8 => ScalarValue::Int8(Some(units.try_into().ok()?)),
        DataType::Int16 => ScalarValue::Int16(Some(units.try_into().ok()?)),
        DataType::Int32 => ScalarValue::Int32(Some(units.try_into().ok()?)),
        DataType::Int64 => ScalarValue::Int64(Some(units.try_into().ok()?)),
        DataType::UInt8 => ScalarValue::UInt8(Some(units.try_into().ok()?)),
        DataType::UInt16 => ScalarValue::UInt16(Some(units.try_into().ok()?)),
        DataType::UInt32 => ScalarValue::UInt32(Some(units.try_into().ok()?)),
        DataType::UInt64 => ScalarValue::UInt64(Some(units.try_into().ok()?)),
        DataType::Date32 => ScalarValue::Date32(Some(units.try_into().ok()?)),
        DataType::Timestamp(unit, zone) => {
            let (value, zone) = (Some(units.try_into().ok()?), zone.clone());
            match unit {
                TimeUnit::Second => ScalarValue::TimestampSecond(value, zone),
                TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(value, zone),
                TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(value, zone),
                TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(value, zone),
            }
        }
        DataType::Decimal128(precision, scale) => {
            let is_within = units.unsigned_abs() < 10_u128.checked_pow(u32::from(*precision))?;
            is_within.then_some(ScalarValue::Decimal128(Some(units), *precision, *scale))?
        }
        _ => return None,
    })
}

/// The nanoseconds since 1970 of a constant.
fn instant(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Literal(value, _) => {
            let units = match value {
                ScalarValue::Date32(Some(days)) => i128::from(*days),
                ScalarValue::TimestampSecond(Some(value), _)
                | ScalarValue::TimestampMillisecond(Some(value), _)
                | ScalarValue::TimestampMicrosecond(Some(value), _)
                | ScalarValue::TimestampNanosecond(Some(value), _) => i128::from(*value),
                _ => return None,
            };
            Some(units * unit_ns(&value.data_type())?)
        }
        Expr::Cast(Cast { expr, field }) => {
            let unit_ns = unit_ns(field.data_type())?;
            let text = match expr.as_ref() {
                Expr::Literal(value, _) => value.try_as_str().flatten(),
                _ => None,
            };
            let instant = text.map_or_else(|| instant(expr), of_text)?;
            // A cast to a coarser unit cuts: that is what the statement says.
            (instant.rem_euclid(unit_ns) == 0).then_some(instant)
        }
        _ => None,
    }
}

fn of_text(text: &str) -> Option<i128> {
    let utc: Tz = "+00:00".parse().ok()?;
    let at = string_to_datetime(&utc, text).ok()?;
    Some(i128::from(at.timestamp()) * SECOND_NS + i128::from(at.timestamp_subsec_nanos()))
}

/// The nanoseconds of one unit of this type; `None` if it is no type of instants in UTC or of days.
fn unit_ns(data_type: &DataType) -> Option<i128> {
    match data_type {
        DataType::Date32 => Some(DAY_NS),
        DataType::Timestamp(unit, zone)
            if zone.as_deref().is_none_or(|zone| matches!(zone, "UTC" | "+00:00")) =>
        {
            Some(match unit {
                TimeUnit::Second => SECOND_NS,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Microsecond => 1_000,
                TimeUnit::Nanosecond => 1,
            })
        }
        _ => None,
    }
}

/// The digits of a constant, and how many of them are behind the point. A double has those of its
/// shortest text, which the statement had.
fn decimal(expr: &Expr) -> Option<(i128, i32)> {
    match expr {
        Expr::Literal(ScalarValue::Decimal128(Some(digits), _, scale), _) => {
            Some((*digits, i32::from(*scale)))
        }
        Expr::Literal(ScalarValue::Float64(Some(value)), _) => {
            let text = format!("{value:e}");
            let (digits, exponent) = text.split_once('e')?;
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            let places = i32::try_from(fraction.len()).ok()?;
            let digits = format!("{whole}{fraction}").parse().ok()?;
            Some((digits, places - exponent.parse::<i32>().ok()?))
        }
        Expr::Literal(value, _) if value.data_type().is_integer() => {
            let ScalarValue::Decimal128(Some(digits), ..) =
                value.cast_to(&DataType::Decimal128(38, 0)).ok()?
            else {
                return None;
            };
            Some((digits, 0))
        }
        Expr::Cast(Cast { expr, field }) => {
            let DataType::Decimal128(_, places) = field.data_type() else { return None };
            // A cast to fewer places rounds: that is what the statement says.
            decimal(expr).filter(|(_, scale)| *scale <= i32::from(*places))
        }
        _ => None,
    }
}

/// A constant that is a double.
fn double(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(ScalarValue::Float64(value), _) => *value,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{cast, lit};

    use super::*;

    const MS: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);
    const NS: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

    #[track_caller]
    fn lies(constant: Expr, from: &DataType, to: &DataType, place: Place) {
        assert_eq!(super::place(&constant, from, to), Some(place), "{constant}");
    }

    #[test]
    fn instants_lie_between_milliseconds_or_on_one() {
        let ms = |ms| ScalarValue::TimestampMillisecond(Some(ms), None);
        for (text, place) in [
            ("1970-01-01T00:00:00.001Z", Place::At(ms(1))),
            ("1970-01-01T00:00:00.001000001Z", Place::After(ms(1))),
            ("1969-12-31T23:59:59.999999Z", Place::After(ms(-1))),
            ("1970-01-01T01:00:00+01:00", Place::At(ms(0))),
            ("9999-12-31T23:59:59.999Z", Place::At(ms(253_402_300_799_999))),
        ] {
            lies(cast(lit(text), NS), &MS, &NS, place);
        }
        // The statement itself cuts this one, and DataFusion does so.
        assert_eq!(place(&cast(lit("1970-01-01T00:00:00.0001Z"), MS), &MS, &NS), None);
        assert_eq!(place(&lit("x"), &MS, &NS), None);
        let noon = cast(lit("1970-01-02T12:00:00Z"), NS);
        lies(noon, &DataType::Date32, &NS, Place::After(ScalarValue::Date32(Some(1))));
    }

    #[test]
    fn doubles_lie_among_decimals_where_their_text_does() {
        let (price, wide) = (DataType::Decimal128(18, 2), DataType::Decimal128(31, 15));
        let cents = |cents| ScalarValue::Decimal128(Some(cents), 18, 2);
        for (value, place) in [
            (78_574.49, Place::At(cents(7_857_449))),
            (4_288.39, Place::At(cents(428_839))),
            (0.015, Place::After(cents(1))),
            (-0.015, Place::After(cents(-2))),
            (1e15, Place::At(cents(100_000_000_000_000_000))),
            (1e17, Place::Above),
            (-1e300, Place::Below),
        ] {
            lies(cast(lit(value), wide.clone()), &price, &wide, place);
        }
        let half = cast(lit(2.5), wide.clone());
        lies(half, &DataType::Int64, &wide, Place::After(ScalarValue::Int64(Some(2))));
        assert_eq!(place(&cast(lit(f64::NAN), wide.clone()), &price, &wide), None);
    }

    #[test]
    fn doubles_lie_among_integers_and_small_floats() {
        let to = DataType::Float64;
        let large = Place::At(ScalarValue::Int64(Some(9_007_199_254_740_992)));
        lies(lit(9_007_199_254_740_992.0), &DataType::Int64, &to, large);
        let below = Place::After(ScalarValue::Int16(Some(-1)));
        lies(lit(-0.5), &DataType::Int16, &to, below);
        lies(lit(0.1), &DataType::Float32, &to, Place::At(ScalarValue::Float32(Some(0.1))));
        for (value, place) in [
            (1e300, Place::Above),
            (f64::INFINITY, Place::Above),
            (1.8446744073709552e19, Place::Above),
            (-0.5, Place::Below),
            (f64::NEG_INFINITY, Place::Below),
        ] {
            lies(lit(value), &DataType::UInt64, &to, place);
        }
        assert_eq!(place(&lit(f64::NAN), &DataType::UInt64, &to), None);
    }
}
