//! Numbers by their exact value: machine numbers and literals of any length.
//!
//! A double has the value of its shortest decimal form, as everywhere in Coldpress.

use std::cmp::Ordering;

use crate::json::Number;
use crate::json::number::{buffer, format};

/// Whole numbers up to this one are doubles exactly.
const ALL_EXACT_TO: u64 = 1 << 53;

/// What a difference of exponents is cut to. With it, the exponents alone decide: no literal has
/// so many digits.
const EXPONENT_MAX: i128 = 1 << 100;

/// Compares two finite numbers.
pub(super) fn compare(one: Number<'_>, other: Number<'_>) -> Ordering {
    match (one, other) {
        (Number::Int(one), Number::Int(other)) => one.cmp(&other),
        (Number::Big(one), Number::Big(other)) => one.cmp(&other),
        (Number::Double(one), Number::Double(other)) => order(one, other),
        (Number::Int(one), Number::Double(other)) if is_exact(one) => order(one as f64, other),
        (Number::Double(one), Number::Int(other)) if is_exact(other) => order(one, other as f64),
        _ => compare_texts(one, other),
    }
}

/// The order of doubles is that of their shortest decimal forms.
fn order(one: f64, other: f64) -> Ordering {
    one.partial_cmp(&other).unwrap_or(Ordering::Equal)
}

fn is_exact(value: i64) -> bool {
    value.unsigned_abs() <= ALL_EXACT_TO
}

#[cold]
fn compare_texts(one: Number<'_>, other: Number<'_>) -> Ordering {
    let mut buffers = (itoa::Buffer::new(), buffer(), itoa::Buffer::new(), buffer());
    let one = Decimal::of(text(one, &mut buffers.0, &mut buffers.1));
    let other = Decimal::of(text(other, &mut buffers.2, &mut buffers.3));
    match (one.sign(), other.sign()) {
        (1, 1) => one.compare_sizes(&other),
        (-1, -1) => other.compare_sizes(&one),
        (one, other) => one.cmp(&other),
    }
}

fn text<'t>(
    number: Number<'t>,
    whole: &'t mut itoa::Buffer,
    double: &'t mut zmij::Buffer,
) -> &'t str {
    match number {
        Number::Int(value) => whole.format(value),
        Number::Big(value) => whole.format(value),
        Number::Double(value) => format(value, double),
        Number::Literal(literal) => literal,
    }
}

/// A literal as `±0.DIGITS × 10^(exponent + point)`, without zeros before the digits.
struct Decimal<'t> {
    negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    exponent: Exponent<'t>,
    point: i128,
}

/// What stands behind the `e`: it can have any number of digits.
struct Exponent<'t> {
    negative: bool,
    digits: &'t [u8],
}

impl<'t> Decimal<'t> {
    fn of(literal: &'t str) -> Self {
        let (negative, unsigned) = match literal.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, literal),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, ""));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (whole_length, whole) = (whole.len(), without_zeros(whole.as_bytes()));
        let fraction_length = fraction.len();
        let fraction = match whole {
            [] => without_zeros(fraction.as_bytes()),
            _ => fraction.as_bytes(),
        };
        let zeros = match whole {
            [] => whole_length + fraction_length - fraction.len(),
            _ => whole_length - whole.len(),
        };
        let point = whole_length as i128 - zeros as i128;
        Decimal { negative, whole, fraction, exponent: Exponent::of(exponent), point }
    }

    /// 1, 0 or -1.
    fn sign(&self) -> i8 {
        match (self.whole.is_empty() && self.fraction.is_empty(), self.negative) {
            (true, _) => 0,
            (_, false) => 1,
            (_, true) => -1,
        }
    }

    /// Compares two numbers that are not 0, without their signs.
    fn compare_sizes(&self, other: &Self) -> Ordering {
        let above = self.exponent.minus(&other.exponent) + self.point - other.point;
        above.cmp(&0).then_with(|| {
            let length = self.length().max(other.length());
            self.digits().take(length).cmp(other.digits().take(length))
        })
    }

    fn length(&self) -> usize {
        self.whole.len() + self.fraction.len()
    }

    /// The digits, with zeros behind them.
    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied().chain(std::iter::repeat(b'0'))
    }
}

impl<'t> Exponent<'t> {
    fn of(text: &'t str) -> Self {
        let digits = without_zeros(text.trim_start_matches(['+', '-']).as_bytes());
        Exponent { negative: text.starts_with('-'), digits }
    }

    /// The difference, cut to `EXPONENT_MAX`.
    fn minus(&self, other: &Self) -> i128 {
        let length = self.digits.len().max(other.digits.len());
        let mut difference = 0_i128;
        for place in (0..length).rev() {
            // A difference that is cut never comes back: each step makes it ten times as large.
            difference = (difference * 10 + self.digit(place) - other.digit(place))
                .clamp(-EXPONENT_MAX, EXPONENT_MAX);
        }
        difference
    }

    /// The digit before which so many others stand, from the end, with the sign.
    fn digit(&self, place: usize) -> i128 {
        let at = self.digits.len().checked_sub(place + 1);
        let digit = at.and_then(|at| self.digits.get(at)).map_or(0, |digit| digit - b'0');
        if self.negative { -i128::from(digit) } else { i128::from(digit) }
    }
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}
