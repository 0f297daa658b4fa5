//! The bloom filter of the ids of a row group, if it is worth its bytes.

use std::ops::Range;

use parquet::bloom_filter::Sbbf;

use crate::resolve::{Blobs, Values};

/// Bits for each id at which 1 lookup of an absent id in 100 reads the pages in vain (the table in
/// Parquet's `BloomFilter.md`).
const BITS_PER_ID: f64 = 10.5;

/// A filter has one block at least.
const BLOCK_BYTES: usize = 32;

/// A filter takes at most one part in this many of the bytes of the ids in the file.
const PART_OF_IDS: usize = 10;

/// The filter of these ids, which take `stored_bytes` in the file.
///
/// `None` if the ids ascend, because the column index then shows the page of an id. Also `None` if
/// the filter would be larger than a tenth of the ids.
pub(super) fn filter(ids: &Values, range: Range<usize>, stored_bytes: usize) -> Option<Sbbf> {
    let Values::Bytes(ids) = ids else { return None };
    let bytes = filter_bytes(range.len());
    if bytes > stored_bytes / PART_OF_IDS || climb(ids, range.clone()) {
        return None;
    }
    let mut filter = Sbbf::new_with_num_of_bytes(bytes);
    ids.iter(range).for_each(|id| filter.insert(id));
    Some(filter)
}

/// A power of two of at least a block: ClickHouse, Velox and Arrow C++ refuse every other size
/// ("Given length of bitset is illegal").
fn filter_bytes(ids: usize) -> usize {
    let bits = ids as f64 * BITS_PER_ID;
    ((bits / 8.0).ceil() as usize).next_power_of_two().max(BLOCK_BYTES)
}

/// Whether no id is less than the one before it, byte by byte.
fn climb(ids: &Blobs, range: Range<usize>) -> bool {
    ids.iter(range.clone()).zip(ids.iter(range).skip(1)).all(|(id, next)| id <= next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: impl Iterator<Item = String>) -> Values {
        let mut blobs = Blobs::default();
        ids.for_each(|id| blobs.push(id.as_bytes()));
        Values::Bytes(blobs)
    }

    /// The same digits everywhere, and in no order.
    fn scattered(at: u64) -> String {
        let high = at.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
        format!("{:016x}{:016x}", high.wrapping_mul(0xD134_2543_DE82_EF95), high)
    }

    #[test]
    fn one_absent_id_in_100_is_not_told_apart() {
        for count in [1_000, 20_000, 49_152] {
            let present = ids((0..count).map(scattered));
            let filter = filter(&present, 0..count as usize, usize::MAX).unwrap();
            assert!((0..count).all(|at| filter.check(scattered(at).as_str())));
            let asked = 200_000;
            let wrong = (count..count + asked).filter(|at| filter.check(scattered(*at).as_str()));
            let wrong = wrong.count();
            assert!(wrong as u64 <= asked / 100, "{wrong} of {asked} with {count} ids");
        }
        assert_eq!(filter_bytes(49_152), 64 << 10, "the default row group fills a power of two");
    }

    #[test]
    fn ids_that_climb_or_take_few_bytes_have_no_filter() {
        let climbing = ids((0..5_000).map(|at| format!("evt-{at:09}")));
        assert!(filter(&climbing, 0..5_000, usize::MAX).is_none());
        let scattered = ids((0..5_000).map(scattered));
        let bytes = filter_bytes(5_000);
        assert!(filter(&scattered, 0..5_000, 10 * bytes - 1).is_none());
        assert_eq!(filter(&scattered, 0..5_000, 10 * bytes).unwrap().num_blocks() * 32, bytes);
        assert!(filter(&scattered, 7..8, usize::MAX).is_none(), "one id climbs");
        // Each row group has its own: the part of the ids is what counts.
        let part = filter(&scattered, 1_000..3_000, usize::MAX).unwrap();
        let Values::Bytes(blobs) = &scattered else { unreachable!() };
        assert!(blobs.iter(1_000..3_000).all(|id| part.check(id)));
        assert!(!blobs.iter(0..1_000).all(|id| part.check(id)));
    }
}
