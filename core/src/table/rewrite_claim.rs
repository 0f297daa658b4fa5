//! Claims on the files that rewrites are about to make.
//!
//! A rewrite (a compaction, or an erase) stores its new object before it commits. Two rewrites of
//! the same files choose the same key, and their bytes may differ. And an erase with a purge must
//! know that no other rewrite still holds the rows that it forgets. So each rewrite first puts a
//! *claim*, an empty object in the folder of the collection's claims, and goes on in this order:
//!
//! 1. Put the claim ([`RewriteClaim::name`]), create-only.
//! 2. List the claims. If [`RewriteClaim::rival`] finds one, delete the own claim, and try again
//!    later.
//! 3. Read the log again. The files to rewrite must be those that were planned, and the new path
//!    must be unknown.
//! 4. See that no object lies at the new key. If one does, delete the own claim, and plan another
//!    generation.
//! 5. Put the object, create-only, while [`RewriteClaim::may_put`] says yes. After a lost answer
//!    the object there is the own one, because of step 4.
//! 6. Commit. If that is a conflict, delete the own object, but only if this rewrite created it,
//!    the log does not have it, and [`RewriteClaim::may_put`] still says yes: later the object
//!    there may be another rewrite's. If it is not known what became of the commit, leave the
//!    object.
//! 7. Delete the claim.
//!
//! Each rewrite lists after it has put its claim, so of two rewrites with the same LSNs at least
//! one sees the other. And a purge that lists the claims after its own commit sees every rewrite
//! that may have read the log before that commit ([`rewrites_of`]). It needs a store whose listings
//! show every put that has ended, as S3's do.
//!
//! A rewrite that ended without deleting its claim leaves it behind. After
//! [`REWRITE_CLAIM_DEAD_MS`] the claim does not count any more, and a vacuum deletes it. Long
//! before that its own rewrite puts nothing any more, however late it wakes up.

use std::fmt;

use super::place::TablePlace;
use super::vacuum::ListedObject;
use crate::{Error, LsnRange, ObjectKey, Result};

/// After how long a claim is dead, in milliseconds.
pub const REWRITE_CLAIM_DEAD_MS: u64 = 12 * 60 * 60 * 1_000;
/// For how long the owner of a claim may put its object. The difference is for clocks that differ.
const MAY_PUT_MS: u64 = REWRITE_CLAIM_DEAD_MS / 2;

/// What the names of these claims begin with.
const KIND: &str = "rewrite-";
/// Digits of the owner of a claim.
const OWNER_DIGITS: usize = 32;

/// The claim of one rewrite on the file that it is about to make.
///
/// Its name is `rewrite-{name of the file}-{owner}`. Claims of puts have other names, and a put and
/// a rewrite are never rivals: a put brings LSNs that no file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewriteClaim {
    path: String,
    lsns: LsnRange,
    owner: String,
    made_ms: i64,
}

impl RewriteClaim {
    /// The claim on this new file of the table. `owner` is 32 lower-case hexadecimal digits at
    /// random, anew for each claim: a name that was deleted is never put again. `now_ms` is the
    /// time in milliseconds since 1970, before the claim is put.
    ///
    /// An error of kind `Misuse` if the key is not one of a rewritten file of the table, or if the
    /// owner has another form.
    pub fn new(place: &TablePlace, key: &ObjectKey, owner: &str, now_ms: i64) -> Result<Self> {
        let path = place.path_of(key);
        match (path, key.lsns(), key.generation()) {
            (Some(path), Some(lsns), Some(1..)) if is_owner(owner) => {
                let (path, owner) = (path.to_owned(), owner.to_owned());
                Ok(RewriteClaim { path, lsns, owner, made_ms: now_ms })
            }
            _ => Err(Error::misuse(format!(
                "{owner:?} cannot claim {key}: a claim needs the key of a rewritten file of the \
                 table, and an owner of {OWNER_DIGITS} lower-case hexadecimal digits"
            ))),
        }
    }

    /// Reads a claim as a listing of the claims shows it; `None` if it is no claim of a rewrite.
    pub fn read(place: &TablePlace, listed: &ListedObject) -> Option<Self> {
        let (path, owner) = listed.name.strip_prefix(KIND)?.rsplit_once('-')?;
        RewriteClaim::new(place, &place.key_of(path)?, owner, listed.modified_ms).ok()
    }

    /// Its name in the folder of the claims ([`ObjectKey::claims_folder`]).
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// The path of the file that it is about.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Which rewrite made it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Whether its owner may still put the object, or delete it. Ask right before each of both.
    pub fn may_put(&self, now_ms: i64) -> bool {
        now_ms < self.made_ms.saturating_add_unsigned(MAY_PUT_MS)
    }

    /// Whether its owner is gone for certain. Then the claim may be deleted.
    pub fn is_dead(&self, now_ms: i64) -> bool {
        now_ms >= self.made_ms.saturating_add_unsigned(REWRITE_CLAIM_DEAD_MS)
    }

    /// A claim of another rewrite, among those that were listed after this one was put, which has
    /// some of the same LSNs and is not dead. If both rewrites see each other, both give way.
    ///
    /// An error of kind `Unavailable` if the listing does not show this claim: then it proves
    /// nothing about others.
    pub fn rival(
        &self,
        place: &TablePlace,
        listed: &[ListedObject],
        now_ms: i64,
    ) -> Result<Option<RewriteClaim>> {
        let name = self.name();
        if !listed.iter().any(|object| object.name == name) {
            return Err(Error::new(
                crate::ErrorKind::Unavailable,
                format!(
                    "the store does not list the claim {name} of {}, which was just put; try again",
                    place.name()
                ),
            ));
        }
        let others = rewrites_of(place, listed, &[self.lsns], now_ms);
        Ok(others.into_iter().find(|other| other.owner != self.owner))
    }
}

impl fmt::Display for RewriteClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KIND}{}-{}", self.path, self.owner)
    }
}

/// The rewrites under way, by a listing of the claims, of files that may have some of these LSNs.
pub fn rewrites_of(
    place: &TablePlace,
    listed: &[ListedObject],
    lsns: &[LsnRange],
    now_ms: i64,
) -> Vec<RewriteClaim> {
    let claims = listed.iter().filter_map(|object| RewriteClaim::read(place, object));
    let is_of = |claim: &RewriteClaim| lsns.iter().any(|range| range.overlaps(claim.lsns));
    claims.filter(|claim| is_of(claim) && !claim.is_dead(now_ms)).collect()
}

fn is_owner(owner: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    owner.len() == OWNER_DIGITS && owner.bytes().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, KeyPrefix};

    const ONE: &str = "00000000000000000000000000000001";
    const TWO: &str = "00000000000000000000000000000002";

    fn place() -> TablePlace {
        TablePlace::new(&KeyPrefix::default(), 7, "people").unwrap()
    }

    fn claim(path: &str, owner: &str, now_ms: i64) -> RewriteClaim {
        let key = place().key_of(path).unwrap();
        RewriteClaim::new(&place(), &key, owner, now_ms).unwrap()
    }

    fn listed(claims: &[&RewriteClaim]) -> Vec<ListedObject> {
        let object = |claim: &&RewriteClaim| ListedObject {
            name: claim.name(),
            bytes: 0,
            modified_ms: claim.made_ms,
        };
        claims.iter().map(object).collect()
    }

    #[test]
    fn a_claim_and_its_name_are_inverses() {
        let own = claim("lsn-0-9.1.parquet", ONE, 5);
        assert_eq!(own.name(), format!("rewrite-lsn-0-9.1.parquet-{ONE}"));
        assert_eq!(RewriteClaim::read(&place(), &listed(&[&own])[0]), Some(own.clone()));
        let folder = ObjectKey::claims_folder(&KeyPrefix::default(), 7, "people").unwrap();
        assert!(ObjectKey::is_note(&KeyPrefix::default(), &format!("{folder}{own}")));
        assert_eq!(crate::ClaimName::parse(&own.name()), None, "no put takes it for its own");
        for name in [
            format!("rewrite-lsn-0-9.parquet-{ONE}"),
            format!("rewrite-lsn-0-9.1.parquet-{}", &ONE[1..]),
            format!("rewrite-lsn-0-9.1.parquet-{}", ONE.replace('1', "A")),
            format!("lsn-0-9-append-{ONE}"),
            "rewrite-".to_owned(),
        ] {
            let object = ListedObject { name, bytes: 0, modified_ms: 0 };
            assert_eq!(RewriteClaim::read(&place(), &object), None, "{}", object.name);
        }
    }

    #[test]
    fn rewrites_of_the_same_lsns_are_rivals_until_one_is_dead() {
        let (own, other) =
            (claim("lsn-0-9.1.parquet", ONE, 5), claim("lsn-9-20.3.parquet", TWO, 6));
        let both = listed(&[&own, &other]);
        assert_eq!(own.rival(&place(), &both, 7).unwrap(), Some(other.clone()));
        assert_eq!(other.rival(&place(), &both, 7).unwrap(), Some(own.clone()));
        let dead_ms = 6 + REWRITE_CLAIM_DEAD_MS as i64;
        assert_eq!(own.rival(&place(), &both, dead_ms).unwrap(), None);
        assert!(other.is_dead(dead_ms) && !other.is_dead(dead_ms - 1));
        assert!(own.may_put(5) && !own.may_put(dead_ms / 2 + 5));
        let apart = claim("lsn-10-20.1.parquet", TWO, 6);
        assert_eq!(own.rival(&place(), &listed(&[&own, &apart]), 7).unwrap(), None);
        let error = own.rival(&place(), &listed(&[&other]), 7).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
