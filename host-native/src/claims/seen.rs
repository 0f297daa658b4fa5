//! The claims of a collection as a listing shows them, and which of them still count.

use std::time::{Duration, SystemTime};

use coldpress_core::{ClaimMark, ClaimName, ObjectKey, SeenClaim, free_lsn};

use crate::StoredObject;

/// By then a writer is done, or gone: its claim stands in nobody's way any more.
const AGE: Duration = Duration::from_secs(60 * 60);
/// How long what a killed put claimed and stored in part waits for the same put again.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many claims of others one put takes away.
const OUTLIVED_MAX: usize = 32;

/// A claim that a listing found.
#[derive(Debug, Clone)]
pub(crate) struct FoundClaim {
    pub(crate) name: ClaimName,
    /// Whether its writer is known to be gone, or to run; none where that cannot be seen from here.
    pub(crate) runs: Option<bool>,
    pub(super) modified: SystemTime,
}

/// The claims and files of a collection.
#[derive(Debug)]
pub(crate) struct Seen {
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

impl Seen {
    pub(crate) fn next_lsn(&self) -> Option<u64> {
        free_lsn(&self.claims_seen(SystemTime::UNIX_EPOCH), &self.keys())
    }

    pub(super) fn claims_seen(&self, now: SystemTime) -> Vec<SeenClaim> {
        self.claims.iter().map(|claim| claim.seen(now)).collect()
    }

    pub(super) fn keys(&self) -> Vec<ObjectKey> {
        self.files.iter().map(|file| file.key.clone()).collect()
    }

    /// Claims of dead puts that are of no use once `own` is stored: those it goes on with, those
    /// that left no file, and those that nobody has gone on with for a long time.
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
            // It alone shows that an object was there, which a repair deleted before it was killed.
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

/// Now, by the store's clock where our own claim tells it.
pub(super) fn own_time(seen: &Seen, owner: &str) -> SystemTime {
    // The last digits count the ranges that were tried.
    let of_us = |claim: &&FoundClaim| claim.name.owner().get(..30) == owner.get(..30);
    let own = seen.claims.iter().filter(of_us).map(|claim| claim.modified).max();
    own.unwrap_or_else(SystemTime::now)
}
