//! Which file has which LSNs.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::action::Add;
use super::lsns::lsns_of;
use super::place::TablePlace;
use crate::LsnRange;

/// Finds the file that has some of the LSNs of a range. `P` is the file: something with its path.
#[derive(Debug, Clone)]
pub(super) struct LsnIndex<P> {
    /// Ranges that do not overlap, by their first LSN.
    apart: BTreeMap<u64, (LsnRange, P)>,
    /// The ranges that overlap one of those, by their first LSN and their file. Only another writer
    /// makes them.
    overlapping: BTreeMap<(u64, P), LsnRange>,
}

impl<P: Borrow<str> + Clone + Ord> LsnIndex<P> {
    pub(super) fn new() -> Self {
        LsnIndex { apart: BTreeMap::new(), overlapping: BTreeMap::new() }
    }

    /// The file has these LSNs from now on.
    pub(super) fn insert(&mut self, lsns: &[LsnRange], file: &P) {
        for &range in lsns {
            match self.found_apart(range) {
                None => drop(self.apart.insert(range.min(), (range, file.clone()))),
                Some(_) => drop(self.overlapping.insert((range.min(), file.clone()), range)),
            }
        }
    }

    /// The file has these LSNs no longer.
    pub(super) fn remove(&mut self, lsns: &[LsnRange], file: &P) {
        for &range in lsns {
            let is_it = |(there, other): &(LsnRange, P)| *there == range && other == file;
            match self.apart.get(&range.min()).is_some_and(is_it) {
                true => drop(self.apart.remove(&range.min())),
                false => drop(self.overlapping.remove(&(range.min(), file.clone()))),
            }
        }
    }

    /// A file that has some of these LSNs, and which ones it has there.
    pub(super) fn find(&self, lsns: &[LsnRange]) -> Option<(&P, LsnRange)> {
        lsns.iter().copied().find_map(|range| {
            let overlapping = self.overlapping.iter();
            let mut rest = overlapping.filter(|(_, there)| there.overlaps(range));
            self.found_apart(range).or_else(|| rest.next().map(|((_, file), there)| (file, *there)))
        })
    }

    /// Whether files have all of these LSNs. It may say no where files overlap each other.
    pub(super) fn covers(&self, lsns: &[LsnRange]) -> bool {
        lsns.iter().all(|&range| {
            let mut next = Some(range.min());
            while let Some(lsn) = next.filter(|lsn| *lsn <= range.max()) {
                let before = self.apart.range(..=lsn).next_back().map(|(_, (there, _))| *there);
                match before.filter(|there| (*there).max() >= lsn) {
                    Some(there) => next = there.max().checked_add(1),
                    None => return false,
                }
            }
            true
        })
    }

    fn found_apart(&self, range: LsnRange) -> Option<(&P, LsnRange)> {
        let (_, (there, file)) = self.apart.range(..=range.max()).next_back()?;
        there.overlaps(range).then_some((file, *there))
    }
}

/// The LSNs of a file by its action. Where its tag is damaged, those of its key: whatever the tag
/// was, they are all that the file can have.
pub(super) fn lsns_held(place: &TablePlace, add: &Add) -> Vec<LsnRange> {
    lsns_of(place, add).unwrap_or_else(|_| {
        let without_tags = Add { path: add.path.clone(), ..Add::default() };
        lsns_of(place, &without_tags).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn range(min: u64, count: u64) -> LsnRange {
        LsnRange::new(min, min + count).unwrap()
    }

    proptest! {
        #[test]
        fn lsns_are_covered_if_each_of_them_is_found(
            held in vec((0_u64..40, 0_u64..6), 0..12), min in 0_u64..40, count in 0_u64..20,
        ) {
            let mut index = LsnIndex::new();
            for (at, (min, count)) in held.into_iter().enumerate() {
                if index.find(&[range(min, count)]).is_none() {
                    index.insert(&[range(min, count)], &at.to_string());
                }
            }
            let expected = (min..=min + count).all(|lsn| index.find(&[range(lsn, 0)]).is_some());
            prop_assert_eq!(index.covers(&[range(min, count)]), expected);
            prop_assert!(!index.covers(&[range(u64::MAX, 0)]));
        }

        /// Against a plain list; files overlap each other too.
        #[test]
        fn a_file_is_found_by_each_of_its_lsns(
            steps in vec((any::<bool>(), 0_u64..40, 0_u64..6, 0_u8..8), 0..40),
        ) {
            let mut index = LsnIndex::new();
            let mut held: Vec<(String, LsnRange)> = Vec::new();
            for (is_new, min, count, name) in steps {
                let (name, lsns) = (format!("{name}-{min}-{count}"), range(min, count));
                let at = held.iter().position(|(other, _)| *other == name);
                match (is_new, at) {
                    (true, None) => {
                        index.insert(&[lsns], &name);
                        held.push((name, lsns));
                    }
                    (false, Some(at)) => {
                        index.remove(&[lsns], &name);
                        held.remove(at);
                    }
                    _ => {}
                }
                for lsn in 0..50 {
                    let expected = held.iter().any(|(_, lsns)| lsns.overlaps(range(lsn, 0)));
                    let found = index.find(&[range(lsn, 0)]);
                    prop_assert_eq!(found.is_some(), expected);
                    if let Some((name, lsns)) = found {
                        prop_assert!(held.contains(&(name.clone(), lsns)));
                        prop_assert!(lsns.overlaps(range(lsn, 0)));
                    }
                }
            }
        }
    }
}
