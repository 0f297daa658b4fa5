//! One segment's way: put, read back, archived, settled. And what stops it.

use super::action::{ArchivedNow, WalAction};
use super::names::SegmentPlace;
use super::record::SegmentChecksum;
use super::segment::{ArchiveMark, LocalSegment, SealedRule};
use super::{Trouble, WalPlan};
use crate::{Error, ErrorKind};

/// How many segments are looked at beyond those that can be worked on at a time: where the first is slow, those
/// behind it must not pile up.
const WINDOW_FACTOR: usize = 4;

/// A segment in the folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) local: LocalSegment,
    pub(super) stage: Stage,
}

/// How far a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing is known of it but that it is here.
    Waiting,
    /// It is being put, and nothing of it can be seen.
    Staging,
    /// It is being put, and can be seen at any moment; or compared.
    Storing,
    /// The archive holds it.
    Stored(Stored),
    /// It is being read back.
    Verifying(Stored),
    /// It was read back.
    Verified(Stored),
    /// So are all before it.
    Archived,
    /// It is being deleted, or marked.
    Settling,
    /// Nothing is left to do.
    Finished,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) checksum: SegmentChecksum,
    pub(super) created: bool,
}

/// What is under way.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Scan,
    /// Begun after so many looks at the folder.
    List {
        scans: u64,
    },
    Segment(SegmentPlace),
}

impl Stage {
    pub(super) fn is_under_way(self) -> bool {
        matches!(self, Stage::Staging | Stage::Storing | Stage::Verifying(_) | Stage::Settling)
    }

    /// Whether the archive holds it.
    fn is_stored(self) -> bool {
        !matches!(self, Stage::Waiting | Stage::Staging | Stage::Storing)
    }

    pub(super) fn is_archived(self) -> bool {
        matches!(self, Stage::Archived | Stage::Settling | Stage::Finished)
    }

    /// Where it stands again after what was under way did not succeed.
    fn back(self) -> Self {
        match self {
            Stage::Staging | Stage::Storing => Stage::Waiting,
            Stage::Verifying(stored) => Stage::Stored(stored),
            Stage::Settling => Stage::Archived,
            other => other,
        }
    }
}

impl WalPlan {
    /// Lets the first segment that is being put be seen, where the archive holds all before it.
    pub(super) fn poll_publish(&mut self) -> Option<WalAction> {
        let (place, id) = self.first_staging()?;
        let stage_of = |before: &SegmentPlace| self.here.get(before).map(|entry| entry.stage);
        let mut before = self.open.range(..&place);
        let unstored = before.find(|before| !stage_of(before).is_some_and(Stage::is_stored));
        // What is gone may be archived or not: until that is known, nothing behind it counts.
        let gone = self.gone.first().filter(|gone| **gone < place);
        let Some(first) = unstored.into_iter().chain(gone).min().cloned() else {
            self.enter(&place, Stage::Storing);
            return Some(WalAction::Publish { id });
        };
        // One that turned up late, before those under way: they would wait for it, and it for them.
        let is_begun = stage_of(&first).is_some_and(Stage::is_under_way);
        if !is_begun && (self.is_ending() || self.running() >= self.settings.parallel) {
            self.cancel(|place, stage| *place > first && stage == Stage::Staging);
        }
        self.cancels.pop_front().map(|id| WalAction::Cancel { id })
    }

    /// The first segment that is being put and cannot be seen, and the action that does.
    fn first_staging(&self) -> Option<(SegmentPlace, u64)> {
        let staging = self.under_way.iter().filter_map(|(id, work)| match work {
            Work::Segment(place) => {
                let entry = self.here.get(place)?;
                (entry.stage == Stage::Staging).then_some((place, *id))
            }
            _ => None,
        });
        staging.min().map(|(place, id)| (place.clone(), id))
    }

    /// The next step of any segment, the first ones first.
    pub(super) fn poll_work(&mut self) -> Option<WalAction> {
        if self.is_pausing() || self.listed_after.is_none() {
            return None;
        }
        loop {
            let open = self.open.len();
            let action = self.poll_window();
            // Where some of it turned out to be done with, there is room for what is behind it.
            if action.is_some() || self.open.len() == open {
                return action;
            }
        }
    }

    fn poll_window(&mut self) -> Option<WalAction> {
        let window = self.settings.parallel.saturating_mul(WINDOW_FACTOR);
        let places: Vec<SegmentPlace> = self.open.iter().take(window).cloned().collect();
        let mut all_before_archived = true;
        for place in places {
            let stage = self.here.get(&place).map(|entry| entry.stage)?;
            let is_free = self.running() < self.settings.parallel;
            if self.stop.as_ref().is_some_and(|(stop, _)| stop.as_ref() <= Some(&place)) {
                return None;
            }
            // What is gone may be archived or not: until that is known, nothing behind it counts.
            all_before_archived &= self.gone.first().is_none_or(|gone| *gone > place);
            match stage {
                Stage::Waiting if self.draining || !is_free || self.is_listing() => return None,
                Stage::Waiting => match self.begin_storing(&place) {
                    Begun::Action(action) => return Some(action),
                    Begun::Nothing => return None,
                    Begun::Finished => continue,
                },
                Stage::Stored(stored) if self.settings.reads_back() => {
                    if !is_free {
                        return None;
                    }
                    let id = self.begin(Work::Segment(place.clone()));
                    self.enter(&place, Stage::Verifying(stored));
                    let (name, checksum) = (place.name().to_owned(), stored.checksum);
                    return Some(WalAction::Verify { id, name, checksum });
                }
                Stage::Stored(stored) | Stage::Verified(stored) if all_before_archived => {
                    return Some(self.archive(&place, stored));
                }
                Stage::Archived => return self.begin_settling(&place),
                _ => {}
            }
            all_before_archived &= self.here.get(&place).is_some_and(|e| e.stage.is_archived());
        }
        self.look_for_gap_at_end();
        None
    }

    /// Once all that is sealed is archived, nothing may be missing before what is being written either.
    fn look_for_gap_at_end(&mut self) {
        let is_busy = !self.open.is_empty() || self.running() > 0 || self.is_listing();
        if is_busy || self.draining || self.stop.is_some() {
            return;
        }
        if let Some(place) = self.unfinished().filter(|place| place.is_segment()).cloned() {
            self.stops_at_gap(&place);
        }
    }

    /// The place of what is being written now.
    fn unfinished(&self) -> Option<&SegmentPlace> {
        if self.settings.sealed != SealedRule::Ready {
            return self.here.keys().next_back();
        }
        // Behind it, PostgreSQL keeps old files under the names of segments to come.
        let mut here = self.here.iter().rev();
        let marked = here.find(|(_, entry)| entry.local.mark != ArchiveMark::None);
        let mut there = self.there.iter().rev();
        // What lies under the name of one that is here unmarked is of another log, perhaps: it ends nothing.
        let archived = there
            .find(|(place, segment)| segment.bytes.is_some() && !self.here.contains_key(*place));
        let last = marked.map(|(place, _)| place).or(archived.map(|(place, _)| place));
        self.here.keys().find(|place| Some(*place) > last)
    }

    /// Whether a gap is before this place: where looking again at both, folder and archive, shows it too, it stops here.
    fn stops_at_gap(&mut self, place: &SegmentPlace) -> bool {
        let Some(error) = self.gap_before(place) else {
            self.gap_seen_in = None;
            return false;
        };
        match self.gap_seen_in {
            Some(scan) if scan < self.scans && self.listed_after == Some(self.scans) => {
                self.stop_at(Some(place.clone()), error);
            }
            // Another archiver may have put, and deleted, what is not here; and a look at a folder in which files come
            // and go can miss one.
            seen => {
                self.gap_seen_in = seen.or(Some(self.scans));
                self.scan_wanted = true;
                self.list_wanted = true;
            }
        }
        true
    }

    /// Whether what is known of the archive is about to be replaced.
    fn is_listing(&self) -> bool {
        self.list_wanted || self.under_way.values().any(|work| matches!(work, Work::List { .. }))
    }

    fn running(&self) -> usize {
        self.under_way.values().filter(|work| matches!(work, Work::Segment(_))).count()
    }

    fn enter(&mut self, place: &SegmentPlace, stage: Stage) {
        if let Some(entry) = self.here.get_mut(place) {
            entry.stage = stage;
        }
    }

    fn begin_storing(&mut self, place: &SegmentPlace) -> Begun {
        let Some(segment) = self.here.get(place).map(|entry| entry.local.clone()) else {
            return Begun::Nothing;
        };
        if self.stops_at_gap(place) {
            return Begun::Nothing;
        }
        let archived = self.there.get(place).filter(|archived| archived.bytes.is_some()).cloned();
        if let Some(archived) = archived {
            // Whoever marked it has seen to it; its file may go at any moment.
            let is_done = segment.mark == ArchiveMark::Done
                && self.settings.sealed == SealedRule::Ready
                && archived.bytes == Some(segment.bytes);
            if is_done {
                self.finish(place);
                return Begun::Finished;
            }
            let id = self.begin(Work::Segment(place.clone()));
            self.enter(place, Stage::Storing);
            return Begun::Action(WalAction::Compare { id, segment, archived });
        }
        let id = self.begin(Work::Segment(place.clone()));
        self.enter(place, Stage::Staging);
        Begun::Action(WalAction::Put { id, segment })
    }

    /// The error of a segment that is missing just before this one.
    fn gap_before(&self, place: &SegmentPlace) -> Option<Error> {
        if self.settings.past_gap {
            return None;
        }
        let before = self.before(place);
        // A record alone tells of a segment that somebody began to put, whether names can tell or not.
        let begun = self.there.range(..place).rev().take_while(|(at, _)| Some(*at) > before);
        let mut begun = begun.filter(|(at, _)| self.order.leads_to(at, place));
        let message = match before.and_then(|before| self.order.gap_between(before, place)) {
            Some(gap) => gap.to_string(),
            None => format!("segment {} is missing (its record is there)", begun.next()?.0.name()),
        };
        let message = format!(
            "{message}: neither here nor archived; restore what is missing into the folder, or go on without it (for the command: --past-gap; --names any if the names are no sequence)"
        );
        Some(Error::new(ErrorKind::Missing, message))
    }

    /// The last place before this one that is held, here or in the archive.
    pub(super) fn before(&self, place: &SegmentPlace) -> Option<&SegmentPlace> {
        let leads = |at: &SegmentPlace| !at.is_segment() || self.order.leads_to(at, place);
        let here = self.here.range(..place).rev().map(|(at, _)| at).find(|at| leads(at));
        let mut there = self.there.range(..place).rev();
        let there = there.find(|(at, segment)| segment.bytes.is_some() && leads(at));
        here.max(there.map(|(place, _)| place))
    }

    fn archive(&mut self, place: &SegmentPlace, stored: Stored) -> WalAction {
        let verified = self.settings.reads_back();
        self.summary.segments += 1;
        self.summary.bytes += stored.checksum.bytes;
        self.summary.created += u64::from(stored.created);
        self.summary.verified += u64::from(verified);
        self.enter(place, Stage::Archived);
        if !self.settings.reads_back() {
            self.finish(place);
        }
        WalAction::Archived(ArchivedNow {
            name: place.name().to_owned(),
            checksum: stored.checksum,
            created: stored.created,
            verified,
        })
    }

    fn begin_settling(&mut self, place: &SegmentPlace) -> Option<WalAction> {
        let segment = self.here.get(place)?.local.clone();
        let id = self.begin(Work::Segment(place.clone()));
        self.enter(place, Stage::Settling);
        Some(match self.settings.delete {
            true => WalAction::Delete { id, segment },
            false => WalAction::MarkDone { id, name: segment.name },
        })
    }

    pub(super) fn finish(&mut self, place: &SegmentPlace) {
        self.enter(place, Stage::Finished);
        self.open.remove(place);
    }

    /// What came of a failure at this place: tried again while watching and where that can help; else it
    /// stops for good. Either way nothing behind it goes on.
    pub(super) fn fail(&mut self, place: Option<SegmentPlace>, error: Error) {
        if let Some(place) = &place
            && let Some(entry) = self.here.get_mut(place)
        {
            entry.stage = entry.stage.back();
        }
        if self.settings.poll_ms.is_none() || error.kind() != ErrorKind::Unavailable {
            return self.stop_at(place, error);
        }
        self.cancel_behind(place.as_ref());
        let failures = self.trouble.as_ref().map_or(0, |trouble| trouble.failures) + 1;
        let longest = self
            .settings
            .backoff_ms
            .saturating_mul(1 << (failures - 1).min(32))
            .min(self.settings.backoff_max_ms)
            .max(1);
        // At least half of it: a store that is down is not helped by quick tries.
        let pause = longest / 2 + self.random.up_to(longest.div_ceil(2)).max(1);
        let not_before_ms = self.now_ms.saturating_add(pause);
        self.list_wanted = true;
        self.trouble = Some(Trouble { place, error, failures, not_before_ms });
    }

    /// Something succeeded at this place.
    pub(super) fn mend(&mut self, place: Option<&SegmentPlace>) {
        if self.trouble.as_ref().is_some_and(|trouble| trouble.place.as_ref() == place) {
            self.trouble = None;
        }
    }

    /// The failure that stands first is the one to tell. What is under way behind it would wait for it for ever.
    pub(super) fn stop_at(&mut self, place: Option<SegmentPlace>, error: Error) {
        self.cancel_behind(place.as_ref());
        if self.stop.as_ref().is_none_or(|(stop, _)| place < *stop) {
            self.stop = Some((place, error));
        }
    }

    fn cancel_behind(&mut self, place: Option<&SegmentPlace>) {
        self.cancel(|of, _| Some(of) > place);
    }

    /// Breaks off what is under way for these segments.
    pub(super) fn cancel(&mut self, which: impl Fn(&SegmentPlace, Stage) -> bool) {
        for (id, work) in std::mem::take(&mut self.under_way) {
            let entry = match &work {
                Work::Segment(place) => self.here.get_mut(place).filter(|e| which(place, e.stage)),
                _ => None,
            };
            match entry {
                Some(entry) => {
                    entry.stage = entry.stage.back();
                    self.cancels.push_back(id);
                }
                None => _ = self.under_way.insert(id, work),
            }
        }
    }
}

/// What came of beginning to store a segment.
enum Begun {
    Action(WalAction),
    /// It cannot be, and so none behind it.
    Nothing,
    /// It need not be.
    Finished,
}
