//! The checksum of a whole file, written into the file itself.
//!
//! In Parquet, pages have checksums. Their headers, the bloom filters, the indexes and the footer
//! have none. So the last pair of the file's metadata is the CRC-32 of all bytes of the file. The
//! eight digits of that CRC-32 count as zeros.

use super::crc32::Crc32;

/// Stands in place of the digits while the checksum is computed.
pub(crate) const NO_DIGITS: &str = "00000000";

/// How the last pair of the metadata stands in the footer (Thrift's compact protocol): two strings
/// and the end of the struct. Nothing else of a footer can hold these bytes behind it: JSON escapes
/// control characters.
const PAIR: &[u8] = b"\x18\x0fcoldpress.crc32\x18\x08";

/// The checksum of a file. It gets the bytes of the file in order, as they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileChecksum(Crc32);

impl FileChecksum {
    /// Adds bytes of the file that do not contain the digits.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds the last bytes of the file, with its whole footer, and writes the digits into them;
    /// false if the footer has no place for the digits.
    pub(crate) fn seal(mut self, end: &mut [u8]) -> bool {
        let Some(at) = digits_at(end) else { return false };
        self.0.update(end);
        end[at..at + NO_DIGITS.len()].copy_from_slice(self.digits().as_bytes());
        true
    }

    /// The digits of the bytes so far.
    pub(crate) fn digits(&self) -> String {
        format!("{:08x}", self.0.sum())
    }
}

/// The place of the digits in the end of a file; `None` if it has none.
pub(crate) fn digits_at(end: &[u8]) -> Option<usize> {
    let starts = 0..end.len().checked_sub(PAIR.len() + NO_DIGITS.len())?;
    let pair = starts.rev().find(|at| end[*at..].starts_with(PAIR))?;
    Some(pair + PAIR.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_those_of_the_bytes_with_zeros_in_their_place() {
        let tail = [&b"a page, and a footer: "[..], PAIR, b"00000000", b"\0 and its end"].concat();
        for cut in 0..20 {
            let mut sealed = tail.clone();
            let mut checksum = FileChecksum::default();
            checksum.update(&sealed[..cut]);
            assert!(checksum.seal(&mut sealed[cut..]));
            let mut plain = Crc32::default();
            plain.update(&tail);
            let at = digits_at(&sealed).unwrap();
            assert_eq!(sealed[at..at + 8], *format!("{:08x}", plain.sum()).as_bytes(), "{cut}");
            assert_eq!([&sealed[..at], &sealed[at + 8..]], [&tail[..at], &tail[at + 8..]], "{cut}");
        }
    }

    #[test]
    fn an_end_without_room_is_not_sealed() {
        for end in [&b""[..], b"coldpress.crc32", PAIR] {
            assert!(!FileChecksum::default().seal(&mut end.to_vec()));
        }
    }
}
