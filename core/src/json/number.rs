//! Number literals: their values, and whether a machine number holds them exactly.

/// A JSON number as it will be stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number<'t> {
    /// A whole number within i64.
    Int(i64),
    /// A whole number past i64, within u64.
    Big(u64),
    /// A number whose shortest decimal form, as every printer writes it, is exactly the literal's
    /// value.
    Double(f64),
    /// Any other: kept as it was written.
    Literal(&'t str),
}

/// Digits that survive decimal → double → decimal (DBL_DIG of the C standard).
const EXACT_DIGITS: usize = 15;
/// The largest power of ten that is a double exactly.
const EXACT_POWER: i64 = 22;

const POWERS: [f64; EXACT_POWER as usize + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Reads the literal at `start`. Gives the number and the place of its end, or the place and the
/// reason of a fault.
#[inline]
pub(crate) fn read(text: &str, start: usize) -> Result<(Number<'_>, usize), (usize, &'static str)> {
    let bytes = text.as_bytes();
    let negative = bytes.get(start) == Some(&b'-');
    let first = start + usize::from(negative);
    let mut scan = Scan { bytes, at: first, mantissa: 0, significant: 0 };
    match scan.digits() {
        0 => return Err((scan.at, "a number needs a digit here")),
        1 => {}
        _ if bytes.get(first) == Some(&b'0') => {
            return Err((first, "a number cannot start with a needless 0"));
        }
        _ => {}
    }
    if !matches!(bytes.get(scan.at), Some(b'.' | b'e' | b'E')) {
        return Ok((integer(&text[start..scan.at], negative, &scan), scan.at));
    }
    let mut exponent = 0_i64;
    if bytes.get(scan.at) == Some(&b'.') {
        scan.at += 1;
        let digits = scan.digits();
        if digits == 0 {
            return Err((scan.at, "a number needs a digit after its point"));
        }
        exponent = -(digits as i64);
    }
    if matches!(bytes.get(scan.at), Some(b'e' | b'E')) {
        scan.at += 1;
        exponent = exponent.saturating_add(scan.exponent()?);
    }
    let number = real(&text[start..scan.at], negative, exponent, &scan);
    Ok((number, scan.at))
}

/// The number a decimal text is; for numbers that reach us as text of their own.
pub(crate) fn read_whole(text: &str) -> Option<Number<'_>> {
    match read(text, 0) {
        Ok((number, end)) if end == text.len() => Some(number),
        _ => None,
    }
}

struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    /// The digits so far as one number; right while `significant` is at most 19.
    mantissa: u64,
    /// Digits so far, zeros at the front apart.
    significant: usize,
}

impl Scan<'_> {
    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(digit) = self.bytes.get(self.at).map(|b| b.wrapping_sub(b'0')) {
            if digit > 9 {
                break;
            }
            self.mantissa = self.mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.significant += usize::from(self.significant > 0 || digit > 0);
            self.at += 1;
        }
        self.at - start
    }

    fn exponent(&mut self) -> Result<i64, (usize, &'static str)> {
        let negative = self.bytes.get(self.at) == Some(&b'-');
        if matches!(self.bytes.get(self.at), Some(b'-' | b'+')) {
            self.at += 1;
        }
        let start = self.at;
        let mut value = 0_i64;
        while let Some(digit) = self.bytes.get(self.at).filter(|b| b.is_ascii_digit()) {
            value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == start {
            return Err((self.at, "a number needs a digit in its exponent"));
        }
        Ok(if negative { -value } else { value })
    }
}

#[inline]
fn integer<'t>(literal: &'t str, negative: bool, scan: &Scan<'_>) -> Number<'t> {
    let magnitude = match scan.significant {
        0..=19 => Some(scan.mantissa),
        20 => literal.trim_start_matches('-').parse::<u64>().ok(),
        _ => None,
    };
    match (magnitude, negative) {
        // JSON has a minus zero and i64 has none; the sign is kept by a double.
        (Some(0), true) => Number::Double(-0.0),
        (Some(m), false) => i64::try_from(m).map_or(Number::Big(m), Number::Int),
        (Some(m), true) => {
            0_i64.checked_sub_unsigned(m).map_or(Number::Literal(literal), Number::Int)
        }
        (None, _) => Number::Literal(literal),
    }
}

#[inline]
fn real<'t>(literal: &'t str, negative: bool, exponent: i64, scan: &Scan<'_>) -> Number<'t> {
    let sign = if negative { -1.0 } else { 1.0 };
    if scan.significant == 0 {
        return Number::Double(sign * 0.0);
    }
    if scan.significant <= EXACT_DIGITS && (-EXACT_POWER..=EXACT_POWER).contains(&exponent) {
        // Both operands are exact, so one division or product rounds right (Clinger 1990).
        let mantissa = sign * scan.mantissa as f64;
        let power = POWERS[exponent.unsigned_abs() as usize];
        return Number::Double(if exponent < 0 { mantissa / power } else { mantissa * power });
    }
    match literal.parse::<f64>() {
        Ok(value) if value.is_finite() && same_value(literal, format(value, &mut buffer())) => {
            Number::Double(value)
        }
        _ => Number::Literal(literal),
    }
}

/// Room for [`format`].
pub(crate) fn buffer() -> zmij::Buffer {
    zmij::Buffer::new()
}

/// A finite double in its shortest form, as serde_json prints it.
pub(crate) fn format(value: f64, buffer: &mut zmij::Buffer) -> &str {
    buffer.format_finite(value)
}

/// Whether two literals have exactly the same value.
fn same_value(a: &str, b: &str) -> bool {
    let (a, b) = (Decimal::of(a), Decimal::of(b));
    a.exponent == b.exponent && a.negative == b.negative && a.digits.eq(&b.digits)
}

/// A literal as `±0.DIGITS × 10^exponent`, without zeros at either end of the digits.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    fn of(literal: &str) -> Self {
        let negative = literal.starts_with('-');
        let unsigned = literal.trim_start_matches('-');
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let zeros = digits.iter().take_while(|d| **d == b'0').count();
        digits.drain(..zeros);
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        // An exponent past i64 is past every double too, and those never get here.
        let exponent = exponent.parse::<i64>().unwrap_or(0);
        let exponent = exponent + whole.len() as i64 - zeros as i64;
        Decimal { negative, digits, exponent }
    }
}

/// The double that gives a whole number back: every one to 2^53, and past it those that are not
/// only a double exactly but also what its shortest decimal form says (2^63 prints as
/// 9.223372036854776e18, which is another number).
pub(crate) fn int_as_double(value: i64) -> Option<f64> {
    const ALL_EXACT_TO: u64 = 1 << 53;
    let double = value as f64;
    let exact = value.unsigned_abs() <= ALL_EXACT_TO
        || same_value(itoa::Buffer::new().format(value), format(double, &mut buffer()));
    exact.then_some(double)
}

/// The same for a whole number past i64.
pub(crate) fn big_as_double(value: u64) -> Option<f64> {
    let double = value as f64;
    let same = same_value(itoa::Buffer::new().format(value), format(double, &mut buffer()));
    same.then_some(double)
}

/// Whether a number that was written as a double could have been written without a fraction. A minus
/// zero is none of them: no integer is one.
pub(crate) fn has_needless_fraction(value: f64) -> bool {
    value.trunc() == value && !(value == 0.0 && value.is_sign_negative())
}

/// Whether another crate of the build turned on serde_json's `arbitrary_precision`, under which a
/// `Number` holds its literal and its `as_f64` would round.
pub(crate) fn keeps_literals() -> bool {
    use std::sync::OnceLock;
    static KEEPS: OnceLock<bool> = OnceLock::new();
    *KEEPS.get_or_init(|| serde_json::Number::from_u128(u128::MAX).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Number<'_> {
        read_whole(text).unwrap_or_else(|| panic!("{text} was not read"))
    }

    #[test]
    fn integers_keep_their_edges() {
        assert_eq!(one("0"), Number::Int(0));
        assert_eq!(one("-9223372036854775808"), Number::Int(i64::MIN));
        assert_eq!(one("9223372036854775807"), Number::Int(i64::MAX));
        assert_eq!(one("9223372036854775808"), Number::Big(1 << 63));
        assert_eq!(one("18446744073709551615"), Number::Big(u64::MAX));
        for past in ["18446744073709551616", "-9223372036854775809", "99999999999999999999999"] {
            assert_eq!(one(past), Number::Literal(past));
        }
        assert!(matches!(one("-0"), Number::Double(z) if z == 0.0 && z.is_sign_negative()));
    }

    #[test]
    fn doubles_are_exact_or_kept_as_written() {
        for text in [
            "0.1",
            "1.50",
            "1e22",
            "1e23",
            "123456789012345.6",
            "0.30000000000000004",
            "1e308",
            "5e-324",
            "1.7976931348623157e308",
            "2.2250738585072014e-308",
            "-0.0",
            "0e999999999999",
            "100000000000000000000000.0",
            "4.35",
        ] {
            assert_eq!(one(text), Number::Double(text.parse().unwrap()), "{text}");
        }
        for text in
            ["1e400", "1e-400", "0.10000000000000000555", "1e99999999999999999999", "4e-324"]
        {
            assert_eq!(one(text), Number::Literal(text));
        }
    }

    #[test]
    fn faults_are_placed() {
        for (text, at) in
            [("-", 1), ("01", 0), ("-01", 1), ("1.", 2), ("1.e1", 2), ("1e", 2), ("1e+", 3)]
        {
            assert_eq!(read(text, 0).unwrap_err().0, at, "{text}");
        }
    }

    #[test]
    fn whole_numbers_that_doubles_hold() {
        assert_eq!(int_as_double(1 << 53), Some(9_007_199_254_740_992.0));
        assert_eq!(int_as_double((1 << 53) + 1), None);
        assert_eq!(int_as_double(i64::MAX), None);
        assert_eq!(int_as_double(i64::MIN), None, "it would print as -9.223372036854776e18");
        assert_eq!(int_as_double(1_000_000_000_000_000_000), Some(1e18));
        assert_eq!(big_as_double(u64::MAX), None);
        assert_eq!(big_as_double(10_000_000_000_000_000_000), Some(1e19));
    }

    #[test]
    fn a_minus_zero_needs_its_fraction() {
        for (value, needless) in
            [(18.0, true), (0.0, true), (-1e300, true), (0.5, false), (-0.0, false)]
        {
            assert_eq!(has_needless_fraction(value), needless, "{value}");
        }
    }
}
