//! The JSON text of decimals, UUIDs and floats, which columns store in other forms.

use crate::text::{from_hex, hex};

/// The places of the hyphens in a UUID.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Reads a decimal literal (in JSON's number syntax) as a whole number of `10^-scale`; `None` if it
/// has more than `scale` digits after the point, or more than `precision` digits.
pub(crate) fn decimal(literal: &str, precision: u8, scale: u8) -> Option<i128> {
    let (mantissa, exponent) = match literal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (literal, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if whole.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    let significant = &digits[..digits.len() - zeros];
    let power = i64::from(exponent) - fraction.len() as i64 + zeros as i64 + i64::from(scale);
    let mut value = 0_i128;
    for digit in significant {
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    if value == 0 {
        return Some(0);
    }
    let power = u32::try_from(power).ok().filter(|power| *power <= 38)?;
    value = value.checked_mul(10_i128.checked_pow(power)?)?;
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

/// The whole number that a FIXED_LEN_BYTE_ARRAY of at most 16 bytes stores (`LogicalTypes.md`,
/// DECIMAL: two's complement, big-endian).
pub(crate) fn wide(bytes: &[u8]) -> i128 {
    let sign = if bytes.first().is_some_and(|byte| *byte > 127) { 0xFF } else { 0 };
    let mut wide = [sign; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    i128::from_be_bytes(wide)
}

/// A decimal with all `scale` digits after its point.
pub(crate) fn decimal_text(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// The 16 bytes of a UUID in the form of RFC 9562, in either case.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 || HYPHENS.iter().any(|at| text.as_bytes()[*at] != b'-') {
        return None;
    }
    let digits: String = text.split('-').collect();
    from_hex(&digits)?.try_into().ok()
}

/// 16 bytes in the form of RFC 9562, in lower case.
pub(crate) fn uuid_text(bytes: &[u8]) -> String {
    let mut text = hex(bytes);
    for place in HYPHENS {
        if place <= text.len() {
            text.insert(place, '-');
        }
    }
    text
}

/// The double that has the same shortest decimal form as the float.
pub(crate) fn float_as_double(value: f32) -> f64 {
    let mut buffer = zmij::Buffer::new();
    buffer.format_finite(value).parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fit_or_do_not() {
        assert_eq!(decimal("12.50", 4, 2), Some(1_250));
        assert_eq!(decimal("12.505", 5, 2), None);
        assert_eq!(decimal("100", 4, 2), None, "five digits with its scale");
        assert_eq!(decimal("-1e2", 5, 2), Some(-10_000));
        assert_eq!(decimal("1e-2", 5, 2), Some(1));
        assert_eq!(decimal("0e99", 1, 0), Some(0));
        assert_eq!(decimal("1.e", 5, 2), None);
        assert_eq!(decimal_text(-5, 2), "-0.05");
        assert_eq!(decimal_text(1_250, 2), "12.50");
        assert_eq!(decimal_text(7, 0), "7");
    }
}
