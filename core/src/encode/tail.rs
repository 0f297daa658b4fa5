//! The end of a file whose LSNs are not known yet.

use bytes::Bytes;

use super::summary::Summary;
use crate::format::checksum::FileChecksum;
use crate::{Error, LsnRange, ObjectKey, Result, Schema, Target};

/// The bytes of the two LSNs in the footer before they are known (Thrift's compact protocol): two
/// pairs of strings, each with the value `0`. Nothing after them in the footer can contain these
/// bytes, because JSON escapes control characters.
const UNKNOWN_LSNS: &[u8] =
    b"\x18\x11coldpress.min_lsn\x18\x010\x00\x18\x11coldpress.max_lsn\x18\x010\x00";

/// The length of the footer and the magic number, which are the last bytes of a file.
const LENGTH_BYTES: usize = 8;

/// A finished file. Its bytes came before it.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamedFile {
    /// Where it belongs.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// What it holds.
    pub summary: Summary,
}

/// The end of one file of a [`StreamEncoder`](super::StreamEncoder). Only this part of the file
/// depends on its LSNs.
///
/// [`seal`](Self::seal) gives its bytes for any range, any number of times. So rows need not be
/// encoded again if another writer has taken their LSNs in the meantime.
#[derive(Debug, Clone)]
pub struct FileTail {
    pub(super) target: Target,
    /// Ends with the whole footer, in which both LSNs are `0`, and the digits of the checksum too.
    pub(super) end: Vec<u8>,
    /// Of the bytes before `end`.
    pub(super) checksum: FileChecksum,
    pub(super) bytes_before: u64,
    pub(super) summary: Summary,
}

impl FileTail {
    /// The LSNs that [`FileWriter`](super::write::FileWriter) writes while the true ones are not
    /// known.
    pub(super) fn unknown_lsns() -> Result<LsnRange> {
        LsnRange::new(0, 0)
    }

    /// The rows of the file.
    pub fn rows(&self) -> u64 {
        self.summary.rows
    }

    /// The LSNs of the file's rows if they count from `first_lsn`. An error of kind `Key` if there
    /// are not enough LSNs left.
    pub fn lsns_from(&self, first_lsn: u64) -> Result<LsnRange> {
        let rows_less_one = self.rows().saturating_sub(1);
        let last = first_lsn.checked_add(rows_less_one).ok_or_else(no_lsns_left)?;
        LsnRange::new(first_lsn, last)
    }

    /// The columns of the file, with those that had only nulls.
    pub fn schema(&self) -> &Schema {
        &self.summary.schema
    }

    /// The last bytes of the file with these LSNs, and its key.
    pub fn seal(&self, lsns: LsnRange) -> Result<(Bytes, StreamedFile)> {
        let key = key(&self.target, lsns)?;
        let mut end = self.end_with(lsns).ok_or_else(|| {
            Error::misuse("the footer has no room for the LSNs of the file; please report this bug")
        })?;
        if !self.checksum.clone().seal(&mut end) {
            return Err(Error::misuse(
                "the footer has no room for the checksum of the file; please report this bug",
            ));
        }
        let bytes = self.bytes_before + end.len() as u64;
        Ok((Bytes::from(end), StreamedFile { key, bytes, summary: self.summary.clone() }))
    }

    /// The end with these LSNs in their place.
    fn end_with(&self, lsns: LsnRange) -> Option<Vec<u8>> {
        let (body, last) = self.end.split_at_checked(self.end.len().checked_sub(LENGTH_BYTES)?)?;
        let starts = 0..=body.len().checked_sub(UNKNOWN_LSNS.len())?;
        let at = starts.rev().find(|at| body[*at..].starts_with(UNKNOWN_LSNS))?;
        let mut end = Vec::with_capacity(self.end.len() + 2 * LSN_DIGITS_MAX);
        end.extend_from_slice(&body[..at]);
        for (name, lsn) in [("coldpress.min_lsn", lsns.min()), ("coldpress.max_lsn", lsns.max())] {
            for text in [name, lsn.to_string().as_str()] {
                // Less than 128, so that one byte tells it.
                end.extend_from_slice(&[0x18, u8::try_from(text.len()).ok()?]);
                end.extend_from_slice(text.as_bytes());
            }
            end.push(0);
        }
        end.extend_from_slice(&body[at + UNKNOWN_LSNS.len()..]);
        let grown = u32::try_from(end.len() - body.len()).ok()?;
        let (length, magic) = last.split_first_chunk::<4>()?;
        end.extend_from_slice(&u32::from_le_bytes(*length).checked_add(grown)?.to_le_bytes());
        end.extend_from_slice(magic);
        Some(end)
    }
}

/// Digits of the largest LSN.
const LSN_DIGITS_MAX: usize = 20;

pub(super) fn no_lsns_left() -> Error {
    Error::key("there are more rows than LSNs left; begin at a lower LSN, or name the range")
}

pub(super) fn key(target: &Target, lsns: LsnRange) -> Result<ObjectKey> {
    let Target { prefix, tenant_id, collection, lsn_width, .. } = target;
    ObjectKey::data(prefix, *tenant_id, collection, lsns, *lsn_width)
}
