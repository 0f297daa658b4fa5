//! How many values are rescued, by path.

use std::collections::BTreeMap;

use serde::Serialize;

/// The rescued values of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rescued {
    /// The path of their column, as people read it: `order.items[].price`.
    pub path: String,
    /// Values of this path in `_rescued_data`.
    pub count: u64,
    /// How many of them the column holds too. Only their form is another than the column's, and
    /// `_rescued_data` keeps it: `2024-02-29T12:00:00+01:00` in a column of texts with `Z`. The
    /// column lacks the other ones.
    pub other_form: u64,
}

/// Counts rescued values.
#[derive(Debug, Clone, Default)]
pub(crate) struct RescuedCounts(BTreeMap<String, Counts>);

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    all: u64,
    other_form: u64,
}

impl RescuedCounts {
    /// Counts one value. `in_column`: the column holds it too. Gives whether its path is new.
    pub(crate) fn add(&mut self, path: &str, in_column: bool) -> bool {
        let added = Counts { all: 1, other_form: u64::from(in_column) };
        match self.0.get_mut(path) {
            Some(counts) => {
                *counts = counts.plus(added);
                false
            }
            None => self.0.insert(path.to_owned(), added).is_none(),
        }
    }

    /// Adds the counts of other rows of the same file.
    pub(crate) fn merge(&mut self, other: RescuedCounts) {
        for (path, added) in other.0 {
            let counts = self.0.entry(path).or_default();
            *counts = counts.plus(added);
        }
    }

    /// All of them, sorted by path.
    pub(crate) fn into_list(self) -> Vec<Rescued> {
        let of = |(path, counts): (String, Counts)| {
            let Counts { all: count, other_form } = counts;
            Rescued { path, count, other_form }
        };
        self.0.into_iter().map(of).collect()
    }
}

impl Counts {
    fn plus(self, other: Counts) -> Counts {
        Counts { all: self.all + other.all, other_form: self.other_form + other.other_form }
    }
}
