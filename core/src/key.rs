//! Object keys: where a file lies in the bucket, and what its name says without a read.

use std::fmt;

use crate::text::{percent_decoded, percent_encoded};
use crate::{Error, Result};

/// The longest name of a collection, node or segment, in bytes after encoding. File systems allow
/// no longer file names.
pub const SEGMENT_BYTES_MAX: usize = 255;

/// The folders of a collection that do not hold rows.
const CLAIMS: &str = "_claims";
const APPENDS: &str = "_appends";

/// Digits of the largest LSN, and the width of padded ones.
const LSN_DIGITS_MAX: usize = 20;

/// An inclusive range of log sequence numbers.
///
/// `min() <= max()` holds for every value of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LsnRange {
    min: u64,
    max: u64,
}

impl LsnRange {
    /// The range `min..=max`; an error of kind `Key` if `min` is above `max`.
    pub fn new(min: u64, max: u64) -> Result<Self> {
        if min > max {
            return Err(Error::key(format!(
                "the LSN range {min}..{max} ends before it begins; give the lower LSN first"
            )));
        }
        Ok(LsnRange { min, max })
    }

    /// The lowest LSN in the range.
    pub fn min(self) -> u64 {
        self.min
    }

    /// The highest LSN in the range.
    pub fn max(self) -> u64 {
        self.max
    }

    /// Whether any LSN lies in both ranges.
    pub fn overlaps(self, other: LsnRange) -> bool {
        self.min <= other.max && other.min <= self.max
    }
}

impl fmt::Display for LsnRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)
    }
}

/// How LSNs are written in a key. [`ObjectKey::parse`] reads both forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LsnWidth {
    /// Without leading zeros.
    #[default]
    Unpadded,
    /// Twenty digits with leading zeros, so a listing by name is in LSN order.
    Padded,
}

/// The folder in a bucket in which all keys of one configuration lie.
///
/// # Invariants
///
/// * empty, or ends with `/` and does not start with it
/// * no part is empty, `.` or `..`
/// * no control character and no `\`
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// Reads a prefix such as `""`, `"data"` or `"data/cold/"`; a missing `/` at the end is added.
    pub fn new(prefix: &str) -> Result<Self> {
        if prefix.is_empty() {
            return Ok(KeyPrefix::default());
        }
        let trimmed = prefix.strip_suffix('/').unwrap_or(prefix);
        for part in trimmed.split('/') {
            let reason = match part {
                "" => "has an empty part",
                "." | ".." => "has a part that is `.` or `..`",
                p if p.chars().any(|c| c.is_control() || c == '\\') => {
                    "has a control character or a backslash"
                }
                _ => continue,
            };
            return Err(Error::key(format!(
                "the prefix {prefix:?} {reason}; give a folder such as \"data/\""
            )));
        }
        Ok(KeyPrefix(format!("{trimmed}/")))
    }

    /// The text at the start of every key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an [`ObjectKey`] points at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyTarget {
    /// A Parquet file of rows.
    Data {
        /// The tenant in whose folder it lies.
        tenant_id: u64,
        /// The collection, decoded.
        collection: String,
        /// The LSNs of its rows.
        lsns: LsnRange,
    },
    /// A segment of a write-ahead log.
    Wal {
        /// The node that wrote it, decoded; `None` if the key names no node.
        node: Option<String>,
        /// The segment's name, decoded.
        segment: String,
    },
}

/// The key of one object: `{prefix}{tenant_id}/{collection}/lsn-{min}-{max}.parquet`, or
/// `{prefix}wal/{segment}`, or `{prefix}wal/{node}/{segment}`.
///
/// # Invariants
///
/// * a collection, node or segment is exactly one part of the path: every byte outside
///   `A-Z a-z 0-9 _ - .` is percent-encoded; in the names `.` and `..`, every byte is
/// * that part is not empty, and at most [`SEGMENT_BYTES_MAX`] bytes long after encoding
/// * [`ObjectKey::parse`] of [`ObjectKey::as_str`] gives the same value. It refuses every path that
///   [`ObjectKey::data`] and [`ObjectKey::wal`] cannot make
///
/// ```
/// use coldpress_core::{KeyPrefix, LsnRange, LsnWidth, ObjectKey};
///
/// let prefix = KeyPrefix::new("data/")?;
/// let key = ObjectKey::data(&prefix, 7, "a/b", LsnRange::new(1, 9)?, LsnWidth::Unpadded)?;
/// assert_eq!(key.as_str(), "data/7/a%2Fb/lsn-1-9.parquet");
/// assert_eq!(ObjectKey::parse(&prefix, key.as_str())?, key);
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    path: String,
    target: KeyTarget,
}

impl ObjectKey {
    /// The key of a data file.
    pub fn data(
        prefix: &KeyPrefix,
        tenant_id: u64,
        collection: &str,
        lsns: LsnRange,
        width: LsnWidth,
    ) -> Result<Self> {
        let folder = Self::collection_folder(prefix, tenant_id, collection)?;
        let digits = match width {
            LsnWidth::Unpadded => 1,
            LsnWidth::Padded => LSN_DIGITS_MAX,
        };
        let path = format!("{folder}lsn-{:0digits$}-{:0digits$}.parquet", lsns.min, lsns.max);
        let collection = collection.to_owned();
        Ok(ObjectKey { path, target: KeyTarget::Data { tenant_id, collection, lsns } })
    }

    /// The key of a segment of a write-ahead log, in the folder of `node` if one is named.
    pub fn wal(prefix: &KeyPrefix, node: Option<&str>, segment: &str) -> Result<Self> {
        let mut path = format!("{}wal/", prefix.0);
        if let Some(node) = node {
            path.push_str(&encode_part("node", node)?);
            path.push('/');
        }
        path.push_str(&encode_part("segment", segment)?);
        let target = KeyTarget::Wal { node: node.map(str::to_owned), segment: segment.to_owned() };
        Ok(ObjectKey { path, target })
    }

    /// The exact inverse of [`ObjectKey::data`] and [`ObjectKey::wal`].
    pub fn parse(prefix: &KeyPrefix, path: &str) -> Result<Self> {
        parse_target(prefix, path)
            .map(|target| ObjectKey { path: path.to_owned(), target })
            .ok_or_else(|| {
                Error::key(format!(
                    "{path:?} is not a key of this store (expected \
                     {0}TENANT/COLLECTION/lsn-MIN-MAX.parquet, {0}wal/SEGMENT or \
                     {0}wal/NODE/SEGMENT)",
                    prefix.0
                ))
            })
    }

    /// The folder, with `/` at its end, that holds the data files of one collection.
    pub fn collection_folder(
        prefix: &KeyPrefix,
        tenant_id: u64,
        collection: &str,
    ) -> Result<String> {
        Ok(format!("{}{tenant_id}/{}/", prefix.0, encode_part("collection", collection)?))
    }

    /// The folder, with `/` at its end, of the claims of one collection. A claim says which LSNs a
    /// writer is about to store.
    pub fn claims_folder(prefix: &KeyPrefix, tenant_id: u64, collection: &str) -> Result<String> {
        Ok(format!("{}{CLAIMS}/", Self::collection_folder(prefix, tenant_id, collection)?))
    }

    /// The path of the record of the append with this id. The record says at which LSN it began.
    pub fn append_record(
        prefix: &KeyPrefix,
        tenant_id: u64,
        collection: &str,
        append_id: &str,
    ) -> Result<String> {
        let folder = Self::collection_folder(prefix, tenant_id, collection)?;
        Ok(format!("{folder}{APPENDS}/{}", encode_part("append id", append_id)?))
    }

    /// Whether a path is a claim of a collection, or the record of an append. Such an object is
    /// ours, but it is not a file of rows: listings pass over it, and do not count it as a foreign
    /// name.
    ///
    /// ```
    /// use coldpress_core::{KeyPrefix, ObjectKey};
    ///
    /// let prefix = KeyPrefix::new("data/")?;
    /// assert!(ObjectKey::is_note(&prefix, "data/7/events/_appends/nightly"));
    /// assert!(!ObjectKey::is_note(&prefix, "data/7/events/notes.txt"));
    /// # Ok::<(), coldpress_core::Error>(())
    /// ```
    pub fn is_note(prefix: &KeyPrefix, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(prefix.as_str()) else { return false };
        let parts: Vec<&str> = rest.split('/').collect();
        let [tenant_id, collection, CLAIMS | APPENDS, name] = parts.as_slice() else {
            return false;
        };
        parse_unpadded(tenant_id).is_some()
            && decode_part(collection).is_some()
            && decode_part(name).is_some()
    }

    /// The key in the store.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// What the key points at.
    pub fn target(&self) -> &KeyTarget {
        &self.target
    }

    /// The LSNs of the rows in the object; `None` for a segment of a log.
    pub fn lsns(&self) -> Option<LsnRange> {
        match &self.target {
            KeyTarget::Data { lsns, .. } => Some(*lsns),
            KeyTarget::Wal { .. } => None,
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl AsRef<str> for ObjectKey {
    fn as_ref(&self) -> &str {
        &self.path
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.path
    }
}

/// A key equals its text, in both orders.
macro_rules! equals_text {
    ($($text:ty),*) => {$(
        impl PartialEq<$text> for ObjectKey {
            fn eq(&self, text: &$text) -> bool {
                self.path == *text
            }
        }

        impl PartialEq<ObjectKey> for $text {
            fn eq(&self, key: &ObjectKey) -> bool {
                key.path == *self
            }
        }
    )*};
}

equals_text!(str, &str, String);

fn encode_part(what: &str, name: &str) -> Result<String> {
    if name.is_empty() {
        return Err(Error::key(format!("the {what} is empty; give it a name")));
    }
    let is_dots = name == "." || name == "..";
    let keeps = |byte: u8| match byte {
        b'.' => !is_dots,
        _ => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
    };
    let encoded = percent_encoded(name, keeps);
    if encoded.len() > SEGMENT_BYTES_MAX {
        return Err(Error::key(format!(
            "the {what} {:?}… is {} bytes long after percent-encoding, and at most \
             {SEGMENT_BYTES_MAX} are possible; shorten it",
            name.chars().take(32).collect::<String>(),
            encoded.len()
        )));
    }
    Ok(encoded)
}

fn decode_part(part: &str) -> Option<String> {
    let name = percent_decoded(part)?;
    // Encode again and compare: this refuses lower-case hex, needless escapes, and everything else
    // that `encode_part` does not make.
    (encode_part("part", &name).ok()? == part).then_some(name)
}

fn parse_target(prefix: &KeyPrefix, path: &str) -> Option<KeyTarget> {
    let parts: Vec<&str> = path.strip_prefix(prefix.as_str())?.split('/').collect();
    match parts.as_slice() {
        ["wal", segment] => Some(KeyTarget::Wal { node: None, segment: decode_part(segment)? }),
        ["wal", node, segment] => {
            Some(KeyTarget::Wal { node: Some(decode_part(node)?), segment: decode_part(segment)? })
        }
        [tenant_id, collection, file] => {
            let tenant_id = parse_unpadded(tenant_id)?;
            let collection = decode_part(collection)?;
            let numbers = file.strip_prefix("lsn-")?.strip_suffix(".parquet")?;
            let (min, max) = numbers.split_once('-')?;
            let parse = if min.len() == LSN_DIGITS_MAX && max.len() == LSN_DIGITS_MAX {
                parse_digits
            } else {
                parse_unpadded
            };
            let lsns = LsnRange::new(parse(min)?, parse(max)?).ok()?;
            Some(KeyTarget::Data { tenant_id, collection, lsns })
        }
        _ => None,
    }
}

fn parse_unpadded(digits: &str) -> Option<u64> {
    (digits == "0" || !digits.starts_with('0')).then(|| parse_digits(digits))?
}

fn parse_digits(digits: &str) -> Option<u64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
