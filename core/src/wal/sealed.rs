//! Which segments here are finished, and which of these must wait behind one that is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::WalPlan;
use super::names::SegmentPlace;
use super::segment::{ArchiveMark, LocalSegment, SealedRule};
use super::work::{Entry, Stage};

/// A segment that is not finished though later ones are. It holds those up: nothing behind it is
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
        /// The time since its last modification, by its time stamp. 0 also where that lies in the
        /// future.
        age_ms: u64,
        /// The time that the rule asks for.
        sealed_ms: u64,
        /// How far its time stamp lies in the future.
        ahead_ms: u64,
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
                "archive_status has neither its .ready nor its .done; PostgreSQL writes that at the latest at a checkpoint",
            ),
            Unfinished::Young { sealed_ms, ahead_ms, .. } if *ahead_ms > 0 => write!(
                f,
                "its time stamp is {:.1} s in the future, and the rule asks for {:.1} s after that: it is held until then; set its time stamp (touch), or see whether the clock was set back",
                *ahead_ms as f64 / 1e3,
                *sealed_ms as f64 / 1e3
            ),
            Unfinished::Young { age_ms, sealed_ms, .. } => write!(
                f,
                "by its time stamp it was modified {:.1} s ago, and the rule asks for {:.1} s; see what writes to it, and whether the clock was set back",
                *age_ms as f64 / 1e3,
                *sealed_ms as f64 / 1e3
            ),
            Unfinished::Newest => f.write_str("it is the newest segment of the folder"),
        }
    }
}

impl WalPlan {
    /// The segments here that may be archived: finished by the rule, and all before them too.
    pub fn sealed(&self) -> impl Iterator<Item = &LocalSegment> {
        let newest = self.newest();
        let sealed = self.here.iter().filter(move |(place, entry)| {
            self.is_finished(place, entry, newest) && !self.held.contains_key(*place)
        });
        sealed.map(|(_, entry)| &entry.local)
    }

    /// All segments that are here, in order.
    pub fn here(&self) -> impl Iterator<Item = &LocalSegment> {
        self.here.values().map(|entry| &entry.local)
    }

    /// The segments that are not finished and hold up later ones that are, in order.
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

    /// The segment that holds up this one, where one does.
    pub fn holder_of(&self, name: &str) -> Option<&str> {
        self.held.get(&self.order.place(name)).map(SegmentPlace::name)
    }

    fn why_unfinished(&self, local: &LocalSegment) -> Unfinished {
        match self.settings.sealed {
            SealedRule::Ready => Unfinished::Unmarked,
            SealedRule::Age { ms } => Unfinished::Young {
                age_ms: local.age_ms,
                sealed_ms: ms,
                ahead_ms: match local.age_ms {
                    0 => local.modified_ms.saturating_sub(self.now_ms),
                    _ => 0,
                },
            },
            SealedRule::Last => Unfinished::Newest,
        }
    }

    /// Sorts out anew what is finished and not done with, and what of it must wait. What is being
    /// put and must wait now is broken off: it would wait in the store.
    pub(super) fn sort_out(&mut self) {
        (self.open, self.held) = self.sorted_out();
        let held = std::mem::take(&mut self.held);
        self.cancel(|place, stage| stage == Stage::Staging && held.contains_key(place));
        self.held = held;
    }

    /// What is finished, not done with, and not held up; and what is held up, by which segment.
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

    /// The first number of this timeline that is known, here or in the archive. `here` is the first
    /// here.
    fn first_number(&self, here: &SegmentPlace) -> u64 {
        let mut there = self.there.range(SegmentPlace::start_of(here.group())..);
        let first = there.find(|(_, segment)| segment.bytes.is_some()).map(|(place, _)| place);
        let first = first.filter(|place| place.group() == here.group());
        first.map_or(here.number(), |place| place.number().min(here.number()))
    }

    /// The newest segment here, by its name.
    pub(super) fn newest(&self) -> Option<&SegmentPlace> {
        self.here.keys().next_back().filter(|place| place.is_segment())
    }

    /// Whether the rule calls this one finished, whatever is before it.
    pub(super) fn is_finished(
        &self,
        place: &SegmentPlace,
        entry: &Entry,
        newest: Option<&SegmentPlace>,
    ) -> bool {
        match self.settings.sealed {
            SealedRule::Last => newest != Some(place),
            // What is marked done but not archived here was archived elsewhere. To leave it out
            // would make a hole.
            SealedRule::Ready => entry.local.mark != ArchiveMark::None,
            SealedRule::Age { ms } => newest != Some(place) && entry.local.age_ms >= ms,
        }
    }
}

/// The first unfinished segment of each sequence, while segments are gone through in order.
#[derive(Default)]
struct Holders<'p> {
    group: Option<&'p str>,
    /// The one that holds up what follows in this sequence.
    current: Option<&'p SegmentPlace>,
    /// Of all earlier timelines, the one with the lowest number.
    lowest: Option<&'p SegmentPlace>,
}

impl<'p> Holders<'p> {
    fn enter(&mut self, plan: &WalPlan, place: &'p SegmentPlace) {
        if self.group == Some(place.group()) {
            return;
        }
        self.group = Some(place.group());
        self.lowest = [self.lowest, self.current].into_iter().flatten().min_by_key(|p| p.number());
        // A new timeline goes on from the middle of the old one. What the old one has from there on
        // is no part of it: PostgreSQL keeps old files under the names of segments to come,
        // unmarked for ever.
        let leads_here = |holder: &&SegmentPlace| {
            plan.order.joins_groups() && holder.number() < plan.first_number(place)
        };
        self.current = self.lowest.filter(leads_here);
    }

    fn add(&mut self, place: &'p SegmentPlace) {
        self.current.get_or_insert(place);
    }
}
