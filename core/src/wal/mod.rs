//! The archive of a write-ahead log: a machine that decides, driven by a host that performs.

mod action;
mod answers;
mod exposure;
mod names;
mod parts;
mod record;
mod sealed;
mod segment;
mod work;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use action::{ArchivedNow, Exposure, WalAction, WalSettings, WalSummary};
pub use names::{Gap, SegmentNames, SegmentOrder, SegmentPlace};
pub use record::{RECORDED_SEGMENT_BYTES_MAX, SegmentChecksum, SegmentRecord};
pub use sealed::{HeldUp, Unfinished};
pub use segment::{ArchiveMark, ArchivedSegment, LocalSegment, SealedRule, archived_segments};

use crate::retry::Random;
use crate::{Error, Result};
use work::{Entry, Work};

/// The archive of one log: knows what is here and what is there; says what to put next, what to read back, what may be
/// deleted, and which gap stops it.
///
/// It does no IO and knows no clock. Its host
///
/// 1. calls [`poll`](Self::poll) until it gives `None`, and does what each [`WalAction`] says, at once or side by side;
/// 2. stops when [`outcome`](Self::outcome) gives one, or else
/// 3. waits for whatever comes first, an answer or the time of [`next_timeout`](Self::next_timeout); hands an
///    answer to the `handle_…` it belongs to; and begins again.
///
/// Times are milliseconds since 1970; one that goes backwards is taken as standing still. All state is what the folder
/// and the archive hold: a plan may be dropped at any moment, and another begun.
///
/// ```
/// use std::collections::BTreeMap;
/// use coldpress_core::{ArchiveMark, ArchivedSegment, LocalSegment, SegmentChecksum, WalAction, WalPlan, WalSettings};
///
/// # fn crc32c(_: &[u8]) -> u32 { 7 }
/// let mut folder = BTreeMap::from([("wal-1", "one"), ("wal-2", "two"), ("wal-3", "unfinis")]);
/// let mut archive: BTreeMap<String, (SegmentChecksum, &str)> = BTreeMap::new();
/// let mut now_ms = 0; // the host's clock
/// let settings = WalSettings { delete: true, ..WalSettings::default() };
/// let mut plan = WalPlan::new(settings, 7, now_ms)?;
/// let (mut puts, mut archived) = (BTreeMap::new(), Vec::new());
/// let summary = loop {
///     while let Some(action) = plan.poll(now_ms) {
///         match action {
///             WalAction::Scan { id } => {
///                 let segments = folder.iter().map(|(name, text)| LocalSegment {
///                     name: name.to_string(), bytes: text.len() as u64, modified_ms: 0, age_ms: 0, mark: ArchiveMark::None,
///                 });
///                 plan.handle_scan(id, segments.collect(), now_ms);
///             }
///             WalAction::List { id } => {
///                 let segments = archive.iter().map(|(name, (checksum, text))| ArchivedSegment {
///                     name: name.clone(), bytes: Some(text.len() as u64), modified_ms: 0, records: vec![*checksum], recorded_ms: 0,
///                 });
///                 plan.handle_listing(id, segments.collect(), now_ms);
///             }
///             // A host that does one thing after the other has nothing to send ahead.
///             WalAction::Put { id, segment } => _ = puts.insert(id, segment),
///             WalAction::Publish { id } => {
///                 let segment = puts.remove(&id).ok_or("put before it is published")?;
///                 let text = folder[segment.name.as_str()];
///                 let checksum = SegmentChecksum { crc32c: crc32c(text.as_bytes()), bytes: segment.bytes };
///                 archive.insert(segment.name, (checksum, text));
///                 plan.handle_stored(id, checksum, true, now_ms);
///             }
///             WalAction::Verify { id, name, .. } => {
///                 let text = archive[&name].1;
///                 let found = SegmentChecksum { crc32c: crc32c(text.as_bytes()), bytes: text.len() as u64 };
///                 plan.handle_verified(id, found, now_ms);
///             }
///             WalAction::Delete { id, segment } => {
///                 folder.remove(segment.name.as_str());
///                 plan.handle_settled(id, now_ms);
///             }
///             WalAction::Archived(segment) => archived.push(segment.name),
///             // Drop what is under way; its answer does not matter any more.
///             WalAction::Cancel { id } => _ = puts.remove(&id),
///             // Of other settings, or of an archive that was not empty.
///             WalAction::Compare { .. } | WalAction::MarkDone { .. } => unreachable!(),
///         }
///     }
///     if let Some(outcome) = plan.outcome() {
///         break outcome.clone()?;
///     }
///     now_ms = plan.next_timeout().ok_or("a hang")?;
/// };
/// assert_eq!(archived, ["wal-1", "wal-2"]);
/// assert_eq!((summary.segments, summary.settled), (2, 2));
/// assert_eq!(folder.into_keys().collect::<Vec<_>>(), ["wal-3"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// * a segment is put side by side with others, and published only once the archive holds all before it: whatever fails,
///   and whenever the machine dies, the archive has no hole that was not in the log itself
/// * it is archived only after all before it, and settled (deleted, or marked `.done`) only after it is archived
///   and its bytes were read back
/// * after a failure nothing behind it is begun, and what is under way behind it is broken off
/// * nothing behind the first unfinished segment of a sequence is published or settled
///   ([`WalPlan::held_up`] names it)
/// * a gap stops it only where a second look at the folder, and a listing made after it, show it too
#[derive(Debug)]
pub struct WalPlan {
    settings: WalSettings,
    random: Random,
    now_ms: u64,
    order: SegmentOrder,
    /// What the folder holds, in order.
    here: BTreeMap<SegmentPlace, Entry>,
    /// Those of it that are sealed and not done with.
    open: BTreeSet<SegmentPlace>,
    /// Those that are sealed and stand behind one that is not, and which that is.
    held: BTreeMap<SegmentPlace, SegmentPlace>,
    /// Those that went away before they were archived, as far as is known.
    gone: BTreeSet<SegmentPlace>,
    /// What the archive holds, in order.
    there: BTreeMap<SegmentPlace, ArchivedSegment>,
    under_way: BTreeMap<u64, Work>,
    id_next: u64,
    cancels: VecDeque<u64>,
    /// How often the folder has been looked at.
    scans: u64,
    scan_wanted: bool,
    next_scan_ms: u64,
    /// After which look at the folder the archive was listed.
    listed_after: Option<u64>,
    list_wanted: bool,
    /// The look at the folder after which a gap was first seen.
    gap_seen_in: Option<u64>,
    trouble: Option<Trouble>,
    /// Where it stops for good: nothing from this place on is done. `None` as a place is before everything.
    stop: Option<(Option<SegmentPlace>, Error)>,
    draining: bool,
    summary: WalSummary,
    outcome: Option<Result<WalSummary>>,
}

/// A failure that is tried again.
#[derive(Debug)]
struct Trouble {
    place: Option<SegmentPlace>,
    error: Error,
    failures: u32,
    not_before_ms: u64,
}

impl WalPlan {
    /// A plan that has looked at nothing yet. `seed` makes the pauses after failures differ among machines.
    ///
    /// An error of kind `Settings` where it makes no sense.
    pub fn new(settings: WalSettings, seed: u64, now_ms: u64) -> Result<Self> {
        settings.check()?;
        Ok(WalPlan {
            order: SegmentOrder::new(settings.names.unwrap_or(SegmentNames::Any), None),
            settings,
            random: Random::new(seed),
            now_ms,
            here: BTreeMap::new(),
            open: BTreeSet::new(),
            held: BTreeMap::new(),
            gone: BTreeSet::new(),
            there: BTreeMap::new(),
            under_way: BTreeMap::new(),
            id_next: 0,
            cancels: VecDeque::new(),
            scans: 0,
            scan_wanted: true,
            next_scan_ms: now_ms,
            listed_after: None,
            list_wanted: true,
            gap_seen_in: None,
            trouble: None,
            stop: None,
            draining: false,
            summary: WalSummary::default(),
            outcome: None,
        })
    }

    /// The next thing to do, if there is one now. Call it until there is none.
    pub fn poll(&mut self, now_ms: u64) -> Option<WalAction> {
        self.now_ms = self.now_ms.max(now_ms);
        if let Some(id) = self.cancels.pop_front() {
            return Some(WalAction::Cancel { id });
        }
        if self.outcome.is_some() {
            return None;
        }
        let action = self
            .poll_publish()
            .or_else(|| self.poll_look())
            .or_else(|| self.poll_work())
            .or_else(|| self.poll_look());
        if action.is_none() {
            self.settle();
        }
        action
    }

    /// When to call [`poll`](Self::poll) again though nothing was answered. `None`: only an answer or
    /// [`shutdown`](Self::shutdown) changes anything.
    pub fn next_timeout(&self) -> Option<u64> {
        if !self.cancels.is_empty() {
            return Some(0);
        }
        if self.outcome.is_some() {
            return None;
        }
        let again = self.trouble.as_ref().map(|trouble| trouble.not_before_ms);
        [self.scan_due_ms(), again.filter(|at| *at > self.now_ms)].into_iter().flatten().min()
    }

    /// Begins nothing more, and ends once what is under way has come to its end.
    pub fn shutdown(&mut self) {
        self.draining = true;
    }

    /// How it ended, once it has: then nothing is under way any more.
    pub fn outcome(&self) -> Option<&Result<WalSummary>> {
        self.outcome.as_ref()
    }

    /// What has been done so far.
    pub fn summary(&self) -> WalSummary {
        self.summary
    }

    /// The failure that is being tried again, while watching; `None` once that has succeeded.
    pub fn trouble(&self) -> Option<&Error> {
        self.trouble.as_ref().map(|trouble| &trouble.error)
    }

    /// How segments are ordered.
    pub fn order(&self) -> SegmentOrder {
        self.order
    }

    /// What the archive holds, in order, as far as this plan knows.
    pub fn archived(&self) -> impl DoubleEndedIterator<Item = &ArchivedSegment> {
        self.there.values()
    }

    /// The failure that has stopped it for good, which is the outcome to be.
    pub fn failure(&self) -> Option<&Error> {
        let stop = self.stop.as_ref().map(|(_, error)| error);
        stop.or(self.outcome.as_ref().and_then(|outcome| outcome.as_ref().err()))
    }

    /// All that is missing in the sequence, neither here nor archived.
    pub fn gaps(&self) -> Vec<Gap> {
        let held = self.there.iter().filter(|(_, segment)| segment.bytes.is_some());
        let places: BTreeSet<&SegmentPlace> =
            held.map(|(place, _)| place).chain(self.here.keys()).collect();
        let mut before: Option<&SegmentPlace> = None;
        let mut gaps = Vec::new();
        for place in places.into_iter().filter(|place| place.is_segment()) {
            gaps.extend(before.and_then(|before| self.order.gap_between(before, place)));
            before = Some(place);
        }
        gaps
    }

    /// Of those, the ones before all that is here: they stop nothing any more.
    pub fn archived_gaps(&self) -> Vec<Gap> {
        let mut gaps = self.gaps();
        gaps.retain(|gap| !self.here.contains_key(&self.order.place(&gap.before)));
        gaps
    }

    /// Looks at the folder or the archive, where that is due.
    fn poll_look(&mut self) -> Option<WalAction> {
        if self.is_looking() {
            return None;
        }
        if self.scan_due_ms().is_some_and(|at| at <= self.now_ms) {
            self.scan_wanted = false;
            let id = self.begin(Work::Scan);
            return Some(WalAction::Scan { id });
        }
        if self.list_wanted && self.scans > 0 && !self.is_pausing() && !self.is_ending() {
            self.list_wanted = false;
            let id = self.begin(Work::List { scans: self.scans });
            return Some(WalAction::List { id });
        }
        None
    }

    /// Where nothing is under way and nothing can be begun, it is over; or, while watching, waits.
    fn settle(&mut self) {
        let rests = self.under_way.is_empty() && self.cancels.is_empty();
        let once = self.settings.poll_ms.is_none() && !self.list_wanted && !self.scan_wanted;
        if rests && self.outcome.is_none() && (once || self.stop.is_some() || self.draining) {
            self.outcome = Some(match self.stop.take() {
                Some((_, error)) => Err(error),
                None => Ok(self.summary),
            });
        }
    }

    /// When the folder is to be looked at; never while the archive is being, so that what that listing lacks was
    /// here, or is missing.
    fn scan_due_ms(&self) -> Option<u64> {
        let list_is_next = self.list_wanted && self.scans > 0 && !self.is_pausing();
        if self.is_looking() || self.is_ending() || (list_is_next && !self.scan_wanted) {
            return None;
        }
        match self.scan_wanted {
            true => Some(self.now_ms),
            false => self.settings.poll_ms.map(|_| self.next_scan_ms),
        }
    }

    fn is_looking(&self) -> bool {
        self.under_way.values().any(|work| matches!(work, Work::Scan | Work::List { .. }))
    }

    fn is_ending(&self) -> bool {
        self.stop.is_some() || self.draining || self.outcome.is_some()
    }

    /// Whether a failure is too fresh for another try.
    fn is_pausing(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.not_before_ms > self.now_ms)
    }

    fn begin(&mut self, work: Work) -> u64 {
        self.id_next += 1;
        self.under_way.insert(self.id_next, work);
        self.id_next
    }
}

#[cfg(test)]
mod tests;
