//! Object keys: where a file lies in the bucket, and what its name says without a read.

use std::fmt;

use crate::lsns::{file_name, parse_file_name, parse_unpadded, width_of};
use crate::text::{percent_decoded, percent_encoded};
use crate::{Error, LsnRange, LsnWidth, Result};

/// The longest name of a collection, node or segment, in bytes after encoding. File systems allow
/// no longer file names.
pub const SEGMENT_BYTES_MAX: usize = 255;

/// The folders of a collection that do not hold rows.
const CLAIMS: &str = "_claims";
const APPENDS: &str = "_appends";

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
        /// How often its rows were rewritten: 0 for a file as it was put.
        generation: u32,
    },
    /// A segment of a write-ahead log.
    Wal {
        /// The node that wrote it, decoded; `None` if the key names no node.
        node: Option<String>,
        /// The segment's name, decoded.
        segment: String,
    },
}

/// The key of one object: `{prefix}{tenant_id}/{collection}/lsn-{min}-{max}.parquet` for rows as
/// they were put, `{prefix}{tenant_id}/{collection}/lsn-{min}-{max}.{generation}.parquet` for rows
/// that were rewritten, `{prefix}wal/{segment}`, or `{prefix}wal/{node}/{segment}`.
///
/// # Invariants
///
/// * a collection, node or segment is exactly one part of the path: every byte outside
///   `A-Z a-z 0-9 _ - .` is percent-encoded; in the names `.` and `..`, every byte is
/// * that part is not empty, and at most [`SEGMENT_BYTES_MAX`] bytes long after encoding
/// * a generation in a name is at least 1 and has no leading zeros; generation 0 has no such part
/// * [`ObjectKey::parse`] of [`ObjectKey::as_str`] gives the same value. It refuses every path that
///   [`ObjectKey::data_of_generation`] and [`ObjectKey::wal`] cannot make
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
    /// The key of a data file as it is put: that of generation 0.
    pub fn data(
        prefix: &KeyPrefix,
        tenant_id: u64,
        collection: &str,
        lsns: LsnRange,
        width: LsnWidth,
    ) -> Result<Self> {
        Self::data_of_generation(prefix, tenant_id, collection, lsns, width, 0)
    }

    /// The key of a data file of this generation: 0 for rows as they were put, and one more each
    /// time that they are rewritten.
    pub fn data_of_generation(
        prefix: &KeyPrefix,
        tenant_id: u64,
        collection: &str,
        lsns: LsnRange,
        width: LsnWidth,
        generation: u32,
    ) -> Result<Self> {
        let folder = Self::collection_folder(prefix, tenant_id, collection)?;
        let path = format!("{folder}{}", file_name(lsns, width, generation));
        let collection = collection.to_owned();
        Ok(ObjectKey { path, target: KeyTarget::Data { tenant_id, collection, lsns, generation } })
    }

    /// The key, in the same folder, of the file into which rows of this one are rewritten. It
    /// writes LSNs as this key does.
    ///
    /// An error of kind `Key` if this is no key of a data file, or if the generation is 0, which
    /// only a put makes.
    ///
    /// ```
    /// use coldpress_core::{KeyPrefix, LsnRange, ObjectKey};
    ///
    /// let key = ObjectKey::parse(&KeyPrefix::default(), "7/events/lsn-10-19.parquet")?;
    /// let rewritten = key.rewritten(LsnRange::new(10, 39)?, key.generation().unwrap_or(0) + 1)?;
    /// assert_eq!(rewritten.as_str(), "7/events/lsn-10-39.1.parquet");
    /// # Ok::<(), coldpress_core::Error>(())
    /// ```
    pub fn rewritten(&self, lsns: LsnRange, generation: u32) -> Result<Self> {
        let parts = self.path.rsplit_once('/');
        let (KeyTarget::Data { tenant_id, collection, .. }, Some((folder, name))) =
            (&self.target, parts)
        else {
            return Err(Error::key(format!(
                "{self} is not the key of a data file; only data files are rewritten"
            )));
        };
        if generation == 0 {
            return Err(Error::key(format!(
                "generation 0 is that of files as they were put; give the file that replaces \
                 {self} a generation of at least 1"
            )));
        }
        let path = format!("{folder}/{}", file_name(lsns, width_of(name), generation));
        let (tenant_id, collection) = (*tenant_id, collection.clone());
        Ok(ObjectKey { path, target: KeyTarget::Data { tenant_id, collection, lsns, generation } })
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

    /// The exact inverse of [`ObjectKey::data_of_generation`] and [`ObjectKey::wal`].
    pub fn parse(prefix: &KeyPrefix, path: &str) -> Result<Self> {
        parse_target(prefix, path)
            .map(|target| ObjectKey { path: path.to_owned(), target })
            .ok_or_else(|| {
                Error::key(format!(
                    "{path:?} is not a key of this store (expected \
                     {0}TENANT/COLLECTION/lsn-MIN-MAX.parquet, the same with .GENERATION before \
                     .parquet, {0}wal/SEGMENT or {0}wal/NODE/SEGMENT)",
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

    /// How often the rows in the object were rewritten, 0 for a file as it was put; `None` for a
    /// segment of a log.
    pub fn generation(&self) -> Option<u32> {
        match &self.target {
            KeyTarget::Data { generation, .. } => Some(*generation),
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
            let (lsns, generation) = parse_file_name(file)?;
            Some(KeyTarget::Data { tenant_id, collection, lsns, generation })
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
