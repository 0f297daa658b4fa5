//! Which segments in the folder are finished, and which of these must wait for an unfinished one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::names::SegmentPlace;
use super::plan::WalPlan;
use super::segment::{ArchiveMark, LocalSegment, SealedRule};
use super::stage::{Entry, Stage};

/// A segment that is not finished, while later ones are. It holds them up: no later segment is
/// archived or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldUp {
    /// The segment that is not finished.
    pub by: String,
    /// Why it does not count as finished.
    pub why: Unfinished,
    /// The first segment that waits for it.
    pub first: String,
    /// How many segments wait for it.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Why a segment does not count as finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// `archive_status` has no mark for it.
    Unmarked,
    /// It was modified too short a time ago.
    Young {
        /// The time since its last modification, by its time stamp. Also zero if that is in the
        /// future.
        age: Duration,
        /// The time that the rule asks for.
        sealed: Duration,
        /// How far its time stamp is in the future.
        ahead: Duration,
    },
    /// It is the newest.
    Newest,
}

impl fmt::Display for HeldUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = match self.segments {
            1 => format!("segment {}", self.first),
            n => format!("{n} segments from {} on", self.first),
        };
        write!(f, "{} is not finished and holds up {waiting}: {}", self.by, self.why)
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfinished::Unmarked => f.write_str(
                "archive_status has neither its .ready nor its .done file; PostgreSQL writes one \
                 at the next checkpoint at the latest",
            ),
            Unfinished::Young { sealed, ahead, .. } if !ahead.is_zero() => write!(
                f,
                "its time stamp is {:.1} s in the future, and the rule asks for {:.1} s after \
                 that: it waits until then; set its time stamp (touch), or check whether the \
                 clock was set back",
                ahead.as_secs_f64(),
                sealed.as_secs_f64()
            ),
            Unfinished::Young { age, sealed, .. } => write!(
                f,
                "by its time stamp it was modified {:.1} s ago, but the rule asks for {:.1} s; \
                 check what writes to it, and whether the clock was set back",
                age.as_secs_f64(),
                sealed.as_secs_f64()
            ),
            Unfinished::Newest => f.write_str("it is the newest segment of the folder"),
        }
    }
}

impl WalPlan {
    /// The segments in the folder that may be archived: they and all before them are finished.
    pub fn sealed(&self) -> impl Iterator<Item = &LocalSegment> {
        let newest = self.newest();
        let sealed = self.here.iter().filter(move |(place, entry)| {
            self.is_finished(place, entry, newest) && !self.held.contains_key(*place)
        });
        sealed.map(|(_, entry)| &entry.local)
    }

    /// All segments in the folder, in order.
    pub fn here(&self) -> impl Iterator<Item = &LocalSegment> {
        self.here.values().map(|entry| &entry.local)
    }

    /// The unfinished segments that hold up later ones, in order.
    pub fn held_up(&self) -> Vec<HeldUp> {
        let mut found: BTreeMap<&SegmentPlace, HeldUp> = BTreeMap::new();
        for (place, holder) in &self.held {
            let (Some(entry), Some(by)) = (self.here.get(place), self.here.get(holder)) else {
                continue;
            };
            let held = found.entry(holder).or_insert_with(|| HeldUp {
                by: holder.name().to_owned(),
                why: self.why_unfinished(&by.local),
                first: place.name().to_owned(),
                segments: 0,
                bytes: 0,
            });
            held.segments += 1;
            held.bytes = held.bytes.saturating_add(entry.local.bytes);
        }
        found.into_values().collect()
    }

    /// The segment that holds up this one, if there is one.
    pub fn holder_of(&self, name: &str) -> Option<&str> {
        self.held.get(&self.order.place(name)).map(SegmentPlace::name)
    }

    fn why_unfinished(&self, local: &LocalSegment) -> Unfinished {
        match self.settings.sealed {
            SealedRule::Ready => Unfinished::Unmarked,
            SealedRule::Age { age } => Unfinished::Young {
                age: Duration::from_millis(local.age_ms),
                sealed: age,
                ahead: match local.age_ms {
                    0 => Duration::from_millis(local.modified_ms.saturating_sub(self.now_ms)),
                    _ => Duration::ZERO,
                },
            },
            SealedRule::Last => Unfinished::Newest,
        }
    }

    /// Finds again which segments are open and which are held up. Cancels the put of a segment that
    /// must wait now: its parts would wait in the store.
    pub(super) fn sort_out(&mut self) {
        (self.open, self.held) = self.sorted_out();
        let held = std::mem::take(&mut self.held);
        self.cancel(|place, stage| stage == Stage::Staging && held.contains_key(place));
        self.held = held;
    }

    /// The open segments: finished, with work left, and not held up. And the held ones, each with
    /// the segment that holds it up.
    fn sorted_out(&self) -> (BTreeSet<SegmentPlace>, BTreeMap<SegmentPlace, SegmentPlace>) {
        let newest = self.newest();
        let (mut open, mut held) = (BTreeSet::new(), BTreeMap::new());
        let mut holders = Holders::default();
        for (place, entry) in &self.here {
            let is_finished = self.is_finished(place, entry, newest);
            if place.is_segment() {
                holders.enter(self, place);
                if !is_finished && !entry.stage.is_archived() {
                    holders.add(place);
                }
            }
            if !is_finished || entry.stage == Stage::Finished {
                continue;
            }
            match holders.current.filter(|_| place.is_segment()) {
                Some(holder) => _ = held.insert(place.clone(), holder.clone()),
                None => _ = open.insert(place.clone()),
            }
        }
        (open, held)
    }

    /// The first known number of this timeline, in the folder or in the archive. `here` is the
    /// first one in the folder.
    fn first_number(&self, here: &SegmentPlace) -> u64 {
        let mut there = self.there.range(SegmentPlace::start_of(here.group())..);
        let first = there.find(|(_, segment)| segment.bytes.is_some()).map(|(place, _)| place);
        let first = first.filter(|place| place.group() == here.group());
        first.map_or(here.number(), |place| place.number().min(here.number()))
    }

    /// The newest segment in the folder, by its name.
    pub(super) fn newest(&self) -> Option<&SegmentPlace> {
        self.here.keys().next_back().filter(|place| place.is_segment())
    }

    /// Whether this segment is finished by the rule, without regard to the segments before it.
    pub(super) fn is_finished(
        &self,
        place: &SegmentPlace,
        entry: &Entry,
        newest: Option<&SegmentPlace>,
    ) -> bool {
        match self.settings.sealed {
            SealedRule::Last => newest != Some(place),
            // A segment that is marked `.done` but missing in this archive was archived elsewhere.
            // It counts as finished, because without it this archive would have a hole.
            SealedRule::Ready => entry.local.mark != ArchiveMark::None,
            SealedRule::Age { age } => {
                newest != Some(place) && Duration::from_millis(entry.local.age_ms) >= age
            }
        }
    }
}

/// The first unfinished segment of each sequence, while walking the segments in order.
#[derive(Default)]
struct Holders<'p> {
    group: Option<&'p str>,
    /// The unfinished segment of the current sequence.
    current: Option<&'p SegmentPlace>,
    /// Of the unfinished segments of all earlier timelines, the one with the lowest number.
    lowest: Option<&'p SegmentPlace>,
}

impl<'p> Holders<'p> {
    fn enter(&mut self, plan: &WalPlan, place: &'p SegmentPlace) {
        if self.group == Some(place.group()) {
            return;
        }
        self.group = Some(place.group());
        self.lowest = [self.lowest, self.current].into_iter().flatten().min_by_key(|p| p.number());
        // A new timeline continues from the middle of the old one, and the later segments of the
        // old one are no part of it. PostgreSQL keeps old files under their names, unmarked for
        // ever.
        let leads_here = |holder: &&SegmentPlace| {
            plan.order.joins_groups() && holder.number() < plan.first_number(place)
        };
        self.current = self.lowest.filter(leads_here);
    }

    fn add(&mut self, place: &'p SegmentPlace) {
        self.current.get_or_insert(place);
    }
}
