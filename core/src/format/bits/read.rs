//! Reads integers of few bits: Parquet's RLE/bit-packing hybrid (`Encodings.md`).
//!
//! The reader reads no further than asked. So a page that claims to hold much costs nothing until
//! it is read.

use bytes::Bytes;

/// Reads an unsigned LEB128 integer at `at`, and moves `at` past it.
pub(crate) fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

pub(crate) fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// `width` bits (to 64) from the bit at `bit` on, least significant first; zeros past the end.
#[inline]
pub(super) fn unpack(bytes: &[u8], bit: usize, width: u32) -> u64 {
    let (byte, shift) = (bit / 8, (bit % 8) as u32);
    let rest = bytes.get(byte..).unwrap_or_default();
    let word = match rest.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let mut value = word >> shift;
    if shift + width > 64 {
        value |= u64::from(rest.get(8).copied().unwrap_or(0)) << (64 - shift);
    }
    if width == 64 { value } else { value & ((1 << width) - 1) }
}

/// A reader of the hybrid. All values have one width, up to 32 bits.
pub(crate) struct Hybrid {
    bytes: Bytes,
    at: usize,
    width: u32,
    run: Run,
}

enum Run {
    Repeated { value: u32, left: usize },
    Packed { bit: usize, left: usize },
}

impl Hybrid {
    pub(crate) fn new(bytes: Bytes, width: u32) -> Option<Self> {
        let run = Run::Repeated { value: 0, left: 0 };
        (width <= 32).then_some(Hybrid { bytes, at: 0, width, run })
    }

    /// Appends the next `count` values.
    pub(crate) fn read<T: Copy>(
        &mut self,
        mut count: usize,
        out: &mut Vec<T>,
        of: impl Fn(u32) -> T,
    ) -> Option<()> {
        while count > 0 {
            let (bytes, width) = (&self.bytes[..], self.width);
            let taken = match &mut self.run {
                Run::Repeated { value, left } => {
                    let taken = count.min(*left);
                    out.try_reserve(taken).ok()?;
                    out.extend(std::iter::repeat_n(of(*value), taken));
                    *left -= taken;
                    taken
                }
                Run::Packed { bit, left } => {
                    let taken = count.min(*left);
                    let from = *bit;
                    out.try_reserve(taken).ok()?;
                    out.extend(
                        (0..taken)
                            .map(|at| of(unpack(bytes, from + at * width as usize, width) as u32)),
                    );
                    *bit += taken * width as usize;
                    *left -= taken;
                    taken
                }
            };
            count -= taken;
            if taken == 0 {
                self.next_run()?;
            }
        }
        Some(())
    }

    /// Goes past the next `count` values. Gives how many of them are `counted`; 0 without it.
    pub(crate) fn skip(&mut self, mut count: usize, counted: Option<u32>) -> Option<usize> {
        let mut found = 0;
        while count > 0 {
            let (bytes, width) = (&self.bytes[..], self.width);
            let taken = match &mut self.run {
                Run::Repeated { value, left } => {
                    let taken = count.min(*left);
                    found += if counted == Some(*value) { taken } else { 0 };
                    *left -= taken;
                    taken
                }
                Run::Packed { bit, left } => {
                    let (taken, from) = (count.min(*left), *bit);
                    if let Some(counted) = counted {
                        let values = (0..taken)
                            .map(|at| unpack(bytes, from + at * width as usize, width) as u32);
                        found += values.filter(|value| *value == counted).count();
                    }
                    *bit += taken * width as usize;
                    *left -= taken;
                    taken
                }
            };
            count -= taken;
            if taken == 0 {
                self.next_run()?;
            }
        }
        Some(found)
    }

    /// The next value.
    pub(crate) fn next(&mut self) -> Option<u32> {
        loop {
            match &mut self.run {
                Run::Repeated { value, left: left @ 1.. } => {
                    *left -= 1;
                    return Some(*value);
                }
                Run::Packed { bit, left: left @ 1.. } => {
                    *left -= 1;
                    let value = unpack(&self.bytes, *bit, self.width) as u32;
                    *bit += self.width as usize;
                    return Some(value);
                }
                _ => self.next_run()?,
            }
        }
    }

    /// Whether all values are read. Padding that completes the last eight packed values may be
    /// left.
    pub(crate) fn is_used_up(&self) -> bool {
        let left = match self.run {
            Run::Repeated { left, .. } => left == 0,
            Run::Packed { left, .. } => left < 8,
        };
        left && self.at == self.bytes.len()
    }

    fn next_run(&mut self) -> Option<()> {
        let header = varint(&self.bytes, &mut self.at)?;
        let count = usize::try_from(header >> 1).ok()?;
        let rest = self.bytes.len() - self.at;
        if header & 1 == 0 {
            let length = self.width.div_ceil(8) as usize;
            let value = self.bytes.get(self.at..self.at + length)?;
            let value = value.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
            self.at += length;
            self.run = Run::Repeated { value, left: count };
            return Some(());
        }
        let length = count.checked_mul(self.width as usize)?;
        if length > rest {
            return None;
        }
        self.run = Run::Packed { bit: self.at.checked_mul(8)?, left: count.checked_mul(8)? };
        self.at += length;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hybrid(bytes: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
        let mut out = Vec::new();
        let reader = || Hybrid::new(Bytes::copy_from_slice(bytes), width);
        let read = reader()?.read(count, &mut out, |value| value);
        let mut one_by_one = reader()?;
        let same: Option<Vec<u32>> = (0..count).map(|_| one_by_one.next()).collect();
        assert_eq!(read.map(|()| &out), same.as_ref());
        let ones = |values: &Vec<u32>| values.iter().filter(|value| **value == 1).count();
        assert_eq!(reader()?.skip(count, Some(1)), same.as_ref().map(ones));
        if count > 0 && same.is_some() {
            let mut passed = reader()?;
            assert_eq!(passed.skip(count - 1, None), Some(0));
            assert_eq!(passed.next(), out.last().copied());
        }
        same
    }

    #[test]
    fn the_hybrid_is_read_as_the_specification_shows() {
        // `Encodings.md`: 0 to 7 in three bits; then five times 300 in nine.
        let packed = [3, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(hybrid(&packed, 3, 8).unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(hybrid(&packed, 3, 9), None);
        assert_eq!(hybrid(&packed[..3], 3, 1), None);
        assert_eq!(hybrid(&[10, 0x2C, 1], 9, 5).unwrap(), [300; 5]);
        assert_eq!(hybrid(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], 32, 1), None);
        assert_eq!(hybrid(&[5], 0, 16).unwrap(), [0; 16]);
    }

    #[test]
    fn all_64_bits_are_unpacked_wherever_they_start() {
        let bytes: Vec<u8> = (1..=17).collect();
        let wide = u128::from_le_bytes(*bytes.first_chunk().unwrap());
        for bit in 0..64 {
            assert_eq!(unpack(&bytes, bit, 64), (wide >> bit) as u64, "{bit}");
        }
    }
}
