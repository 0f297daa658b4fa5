//! Levels of entries, and what they cost: they grow with the values that there are, and not with
//! the places that values could have.
//!
//! A batch of a million rows may have a thousand columns of which each row fills three. Told one by
//! one, the levels of such a batch would take a thousand million places. So sparse columns tell
//! them in runs. Both forms give the same bytes in a file.

use std::ops::Range;
use std::sync::Arc;

use crate::work;

/// The levels of a column's entries, in order.
#[derive(Debug, Clone)]
pub(crate) enum Levels {
    /// One level for each entry; or no level at all, if all entries have the level that their
    /// column expects.
    Each(Vec<i16>),
    /// Runs of equal levels, if they take less memory. No run is empty, and neighbours differ.
    Runs(Vec<Run>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) level: i16,
    /// The entry after its last one.
    pub(crate) end: usize,
}

/// Some of a column's levels.
#[derive(Debug, Clone)]
pub(crate) enum LevelSlice<'l> {
    Each(&'l [i16]),
    /// The runs that have any of these entries.
    Runs(&'l [Run], Range<usize>),
}

impl Default for Levels {
    fn default() -> Self {
        Levels::Each(Vec::new())
    }
}

impl From<Vec<i16>> for Levels {
    fn from(levels: Vec<i16>) -> Self {
        Levels::Each(levels)
    }
}

impl Levels {
    /// Whether no levels are stored, because all are the level that the column expects.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of stored levels.
    pub(crate) fn len(&self) -> usize {
        match self {
            Levels::Each(levels) => levels.len(),
            Levels::Runs(runs) => runs.last().map_or(0, |run| run.end),
        }
    }

    /// Whether there is one of them for each entry.
    pub(super) fn are_told_one_by_one(&self) -> bool {
        matches!(self, Levels::Each(levels) if !levels.is_empty())
    }

    /// Appends a level.
    #[inline]
    fn push_one(&mut self, level: i16) {
        match self {
            Levels::Each(levels) => {
                work::count(1);
                levels.push(level);
            }
            Levels::Runs(_) => self.push(level, 1),
        }
    }

    /// Appends `count` times a level.
    pub(super) fn push(&mut self, level: i16, count: usize) {
        match self {
            Levels::Each(levels) => {
                work::count(count);
                levels.resize(levels.len() + count, level);
            }
            Levels::Runs(_) if count == 0 => {}
            Levels::Runs(runs) => {
                work::count(1);
                let end = runs.last().map_or(0, |run| run.end) + count;
                match runs.last_mut() {
                    Some(last) if last.level == level => last.end = end,
                    _ => runs.push(Run { level, end }),
                }
            }
        }
    }

    /// The level of an entry, and the number of entries from there that surely have it. `run` is
    /// the place to look at; it moves forward with the entries. `None` if no levels are stored.
    #[inline]
    pub(crate) fn at(&self, entry: usize, run: &mut usize) -> Option<(i16, usize)> {
        match self {
            Levels::Each(levels) => Some((*levels.get(entry)?, 1)),
            Levels::Runs(runs) => {
                while runs.get(*run)?.end <= entry {
                    *run += 1;
                }
                let found = runs.get(*run)?;
                Some((found.level, found.end - entry))
            }
        }
    }

    /// The run that an entry is in, for [`Levels::at`].
    pub(crate) fn run_of(&self, entry: usize) -> usize {
        match self {
            Levels::Each(_) => 0,
            Levels::Runs(runs) => runs.partition_point(|run| run.end <= entry),
        }
    }

    pub(crate) fn slice(&self, range: Range<usize>) -> LevelSlice<'_> {
        match self {
            Levels::Each(levels) => LevelSlice::Each(levels.get(range).unwrap_or_default()),
            Levels::Runs(runs) => {
                let first = runs.partition_point(|run| run.end <= range.start);
                let behind = runs.partition_point(|run| run.end < range.end);
                let last = (behind + 1).min(runs.len());
                LevelSlice::Runs(&runs[first.min(last)..last], range)
            }
        }
    }
}

impl LevelSlice<'_> {
    /// How many times each level comes, run by run.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (i16, usize)> {
        let (each, runs, range) = match self {
            LevelSlice::Each(levels) => (*levels, &[][..], 0..0),
            LevelSlice::Runs(runs, range) => (&[][..], *runs, range.clone()),
        };
        let mut at = range.start;
        let clipped = runs.iter().filter_map(move |run| {
            let end = run.end.min(range.end);
            let count = end.checked_sub(at).filter(|count| *count > 0)?;
            at = end;
            Some((run.level, count))
        });
        each.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).chain(clipped)
    }
}

/// The levels of one node's parent.
#[derive(Debug, Clone)]
pub(super) struct Parent {
    pub(super) entries: usize,
    /// How many entries are live.
    pub(super) instances: usize,
    /// Empty if every entry is live.
    pub(super) definitions: Levels,
    /// Empty if every entry is a row of its own.
    pub(super) repetitions: Arc<Levels>,
    /// The definition of a live entry. A live entry has the next instance of the node.
    pub(super) live: i16,
    /// How many lists there are above.
    pub(super) lists: i16,
}

impl Parent {
    /// Of the fields of documents.
    pub(super) fn of_rows(rows: usize) -> Self {
        Parent {
            entries: rows,
            instances: rows,
            definitions: Levels::default(),
            repetitions: Arc::default(),
            live: 0,
            lists: 0,
        }
    }
}

/// How many entries there must be for each that is noted before runs take less than levels one by
/// one: a run is eight times as large as a level, and each value may begin two.
const ENTRIES_PER_RUN: usize = 16;

/// The levels of a node, made of its parent's. An entry that is not live in the parent has no
/// instance of the node, and keeps the parent's level: the definition says where the path ends, and
/// it ends above the node.
pub(super) struct Overlay<'p> {
    parent: &'p Parent,
    pub(super) definitions: Levels,
    /// The entry and the instance that come next, and the parent's run that the entry is in.
    entry: usize,
    instance: usize,
    run: usize,
}

/// Whether runs take less memory than levels one by one: `noted` of the parent's entries may have
/// another level than their neighbours, and there will be `entries`.
pub(super) fn takes_runs(parent: &Parent, noted: usize, entries: usize) -> bool {
    !parent.definitions.are_told_one_by_one() && noted < entries / ENTRIES_PER_RUN
}

impl<'p> Overlay<'p> {
    /// An overlay that stores its levels in runs, or one by one.
    pub(super) fn new(parent: &'p Parent, runs: bool) -> Self {
        let definitions = match runs {
            true => Levels::Runs(Vec::new()),
            false => Levels::Each(Vec::with_capacity(parent.entries)),
        };
        Overlay { parent, definitions, entry: 0, instance: 0, run: 0 }
    }

    /// The entry of an instance. Instances must come in order. It copies the parent's levels up to
    /// that entry.
    #[inline]
    pub(super) fn reach(&mut self, instance: usize) -> usize {
        let live = self.parent.live;
        // This loop and the next do the same. Levels one by one are the common case, and a loop of
        // their own is faster: `at` gives them as runs of one.
        if let Levels::Each(told) = &self.parent.definitions {
            while let Some(level) = told.get(self.entry) {
                if *level == live {
                    if self.instance == instance {
                        return self.entry;
                    }
                    self.instance += 1;
                }
                self.definitions.push_one(*level);
                self.entry += 1;
            }
        }
        while let Some((level, count)) = self.parent.definitions.at(self.entry, &mut self.run) {
            let ahead = instance - self.instance;
            if level == live && ahead == 0 {
                return self.entry;
            }
            let count = if level == live { count.min(ahead) } else { count };
            self.instance += if level == live { count } else { 0 };
            self.definitions.push(level, count);
            self.entry += count;
        }
        // All entries are live, or no more levels are stored.
        let ahead = (instance - self.instance).min(self.parent.entries - self.entry);
        if ahead > 0 {
            self.definitions.push(live, ahead);
            self.instance += ahead;
            self.entry += ahead;
        }
        self.entry
    }

    /// Puts `level` for the entry that was reached.
    #[inline]
    pub(super) fn put(&mut self, level: i16) {
        self.definitions.push_one(level);
        self.entry += 1;
        self.instance += 1;
    }

    /// All levels, once no instance comes any more.
    pub(super) fn end(mut self) -> Levels {
        let entries = self.parent.entries;
        while self.entry < entries {
            let told = self.parent.definitions.at(self.entry, &mut self.run);
            let (level, count) = told.unwrap_or((self.parent.live, entries - self.entry));
            self.definitions.push(level, count);
            self.entry += count;
        }
        self.definitions
    }
}

/// The place of an entry: its row, and its elements in the lists of the row.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) indexes: Vec<usize>,
}

/// Finds the places of entries, in order: only those of values that are rescued are asked for.
pub(super) struct Places<'p> {
    parent: &'p Parent,
    entry: usize,
    run: usize,
    place: Place,
}

impl<'p> Places<'p> {
    pub(super) fn new(parent: &'p Parent) -> Self {
        let indexes = vec![0; usize::try_from(parent.lists).unwrap_or(0)];
        Places { parent, entry: 0, run: 0, place: Place { row: 0, indexes } }
    }

    /// The place of an entry, which must not be before the last one asked for.
    pub(super) fn of(&mut self, entry: usize) -> &Place {
        let repetitions = &*self.parent.repetitions;
        while self.entry < entry {
            let next = self.entry + 1;
            let (level, count) =
                repetitions.at(next, &mut self.run).unwrap_or((0, entry - self.entry));
            let count = count.min(entry - self.entry);
            work::count(1);
            match usize::try_from(level).unwrap_or(0) {
                0 => {
                    self.place.row += count;
                    // Filling nothing is a call that costs more than all the rest.
                    if self.parent.lists > 0 {
                        self.place.indexes.fill(0);
                    }
                }
                level => {
                    self.place.indexes[level - 1] += count;
                    self.place.indexes[level..].fill(0);
                }
            }
            self.entry += count;
        }
        &self.place
    }
}

#[cfg(test)]
#[path = "levels_tests.rs"]
mod tests;
