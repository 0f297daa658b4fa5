//! A dictionary of the values of one column chunk.

use std::ops::Range;

use super::body;
use crate::columns::Values;
use crate::format::limits::DICTIONARY_BYTES_MAX;

/// The most slots looked at for each text, on average: values made to collide must not cost
/// quadratic time.
const PROBES_MAX: usize = 8;
const SLOTS_MIN: usize = 1_024;

/// Distinct values in order of first appearance, and which of them each value is.
pub(super) struct Dictionary {
    /// The page: each value in its PLAIN form.
    pub(super) page: Vec<u8>,
    pub(super) entries: usize,
    /// The first value of the column that `indexes` speaks of.
    first: usize,
    indexes: Vec<u32>,
}

impl Dictionary {
    /// The dictionary of the column's values in `range`. `None` if it saves nothing: if the group
    /// has no values, or far more distinct ones than the sample showed.
    pub(super) fn of(values: &Values, range: Range<usize>) -> Option<Self> {
        let count = range.len();
        let first = range.start;
        match values {
            Values::Bytes(blobs) => Self::build::<true>(blobs.iter(range), count, first),
            Values::Fixed(bytes, width) => {
                let bytes = &bytes[range.start * width..range.end * width];
                Self::build::<false>(bytes.chunks_exact(*width), count, first)
            }
            Values::Boolean(_) => None,
            numbers => {
                let width = match numbers {
                    Values::Int32(_) | Values::Float(_) => 4,
                    _ => 8,
                };
                let mut bytes = Vec::with_capacity(count * width);
                body::plain(numbers, range, &mut bytes);
                Self::build::<false>(bytes.chunks_exact(width), count, first)
            }
        }
    }

    fn build<'v, const LENGTHS: bool>(
        values: impl Iterator<Item = &'v [u8]>,
        count: usize,
        first: usize,
    ) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let mut table = Table::new();
        let mut dictionary =
            Dictionary { page: Vec::new(), entries: 0, first, indexes: Vec::new() };
        dictionary.indexes.reserve(count);
        let probes_max = count * PROBES_MAX + SLOTS_MIN;
        for value in values {
            let index = table.index::<LENGTHS>(value, &mut dictionary.page);
            if dictionary.page.len() > DICTIONARY_BYTES_MAX || table.probes > probes_max {
                return None;
            }
            dictionary.indexes.push(index);
        }
        dictionary.entries = table.entries.len();
        Some(dictionary)
    }

    /// Which entry each of these values of the column is.
    pub(super) fn indexes(&self, values: &Range<usize>) -> &[u32] {
        &self.indexes[values.start - self.first..values.end - self.first]
    }

    /// Bits of an index; one at least, since some readers know no integers of none.
    pub(super) fn width(&self) -> u32 {
        (usize::BITS - self.entries.saturating_sub(1).leading_zeros()).max(1)
    }
}

/// Open addressing with linear probing; no deletion.
struct Table {
    /// Each slot has the place of an entry plus one, or 0. The number of slots is a power of two.
    slots: Vec<u32>,
    entries: Vec<Entry>,
    probes: usize,
}

struct Entry {
    hash: u64,
    /// The place of the value in the page.
    start: usize,
    length: usize,
}

impl Table {
    fn new() -> Self {
        Table { slots: vec![0; SLOTS_MIN], entries: Vec::new(), probes: 0 }
    }

    /// The place of a value. A new value is appended to `page`, with its length before it if
    /// `LENGTH`.
    fn index<const LENGTH: bool>(&mut self, value: &[u8], page: &mut Vec<u8>) -> u32 {
        let hash = hash(value);
        let mut slot = self.slot(hash);
        loop {
            self.probes += 1;
            let Some(place) = self.slots[slot].checked_sub(1) else { break };
            let entry = &self.entries[place as usize];
            if entry.hash == hash && page[entry.start..entry.start + entry.length] == *value {
                return place;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        if LENGTH {
            page.extend_from_slice(&(value.len() as u32).to_le_bytes());
        }
        self.entries.push(Entry { hash, start: page.len(), length: value.len() });
        page.extend_from_slice(value);
        self.slots[slot] = self.entries.len() as u32;
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        self.entries.len() as u32 - 1
    }

    fn slot(&self, hash: u64) -> usize {
        // The high bits: multiplication has mixed those best.
        (hash >> 32) as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len() * 2];
        for place in 0..self.entries.len() {
            let mut slot = self.slot(self.entries[place].hash);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = place as u32 + 1;
        }
    }
}

/// Multiply and fold, eight bytes at a time. The order of entries does not depend on it.
fn hash(text: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(FACTOR);
        mixed ^ (mixed >> 29)
    };
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let hash =
        words.iter().fold(text.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(hash, u64::from_le_bytes(last)).wrapping_mul(FACTOR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Blobs;

    fn of(texts: &[String]) -> Option<Dictionary> {
        let mut blobs = Blobs::default();
        texts.iter().for_each(|text| blobs.push(text.as_bytes()));
        Dictionary::of(&Values::Bytes(blobs), 0..texts.len())
    }

    #[test]
    fn entries_are_in_order_of_first_appearance() {
        let texts: Vec<String> = (0..5_000).map(|at| format!("{}", (at * 7) % 3_000)).collect();
        let dictionary = of(&texts).unwrap();
        assert_eq!((dictionary.entries, dictionary.width()), (3_000, 12));
        let mut entries = Vec::new();
        let mut page = dictionary.page.as_slice();
        while let Some((length, rest)) = page.split_first_chunk::<4>() {
            let (text, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
            entries.push(String::from_utf8(text.to_vec()).unwrap());
            page = rest;
        }
        assert_eq!(entries[..2], ["0", "7"]);
        for (text, index) in texts.iter().zip(dictionary.indexes(&(0..5_000))) {
            assert_eq!(entries[*index as usize], *text);
        }
        assert_eq!(of(&["x".to_owned()]).unwrap().width(), 1);
    }

    #[test]
    fn a_dictionary_that_grows_too_large_is_none() {
        let texts: Vec<String> = (0..40_000).map(|at| format!("{at:050}")).collect();
        assert!(of(&texts).is_none());
    }

    #[test]
    fn numbers_stand_in_it_by_their_bits() {
        let values = Values::Double(vec![9.0, 0.0, -0.0, 0.0, 1.5, -0.0]);
        let dictionary = Dictionary::of(&values, 1..6).unwrap();
        assert_eq!(dictionary.indexes(&(1..6)), [0, 1, 0, 2, 1]);
        let entries = [0.0_f64, -0.0, 1.5].map(f64::to_le_bytes).concat();
        assert_eq!((dictionary.page, dictionary.entries), (entries, 3));
        let values = Values::Fixed(b"aabbaa".to_vec(), 2);
        let dictionary = Dictionary::of(&values, 0..3).unwrap();
        assert_eq!(dictionary.page, b"aabb");
        assert!(Dictionary::of(&values, 0..0).is_none());
    }
}
