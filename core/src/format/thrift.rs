//! Thrift's compact protocol: our own reader of headers and footers.
//!
//! Every read is checked: it gives `None` if the bytes end or cannot be decoded. A count is only a
//! claim. Each element takes at least one byte, so the work is never more than the number of bytes.

#[cfg(feature = "decode")]
use super::bits::{varint, zigzag};

#[cfg(feature = "decode")]
/// The most nested structs and lists; `parquet.thrift` has four.
const DEPTH_MAX: u32 = 16;

#[cfg(feature = "decode")]
const BOOLEANS: [u8; 2] = [1, 2];
/// The types of a field that is an i32, and of one that is a struct.
pub(crate) const I32: u8 = 5;
#[cfg(feature = "decode")]
pub(crate) const LIST: u8 = 9;
pub(crate) const STRUCT: u8 = 12;

#[cfg(feature = "decode")]
pub(crate) struct Reader<'b> {
    pub(crate) bytes: &'b [u8],
    pub(crate) at: usize,
    /// Whether parquet's decoder reads the same bytes next. When that decoder skips a boolean in a
    /// list or a map, it skips no byte, though the boolean has one. So the two readers would
    /// disagree from there on, and this reader refuses such a field.
    for_parquet: bool,
}

#[cfg(feature = "decode")]
impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Reader { bytes, at: 0, for_parquet: false }
    }

    /// A reader of bytes that parquet's decoder reads next.
    pub(crate) fn for_parquet(bytes: &'b [u8]) -> Self {
        Reader { bytes, at: 0, for_parquet: true }
    }

    /// The number of bytes that have been read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next field of a struct whose last field had the id `last`: its id and type. `Some(None)`
    /// at the end of the struct.
    pub(crate) fn field(&mut self, last: i16) -> Option<Option<(i16, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.signed()?).ok()?,
            step => last.checked_add(i16::from(step))?,
        };
        Some(Some((id, head & 0x0F)))
    }

    pub(crate) fn i32(&mut self, kind: u8) -> Option<i32> {
        if kind != I32 {
            return None;
        }
        i32::try_from(self.signed()?).ok()
    }

    /// The number of bytes that are left.
    pub(crate) fn rest(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Goes past a value that is not needed.
    pub(crate) fn skip(&mut self, kind: u8) -> Option<()> {
        self.skip_within(kind, 0)
    }

    fn skip_within(&mut self, kind: u8, depth: u32) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match kind {
            // The type of a boolean field is its value, so no byte follows.
            1 | 2 => Some(()),
            3 => self.past(1),
            4..=6 => self.unsigned().map(|_| ()),
            7 => self.past(8),
            8 => {
                let length = self.unsigned()?;
                self.past(usize::try_from(length).ok()?)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.unsigned()? } else { u64::from(head >> 4) };
                (0..count).try_for_each(|_| self.skip_element(head & 0x0F, depth))
            }
            11 => {
                let count = self.unsigned()?;
                if self.for_parquet && count > 0 {
                    return None;
                }
                let kinds = if count > 0 { self.byte()? } else { 0 };
                (0..count).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 0x0F, depth)
                })
            }
            STRUCT => {
                let mut last = 0;
                while let Some((id, kind)) = self.field(last)? {
                    self.skip_within(kind, depth + 1)?;
                    last = id;
                }
                Some(())
            }
            _ => None,
        }
    }

    /// Goes past one element. It takes at least one byte, so a false count ends at the last byte.
    fn skip_element(&mut self, kind: u8, depth: u32) -> Option<()> {
        match BOOLEANS.contains(&kind) {
            true if self.for_parquet => None,
            true => self.past(1),
            false => self.skip_within(kind, depth + 1),
        }
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    pub(crate) fn past(&mut self, count: usize) -> Option<()> {
        let at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        self.at = at;
        Some(())
    }

    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        varint(self.bytes, &mut self.at)
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        self.unsigned().map(zigzag)
    }
}

#[cfg(all(test, feature = "decode"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_skipped() {
        // A struct with a boolean, a double, a string, a list of two booleans, a map, and a struct
        // with an i32.
        let mut bytes = vec![0x11, 0x17];
        bytes.extend([0; 8]);
        bytes.extend([0x18, 2, b'a', b'b', 0x19, 0x21, 1, 2, 0x1B, 1, 0x58, 4, 1, b'x']);
        bytes.extend([0x1C, 0x15, 9, 0, 0]);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.skip(STRUCT), Some(()));
        assert_eq!(reader.at(), bytes.len());
        for end in 0..bytes.len() {
            assert_eq!(Reader::new(&bytes[..end]).skip(STRUCT), None, "{end}");
        }
    }

    #[test]
    fn hostile_counts_and_depths_end() {
        // A list of 2^63 structs in a few bytes, and structs within structs without end.
        let list = [0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0, 0];
        assert_eq!(Reader::new(&list).skip(9), None);
        assert_eq!(Reader::new(&[0x1C; 1_000]).skip(STRUCT), None);
        // A map of 2^31 - 1 pairs of booleans in a few bytes.
        assert_eq!(Reader::new(&[0xFF, 0xFF, 0xFF, 0xFF, 7, 0x11, 1, 1]).skip(11), None);
    }

    #[test]
    fn what_parquet_skips_without_a_byte_is_refused_before_it() {
        for (kind, bytes) in
            [(9, &[0x21, 1, 2][..]), (11, &[1, 0x11, 1, 1]), (11, &[1, 0x51, 2, 1])]
        {
            assert_eq!(Reader::new(bytes).skip(kind), Some(()), "{bytes:?}");
            assert_eq!(Reader::for_parquet(bytes).skip(kind), None, "{bytes:?}");
        }
        for (kind, bytes) in [(9, &[0x01][..]), (11, &[0]), (9, &[0x25, 1, 2])] {
            assert_eq!(Reader::for_parquet(bytes).skip(kind), Some(()), "{bytes:?}");
        }
    }
}
