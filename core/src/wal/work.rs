//! The steps of a segment: put, read back, archived, settled. And what stops them.

use super::action::{ArchivedNow, WalAction};
use super::names::SegmentPlace;
use super::plan::{Trouble, WalPlan};
use super::segment::{ArchiveMark, SealedRule};
use super::stage::{Stage, StoredContent, Work};
use crate::time::whole_ms;
use crate::{Error, ErrorKind};

/// How many more segments than can be worked on in parallel may be begun: if the first one is slow,
/// the later ones must not pile up.
const WINDOW_FACTOR: usize = 4;

impl WalPlan {
    /// Publishes the first segment that is being put, if the archive holds all segments before it.
    ///
    /// Segments are sent in parallel, but become visible in order. A restore reads the log up to
    /// the first segment that is missing, so a later one that is visible too early would hide the
    /// loss of an earlier one that never arrives (decision 11).
    pub(super) fn poll_publish(&mut self) -> Option<WalAction> {
        let (place, id) = self.first_staging()?;
        let stage_of = |before: &SegmentPlace| self.here.get(before).map(|entry| entry.stage);
        let mut before = self.open.range(..&place);
        let unstored = before.find(|before| !stage_of(before).is_some_and(Stage::is_stored));
        // A segment that is gone may be archived or not. Until that is known, no later one counts.
        let gone = self.gone.first().filter(|gone| **gone < place);
        let Some(first) = unstored.into_iter().chain(gone).min().cloned() else {
            self.enter(&place, Stage::Storing);
            return Some(WalAction::Publish { id });
        };
        // `first` was found late, and comes before the segments under way. They wait for it to be
        // stored, and it waits for a free slot. So cancel one of them.
        let is_begun = stage_of(&first).is_some_and(Stage::is_under_way);
        if !is_begun && (self.is_ending() || self.running() >= self.settings.parallel) {
            self.cancel(|place, stage| *place > first && stage == Stage::Staging);
        }
        self.cancels.pop_front().map(|id| WalAction::Cancel { id })
    }

    /// The first segment whose bytes are being sent and that is not visible; and the id of its
    /// action.
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

    /// The next step of any segment; earlier segments come first.
    pub(super) fn poll_work(&mut self) -> Option<WalAction> {
        if self.is_pausing() || self.listed_after.is_none() {
            return None;
        }
        loop {
            let open = self.open.len();
            let action = self.poll_window();
            // If some segments needed no work, there is room for later ones.
            if action.is_some() || self.open.len() == open {
                return action;
            }
        }
    }

    /// The next step of the first segments that are open.
    ///
    /// The walk begins at the oldest segment. It stops at the first segment that must take a step
    /// but cannot: no later segment may overtake it.
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
                // `WalAction::Archived` says that all segments before this one are archived too.
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

    /// Once all sealed segments are archived, looks for a gap between the last of them and the
    /// segment that is being written. No other step would find it, because the segment that is
    /// being written is not put yet.
    fn look_for_gap_at_end(&mut self) {
        let is_busy = !self.open.is_empty() || self.running() > 0 || self.is_listing();
        if is_busy || self.draining || self.stop.is_some() {
            return;
        }
        if let Some(place) = self.unfinished().filter(|place| place.is_segment()).cloned() {
            self.stops_at_gap(&place);
        }
    }

    /// The place of the segment that is being written now.
    fn unfinished(&self) -> Option<&SegmentPlace> {
        if self.settings.sealed != SealedRule::Ready {
            return self.here.keys().next_back();
        }
        // After it, PostgreSQL keeps old files under the names of future segments.
        let mut here = self.here.iter().rev();
        let marked = here.find(|(_, entry)| entry.local.mark != ArchiveMark::None);
        let mut there = self.there.iter().rev();
        // If the archive has a segment with the name of an unmarked one here, it may be from
        // another log. So it does not count as the end of this log.
        let archived = there
            .find(|(place, segment)| segment.bytes.is_some() && !self.here.contains_key(*place));
        let last = marked.map(|(place, _)| place).or(archived.map(|(place, _)| place));
        self.here.keys().find(|place| Some(*place) > last)
    }

    /// Whether a gap is before this place. The plan stops there only if a second look at the
    /// folder, and a listing after that, show the gap too.
    fn stops_at_gap(&mut self, place: &SegmentPlace) -> bool {
        let Some(error) = self.gap_before(place) else {
            self.gap_seen_in = None;
            return false;
        };
        match self.gap_seen_in {
            Some(scan) if scan < self.scans && self.listed_after == Some(self.scans) => {
                self.stop_at(Some(place.clone()), error);
            }
            // One look proves nothing. Another archiver may have put the segment and deleted it
            // here. And a look at a folder can miss a file while other files are created and
            // deleted.
            seen => {
                self.gap_seen_in = seen.or(Some(self.scans));
                self.scan_wanted = true;
                self.list_wanted = true;
            }
        }
        true
    }

    /// Whether a listing of the archive is wanted or under way.
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
            // It is marked `.done`, so PostgreSQL may remove its file at any moment.
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
        // A record is put before its segment. A record alone says that somebody began to put the
        // segment and did not end: a gap that even names without numbers show.
        let begun = self.there.range(..place).rev().take_while(|(at, _)| Some(*at) > before);
        let mut begun = begun.filter(|(at, _)| self.order.leads_to(at, place));
        let message = match before.and_then(|before| self.order.gap_between(before, place)) {
            Some(gap) => gap.to_string(),
            None => format!("segment {} is missing (its record is there)", begun.next()?.0.name()),
        };
        let message = format!(
            "{message}: neither the folder nor the archive has it; restore what is missing into \
             the folder, or go on without it (for the command: --past-gap; --names any if the \
             names are not a sequence)"
        );
        Some(Error::new(ErrorKind::Missing, message))
    }

    /// The last segment before this place, in the folder or in the archive.
    pub(super) fn before(&self, place: &SegmentPlace) -> Option<&SegmentPlace> {
        let leads = |at: &SegmentPlace| !at.is_segment() || self.order.leads_to(at, place);
        let here = self.here.range(..place).rev().map(|(at, _)| at).find(|at| leads(at));
        let mut there = self.there.range(..place).rev();
        let there = there.find(|(at, segment)| segment.bytes.is_some() && leads(at));
        here.max(there.map(|(place, _)| place))
    }

    fn archive(&mut self, place: &SegmentPlace, stored: StoredContent) -> WalAction {
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

    /// A step failed at this place. While watching, it is retried if a retry can help. Otherwise
    /// the plan stops for good. In both cases no later segment goes on.
    pub(super) fn fail(&mut self, place: Option<SegmentPlace>, error: Error) {
        if let Some(place) = &place
            && let Some(entry) = self.here.get_mut(place)
        {
            entry.stage = entry.stage.back();
        }
        if self.settings.poll.is_none() || error.kind() != ErrorKind::Unavailable {
            return self.stop_at(place, error);
        }
        // Later segments cannot be published before it, so work on them would only wait.
        self.cancel_behind(place.as_ref());
        let failures = self.trouble.as_ref().map_or(0, |trouble| trouble.failures) + 1;
        let longest = whole_ms(self.settings.backoff)
            .saturating_mul(1 << (failures - 1).min(32))
            .min(whole_ms(self.settings.backoff_max))
            .max(1);
        // At least half of the pause: quick retries do not help a store that is down.
        let pause = longest / 2 + self.random.up_to(longest.div_ceil(2)).max(1);
        let not_before_ms = self.now_ms.saturating_add(pause);
        // The answer may have been lost, so the archive may have the segment. A listing shows it.
        self.list_wanted = true;
        self.trouble = Some(Trouble { place, error, failures, not_before_ms });
    }

    /// Something succeeded at this place.
    pub(super) fn mend(&mut self, place: Option<&SegmentPlace>) {
        if self.trouble.as_ref().is_some_and(|trouble| trouble.place.as_ref() == place) {
            self.trouble = None;
        }
    }

    /// Stops the plan at this place. Of several failures, the one at the first place is the
    /// outcome. Work on later segments is cancelled, because it would wait for ever.
    pub(super) fn stop_at(&mut self, place: Option<SegmentPlace>, error: Error) {
        self.cancel_behind(place.as_ref());
        if self.stop.as_ref().is_none_or(|(stop, _)| place < *stop) {
            self.stop = Some((place, error));
        }
    }

    fn cancel_behind(&mut self, place: Option<&SegmentPlace>) {
        self.cancel(|of, _| Some(of) > place);
    }

    /// Cancels the work under way on these segments.
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

/// The result of beginning to store a segment.
enum Begun {
    Action(WalAction),
    /// It cannot be stored now, so no later segment can.
    Nothing,
    /// It needs no work.
    Finished,
}
