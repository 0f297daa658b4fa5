//! Claims: they keep the LSN ranges of writers to one collection apart, even if the writers work at
//! the same moment.
//!
//! A writer first puts a *claim*, an empty object whose name contains the range. Then it lists the
//! claims, and after them the files of the collection. It stores its rows only if no claim and no
//! file of another writer overlaps its range.
//!
//! Why this is enough: each writer lists after it has put its claim. So of two writers, the one
//! that lists last sees both claims. A writer deletes its claim only after its files are visible,
//! and every writer lists claims before files. So another writer sees the claim, or the files, or
//! both. It needs a store whose listings show every put that has ended: S3 promises that (Amazon S3
//! user guide, "Amazon S3 data consistency model").
//!
//! If two writers see each other, the one with the higher claim deletes it at once. The one with
//! the lower claim waits for that, for a limited time. So never both go on, and normally one does.

mod name;

pub use name::{ClaimMark, ClaimName};

use crate::{LsnRange, ObjectKey, Result};

/// How often a writer waits for the writers of higher claims to delete them.
const WAITS_MAX: u32 = 10;
/// How many ranges an append tries.
const RANGES_MAX: u32 = 200;

/// Which LSNs a writer wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The LSNs of these files: at least one file, in order. A file may lie at one of these keys
    /// already.
    Keys(Vec<ObjectKey>),
    /// The same, but no file may lie at these keys yet, not even one with the same rows.
    New(Vec<ObjectKey>),
    /// LSNs for this many rows, above those of all files and claims.
    Free {
        /// How many LSNs in a row; at least 1.
        rows: u64,
    },
}

/// What a writer is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimStep {
    /// List the claims, then the files, in this order. Then call [`Claiming::listed`].
    List,
    /// Put an empty object with this name. Then call [`Claiming::put`].
    Put(ClaimName),
    /// Delete the claim with this name. Then call [`Claiming::deleted`].
    Delete(ClaimName),
    /// Wait: longer each time, and a random part of it, so that two writers do not wait equally
    /// long. Then call [`Claiming::waited`]. The number counts the waits for this range from 1.
    Wait(u32),
    /// The writer has the LSNs: store the files, then delete the claim.
    Claimed(ClaimName),
    /// The writer does not get the LSNs, and its claim is deleted.
    Refused(Refusal),
}

/// Why a writer does not get LSNs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A file has some of the LSNs of the wanted key.
    File {
        /// The key that was wanted.
        wanted: ObjectKey,
        /// The key of that file.
        found: ObjectKey,
    },
    /// Another put has claimed some of the LSNs.
    Claim(ClaimName),
    /// Another run of the append with this id, or another repair of this object, is under way.
    SameRun(ClaimName),
    /// Above the highest LSN there are not as many LSNs as rows.
    NoneLeft,
    /// Other writers were faster for every range that was tried.
    Outrun,
    /// The store does not list the claim that was put.
    NotListed(ClaimName),
}

/// A claim as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenClaim {
    /// Its name.
    pub name: ClaimName,
    /// Whether its writer is known to be gone, so that it stores nothing any more.
    pub is_dead: bool,
}

/// Gets LSNs for one put. Its host performs the step that [`poll`](Self::poll) gives, and reports
/// it with the method that the step names.
#[derive(Debug)]
pub struct Claiming {
    wanted: Wanted,
    mark: ClaimMark,
    owner: String,
    /// Claims of earlier runs that this put continues. They do not count as rivals.
    ignored: Vec<ClaimName>,
    own: Option<ClaimName>,
    step: ClaimStep,
    waits: u32,
    ranges: u32,
    /// The step that follows when the own claim is deleted.
    after: Option<ClaimStep>,
}

impl Claiming {
    /// Begins. `owner` is 32 lower-case hex digits that no other put has. The claims in `ignored`
    /// do not count as rivals.
    ///
    /// # Errors
    ///
    /// `Misuse` if `wanted` has no data file, or if `owner` has another form.
    pub fn new(
        wanted: Wanted,
        mark: ClaimMark,
        owner: &str,
        ignored: Vec<ClaimName>,
    ) -> Result<Self> {
        let step = match &wanted {
            Wanted::Keys(keys) | Wanted::New(keys) => {
                ClaimStep::Put(ClaimName::new(range_of(keys)?, mark.clone(), owner)?)
            }
            Wanted::Free { .. } => ClaimStep::List,
        };
        let owner = owner.to_owned();
        Ok(Claiming {
            wanted,
            mark,
            owner,
            ignored,
            own: None,
            step,
            waits: 0,
            ranges: 0,
            after: None,
        })
    }

    /// The step to do next. It stays the same until it is reported.
    pub fn poll(&self) -> &ClaimStep {
        &self.step
    }

    /// The claim of [`ClaimStep::Put`] is stored.
    pub fn put(&mut self) {
        if let ClaimStep::Put(name) = &self.step {
            self.own = Some(name.clone());
            self.step = ClaimStep::List;
        }
    }

    /// What [`ClaimStep::List`] found.
    pub fn listed(&mut self, claims: &[SeenClaim], files: &[ObjectKey]) {
        self.step = match self.own.clone() {
            None => self.next_range(claims, files),
            Some(own) => self.judge(own, claims, files),
        };
    }

    /// The claim of [`ClaimStep::Delete`] is deleted. Or it could not be deleted; then other
    /// writers must be able to see that its writer is gone.
    pub fn deleted(&mut self) {
        self.own = None;
        self.step = self.after.take().unwrap_or(ClaimStep::List);
    }

    /// The wait of [`ClaimStep::Wait`] is over.
    pub fn waited(&mut self) {
        self.step = ClaimStep::List;
    }

    /// What to do about the claims and files that were listed after the own claim was put.
    fn judge(&mut self, own: ClaimName, claims: &[SeenClaim], files: &[ObjectKey]) -> ClaimStep {
        // A listing without the own claim proves nothing about other claims either.
        if !claims.iter().any(|claim| claim.name == own) {
            return match self.wait() {
                Some(wait) => wait,
                None => self.give_up(own.clone(), ClaimStep::Refused(Refusal::NotListed(own))),
            };
        }
        if let Some(refusal) = self.file_in_the_way(own.lsns(), files) {
            return match self.wanted {
                Wanted::Keys(_) | Wanted::New(_) => self.give_up(own, ClaimStep::Refused(refusal)),
                Wanted::Free { .. } => self.move_on(own, claims, files),
            };
        }
        let rivals: Vec<&ClaimName> =
            claims.iter().filter(|claim| self.is_rival(&own, claim)).map(|c| &c.name).collect();
        let Some(rival) = rivals.iter().min_by_key(|rival| rival.order()) else {
            return ClaimStep::Claimed(own);
        };
        // The own claim is the lowest: the rivals delete theirs. A rival that does not is perhaps
        // stuck, so the wait has an end.
        if own.order() < rival.order()
            && let Some(wait) = self.wait()
        {
            return wait;
        }
        let rival = (*rival).clone();
        match (&self.wanted, rivals.iter().find(|rival| self.is_same_run(rival))) {
            (_, Some(same)) => {
                let refusal = Refusal::SameRun((*same).clone());
                self.give_up(own, ClaimStep::Refused(refusal))
            }
            (Wanted::Keys(_) | Wanted::New(_), None) => {
                self.give_up(own, ClaimStep::Refused(Refusal::Claim(rival)))
            }
            (Wanted::Free { .. }, None) => self.move_on(own, claims, files),
        }
    }

    fn is_rival(&self, own: &ClaimName, claim: &SeenClaim) -> bool {
        let SeenClaim { name, is_dead } = claim;
        if name == own || *is_dead || self.ignored.contains(name) {
            return false;
        }
        // Puts of the very same keys need no order among them: each is create-only, and the content
        // at the key decides between success and conflict.
        let same_keys = matches!(self.mark, ClaimMark::Keys(_))
            && (name.mark(), name.lsns()) == (&self.mark, own.lsns());
        self.is_same_run(name) || (name.lsns().overlaps(own.lsns()) && !same_keys)
    }

    fn is_same_run(&self, name: &ClaimName) -> bool {
        matches!(self.mark, ClaimMark::AppendId(_) | ClaimMark::Repair(_))
            && *name.mark() == self.mark
    }

    /// The file that overlaps the wanted LSNs. With [`Wanted::Keys`], a file at exactly a wanted
    /// key does not count: the put compares its content.
    fn file_in_the_way(&self, own: LsnRange, files: &[ObjectKey]) -> Option<Refusal> {
        let overlaps = |key: &ObjectKey, lsns| key.lsns().is_some_and(|held| held.overlaps(lsns));
        match &self.wanted {
            Wanted::Free { .. } => {
                let found = files.iter().find(|file| overlaps(file, own))?.clone();
                Some(Refusal::File { wanted: found.clone(), found })
            }
            Wanted::Keys(keys) | Wanted::New(keys) => keys.iter().find_map(|key| {
                let lsns = key.lsns()?;
                let may_be_there = matches!(self.wanted, Wanted::Keys(_));
                let is_in_the_way =
                    |file: &&ObjectKey| !(may_be_there && *file == key) && overlaps(file, lsns);
                let found = files.iter().find(is_in_the_way)?;
                Some(Refusal::File { wanted: key.clone(), found: found.clone() })
            }),
        }
    }

    fn wait(&mut self) -> Option<ClaimStep> {
        self.waits += 1;
        (self.waits <= WAITS_MAX).then_some(ClaimStep::Wait(self.waits))
    }

    fn give_up(&mut self, own: ClaimName, after: ClaimStep) -> ClaimStep {
        self.after = Some(after);
        ClaimStep::Delete(own)
    }

    /// Deletes the own claim, then claims the next free range.
    fn move_on(&mut self, own: ClaimName, claims: &[SeenClaim], files: &[ObjectKey]) -> ClaimStep {
        let others: Vec<SeenClaim> =
            claims.iter().filter(|claim| claim.name != own).cloned().collect();
        let next = self.next_range(&others, files);
        self.give_up(own, next)
    }

    /// Claims the LSNs above those of all files and claims.
    fn next_range(&mut self, claims: &[SeenClaim], files: &[ObjectKey]) -> ClaimStep {
        let Wanted::Free { rows } = self.wanted else {
            return ClaimStep::Refused(Refusal::Outrun);
        };
        self.waits = 0;
        self.ranges += 1;
        if self.ranges > RANGES_MAX {
            return ClaimStep::Refused(Refusal::Outrun);
        }
        let next = free_lsn(claims, files)
            .and_then(|min| LsnRange::new(min, min.checked_add(rows.checked_sub(1)?)?).ok())
            .and_then(|lsns| ClaimName::new(lsns, self.mark.clone(), &self.owner_now()).ok());
        next.map_or(ClaimStep::Refused(Refusal::NoneLeft), ClaimStep::Put)
    }
}

impl Claiming {
    /// Another owner for each range. A claim name that was deleted must never be put again: a
    /// delete whose answer was lost may still be on its way, and would delete the new claim.
    fn owner_now(&self) -> String {
        let kept = self.owner.len().saturating_sub(2);
        format!("{}{:02x}", self.owner.get(..kept).unwrap_or_default(), self.ranges % 256)
    }
}

/// The first LSN above those of all files and claims, dead claims too; `None` if one of them has
/// the highest possible LSN.
pub fn free_lsn(claims: &[SeenClaim], files: &[ObjectKey]) -> Option<u64> {
    let claimed = claims.iter().map(|claim| claim.name.lsns());
    let held = files.iter().filter_map(ObjectKey::lsns);
    let highest = claimed.chain(held).map(LsnRange::max).max();
    highest.map_or(Some(0), |highest| highest.checked_add(1))
}

/// From the first LSN of the first key to the last of the last.
fn range_of(keys: &[ObjectKey]) -> Result<LsnRange> {
    let lsns = || keys.iter().filter_map(ObjectKey::lsns);
    match (lsns().map(LsnRange::min).min(), lsns().map(LsnRange::max).max()) {
        (Some(min), Some(max)) => LsnRange::new(min, max),
        _ => Err(crate::Error::misuse("a claim needs the key of at least one data file")),
    }
}

#[cfg(test)]
mod tests;
