//! Where the values of a page end. A page can claim to be larger than its values. The rest is never
//! decompressed, so a small file cannot make its reader use much memory.

use bytes::Bytes;
use parquet::basic::Encoding;

use super::values::Kind;
use crate::format::bits::{Deltas, Hybrid};

/// What the header of a page and its column say about its content.
pub(super) struct Extent {
    pub(super) kind: Kind,
    pub(super) encoding: Encoding,
    pub(super) entries: usize,
    pub(super) definition_max: i16,
    pub(super) repetition_max: i16,
    /// The number of entries that are not null, once they are counted.
    pub(super) values: Option<usize>,
}

impl Extent {
    /// The most bytes that the page can have before its codec; `None` if its values can have any
    /// length.
    pub(super) fn bytes_max(&self) -> Option<usize> {
        /// A page takes at most this many bytes besides those of its entries.
        const HEADS_BYTES: usize = 4_096;
        let value = match (self.kind, self.encoding) {
            (Kind::Bytes, Encoding::RLE_DICTIONARY) => 8,
            (Kind::Bytes, _) => return None,
            (Kind::Fixed(width), _) => width.max(8),
            // A delta has up to one bit more than a value, and blocks have headers.
            _ => 16,
        };
        // In the worst case each level is a run of its own, which takes some bytes.
        let levels =
            4 * (usize::from(self.definition_max > 0) + usize::from(self.repetition_max > 0));
        self.entries.checked_mul(value + levels)?.checked_add(HEADS_BYTES)
    }

    /// Whether the values of the page can reach beyond its first bytes, `there`. Also true if these
    /// bytes are damaged: reading the page then gives the error.
    pub(super) fn needs_more(&mut self, there: &[u8]) -> bool {
        if self.bytes_max().is_some() {
            return true;
        }
        self.ends(there).is_none_or(|end| end > there.len())
    }

    /// Where the values end; `None` if the first bytes do not say it.
    fn ends(&mut self, there: &[u8]) -> Option<usize> {
        let mut at = 0;
        for (level_max, defines) in [(self.repetition_max, false), (self.definition_max, true)] {
            if level_max > 0 {
                let length = u32::from_le_bytes(*there.get(at..)?.first_chunk()?);
                let from = at.checked_add(4)?;
                at = from.checked_add(usize::try_from(length).ok()?)?;
                if defines && self.values.is_none() {
                    self.values = Some(self.count_values(there.get(from..at)?)?);
                }
            }
        }
        let values = if self.definition_max > 0 { self.values? } else { self.entries };
        let rest = there.get(at..)?;
        Some(at + body_bytes(self.encoding, rest, values)?)
    }

    fn count_values(&self, levels: &[u8]) -> Option<usize> {
        let bits = 16 - self.definition_max.leading_zeros();
        let mut levels = Hybrid::new(Bytes::copy_from_slice(levels), bits)?;
        let most = u32::try_from(self.definition_max).ok()?;
        let mut values = 0;
        for _ in 0..self.entries {
            values += usize::from(levels.next()? == most);
        }
        Some(values)
    }
}

/// The bytes of this many byte strings in this encoding, computed from their lengths.
fn body_bytes(encoding: Encoding, body: &[u8], values: usize) -> Option<usize> {
    let total = |from: usize, until: usize| {
        let mut lengths = Deltas::new(Bytes::copy_from_slice(&body[from..until]))?;
        (0..values).try_fold(0_usize, |sum, _| sum.checked_add(lengths.next_length()?))
    };
    // Only the lengths are needed, and they take at most this many bytes.
    let lengths_max = values.saturating_mul(16).saturating_add(4_096);
    let end = |from: usize| {
        let rest = body.get(from..)?;
        let rest = Bytes::copy_from_slice(&rest[..rest.len().min(lengths_max)]);
        from.checked_add(Deltas::new(rest)?.end()?)
    };
    match encoding {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => {
            let lengths = end(0)?;
            lengths.checked_add(total(0, lengths)?)
        }
        Encoding::DELTA_BYTE_ARRAY => {
            let prefixes = end(0)?;
            let rests = end(prefixes)?;
            rests.checked_add(total(prefixes, rests)?)
        }
        _ => {
            let mut at = 0_usize;
            for _ in 0..values {
                let length = u32::from_le_bytes(*body.get(at..)?.first_chunk()?);
                at = at.checked_add(4)?.checked_add(usize::try_from(length).ok()?)?;
            }
            Some(at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(encoding: Encoding, entries: usize, definition_max: i16) -> Extent {
        let (kind, repetition_max, values) = (Kind::Bytes, 0, None);
        Extent { kind, encoding, entries, definition_max, repetition_max, values }
    }

    #[test]
    fn what_stands_behind_the_last_value_is_not_needed() {
        let plain = [1, 0, 0, 0, b'a', 2, 0, 0, 0, b'b', b'c'];
        let lengths = [0x80, 1, 4, 2, 2, 2, 0, 0, 0, 0, b'a', b'b', b'c'];
        let prefixes = [0x80, 1, 4, 2, 0, 0, 0, 0, 0, 0];
        let prefixed = [&prefixes[..], &lengths].concat();
        for (encoding, body) in [
            (Encoding::PLAIN, &plain[..]),
            (Encoding::DELTA_LENGTH_BYTE_ARRAY, &lengths),
            (Encoding::DELTA_BYTE_ARRAY, &prefixed),
        ] {
            // Two entries, or three of which one is null.
            let levels = [2, 0, 0, 0, 3, 0b101].iter().copied();
            let nulls: Vec<u8> = levels.chain(body.iter().copied()).collect();
            for (body, entries, definition_max) in [(body, 2, 0), (&nulls, 3, 1)] {
                let mut extent = extent(encoding, entries, definition_max);
                let padded = [body, &[0; 9]].concat();
                for end in 0..body.len() {
                    assert!(extent.needs_more(&padded[..end]), "{encoding} {end}");
                }
                for end in body.len()..padded.len() {
                    assert!(!extent.needs_more(&padded[..end]), "{encoding} {end}");
                }
            }
        }
    }

    #[test]
    fn numbers_are_bounded_by_how_many_they_are() {
        let mut extent = extent(Encoding::PLAIN, 1_000, 1);
        assert_eq!(extent.bytes_max(), None);
        extent.kind = Kind::Int64;
        assert_eq!(extent.bytes_max(), Some(24_096));
        assert!(extent.needs_more(&[0; 100_000]));
    }
}
