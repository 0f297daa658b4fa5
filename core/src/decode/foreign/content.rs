//! What the values of a page become. Parquet's decoders take memory by the counts and lengths that
//! stand in a page of deltas, so these are read first.

use bytes::Bytes;
use parquet::basic::Encoding;

use crate::format::bits::{Deltas, level_width};

/// How long the byte strings of a page are once they are whole, as far as they are longer than
/// their page; `None` if the counts of the page do not fit its `entries`.
pub(super) fn grows_by(encoding: Encoding, values: &Bytes, entries: usize) -> Option<u64> {
    let deltas = |from: usize| {
        let deltas = Deltas::new(values.slice(from..))?;
        (deltas.count() <= entries).then_some(deltas)
    };
    match encoding {
        // A page of nulls alone.
        _ if values.is_empty() => Some(0),
        Encoding::DELTA_BINARY_PACKED => deltas(0).map(|_| 0),
        Encoding::DELTA_LENGTH_BYTE_ARRAY => {
            let lengths = deltas(0)?;
            (lengths.end()? <= values.len()).then_some(0)
        }
        Encoding::DELTA_BYTE_ARRAY => {
            let rests_at = deltas(0)?.end()?;
            let mut prefixes = deltas(0)?;
            let mut rests = deltas(rests_at)?;
            let (mut before, mut sum) = (0_u64, 0_u64);
            for _ in 0..prefixes.count() {
                let prefix = u64::try_from(prefixes.next_length()?).ok()?;
                let rest = u64::try_from(rests.next_length()?).ok()?;
                if prefix > before {
                    return None;
                }
                before = prefix.checked_add(rest)?;
                sum = sum.checked_add(prefix)?;
            }
            Some(sum)
        }
        _ => Some(0),
    }
}

/// Where the values begin in a page of version 1, behind its levels.
pub(super) fn values_at(
    page: &[u8],
    entries: usize,
    levels: [(i16, Encoding); 2],
) -> Option<usize> {
    let mut at = 0_usize;
    for (level_max, encoding) in levels {
        if level_max == 0 {
            continue;
        }
        let bytes = match encoding {
            Encoding::RLE => {
                let length = u32::from_le_bytes(*page.get(at..)?.first_chunk()?);
                usize::try_from(length).ok()?.checked_add(4)?
            }
            _ => entries.checked_mul(level_width(level_max) as usize)?.div_ceil(8),
        };
        at = at.checked_add(bytes).filter(|at| *at <= page.len())?;
    }
    Some(at)
}

/// The length of the longest byte string in a dictionary page, which is PLAIN; `None` if it is
/// damaged.
pub(super) fn longest(page: &[u8], entries: usize) -> Option<usize> {
    let (mut at, mut longest) = (0_usize, 0);
    for _ in 0..entries {
        let length = u32::from_le_bytes(*page.get(at..)?.first_chunk()?);
        let length = usize::try_from(length).ok()?;
        at = at.checked_add(4)?.checked_add(length).filter(|at| *at <= page.len())?;
        longest = longest.max(length);
    }
    Some(longest)
}

/// Whether each of these INT96 instants is a whole number of microseconds within i64. Spark wrote
/// instants whose Julian day is past i64 in microseconds with a negative day and time: a reader
/// that wraps too finds the right instant.
pub(super) fn are_microseconds(values: &[u8]) -> bool {
    /// Days from the first Julian day on; past them, microseconds need more than 64 bits.
    const DAYS_MAX: u32 = 109_000_000;
    values.as_chunks::<12>().0.iter().all(|value| {
        let [n0, n1, n2, n3, n4, n5, n6, n7, d0, d1, d2, d3] = *value;
        let nanos = i64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7]);
        let day = i32::from_le_bytes([d0, d1, d2, d3]);
        nanos % 1_000 == 0 && day.unsigned_abs() <= DAYS_MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_prefixes_are_counted_and_false_counts_refused() {
        // Prefixes 0 and 3; rests of 3 bytes and of none.
        let page = |count: u8| {
            let prefixes = [0x80, 1, 4, count, 0, 6, 0, 0, 0, 0];
            let rests = [0x80, 1, 4, count, 6, 5, 0, 0, 0, 0];
            Bytes::from([&prefixes[..], &rests, b"abc"].concat())
        };
        assert_eq!(grows_by(Encoding::DELTA_BYTE_ARRAY, &page(2), 2), Some(3));
        assert_eq!(grows_by(Encoding::DELTA_BYTE_ARRAY, &page(2), 1), None);
        let lengths = Bytes::from_static(&[0x80, 1, 4, 0xFF, 0xFF, 0xFF, 0xFF, 15, 0]);
        assert_eq!(grows_by(Encoding::DELTA_LENGTH_BYTE_ARRAY, &lengths, 1 << 20), None);
        assert_eq!(grows_by(Encoding::DELTA_BINARY_PACKED, &lengths, 1 << 20), None);
        assert_eq!(longest(&[1, 0, 0, 0, b'a', 2, 0, 0, 0, b'b', b'c'], 2), Some(2));
        assert_eq!(longest(&[1, 0, 0, 0, b'a', 2, 0, 0, 0, b'b'], 2), None);
    }

    #[test]
    fn instants_that_microseconds_lose_are_found() {
        let instant =
            |nanos: i64, day: i32| [&nanos.to_le_bytes()[..], &day.to_le_bytes()].concat();
        assert!(are_microseconds(&[instant(1_000, 2_440_588), instant(0, 0)].concat()));
        // 290000-12-31, as Spark wrote it.
        assert!(are_microseconds(&instant(-32_506_045_900_000, -105_862_232)));
        assert!(!are_microseconds(&[instant(0, 0), instant(1, 2_440_588)].concat()));
        assert!(!are_microseconds(&instant(0, i32::MAX)));
    }
}
