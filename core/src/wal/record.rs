//! The record beside a segment: an object whose name contains the length and the checksum.

use std::fmt;

use crate::{Error, KeyPrefix, KeyTarget, ObjectKey, Result, SEGMENT_BYTES_MAX};

/// The text between the key of a segment and its checksum. No key contains `~`, because keys encode
/// it.
const MARK: &str = "~crc32c-";
/// Digits of a CRC.
const CRC_DIGITS: usize = 8;
/// Digits of the largest length.
const LENGTH_DIGITS_MAX: usize = 20;

/// The longest name of a segment, in bytes after encoding. The name of its record is then not too
/// long for a file.
pub const RECORDED_SEGMENT_BYTES_MAX: usize =
    SEGMENT_BYTES_MAX - MARK.len() - CRC_DIGITS - 1 - LENGTH_DIGITS_MAX;

/// The length of a segment and the CRC-32C of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentChecksum {
    /// The CRC-32C (Castagnoli) of all bytes.
    pub crc32c: u32,
    /// The number of bytes.
    pub bytes: u64,
}

impl fmt::Display for SegmentChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crc32c-{:08x}-{}", self.crc32c, self.bytes)
    }
}

/// The record beside a segment: an empty object whose name, `{key}~crc32c-{8 hex digits}-{length}`,
/// says what the segment's bytes must be. So one listing shows names, lengths and checksums, in a
/// bucket and in a folder.
///
/// # Invariants
///
/// * its path is not the key of an object, and its name is not too long for a file
/// * [`SegmentRecord::parse`] of [`SegmentRecord::as_str`] gives the same value, and refuses every
///   other text
///
/// ```
/// use coldpress_core::{KeyPrefix, ObjectKey, SegmentChecksum, SegmentRecord};
///
/// let prefix = KeyPrefix::new("data/")?;
/// let key = ObjectKey::wal(&prefix, None, "000017")?;
/// let record = SegmentRecord::new(&key, SegmentChecksum { crc32c: 0xe306_9283, bytes: 9 })?;
/// assert_eq!(record.as_str(), "data/wal/000017~crc32c-e3069283-9");
/// assert_eq!(SegmentRecord::parse(&prefix, record.as_str())?, record);
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SegmentRecord {
    path: String,
    key: ObjectKey,
    checksum: SegmentChecksum,
}

impl SegmentRecord {
    /// The record that the segment of this key has these bytes. An error of kind `Limit` where the
    /// name is too long, of kind `Misuse` where the key is of no segment.
    pub fn new(key: &ObjectKey, checksum: SegmentChecksum) -> Result<Self> {
        let KeyTarget::Wal { segment, .. } = key.target() else {
            return Err(Error::misuse(format!("{key} is not the key of a segment of a log")));
        };
        let encoded = key.as_str().rsplit('/').next().unwrap_or_default().len();
        if encoded > RECORDED_SEGMENT_BYTES_MAX {
            return Err(Error::new(
                crate::ErrorKind::Limit,
                format!(
                    "the segment name {:?}… is {encoded} bytes long after percent-encoding, and at \
                     most {RECORDED_SEGMENT_BYTES_MAX} are possible together with its checksum; \
                     shorten it",
                    segment.chars().take(32).collect::<String>()
                ),
            ));
        }
        let path = format!("{key}~{checksum}");
        Ok(SegmentRecord { path, key: key.clone(), checksum })
    }

    /// The exact inverse of [`SegmentRecord::new`].
    pub fn parse(prefix: &KeyPrefix, path: &str) -> Result<Self> {
        parsed(prefix, path).ok_or_else(|| {
            Error::key(format!(
                "{path:?} is not the record of a segment (expected KEY{MARK}HEX-LENGTH)"
            ))
        })
    }

    /// Where it lies.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// The segment it is of.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// What the segment's bytes must be.
    pub fn checksum(&self) -> SegmentChecksum {
        self.checksum
    }
}

fn parsed(prefix: &KeyPrefix, path: &str) -> Option<SegmentRecord> {
    let (key, checksum) = path.split_once(MARK)?;
    let (crc, bytes) = checksum.split_once('-')?;
    let digits =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if crc.len() != CRC_DIGITS || !digits(crc) {
        return None;
    }
    let checksum =
        SegmentChecksum { crc32c: u32::from_str_radix(crc, 16).ok()?, bytes: bytes.parse().ok()? };
    let record = SegmentRecord::new(&ObjectKey::parse(prefix, key).ok()?, checksum).ok()?;
    // Writing it again refuses signs, leading zeros and whatever else is never made.
    (record.path == path).then_some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, LsnRange, LsnWidth};

    fn prefix() -> KeyPrefix {
        KeyPrefix::new("data/").unwrap()
    }

    #[test]
    fn every_record_parses_to_itself_and_is_no_key() {
        for (node, name) in
            [(None, "000001"), (Some("a/b"), "~"), (None, "x~crc32c-00000000-0"), (None, ".")]
        {
            for checksum in [
                SegmentChecksum { crc32c: 0, bytes: 0 },
                SegmentChecksum { crc32c: u32::MAX, bytes: u64::MAX },
                SegmentChecksum { crc32c: 0xabc, bytes: 16 << 20 },
            ] {
                let key = ObjectKey::wal(&prefix(), node, name).unwrap();
                let record = SegmentRecord::new(&key, checksum).unwrap();
                assert_eq!(SegmentRecord::parse(&prefix(), record.as_str()).unwrap(), record);
                assert!(ObjectKey::parse(&prefix(), record.as_str()).is_err());
            }
        }
    }

    #[test]
    fn whatever_building_never_makes_is_refused() {
        for bad in [
            "data/wal/a",
            "data/wal/a~",
            "data/wal/a~crc32c-",
            "data/wal/a~crc32c-0000000-1",
            "data/wal/a~crc32c-000000000-1",
            "data/wal/a~crc32c-0000000G-1",
            "data/wal/a~crc32c-ABCDEF00-1",
            "data/wal/a~crc32c-+0000000-1",
            "data/wal/a~crc32c-00000000-01",
            "data/wal/a~crc32c-00000000-+1",
            "data/wal/a~crc32c-00000000-",
            "data/wal/a~crc32c-00000000--1",
            "data/wal/a~crc32c-00000000-18446744073709551616",
            "data/wal/a~crc32c-00000000-1~crc32c-00000000-1",
            "data/wal/~crc32c-00000000-1",
            "data/wal/a~md5-00000000-1",
            "data/7/c/lsn-0-1.parquet~crc32c-00000000-1",
            "wal/a~crc32c-00000000-1",
            "data/wal/a%7e~crc32c-00000000-1",
        ] {
            let error = SegmentRecord::parse(&prefix(), bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Key, "{bad}");
        }
    }

    #[test]
    fn a_record_is_a_files_name_too() {
        let checksum = SegmentChecksum { crc32c: u32::MAX, bytes: u64::MAX };
        let named = |length| ObjectKey::wal(&prefix(), None, &"x".repeat(length)).unwrap();
        let longest = SegmentRecord::new(&named(RECORDED_SEGMENT_BYTES_MAX), checksum).unwrap();
        assert_eq!(longest.as_str().len() - "data/wal/".len(), SEGMENT_BYTES_MAX);
        let error =
            SegmentRecord::new(&named(RECORDED_SEGMENT_BYTES_MAX + 1), checksum).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        let lsns = LsnRange::new(0, 1).unwrap();
        let data = ObjectKey::data(&prefix(), 1, "c", lsns, LsnWidth::Unpadded).unwrap();
        assert_eq!(SegmentRecord::new(&data, checksum).unwrap_err().kind(), ErrorKind::Misuse);
    }
}
