//! One type for numbers of several types.

use coldpress_core::{ColumnType, IntegerBounds};

/// Every whole number up to this one, and its negative, is exact as a double.
const EXACT_IN_DOUBLE: u64 = 1 << 53;
/// The most digits of a decimal.
const DIGITS_MAX: u8 = 38;

/// The type of a column of numbers.
#[derive(Clone, Copy)]
enum Number {
    /// A whole number of so many bits, with a sign or without.
    Whole(u8, bool),
    /// A floating-point number of so many bits.
    Floating(u8),
    /// Digits before and after the point.
    Decimal(u8, u8),
}

/// The smallest type that holds each number of all leaves exactly.
pub(super) fn joined_numbers(leaves: &[(&ColumnType, IntegerBounds)]) -> Option<ColumnType> {
    let numbers: Option<Vec<(Number, IntegerBounds)>> =
        leaves.iter().map(|(column_type, bounds)| Some((number(column_type)?, *bounds))).collect();
    let numbers = numbers?;
    let has_float = numbers.iter().any(|(number, _)| matches!(number, Number::Floating(_)));
    let has_decimal = numbers.iter().any(|(number, _)| matches!(number, Number::Decimal(..)));
    match (has_float, has_decimal) {
        (true, true) => None,
        (true, false) => floating(&numbers),
        (false, true) => decimal(&numbers),
        (false, false) => whole(&numbers),
    }
}

fn number(column_type: &ColumnType) -> Option<Number> {
    Some(match column_type {
        ColumnType::Int8 => Number::Whole(8, true),
        ColumnType::Int16 => Number::Whole(16, true),
        ColumnType::Int32 => Number::Whole(32, true),
        ColumnType::Int64 => Number::Whole(64, true),
        ColumnType::Uint8 => Number::Whole(8, false),
        ColumnType::Uint16 => Number::Whole(16, false),
        ColumnType::Uint32 => Number::Whole(32, false),
        ColumnType::Float32 => Number::Floating(32),
        ColumnType::Float64 => Number::Floating(64),
        ColumnType::Decimal { precision, scale, .. } => Number::Decimal(precision - scale, *scale),
        _ => return None,
    })
}

fn whole(numbers: &[(Number, IntegerBounds)]) -> Option<ColumnType> {
    let (mut signed, mut unsigned) = (0, 0);
    for (number, _) in numbers {
        match number {
            Number::Whole(bits, true) => signed = signed.max(*bits),
            Number::Whole(bits, false) => unsigned = unsigned.max(*bits),
            _ => return None,
        }
    }
    Some(match (signed, unsigned) {
        (0, 8) => ColumnType::Uint8,
        (0, 16) => ColumnType::Uint16,
        (0, _) => ColumnType::Uint32,
        // Beside a sign, a number without one needs twice its bits.
        (signed, unsigned) => match signed.max(unsigned.saturating_mul(2)) {
            8 => ColumnType::Int8,
            16 => ColumnType::Int16,
            32 => ColumnType::Int32,
            _ => ColumnType::Int64,
        },
    })
}

fn floating(numbers: &[(Number, IntegerBounds)]) -> Option<ColumnType> {
    let mut bits_needed = 0;
    for (number, bounds) in numbers {
        let bits = match number {
            Number::Floating(bits) => *bits,
            // A float has 24 bits for its digits, and a double 53.
            Number::Whole(..=16, _) => 32,
            Number::Whole(..=32, _) => 64,
            Number::Whole(..) if bounds.is_within(EXACT_IN_DOUBLE) => 64,
            _ => return None,
        };
        bits_needed = bits_needed.max(bits);
    }
    Some(if bits_needed == 32 { ColumnType::Float32 } else { ColumnType::Float64 })
}

fn decimal(numbers: &[(Number, IntegerBounds)]) -> Option<ColumnType> {
    let (mut before, mut after) = (0, 0);
    for (number, _) in numbers {
        let (whole, fraction) = match number {
            Number::Decimal(whole, fraction) => (*whole, *fraction),
            Number::Whole(..=8, _) => (3, 0),
            Number::Whole(..=16, _) => (5, 0),
            Number::Whole(..=32, _) => (10, 0),
            Number::Whole(..) => (19, 0),
            Number::Floating(_) => return None,
        };
        before = before.max(whole);
        after = after.max(fraction);
    }
    let precision = before + after;
    (precision <= DIGITS_MAX).then_some(ColumnType::Decimal { precision, scale: after, form: None })
}
