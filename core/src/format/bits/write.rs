//! Integers in few bits: Parquet's RLE/bit-packing hybrid, and DELTA_BINARY_PACKED
//! (`Encodings.md`).

use crate::work;

/// The values in one group of the hybrid; bit-packed runs have whole groups.
const GROUP: usize = 8;
/// The values in one block of DELTA_BINARY_PACKED, and in one of its miniblocks.
const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// Appends levels in the form of a data page of version 1: a length of four bytes, then the hybrid.
pub(crate) fn levels(out: &mut Vec<u8>, levels: &[i16], level_max: i16) {
    let width = level_width(level_max);
    with_length(out, |out| hybrid(out, levels, width, |level| u64::from(level.cast_unsigned())));
}

/// Appends the same bytes from runs. A run is a level, and the number of entries in a row that have
/// it. Neighbours have different levels.
pub(crate) fn level_runs(
    out: &mut Vec<u8>,
    runs: impl Iterator<Item = (i16, usize)>,
    level_max: i16,
) {
    with_length(out, |out| hybrid_of_runs(out, runs, level_width(level_max)));
}

/// Appends the same bytes for `count` entries of one level.
pub(crate) fn uniform_levels(out: &mut Vec<u8>, count: usize, level: i16, level_max: i16) {
    with_length(out, |out| {
        repeated(out, count, u64::from(level.cast_unsigned()), level_width(level_max))
    });
}

/// Appends indexes into a dictionary in the form of a data page: a byte with their width, then the
/// hybrid.
pub(crate) fn indexes(out: &mut Vec<u8>, indexes: &[u32], width: u32) {
    out.push(width as u8);
    hybrid(out, indexes, width, u64::from);
}

/// The bits of one level.
pub(crate) fn level_width(level_max: i16) -> u32 {
    16 - level_max.leading_zeros()
}

fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// The RLE/bit-packing hybrid of values of `width` bits.
fn hybrid<T: Copy + PartialEq>(
    out: &mut Vec<u8>,
    values: &[T],
    width: u32,
    bits: impl Fn(T) -> u64 + Copy,
) {
    let mut packed_from = 0;
    let mut run_from = 0;
    while run_from < values.len() {
        let value = values[run_from];
        let length = values[run_from..].iter().take_while(|other| **other == value).count();
        // Bit-packed runs must have whole groups. So the open group takes its missing values
        // (`owed`) from this run. A repeated run is worth its header if a whole group remains after
        // that.
        let owed = (GROUP - (run_from - packed_from) % GROUP) % GROUP;
        if length >= owed + GROUP {
            bit_packed(out, &values[packed_from..run_from + owed], width, bits);
            repeated(out, length - owed, bits(value), width);
            packed_from = run_from + length;
        }
        run_from += length;
    }
    bit_packed(out, &values[packed_from..], width, bits);
}

/// Writes the same bytes from runs. Runs that are too short to be repeated wait in `packed`.
fn hybrid_of_runs(out: &mut Vec<u8>, runs: impl Iterator<Item = (i16, usize)>, width: u32) {
    let bits = |level: i16| u64::from(level.cast_unsigned());
    let mut packed: Vec<i16> = Vec::new();
    for (level, length) in runs {
        work::count(1);
        let owed = (GROUP - packed.len() % GROUP) % GROUP;
        if length >= owed + GROUP {
            packed.resize(packed.len() + owed, level);
            bit_packed(out, &packed, width, bits);
            repeated(out, length - owed, bits(level), width);
            packed.clear();
        } else {
            packed.resize(packed.len() + length, level);
        }
    }
    bit_packed(out, &packed, width, bits);
}

fn repeated(out: &mut Vec<u8>, count: usize, value: u64, width: u32) {
    unsigned(out, (count as u64) << 1);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

fn bit_packed<T: Copy>(out: &mut Vec<u8>, values: &[T], width: u32, bits_of: impl Fn(T) -> u64) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    unsigned(out, (groups as u64) << 1 | 1);
    let mut bits = Bits::default();
    for value in values {
        bits.push(out, bits_of(*value), width);
    }
    for _ in values.len()..groups * GROUP {
        bits.push(out, 0, width);
    }
    bits.end(out);
}

/// An integer of DELTA_BINARY_PACKED. Differences wrap around in its own width.
pub(crate) trait Delta: Copy {
    fn wide(self) -> i64;
    fn since(self, before: Self) -> i64;
}

impl Delta for i32 {
    fn wide(self) -> i64 {
        i64::from(self)
    }

    fn since(self, before: Self) -> i64 {
        i64::from(self.wrapping_sub(before))
    }
}

impl Delta for i64 {
    fn wide(self) -> i64 {
        self
    }

    fn since(self, before: Self) -> i64 {
        self.wrapping_sub(before)
    }
}

/// Appends integers as DELTA_BINARY_PACKED.
pub(crate) fn delta<T: Delta>(out: &mut Vec<u8>, values: &[T]) {
    unsigned(out, BLOCK as u64);
    unsigned(out, (BLOCK / MINIBLOCK) as u64);
    unsigned(out, values.len() as u64);
    let Some((first, rest)) = values.split_first() else {
        signed(out, 0);
        return;
    };
    signed(out, first.wide());
    let mut deltas = [0_i64; BLOCK];
    let mut previous = *first;
    for block in rest.chunks(BLOCK) {
        let deltas = &mut deltas[..block.len()];
        for (delta, value) in deltas.iter_mut().zip(block) {
            *delta = value.since(previous);
            previous = *value;
        }
        write_block(out, deltas);
    }
}

fn write_block(out: &mut Vec<u8>, deltas: &[i64]) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    signed(out, least);
    let widths_at = out.len();
    out.extend_from_slice(&[0; BLOCK / MINIBLOCK]);
    for (at, miniblock) in deltas.chunks(MINIBLOCK).enumerate() {
        let most = miniblock.iter().copied().max().unwrap_or(least);
        let width = 64 - most.abs_diff(least).leading_zeros();
        out[widths_at + at] = width as u8;
        let mut bits = Bits::default();
        for delta in miniblock {
            bits.push(out, delta.abs_diff(least), width);
        }
        // A miniblock is always whole. Readers do not read the padding of the last one.
        for _ in miniblock.len()..MINIBLOCK {
            bits.push(out, 0, width);
        }
        bits.end(out);
    }
}

/// Packs bits into bytes, least significant bit first.
#[derive(Default)]
struct Bits {
    waiting: u64,
    count: u32,
}

impl Bits {
    /// Appends the low `width` bits of a value that has no others.
    #[inline]
    fn push(&mut self, out: &mut Vec<u8>, value: u64, width: u32) {
        if width > 32 {
            self.push_half(out, value & u64::from(u32::MAX), 32);
            self.push_half(out, value >> 32, width - 32);
        } else {
            self.push_half(out, value, width);
        }
    }

    #[inline]
    fn push_half(&mut self, out: &mut Vec<u8>, value: u64, width: u32) {
        self.waiting |= value << self.count;
        self.count += width;
        if self.count >= 32 {
            // At most 31 bits waited before, so at most 63 wait now, and u64 has lost none.
            out.extend_from_slice(&(self.waiting as u32).to_le_bytes());
            self.waiting >>= 32;
            self.count -= 32;
        }
    }

    fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.waiting.to_le_bytes()[..self.count.div_ceil(8) as usize]);
    }
}

pub(crate) fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn signed(out: &mut Vec<u8>, value: i64) {
    unsigned(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_written_as_the_specification_shows() {
        let mut out = Vec::new();
        // `Encodings.md`: 0 to 7 in three bits are 10001000 11000110 11111010, read from the right.
        levels(&mut out, &[0, 1, 2, 3, 4, 5, 6, 7], 7);
        assert_eq!(out, [4, 0, 0, 0, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
        out.clear();
        levels(&mut out, &[1; 100], 1);
        let mut uniform = Vec::new();
        uniform_levels(&mut uniform, 100, 1, 1);
        assert_eq!(out, uniform);
        assert_eq!(out, [3, 0, 0, 0, 0xC8, 0x01, 1]);
    }

    #[test]
    fn deltas_are_written_as_the_specification_shows() {
        let mut out = Vec::new();
        // `Encodings.md`: 1, 2, 3, 4, 5 have only deltas of 1, in no bits at all.
        delta(&mut out, &[1_i32, 2, 3, 4, 5]);
        assert_eq!(out, [0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0]);
        out.clear();
        // And 7, 5, 3, 1, 2, 3, 4, 5 have deltas from -2 to 1: two bits each.
        delta(&mut out, &[7_i64, 5, 3, 1, 2, 3, 4, 5]);
        assert_eq!(out[..10], [0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0]);
        assert_eq!(out[10..], [0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn differences_wrap_around_in_the_width_of_their_type() {
        let mut out = Vec::new();
        delta(&mut out, &[i32::MAX, i32::MIN, i32::MAX]);
        // 1 and -1 in 32 bits, and so two bits each.
        assert_eq!(out[..4], [0x80, 1, 4, 3]);
        assert_eq!(out[9..14], [1, 2, 0, 0, 0]);
        out.clear();
        delta(&mut out, &[0, i64::MIN, 0, i64::MAX]);
        // From i64::MIN to i64::MAX, all 64 bits.
        assert_eq!(out.len(), 3 + 1 + 1 + 10 + 4 + 32 * 8);
        assert_eq!(out[15], 64);
        assert_eq!(out[19..43], [[0; 8], [0; 8], [0xFF; 8]].concat());
    }
}
