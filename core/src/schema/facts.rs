//! What a file says of its columns so that values come back in the form that they had: whether a
//! null is an explicit null, and whether whole numbers had a fraction.
//!
//! Facts are no part of a [`Schema`](super::Schema): they are true of one file, and no reader of a
//! schema needs them. They stand in a list of their own, in the order of the columns in the JSON of
//! the schema: each column, field and element before those below it.

use std::ops::Range;

/// The row groups of a file in which something holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Groups {
    #[default]
    None,
    All,
    /// Their numbers, from 0, in ascending order.
    These(Vec<usize>),
}

impl Groups {
    #[cfg(feature = "decode")]
    pub(crate) fn has(&self, group: usize) -> bool {
        match self {
            Groups::None => false,
            Groups::All => true,
            Groups::These(groups) => groups.binary_search(&group).is_ok(),
        }
    }

    /// Whether a file of `groups` row groups can have these.
    #[cfg(feature = "decode")]
    pub(crate) fn fits(&self, groups: usize) -> bool {
        match self {
            Groups::None | Groups::All => true,
            Groups::These(these) => these.last().is_none_or(|last| *last < groups),
        }
    }
}

/// What a file says of one column, one field or one element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    /// Where a null of the field is an explicit null. In the other row groups it is an absent
    /// field. An element has none: its nulls are always explicit.
    pub(crate) nulls: Groups,
    /// Where the whole numbers of a floating-point column had no fraction and no exponent. In the
    /// other row groups they come back with a fraction.
    pub(crate) integers: Groups,
}

/// What some rows say about a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// They fit both answers.
    Nothing,
    Yes,
    No,
}

/// What some rows say about the facts of one column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) nulls: Said,
    pub(crate) integers: Said,
}

/// Collects what the rows of each row group say, until the file ends.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    columns: Vec<[Count; 2]>,
}

#[derive(Debug, Default, Clone)]
struct Count {
    /// The row groups that said yes.
    yes: Vec<usize>,
    /// Whether a row group said no.
    no: bool,
}

impl Tally {
    /// Adds what the rows of these row groups say. `found` has an entry for each column, and the
    /// columns are the same each time.
    pub(crate) fn add(&mut self, found: &[Found], groups: &Range<usize>) {
        self.columns.resize(found.len(), <[Count; 2]>::default());
        for ([nulls, integers], found) in self.columns.iter_mut().zip(found) {
            nulls.add(found.nulls, groups);
            integers.add(found.integers, groups);
        }
    }

    /// The facts of the file.
    pub(crate) fn end(self) -> Vec<Facts> {
        let facts =
            |[nulls, integers]: [Count; 2]| Facts { nulls: nulls.end(), integers: integers.end() };
        self.columns.into_iter().map(facts).collect()
    }
}

impl Count {
    fn add(&mut self, said: Said, groups: &Range<usize>) {
        match said {
            Said::Nothing => {}
            Said::Yes => self.yes.extend(groups.clone()),
            Said::No => self.no = true,
        }
    }

    fn end(self) -> Groups {
        match (self.yes.is_empty(), self.no) {
            (true, _) => Groups::None,
            // What a row group without an opinion holds is the same either way.
            (false, false) => Groups::All,
            (false, true) => Groups::These(self.yes),
        }
    }
}

#[cfg(all(test, feature = "decode"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_in_one_word_what_no_row_group_denies() {
        let groups = |said: &[Said]| {
            let mut tally = Tally::default();
            for (group, said) in said.iter().enumerate() {
                let found = [Found { nulls: *said, integers: Said::No }];
                tally.add(&found, &(group * 2..group * 2 + 2));
            }
            tally.end().remove(0).nulls
        };
        assert_eq!(groups(&[Said::Nothing, Said::No]), Groups::None);
        assert_eq!(groups(&[Said::Nothing, Said::Yes]), Groups::All);
        let these = groups(&[Said::Yes, Said::No, Said::Nothing, Said::Yes]);
        assert_eq!(these, Groups::These(vec![0, 1, 6, 7]));
        assert!(these.has(6) && !these.has(2));
        assert!(these.fits(8) && !these.fits(7));
    }
}
