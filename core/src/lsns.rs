//! Log sequence numbers: ranges of them, and how the names of data files write them.

use std::fmt;

use crate::{Error, Result};

/// Digits of the largest LSN, and the width of padded ones.
const LSN_DIGITS_MAX: usize = 20;

/// An inclusive range of log sequence numbers.
///
/// `min() <= max()` holds for every value of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LsnRange {
    min: u64,
    max: u64,
}

impl LsnRange {
    /// The range `min..=max`; an error of kind `Key` if `min` is above `max`.
    pub fn new(min: u64, max: u64) -> Result<Self> {
        if min > max {
            return Err(Error::key(format!(
                "the LSN range {min}..{max} ends before it begins; give the lower LSN first"
            )));
        }
        Ok(LsnRange { min, max })
    }

    /// The lowest LSN in the range.
    pub fn min(self) -> u64 {
        self.min
    }

    /// The highest LSN in the range.
    pub fn max(self) -> u64 {
        self.max
    }

    /// Whether any LSN lies in both ranges.
    pub fn overlaps(self, other: LsnRange) -> bool {
        self.min <= other.max && other.min <= self.max
    }

    /// Whether the ranges overlap, or one follows the other.
    #[cfg(feature = "table")]
    pub(crate) fn touches(self, other: LsnRange) -> bool {
        self.min <= other.max.saturating_add(1) && other.min <= self.max.saturating_add(1)
    }

    /// The range from the lower minimum of the two to the higher maximum.
    #[cfg(feature = "table")]
    pub(crate) fn hull(self, other: LsnRange) -> LsnRange {
        LsnRange { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

impl fmt::Display for LsnRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)
    }
}

/// How LSNs are written in a key. [`ObjectKey::parse`](crate::ObjectKey::parse) reads both forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LsnWidth {
    /// Without leading zeros.
    #[default]
    Unpadded,
    /// Twenty digits with leading zeros, so a listing by name is in LSN order.
    Padded,
}

/// The name of a data file in its folder.
pub(crate) fn file_name(lsns: LsnRange, width: LsnWidth, generation: u32) -> String {
    let digits = match width {
        LsnWidth::Unpadded => 1,
        LsnWidth::Padded => LSN_DIGITS_MAX,
    };
    let numbers = format!("lsn-{:0digits$}-{:0digits$}", lsns.min(), lsns.max());
    match generation {
        0 => format!("{numbers}.parquet"),
        _ => format!("{numbers}.{generation}.parquet"),
    }
}

/// How the name of a data file writes LSNs.
pub(crate) fn width_of(name: &str) -> LsnWidth {
    let min = name.strip_prefix("lsn-").and_then(|numbers| numbers.split_once('-'));
    match min {
        Some((min, _)) if min.len() == LSN_DIGITS_MAX => LsnWidth::Padded,
        _ => LsnWidth::Unpadded,
    }
}

/// The inverse of [`file_name`], for every width.
pub(crate) fn parse_file_name(name: &str) -> Option<(LsnRange, u32)> {
    let numbers = name.strip_prefix("lsn-")?.strip_suffix(".parquet")?;
    let (numbers, generation) = match numbers.split_once('.') {
        Some((numbers, digits)) => {
            let generation = u32::try_from(parse_unpadded(digits)?).ok();
            (numbers, generation.filter(|generation| *generation > 0)?)
        }
        None => (numbers, 0),
    };
    let (min, max) = numbers.split_once('-')?;
    let parse = if min.len() == LSN_DIGITS_MAX && max.len() == LSN_DIGITS_MAX {
        parse_digits
    } else {
        parse_unpadded
    };
    Some((LsnRange::new(parse(min)?, parse(max)?).ok()?, generation))
}

/// A number without leading zeros.
pub(crate) fn parse_unpadded(digits: &str) -> Option<u64> {
    (digits == "0" || !digits.starts_with('0')).then(|| parse_digits(digits))?
}

fn parse_digits(digits: &str) -> Option<u64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}
