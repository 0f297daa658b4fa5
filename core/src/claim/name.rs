//! The name of a claim. It contains all that other writers must know of the claim.

use std::fmt;

use crate::format::crc32::Crc32;
use crate::{Error, KeyPrefix, LsnRange, ObjectKey, Result};

/// Digits of the owner of a claim.
const OWNER_DIGITS: usize = 32;
/// Digits of a checksum.
const MARK_DIGITS: usize = 8;

/// The kind of put that made a claim.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ClaimMark {
    /// An append. No other put may store rows at its LSNs, not even the same rows.
    Append,
    /// An append with an id: the CRC-32 of the id. Only one run of each id may store rows at a
    /// time.
    AppendId(u32),
    /// A put of keys that the caller chose: the CRC-32 of the keys. Another put of the very same
    /// keys may work at the same time.
    Keys(u32),
    /// A repair, which stores an object again in place of a damaged one: the CRC-32 of its key.
    /// Only one repair of each key may work at a time.
    Repair(u32),
}

impl ClaimMark {
    /// The mark of appends with this id.
    pub fn append_id(id: &str) -> Self {
        ClaimMark::AppendId(checksum([id]))
    }

    /// The mark of a put of these keys.
    pub fn keys(keys: &[ObjectKey]) -> Self {
        ClaimMark::Keys(checksum(keys.iter().map(ObjectKey::as_str)))
    }

    /// The mark of repairs of the object at this key.
    pub fn repair(key: &ObjectKey) -> Self {
        ClaimMark::Repair(checksum([key.as_str()]))
    }
}

impl fmt::Display for ClaimMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClaimMark::Append => f.write_str("append"),
            ClaimMark::AppendId(checksum) => write!(f, "id{checksum:08x}"),
            ClaimMark::Keys(checksum) => write!(f, "put{checksum:08x}"),
            ClaimMark::Repair(checksum) => write!(f, "repair{checksum:08x}"),
        }
    }
}

/// The name of one claim: `lsn-{min}-{max}-{mark}-{owner}`.
///
/// # Invariants
///
/// * `owner` is 32 lower-case hex digits, and no other put has the same
/// * [`ClaimName::parse`] of the text gives the same value, and refuses every other text
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimName {
    lsns: LsnRange,
    mark: ClaimMark,
    owner: String,
}

impl ClaimName {
    /// The claim of `owner` on these LSNs; an error of kind `Misuse` if the owner is not 32
    /// lower-case hex digits.
    pub fn new(lsns: LsnRange, mark: ClaimMark, owner: &str) -> Result<Self> {
        if !is_hex(owner, OWNER_DIGITS) {
            return Err(Error::misuse(format!(
                "the owner {owner:?} of a claim is not 32 lower-case hex digits"
            )));
        }
        Ok(ClaimName { lsns, mark, owner: owner.to_owned() })
    }

    /// The same claim, made by another put.
    pub fn owned_by(self, owner: &str) -> Result<Self> {
        ClaimName::new(self.lsns, self.mark, owner)
    }

    /// The exact inverse of [`Display`](fmt::Display).
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("lsn-")?.split('-');
        let (min, max) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let mark = mark(parts.next()?)?;
        let name = ClaimName::new(LsnRange::new(min, max).ok()?, mark, parts.next()?).ok()?;
        (name.to_string() == text).then_some(name)
    }

    /// The path of the claim in the bucket.
    pub fn path(&self, prefix: &KeyPrefix, tenant_id: u64, collection: &str) -> Result<String> {
        Ok(format!("{}{self}", ObjectKey::claims_folder(prefix, tenant_id, collection)?))
    }

    /// The LSNs that it claims.
    pub fn lsns(&self) -> LsnRange {
        self.lsns
    }

    /// The kind of put that made it.
    pub fn mark(&self) -> &ClaimMark {
        &self.mark
    }

    /// The put that made it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The order of two rivals: the writer of the lower claim waits, the writer of the higher one
    /// deletes its claim. Owners differ, so no two claims are equal.
    pub(super) fn order(&self) -> (u64, &str) {
        (self.lsns.min(), &self.owner)
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = (self.lsns.min(), self.lsns.max());
        write!(f, "lsn-{min}-{max}-{}-{}", self.mark, self.owner)
    }
}

fn mark(text: &str) -> Option<ClaimMark> {
    let digits = |digits: &str| {
        is_hex(digits, MARK_DIGITS).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    if text == "append" {
        return Some(ClaimMark::Append);
    }
    let checksum = |kind| text.strip_prefix(kind).and_then(digits);
    checksum("id")
        .map(ClaimMark::AppendId)
        .or_else(|| checksum("put").map(ClaimMark::Keys))
        .or_else(|| checksum("repair").map(ClaimMark::Repair))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

fn checksum<'t>(texts: impl IntoIterator<Item = &'t str>) -> u32 {
    let mut crc = Crc32::default();
    for text in texts {
        crc.update(text.as_bytes());
        // Ends each text, so that ["ab", "c"] and ["a", "bc"] have different checksums.
        crc.update(b"\n");
    }
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_inverses() {
        let owner = "0123456789abcdef0123456789abcdef";
        let lsns = LsnRange::new(7, 90).unwrap();
        for (mark, text) in [
            (ClaimMark::Append, "append"),
            (ClaimMark::AppendId(0xab), "id000000ab"),
            (ClaimMark::Keys(0xdead_beef), "putdeadbeef"),
            (ClaimMark::Repair(1), "repair00000001"),
        ] {
            let name = ClaimName::new(lsns, mark, owner).unwrap();
            assert_eq!(name.to_string(), format!("lsn-7-90-{text}-{owner}"));
            assert_eq!(ClaimName::parse(&name.to_string()), Some(name));
        }
        for text in [
            "",
            "lsn-7-90",
            "lsn-07-90-append-0123456789abcdef0123456789abcdef",
            "lsn-90-7-append-0123456789abcdef0123456789abcdef",
            "lsn-7-90-append-0123456789abcdef0123456789abcdeF",
            "lsn-7-90-append-0123456789abcdef0123456789abcdef-",
            "lsn-+7-90-append-0123456789abcdef0123456789abcdef",
            "lsn-7-90-putDEADBEEF-0123456789abcdef0123456789abcdef",
            "lsn-7-90-other-0123456789abcdef0123456789abcdef",
            "lsn-7-90.parquet",
        ] {
            assert_eq!(ClaimName::parse(text), None, "{text}");
        }
        assert!(ClaimName::new(lsns, ClaimMark::Append, "me").is_err());
    }

    #[test]
    fn marks_tell_lists_of_keys_apart() {
        assert_ne!(checksum(["ab", "c"]), checksum(["a", "bc"]));
        assert_ne!(ClaimMark::append_id("a"), ClaimMark::append_id("b"));
    }
}
