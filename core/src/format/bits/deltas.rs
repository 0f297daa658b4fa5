//! Reads DELTA_BINARY_PACKED (`Encodings.md`), no further than asked.

use bytes::Bytes;

use super::read::{unpack, varint, zigzag};

/// The most values in one block of DELTA_BINARY_PACKED that we read; writers use 128 or 256.
const BLOCK_MAX: usize = 1 << 16;

/// A reader of DELTA_BINARY_PACKED.
pub(crate) struct Deltas {
    bytes: Bytes,
    at: usize,
    /// The values in a miniblock, and the miniblocks in a block.
    miniblock: usize,
    miniblocks: usize,
    /// The values that are left, with the first one.
    left: usize,
    first: bool,
    last: i64,
    least: i64,
    /// The place of the block's widths, and the number of the next miniblock.
    widths_at: usize,
    next: usize,
    /// The current miniblock: its next bit, its width, and its values that are left.
    bit: usize,
    width: u32,
    in_miniblock: usize,
}

impl Deltas {
    pub(crate) fn new(bytes: Bytes) -> Option<Self> {
        let mut at = 0;
        let mut number = || varint(&bytes, &mut at).and_then(|number| usize::try_from(number).ok());
        let (block, miniblocks, left) = (number()?, number()?, number()?);
        let last = zigzag(varint(&bytes, &mut at)?);
        let sound = block > 0
            && block <= BLOCK_MAX
            && block.is_multiple_of(128)
            && miniblocks > 0
            && block.is_multiple_of(miniblocks)
            && (block / miniblocks).is_multiple_of(8);
        if !sound {
            return None;
        }
        Some(Deltas {
            bytes,
            at,
            miniblock: block / miniblocks,
            miniblocks,
            left,
            first: true,
            last,
            least: 0,
            widths_at: 0,
            next: miniblocks,
            bit: 0,
            width: 0,
            in_miniblock: 0,
        })
    }

    /// The next integer; those of a narrower type are its low bits.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        if self.first {
            self.first = false;
            return Some(self.last);
        }
        if self.in_miniblock == 0 {
            self.next_miniblock()?;
        }
        self.in_miniblock -= 1;
        let delta = unpack(&self.bytes, self.bit, self.width).cast_signed();
        self.bit += self.width as usize;
        self.last = self.last.wrapping_add(self.least).wrapping_add(delta);
        Some(self.last)
    }

    /// Appends the next `count` integers.
    pub(crate) fn read(&mut self, mut count: usize, out: &mut Vec<i64>) -> Option<()> {
        while count > 0 {
            if self.first || self.in_miniblock == 0 {
                out.try_reserve(1).ok()?;
                out.push(self.next()?);
                count -= 1;
                continue;
            }
            let now = count.min(self.in_miniblock).min(self.left);
            if now == 0 {
                return None;
            }
            out.try_reserve(now).ok()?;
            let now = match self.width <= 8 && self.bit.is_multiple_of(8) && now >= 8 {
                true => self.eights(now / 8, out),
                // Up to the next eight values.
                false => self.ones(now.min((self.in_miniblock - 1) % 8 + 1), out),
            };
            self.bit += now * self.width as usize;
            self.in_miniblock -= now;
            self.left -= now;
            count -= now;
        }
        Some(())
    }

    /// Appends eight values of the miniblock again and again; all eight lie in one word. Gives how
    /// many they are.
    fn eights(&mut self, times: usize, out: &mut Vec<i64>) -> usize {
        let (bytes, from, width) = (&self.bytes[..], self.bit, self.width);
        let (mask, least, mut last) = ((1_u64 << width) - 1, self.least, self.last);
        for at in 0..times {
            let word = unpack(bytes, from + at * 8 * width as usize, 64);
            let eight: [i64; 8] = std::array::from_fn(|k| {
                let delta = (word >> (k as u32 * width)) & mask;
                last = last.wrapping_add(least.wrapping_add(delta.cast_signed()));
                last
            });
            out.extend_from_slice(&eight);
        }
        self.last = last;
        times * 8
    }

    /// Appends values of the miniblock. Gives how many they are.
    fn ones(&mut self, count: usize, out: &mut Vec<i64>) -> usize {
        for at in 0..count {
            let bit = self.bit + at * self.width as usize;
            let delta = unpack(&self.bytes, bit, self.width).cast_signed();
            self.last = self.last.wrapping_add(self.least).wrapping_add(delta);
            out.push(self.last);
        }
        count
    }

    /// Goes past the next `count` integers.
    pub(crate) fn skip(&mut self, mut count: usize) -> Option<()> {
        const STEP: usize = 1_024;
        let mut passed = Vec::new();
        while count > 0 {
            passed.clear();
            self.read(count.min(STEP), &mut passed)?;
            count -= passed.len();
        }
        Some(())
    }

    /// How many integers are left, as the page claims.
    #[cfg(feature = "arrow")]
    pub(crate) fn count(&self) -> usize {
        self.left
    }

    /// The next integer as a length.
    pub(crate) fn next_length(&mut self) -> Option<usize> {
        self.next().and_then(|length| usize::try_from(length).ok())
    }

    /// Whether every integer was read.
    pub(crate) fn is_read(&self) -> bool {
        self.left == 0
    }

    /// Whether every integer was read, and no bytes follow.
    pub(crate) fn is_used_up(&self) -> bool {
        self.left == 0 && self.at == self.bytes.len()
    }

    /// The place of the first byte after these integers.
    pub(crate) fn end(mut self) -> Option<usize> {
        let mut left = self.left.saturating_sub(1);
        while left > 0 {
            self.next_miniblock()?;
            left = left.saturating_sub(self.miniblock);
        }
        Some(self.at)
    }

    fn next_miniblock(&mut self) -> Option<()> {
        if self.next == self.miniblocks {
            self.least = zigzag(varint(&self.bytes, &mut self.at)?);
            self.widths_at = self.at;
            self.at = self.at.checked_add(self.miniblocks)?;
            self.next = 0;
        }
        self.width = u32::from(*self.bytes.get(self.widths_at + self.next)?);
        self.next += 1;
        self.bit = self.at.checked_mul(8)?;
        self.at += self.miniblock / 8 * self.width as usize;
        if self.width > 64 || self.at > self.bytes.len() {
            return None;
        }
        self.in_miniblock = self.miniblock;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_are_read_as_the_specification_shows() {
        let of = |bytes: &[u8]| {
            let deltas = || Deltas::new(Bytes::copy_from_slice(bytes));
            let mut values = Vec::new();
            let mut reader = deltas()?;
            while let Some(value) = reader.next() {
                values.push(value);
            }
            for first in 0..=values.len() {
                let (mut batches, mut again) = (values[..first].to_vec(), deltas()?);
                again.skip(first)?;
                again.read(values.len() - first, &mut batches)?;
                assert_eq!(batches, values);
                assert_eq!(again.read(1, &mut batches).is_none(), reader.next().is_none());
            }
            (reader.left == 0).then_some(values).zip(deltas()?.end())
        };
        assert_eq!(of(&[0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0]), Some((vec![1, 2, 3, 4, 5], 10)));
        let mut bytes = vec![0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0];
        bytes.extend([0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0]);
        assert_eq!(of(&bytes), Some((vec![7, 5, 3, 1, 2, 3, 4, 5], 18)));
        assert_eq!(Deltas::new(Bytes::copy_from_slice(&bytes[..17])).unwrap().end(), None);
        // No values at all, a block of nothing, miniblocks of nothing, widths past 64.
        assert_eq!(of(&[0x80, 1, 4, 0, 0]), Some((Vec::new(), 5)));
        assert!(Deltas::new(Bytes::from_static(&[0, 4, 5, 2])).is_none());
        assert!(Deltas::new(Bytes::from_static(&[0x80, 1, 0, 5, 2])).is_none());
        let wide = [&[0x80, 1, 4, 5, 2, 2, 65, 0, 0, 0][..], &[0; 300]].concat();
        assert!(Deltas::new(Bytes::from(wide)).unwrap().end().is_none());
    }
}
