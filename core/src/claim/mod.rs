//! Claims: how writers keep the LSN ranges of one collection apart, whatever they do at the same
//! moment.
//!
//! A writer puts a *claim*, a small object whose name tells the range; then lists the claims and
//! after them the files of the collection; and stores its rows only where nobody else's claim or
//! file overlaps. Of two writers at least one sees the other: whichever lists last lists after both
//! claims were put. A writer takes its claim back only once its files can be seen, and claims are
//! listed before files, so that nobody falls between the two.
//!
//! Of two that see one another, the higher one gives way at once, and the lower one waits a little
//! for that.

mod name;

pub use name::{ClaimMark, ClaimName};

use crate::{LsnRange, ObjectKey, Result};

/// How often a claim waits for higher ones to give way.
const WAITS_MAX: u32 = 10;
/// How often an append takes another range.
const RANGES_MAX: u32 = 200;

/// Which LSNs a writer wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Those of these files, which are in order, and at least one.
    Keys(Vec<ObjectKey>),
    /// The same, and nothing may lie at these keys yet: what another writer of the very same rows
    /// stores there is not ours.
    New(Vec<ObjectKey>),
    /// Any, for so many rows, behind all files and claims: at least 1.
    Free {
        /// How many LSNs in a row.
        rows: u64,
    },
}

/// What a writer is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimStep {
    /// List the claims, then the files, in this order; tell by [`Claiming::listed`].
    List,
    /// Put an empty object of this name; tell by [`Claiming::put`] once it is there.
    Put(ClaimName),
    /// Delete the claim of this name; tell by [`Claiming::deleted`].
    Delete(ClaimName),
    /// Wait, longer each time and not as long as others do, then go on by [`Claiming::waited`]. How
    /// often it was so.
    Wait(u32),
    /// The LSNs are the writer's: store the files, then delete the claim.
    Claimed(ClaimName),
    /// They are not, and no claim is left.
    Refused(Refusal),
}

/// Why LSNs cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A file holds some of those of the wanted key.
    File {
        /// The key that was wanted.
        wanted: ObjectKey,
        /// What lies there.
        found: ObjectKey,
    },
    /// Another put is about to store some of them.
    Claim(ClaimName),
    /// Another run of the append of this id, or another repair of this object, is under way.
    SameRun(ClaimName),
    /// There are not so many behind the highest.
    NoneLeft,
    /// Others took every range first.
    Outrun,
    /// The store does not list what was put before.
    NotListed(ClaimName),
}

/// A claim as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenClaim {
    /// Its name.
    pub name: ClaimName,
    /// Whether its writer is known to store nothing any more.
    pub is_dead: bool,
}

/// Gets LSNs for one put. Its host performs what [`poll`](Self::poll) says, and tells.
#[derive(Debug)]
pub struct Claiming {
    wanted: Wanted,
    mark: ClaimMark,
    owner: String,
    /// Claims that do not stand in the way, because their puts are gone on with here.
    ignored: Vec<ClaimName>,
    own: Option<ClaimName>,
    step: ClaimStep,
    waits: u32,
    ranges: u32,
    /// What comes once the own claim is deleted.
    after: Option<ClaimStep>,
}

impl Claiming {
    /// Begins. `owner` is 32 lower-case hex digits that are nobody else's; claims of `ignored` do
    /// not stand in the way.
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

    /// What to do next: the same until it is told of.
    pub fn poll(&self) -> &ClaimStep {
        &self.step
    }

    /// The claim of [`ClaimStep::Put`] is there.
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

    /// The claim of [`ClaimStep::Delete`] is gone, or will be taken for dead.
    pub fn deleted(&mut self) {
        self.own = None;
        self.step = self.after.take().unwrap_or(ClaimStep::List);
    }

    /// The time of [`ClaimStep::Wait`] is over.
    pub fn waited(&mut self) {
        self.step = ClaimStep::List;
    }

    fn judge(&mut self, own: ClaimName, claims: &[SeenClaim], files: &[ObjectKey]) -> ClaimStep {
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
        let same_keys = matches!(self.mark, ClaimMark::Keys(_))
            && (name.mark(), name.lsns()) == (&self.mark, own.lsns());
        self.is_same_run(name) || (name.lsns().overlaps(own.lsns()) && !same_keys)
    }

    fn is_same_run(&self, name: &ClaimName) -> bool {
        matches!(self.mark, ClaimMark::AppendId(_) | ClaimMark::Repair(_))
            && *name.mark() == self.mark
    }

    /// What lies at the very key that is wanted is left to the put, which compares its content.
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

    /// Deletes the own claim, and takes the next range that is free.
    fn move_on(&mut self, own: ClaimName, claims: &[SeenClaim], files: &[ObjectKey]) -> ClaimStep {
        let others: Vec<SeenClaim> =
            claims.iter().filter(|claim| claim.name != own).cloned().collect();
        let next = self.next_range(&others, files);
        self.give_up(own, next)
    }

    /// Claims the LSNs behind all that is there.
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
    /// Of each range another: a name that was deleted is never put again, as a delete whose answer
    /// was lost may come late.
    fn owner_now(&self) -> String {
        let kept = self.owner.len().saturating_sub(2);
        format!("{}{:02x}", self.owner.get(..kept).unwrap_or_default(), self.ranges % 256)
    }
}

/// The LSN behind all files and claims, dead ones too; none where one of them has the highest there
/// can be.
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
        _ => Err(crate::Error::misuse("a claim is for one data file at least")),
    }
}

#[cfg(test)]
mod tests;
