//! The machine that archives a log: what it knows, and what it does next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::action::{WalAction, WalSettings, WalSummary};
use super::names::{Gap, SegmentNames, SegmentOrder, SegmentPlace};
use super::segment::ArchivedSegment;
use super::stage::{Entry, Work};
use crate::retry::Random;
use crate::{Error, Result};

/// The archive of one log. It knows what the folder and the archive hold. It says what to put next,
/// what to read back, what may be deleted, and which gap stops it.
///
/// It does no IO and knows no clock. Its host
///
/// 1. calls [`poll`](Self::poll) until it gives `None`, and performs each [`WalAction`], one after
///    the other or in parallel;
/// 2. stops when [`outcome`](Self::outcome) gives one;
/// 3. else waits for the next answer, or until the time of [`next_timeout`](Self::next_timeout),
///    passes the answer to its `handle_…` method, and begins again.
///
/// Times are milliseconds since 1970. A time that goes backwards counts as one that stands still.
/// All lasting state is in the folder and in the archive. So a plan may be dropped at any moment,
/// and a new one begun.
///
/// ```
/// use std::collections::BTreeMap;
/// use coldpress_core::{
///     ArchiveMark, ArchivedSegment, LocalSegment, SegmentChecksum, WalAction, WalPlan,
///     WalSettings,
/// };
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
///                     name: name.to_string(),
///                     bytes: text.len() as u64,
///                     modified_ms: 0,
///                     age_ms: 0,
///                     mark: ArchiveMark::None,
///                 });
///                 plan.handle_scan(id, segments.collect(), now_ms);
///             }
///             WalAction::List { id } => {
///                 let segments = archive.iter().map(|(name, (checksum, text))| ArchivedSegment {
///                     name: name.clone(),
///                     bytes: Some(text.len() as u64),
///                     modified_ms: 0,
///                     records: vec![*checksum],
///                     recorded_ms: 0,
///                 });
///                 plan.handle_listing(id, segments.collect(), now_ms);
///             }
///             // This host does one thing after the other, so it sends nothing before `Publish`.
///             WalAction::Put { id, segment } => _ = puts.insert(id, segment),
///             WalAction::Publish { id } => {
///                 let segment = puts.remove(&id).ok_or("put before it is published")?;
///                 let text = folder[segment.name.as_str()];
///                 let crc32c = crc32c(text.as_bytes());
///                 let checksum = SegmentChecksum { crc32c, bytes: segment.bytes };
///                 archive.insert(segment.name, (checksum, text));
///                 plan.handle_stored(id, checksum, true, now_ms);
///             }
///             WalAction::Verify { id, name, .. } => {
///                 let text = archive[&name].1;
///                 let (crc32c, bytes) = (crc32c(text.as_bytes()), text.len() as u64);
///                 let found = SegmentChecksum { crc32c, bytes };
///                 plan.handle_verified(id, found, now_ms);
///             }
///             WalAction::Delete { id, segment } => {
///                 folder.remove(segment.name.as_str());
///                 plan.handle_settled(id, now_ms);
///             }
///             WalAction::Archived(segment) => archived.push(segment.name),
///             // Drop what is under way; its answer does not matter any more.
///             WalAction::Cancel { id } => _ = puts.remove(&id),
///             // These come only with other settings, or if the archive was not empty.
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
/// * segments are sent in parallel, but a segment is published only once the archive holds all
///   segments before it. So the archive never has a hole that is not in the log itself, whatever
///   fails, and whenever the machine dies
/// * a segment counts as archived only after all segments before it. It is settled (deleted, or
///   marked `.done`) only after it is archived and its bytes were read back
/// * after a failure, no later segment is begun, and work under way on later segments is cancelled
/// * no segment after the first unfinished one of a sequence is published or settled
///   ([`WalPlan::held_up`] names the unfinished one)
/// * a gap stops the plan only if a second look at the folder, and a listing after that, show the
///   gap too
#[derive(Debug)]
pub struct WalPlan {
    pub(super) settings: WalSettings,
    pub(super) random: Random,
    pub(super) now_ms: u64,
    pub(super) order: SegmentOrder,
    /// The segments in the folder, in order.
    pub(super) here: BTreeMap<SegmentPlace, Entry>,
    /// The segments of the folder that are finished, have work left, and are not held up.
    pub(super) open: BTreeSet<SegmentPlace>,
    /// The finished segments that must wait, each with the unfinished segment that it waits for.
    pub(super) held: BTreeMap<SegmentPlace, SegmentPlace>,
    /// The segments that were removed, as far as is known before they were archived.
    pub(super) gone: BTreeSet<SegmentPlace>,
    /// The segments in the archive, in order.
    pub(super) there: BTreeMap<SegmentPlace, ArchivedSegment>,
    pub(super) under_way: BTreeMap<u64, Work>,
    pub(super) id_next: u64,
    pub(super) cancels: VecDeque<u64>,
    /// How often the folder has been looked at.
    pub(super) scans: u64,
    pub(super) scan_wanted: bool,
    pub(super) next_scan_ms: u64,
    /// The number of looks at the folder before the last listing of the archive.
    pub(super) listed_after: Option<u64>,
    pub(super) list_wanted: bool,
    /// The look at the folder after which a gap was first seen.
    pub(super) gap_seen_in: Option<u64>,
    pub(super) trouble: Option<Trouble>,
    /// The place where the plan stops for good, and why. Nothing from there on is done. A place of
    /// `None` is before everything.
    pub(super) stop: Option<(Option<SegmentPlace>, Error)>,
    pub(super) draining: bool,
    pub(super) summary: WalSummary,
    pub(super) outcome: Option<Result<WalSummary>>,
}

/// A failure with its retries.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) place: Option<SegmentPlace>,
    pub(super) error: Error,
    pub(super) failures: u32,
    pub(super) not_before_ms: u64,
}

impl WalPlan {
    /// A plan that has not looked at anything. `seed` makes the pauses after failures differ among
    /// machines.
    ///
    /// # Errors
    ///
    /// `Settings` if a setting is not valid.
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

    /// The next action, if there is one now. Call it until it gives `None`.
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
            self.end_at_rest();
        }
        action
    }

    /// When to call [`poll`](Self::poll) again if no answer comes before. `None`: only an answer or
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

    /// Begins nothing more, and ends once all work under way has ended.
    pub fn shutdown(&mut self) {
        self.draining = true;
    }

    /// How it ended; `None` before its end. Once there is an outcome, nothing is under way any
    /// more.
    pub fn outcome(&self) -> Option<&Result<WalSummary>> {
        self.outcome.as_ref()
    }

    /// What has been done so far.
    pub fn summary(&self) -> WalSummary {
        self.summary
    }

    /// The failure that is being retried, while watching; `None` once a retry has succeeded.
    pub fn trouble(&self) -> Option<&Error> {
        self.trouble.as_ref().map(|trouble| &trouble.error)
    }

    /// How segments are ordered.
    pub fn order(&self) -> SegmentOrder {
        self.order
    }

    /// The segments in the archive, in order, as far as this plan knows.
    pub fn archived(&self) -> impl DoubleEndedIterator<Item = &ArchivedSegment> {
        self.there.values()
    }

    /// The failure that has stopped it for good. It becomes the outcome.
    pub fn failure(&self) -> Option<&Error> {
        let stop = self.stop.as_ref().map(|(_, error)| error);
        stop.or(self.outcome.as_ref().and_then(|outcome| outcome.as_ref().err()))
    }

    /// All gaps of the sequence: segments that are neither in the folder nor in the archive.
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

    /// The gaps before all segments of the folder. They do not stop anything any more.
    pub fn archived_gaps(&self) -> Vec<Gap> {
        let mut gaps = self.gaps();
        gaps.retain(|gap| !self.here.contains_key(&self.order.place(&gap.before)));
        gaps
    }

    /// Looks at the folder or lists the archive, if that is due.
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

    /// If nothing is under way and nothing can begin, the plan ends. While watching, it waits
    /// instead.
    fn end_at_rest(&mut self) {
        let rests = self.under_way.is_empty() && self.cancels.is_empty();
        let once = self.settings.poll.is_none() && !self.list_wanted && !self.scan_wanted;
        if rests && self.outcome.is_none() && (once || self.stop.is_some() || self.draining) {
            self.outcome = Some(match self.stop.take() {
                Some((_, error)) => Err(error),
                None => Ok(self.summary),
            });
        }
    }

    /// When to look at the folder. Never while the archive is being listed: so a segment that the
    /// listing does not have was in the folder, or is missing.
    fn scan_due_ms(&self) -> Option<u64> {
        let list_is_next = self.list_wanted && self.scans > 0 && !self.is_pausing();
        if self.is_looking() || self.is_ending() || (list_is_next && !self.scan_wanted) {
            return None;
        }
        match self.scan_wanted {
            true => Some(self.now_ms),
            false => self.settings.poll.map(|_| self.next_scan_ms),
        }
    }

    pub(super) fn is_looking(&self) -> bool {
        self.under_way.values().any(|work| matches!(work, Work::Scan | Work::List { .. }))
    }

    pub(super) fn is_ending(&self) -> bool {
        self.stop.is_some() || self.draining || self.outcome.is_some()
    }

    /// Whether a failure is too fresh for another try.
    pub(super) fn is_pausing(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.not_before_ms > self.now_ms)
    }

    pub(super) fn begin(&mut self, work: Work) -> u64 {
        self.id_next += 1;
        self.under_way.insert(self.id_next, work);
        self.id_next
    }
}
