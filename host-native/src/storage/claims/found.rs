//! The claims of a collection in a listing, and which of them still count.

use std::time::{Duration, SystemTime};

use coldpress_core::{ClaimMark, ClaimName, LsnRange, ObjectKey, SeenClaim, free_lsn};

use crate::storage::list::found::StoredObject;

/// A claim of this age is dead: by then its writer has ended, or has crashed.
const AGE: Duration = Duration::from_secs(60 * 60);
/// How long the claim of a crashed put that stored some files is kept for the next run of that put.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The most claims of other writers that one put deletes.
const OUTLIVED_MAX: usize = 32;

/// A claim in a listing.
#[derive(Debug, Clone)]
pub(crate) struct FoundClaim {
    pub(crate) name: ClaimName,
    /// Whether its writer still runs; `None` if this machine cannot tell.
    pub(crate) runs: Option<bool>,
    pub(super) modified: SystemTime,
}

/// The claims and files of a collection.
#[derive(Debug)]
pub(crate) struct ClaimsAndFiles {
    pub(crate) claims: Vec<FoundClaim>,
    pub(crate) files: Vec<StoredObject>,
}

impl FoundClaim {
    pub(crate) fn is_dead(&self, now: SystemTime) -> bool {
        let is_old = now.duration_since(self.modified).is_ok_and(|age| age > AGE);
        self.runs == Some(false) || is_old
    }

    pub(super) fn seen(&self, now: SystemTime) -> SeenClaim {
        SeenClaim { name: self.name.clone(), is_dead: self.is_dead(now) }
    }
}

impl ClaimsAndFiles {
    pub(crate) fn next_lsn(&self) -> Option<u64> {
        free_lsn(&self.claims_seen(SystemTime::UNIX_EPOCH), &self.keys())
    }

    /// The live claims with LSNs below these that still wait for their last file.
    pub(crate) fn unstored_before(&self, lsns: LsnRange, now: SystemTime) -> Vec<ClaimName> {
        let is_stored = |name: &ClaimName| {
            let mut held = self.files.iter().filter_map(|file| file.key.lsns());
            held.any(|held| held.max() == name.lsns().max())
        };
        let waits = |claim: &&FoundClaim| {
            claim.name.lsns().max() < lsns.min()
                && !claim.is_dead(now)
                && !matches!(claim.name.mark(), ClaimMark::Repair(_))
                && !is_stored(&claim.name)
        };
        self.claims.iter().filter(waits).map(|claim| claim.name.clone()).collect()
    }

    pub(super) fn claims_seen(&self, now: SystemTime) -> Vec<SeenClaim> {
        self.claims.iter().map(|claim| claim.seen(now)).collect()
    }

    pub(super) fn keys(&self) -> Vec<ObjectKey> {
        self.files.iter().map(|file| file.key.clone()).collect()
    }

    /// Claims of dead puts that are useless once `own` is stored: those that this put resumes,
    /// those that left no file, and those that nobody has resumed for a long time.
    pub(super) fn outlived(
        &self,
        own: &ClaimName,
        ignored: &[ClaimName],
        now: SystemTime,
    ) -> Vec<ClaimName> {
        let left_a_file = |name: &ClaimName| {
            let lsns = self.files.iter().filter_map(|file| file.key.lsns());
            lsns.into_iter().any(|lsns| lsns.overlaps(name.lsns()))
        };
        let is_outlived = |claim: &&FoundClaim| {
            let name = &claim.name;
            let same = (name.lsns(), name.mark()) == (own.lsns(), own.mark());
            let is_forgotten = now.duration_since(claim.modified).is_ok_and(|age| age > KEPT);
            // A repair deleted an object and then crashed: only this claim shows that there was an
            // object, so the next repair of it needs the claim.
            let awaits_rerun = matches!(name.mark(), ClaimMark::Repair(_))
                && name.mark() != own.mark()
                && !left_a_file(name);
            name != own
                && !awaits_rerun
                && (ignored.contains(name)
                    || claim.is_dead(now) && (same || is_forgotten || !left_a_file(name)))
        };
        let outlived = self.claims.iter().filter(is_outlived).map(|claim| claim.name.clone());
        outlived.take(OUTLIVED_MAX).collect()
    }
}

/// The time now by the store's clock, if a claim of our own shows it. Ages of claims must be
/// measured by the clock that stamped them.
pub(super) fn store_time(seen: &ClaimsAndFiles, owner: &str) -> Option<SystemTime> {
    // Only the last two digits of the owner differ: they count the ranges that were tried.
    let of_us = |claim: &&FoundClaim| claim.name.owner().get(..30) == owner.get(..30);
    seen.claims.iter().filter(of_us).map(|claim| claim.modified).max()
}
