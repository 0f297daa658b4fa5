//! Constants of a statement, by their exact values.

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::compute::kernels::cast_utils::string_to_datetime;
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Cast, Expr};

const SECOND_NS: i128 = 1_000_000_000;
const DAY_NS: i128 = 86_400 * SECOND_NS;

/// An `i128` has this many digits, whatever they are.
const DIGITS_MAX: usize = 38;

/// Where a constant lies among the values of a type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Null,
    Below,
    /// It is this value.
    At(ScalarValue),
    /// Between this value and the next one.
    After(ScalarValue),
    Above,
}

/// Where the constant lies among the values of this type. `None` if it is no constant that can be
/// compared with it, or if the type is not one of days, of instants in UTC or of numbers.
pub(crate) fn place(constant: &Expr, data_type: &DataType) -> Option<Place> {
    let unit_ns = unit_ns(data_type);
    let is_number = data_type.is_numeric();
    match constant {
        Expr::Literal(value, _) if value.is_null() && (unit_ns.is_some() || is_number) => {
            Some(Place::Null)
        }
        Expr::Literal(value, _) if is_number => number(value)?.place(data_type),
        constant => Some(instant(constant)?.divided(unit_ns?, data_type)),
    }
}

/// A number, in units of a type.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Units {
    count: i128,
    /// The part of the number that `count` leaves out. It is less than one unit.
    rest: Rest,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rest {
    Nothing,
    /// The number is above `count`.
    Above,
    /// The number is below `count`.
    Below,
}

impl Units {
    fn divided(self, unit: i128, data_type: &DataType) -> Place {
        let (floor, rest) = (self.count.div_euclid(unit), self.count.rem_euclid(unit));
        let floor = if rest == 0 && self.rest == Rest::Below { floor - 1 } else { floor };
        match value(data_type, floor) {
            Some(floor) if rest == 0 && self.rest == Rest::Nothing => Place::At(floor),
            Some(floor) => Place::After(floor),
            // Values lie around 0, or from 0 on.
            None if self.count < 0 || floor < 0 => Place::Below,
            None => Place::Above,
        }
    }
}

/// The value of this type that has so many units; `None` if it has none.
fn value(data_type: &DataType, units: i128) -> Option<ScalarValue> {
    let number = match data_type {
        DataType::Date32 => ScalarValue::Int32(Some(units.try_into().ok()?)),
        DataType::Timestamp(..) => ScalarValue::Int64(Some(units.try_into().ok()?)),
        DataType::Decimal128(precision, scale) => {
            let is_within = units.unsigned_abs() < 10_u128.checked_pow(u32::from(*precision))?;
            return is_within.then_some(ScalarValue::Decimal128(Some(units), *precision, *scale));
        }
        _ => ScalarValue::Decimal128(Some(units), DECIMAL128_MAX_PRECISION, 0),
    };
    number.cast_to(data_type).ok()
}

/// The nanoseconds since 1970 of a constant.
fn instant(expr: &Expr) -> Option<Units> {
    match expr {
        Expr::Literal(value, _) => {
            let units = match value {
                ScalarValue::Date32(Some(days)) => i128::from(*days),
                ScalarValue::TimestampSecond(Some(value), _)
                | ScalarValue::TimestampMillisecond(Some(value), _)
                | ScalarValue::TimestampMicrosecond(Some(value), _)
                | ScalarValue::TimestampNanosecond(Some(value), _) => i128::from(*value),
                value => return instant_of(value.try_as_str()??),
            };
            Some(Units { count: units * unit_ns(&value.data_type())?, rest: Rest::Nothing })
        }
        Expr::Cast(Cast { expr, field }) => {
            let unit_ns = unit_ns(field.data_type())?;
            // A cast to a coarser unit cuts: that is what the statement says.
            let is_kept = |instant: &Units| instant.count.rem_euclid(unit_ns) == 0;
            instant(expr).filter(is_kept)
        }
        _ => None,
    }
}

fn instant_of(text: &str) -> Option<Units> {
    let utc: Tz = "+00:00".parse().ok()?;
    let at = string_to_datetime(&utc, text).ok()?;
    let count = i128::from(at.timestamp()) * SECOND_NS + i128::from(at.timestamp_subsec_nanos());
    // Digits behind those of nanoseconds are left out.
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let mut finer = fraction.bytes().take_while(u8::is_ascii_digit).skip(9);
    let rest = if finer.any(|digit| digit != b'0') { Rest::Above } else { Rest::Nothing };
    Some(Units { count, rest })
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

/// A number: `0.DIGITS * 10^exponent`, with its sign. The digits begin and end with none that is 0.
#[derive(Debug, PartialEq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

/// The number that a literal is. A double has the digits of its shortest text, which the statement
/// had; a text has its own.
fn number(value: &ScalarValue) -> Option<Decimal> {
    match value {
        // The text of a double that is not finite is no number.
        ScalarValue::Float64(Some(value)) => Decimal::read(&format!("{value:e}")),
        ScalarValue::Float32(Some(value)) => Decimal::read(&format!("{value:e}")),
        ScalarValue::Decimal128(Some(digits), _, scale) => {
            Decimal::read(&format!("{digits}e{}", -i32::from(*scale)))
        }
        ScalarValue::Decimal256(Some(digits), _, scale) => {
            Decimal::read(&format!("{digits}e{}", -i32::from(*scale)))
        }
        value if value.data_type().is_integer() => Decimal::read(&value.to_string()),
        value => Decimal::read(value.try_as_str()??.trim()),
    }
}

impl Decimal {
    /// Reads digits with an optional sign, point and exponent.
    fn read(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let without_zeros = digits.trim_start_matches('0');
        let zeros = i64::try_from(digits.len() - without_zeros.len()).ok()?;
        let whole = i64::try_from(whole.len()).ok()?;
        Some(Decimal {
            is_negative: number.starts_with('-'),
            digits: without_zeros.trim_end_matches('0').to_owned(),
            exponent: i64::from(exponent) + whole - zeros,
        })
    }

    fn place(&self, data_type: &DataType) -> Option<Place> {
        match data_type {
            DataType::Float32 => {
                let value: f32 = self.text().parse().ok()?;
                Some(match (value.is_finite(), self.is_negative) {
                    // The value that has this text: 0.1 is the float32 that is written so.
                    (true, _) => Place::At(ScalarValue::Float32(Some(value))),
                    (false, false) => Place::After(ScalarValue::Float32(Some(f32::MAX))),
                    (false, true) => Place::After(ScalarValue::Float32(Some(f32::NEG_INFINITY))),
                })
            }
            DataType::Float64 => {
                let value: f64 = self.text().parse().ok()?;
                Some(match (value.is_finite(), self.is_negative) {
                    (true, _) => Place::At(ScalarValue::Float64(Some(value))),
                    (false, false) => Place::After(ScalarValue::Float64(Some(f64::MAX))),
                    (false, true) => Place::After(ScalarValue::Float64(Some(f64::NEG_INFINITY))),
                })
            }
            DataType::Decimal128(_, scale) => Some(self.among(i64::from(*scale), data_type)),
            data_type if data_type.is_integer() => Some(self.among(0, data_type)),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let sign = if self.is_negative { "-" } else { "" };
        format!(
            "{sign}0.{}e{}",
            if self.digits.is_empty() { "0" } else { &self.digits },
            self.exponent
        )
    }

    /// Where it lies among the values with so many digits behind the point.
    fn among(&self, scale: i64, data_type: &DataType) -> Place {
        let nothing = Units { count: 0, rest: Rest::Nothing };
        if self.digits.is_empty() {
            return nothing.divided(1, data_type);
        }
        let rest = if self.is_negative { Rest::Below } else { Rest::Above };
        // The digits before the point, if it stands behind the last place of the type.
        let whole = match usize::try_from(self.exponent + scale) {
            Err(_) | Ok(0) => return Units { rest, ..nothing }.divided(1, data_type),
            Ok(whole) if whole <= DIGITS_MAX => whole,
            Ok(_) if self.is_negative => return Place::Below,
            Ok(_) => return Place::Above,
        };
        let shown = self.digits.get(..whole).unwrap_or(&self.digits);
        // At most 38 digits.
        let count: i128 = format!("{shown:0<whole$}").parse().unwrap_or(i128::MAX);
        let count = if self.is_negative { -count } else { count };
        let rest = if self.digits.len() > whole { rest } else { Rest::Nothing };
        Units { count, rest }.divided(1, data_type)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{cast, lit};

    use super::*;

    const MS: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);
    const NS: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

    #[track_caller]
    fn lies(constant: Expr, data_type: &DataType, place: Place) {
        assert_eq!(super::place(&constant, data_type), Some(place), "{constant}");
    }

    #[test]
    fn instants_lie_between_milliseconds_or_on_one() {
        let ms = |ms| ScalarValue::TimestampMillisecond(Some(ms), None);
        for (text, place) in [
            ("1970-01-01T00:00:00.001Z", Place::At(ms(1))),
            ("1970-01-01T00:00:00.001000001Z", Place::After(ms(1))),
            ("1970-01-01T00:00:00.0010000000000001Z", Place::After(ms(1))),
            ("1970-01-01T00:00:00.0010000000000000Z", Place::At(ms(1))),
            ("1969-12-31T23:59:59.999999Z", Place::After(ms(-1))),
            ("1970-01-01T01:00:00+01:00", Place::At(ms(0))),
            ("9999-12-31T23:59:59.999Z", Place::At(ms(253_402_300_799_999))),
        ] {
            lies(lit(text), &MS, place.clone());
            lies(cast(lit(text), NS), &MS, place);
        }
        lies(lit("9999-12-31T23:59:59Z"), &NS, Place::Above);
        lies(lit("1600-01-01"), &NS, Place::Below);
        // The statement itself cuts this one, and DataFusion does so.
        assert_eq!(place(&cast(lit("1970-01-01T00:00:00.0001Z"), MS), &MS), None);
        assert_eq!(place(&lit("x"), &MS), None);
        let day = |day| ScalarValue::Date32(Some(day));
        lies(cast(lit("1970-01-02T12:00:00Z"), NS), &DataType::Date32, Place::After(day(1)));
        lies(lit("1970-01-02"), &DataType::Date32, Place::At(day(1)));
        lies(lit(ScalarValue::Null), &DataType::Date32, Place::Null);
    }

    #[test]
    fn numbers_lie_among_decimals_where_their_text_does() {
        let price = DataType::Decimal128(18, 2);
        let cents = |cents| ScalarValue::Decimal128(Some(cents), 18, 2);
        for (value, place) in [
            (78_574.49, Place::At(cents(7_857_449))),
            (4_288.39, Place::At(cents(428_839))),
            (0.015, Place::After(cents(1))),
            (-0.015, Place::After(cents(-2))),
            (1e-300, Place::After(cents(0))),
            (-1e-300, Place::After(cents(-1))),
            (-0.0, Place::At(cents(0))),
            (1e15, Place::At(cents(100_000_000_000_000_000))),
            (1e17, Place::Above),
            (-1e300, Place::Below),
        ] {
            lies(lit(value), &price, place.clone());
            lies(lit(value.to_string()), &price, place);
        }
        lies(lit("78574.494"), &price, Place::After(cents(7_857_449)));
        lies(lit(7_i64), &price, Place::At(cents(700)));
        lies(lit(ScalarValue::Decimal128(Some(7), 5, -2)), &price, Place::At(cents(70_000)));
        let long = "9".repeat(1_000);
        lies(lit(long.as_str()), &price, Place::Above);
        lies(lit(format!("-0.{long}")), &price, Place::After(cents(-100)));
        for odd in ["", ".", "1e", "1e9999999999", "0x1", "NaN", "--1", "1 2"] {
            assert_eq!(place(&lit(odd), &price), None, "{odd}");
        }
    }

    #[test]
    fn numbers_lie_among_integers_and_floats() {
        let int64 = |value| ScalarValue::Int64(Some(value));
        lies(lit(9_007_199_254_740_992.0), &DataType::Int64, Place::At(int64(1 << 53)));
        lies(lit("9007199254740993.0"), &DataType::Int64, Place::At(int64((1 << 53) + 1)));
        lies(lit(i64::MIN), &DataType::Int64, Place::At(int64(i64::MIN)));
        lies(lit(u64::MAX), &DataType::Int64, Place::Above);
        let below = Place::After(ScalarValue::Int16(Some(-1)));
        lies(lit(-0.5), &DataType::Int16, below);
        for (value, place) in [(1e300, Place::Above), (-0.5, Place::Below), (-1e300, Place::Below)]
        {
            lies(lit(value), &DataType::UInt64, place);
        }
        let float = |value| ScalarValue::Float32(Some(value));
        lies(lit(0.1), &DataType::Float32, Place::At(float(0.1)));
        lies(lit(1e39), &DataType::Float32, Place::After(float(f32::MAX)));
        lies(lit(7_i64), &DataType::Float64, Place::At(ScalarValue::Float64(Some(7.0))));
        for odd in [f64::NAN, f64::INFINITY] {
            assert_eq!(place(&lit(odd), &DataType::UInt64), None);
            assert_eq!(place(&lit(odd), &DataType::Float64), None);
        }
    }
}
