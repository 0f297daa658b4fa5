//! Finds out which rows a condition takes: leaf by leaf, and the document of a row only where the
//! leaves do not tell.

use std::collections::VecDeque;
use std::ops::Range;

use super::condition::Condition;
use super::leaf_test::{ColumnTest, RowTest, tells};
use super::plan::{self, Span};
use super::rows::{Wanted, number};
use super::store::Store;
use super::zone::Zone;
use crate::decode::{
    Assembler, FieldPlace, GroupReader, Layout, StoredValue, ValueTest, add_run, sift,
};
use crate::schema::ColumnType;
use crate::sort::sort_by;
use crate::{Error, Result};

/// Runs of rows of a row group, in order.
type Runs = Vec<Range<usize>>;

/// Tests the rows of spans, one span after the other.
pub(super) struct Selector {
    assembler: Assembler,
    /// `None` if rows can only be tested by their documents.
    tests: Option<Tests>,
    spans: VecDeque<Span>,
}

/// The tests of a row without rescued values. All have to take it.
struct Tests {
    /// The leaf of the ids, if the condition asks for one. `own`: it has nothing else, so a rescued
    /// value is never an id.
    ids: Option<usize>,
    own: bool,
    rescued: Option<usize>,
    /// Whether statistics may say that no value is rescued.
    by_statistics: bool,
    columns: Vec<ColumnTest>,
    /// The whole filter, if parts of it read several columns.
    row: Option<RowTest>,
}

/// The rows of a span that are taken.
pub(super) struct Selected {
    pub(super) group: usize,
    pub(super) runs: Runs,
    /// How many rows were tested.
    pub(super) tested: u64,
}

impl Selector {
    /// `tested`: what the condition reads. `by_statistics`: whether statistics may leave out
    /// leaves.
    pub(super) fn new(
        layout: &Layout,
        tested: &Wanted,
        condition: &Condition,
        spans: Vec<Span>,
        by_statistics: bool,
    ) -> Result<Self> {
        let assembler = tested.assembler(layout)?;
        let tests = Tests::new(layout, condition, assembler.leaves(), by_statistics);
        Ok(Selector { assembler, tests, spans: spans.into() })
    }

    /// Where the bytes lie that the tests read.
    pub(super) fn ranges(&self, layout: &Layout) -> Result<Vec<Range<u64>>> {
        let mut ranges = Vec::new();
        for span in &self.spans {
            let mut leaves = self.assembler.leaves().to_vec();
            if let Some(tests) = &self.tests
                && tests.row.is_none()
                && tests.rescued_in(layout, span.group).is_none()
            {
                leaves.retain(|leaf| tests.rescued != Some(*leaf));
            }
            ranges.extend(plan::ranges(layout, std::slice::from_ref(span), &leaves)?);
        }
        Ok(ranges)
    }

    /// Those of the rows of the next span that the condition takes; `None` behind the last span.
    pub(super) fn next(
        &mut self,
        layout: &Layout,
        store: &Store,
        condition: &mut Condition,
    ) -> Result<Option<Selected>> {
        let Some(span) = self.spans.pop_front() else { return Ok(None) };
        let tested = span.wanted_rows();
        let (mut runs, apart) = match &mut self.tests {
            Some(tests) => tests.select(layout, store, condition, &span)?,
            None => (Vec::new(), span.wanted.clone()),
        };
        if !apart.is_empty() {
            let more = self.by_rows(layout, store, condition, &span, apart)?;
            runs = united(runs, more);
        }
        Ok(Some(Selected { group: span.group, runs, tested }))
    }

    /// Tests rows one by one: by their leaves, or by their documents.
    fn by_rows(
        &mut self,
        layout: &Layout,
        store: &Store,
        condition: &mut Condition,
        span: &Span,
        runs: Runs,
    ) -> Result<Runs> {
        let group = span.group;
        self.assembler.begin_group(group);
        let pages = |leaf| plan::pages(layout, store, group, leaf, &span.rows);
        let leaves = self.assembler.leaves();
        let mut rows = GroupReader::open(layout, group, leaves, runs.clone(), pages)?;
        let mut test = self.tests.as_mut().and_then(|tests| tests.row.as_mut());
        let mut at = runs.into_iter().flatten();
        let mut taken = Vec::new();
        while let (next, Some(leaves)) = (at.next(), rows.next_row()?) {
            let at = next.unwrap_or_default();
            let of_row = |error: Error| error.at_row(number(layout, group, at));
            let known = match &mut test {
                Some(test) => test.takes(condition, leaves).map_err(of_row)?,
                None => None,
            };
            let takes = match known {
                Some(takes) => {
                    rows.skip_given().map_err(of_row)?;
                    takes
                }
                None => {
                    let row = self.assembler.row(leaves).map_err(of_row)?;
                    condition.matches(&row).map_err(of_row)?
                }
            };
            if takes {
                add_run(&mut taken, at..at + 1);
            }
        }
        Ok(taken)
    }
}

impl Tests {
    /// `None` if rows can only be tested by their documents. `leaves`: those that are read.
    fn new(
        layout: &Layout,
        condition: &Condition,
        leaves: &[usize],
        by_statistics: bool,
    ) -> Option<Self> {
        if condition.filter().is_some_and(|filter| !tells(layout, filter)) {
            return None;
        }
        let ids = match (condition.id(), layout.ids()) {
            (None, _) => None,
            (Some(_), FieldPlace::Leaf(leaf, ColumnType::String)) => Some(leaf),
            (Some(_), _) => return None,
        };
        let parts = condition.parts();
        let count = parts.len();
        let columns: Vec<_> =
            parts.into_iter().filter_map(|part| ColumnTest::new(layout, part)).collect();
        let row = match condition.filter().filter(|_| columns.len() < count) {
            Some(filter) => Some(RowTest::new(layout, filter, leaves)?),
            None => None,
        };
        let (own, rescued) = (!layout.rescues_ids(), layout.rescued_leaf());
        Some(Tests { ids, own, rescued, by_statistics, columns, row })
    }

    /// The leaf of rescued values, if the row group may have some.
    fn rescued_in(&self, layout: &Layout, group: usize) -> Option<usize> {
        let none = self.by_statistics && Zone::group(layout, group).rescues_nothing();
        self.rescued.filter(|_| !none)
    }

    /// The rows of the span that are taken, and those that have to be tested one by one.
    fn select(
        &mut self,
        layout: &Layout,
        store: &Store,
        condition: &Condition,
        span: &Span,
    ) -> Result<(Runs, Runs)> {
        let first = number(layout, span.group, 0);
        let sifted = |leaf: usize, runs: Runs, test: &mut dyn ValueTest| {
            if runs.is_empty() {
                return Ok(runs);
            }
            let pages = plan::pages(layout, store, span.group, leaf, &span.rows)?;
            sift(layout, (span.group, leaf), pages, &runs, first, test)
        };
        let mut of_id = IsId(condition.id().unwrap_or_default());
        let mut runs = span.wanted.clone();
        if let Some(leaf) = self.ids.filter(|_| self.own) {
            runs = sifted(leaf, runs, &mut of_id)?;
        }
        let mut apart = Vec::new();
        if let Some(leaf) = self.rescued_in(layout, span.group) {
            apart = sifted(leaf, runs.clone(), &mut HasValue)?;
            runs = without(runs, &apart);
        }
        if let Some(leaf) = self.ids.filter(|_| !self.own) {
            runs = sifted(leaf, runs, &mut of_id)?;
        }
        for test in &mut self.columns {
            runs = match (test.leaf, test.takes(None)?) {
                (Some(leaf), _) => sifted(leaf, runs, test)?,
                (None, true) => runs,
                (None, false) => Vec::new(),
            };
        }
        Ok(match self.row {
            Some(_) => (Vec::new(), united(runs, apart)),
            None => (runs, apart),
        })
    }
}

/// Takes the rows whose id is this text.
struct IsId<'i>(&'i str);

impl ValueTest for IsId<'_> {
    fn takes(&mut self, value: Option<StoredValue<'_>>) -> Result<bool> {
        Ok(value.is_some_and(|value| value.is_text(self.0)))
    }
}

struct HasValue;

impl ValueTest for HasValue {
    fn takes(&mut self, value: Option<StoredValue<'_>>) -> Result<bool> {
        Ok(value.is_some())
    }
}

/// The rows of both, which have none in common.
fn united(mut runs: Runs, more: Runs) -> Runs {
    if runs.is_empty() || more.is_empty() {
        runs.extend(more);
        return runs;
    }
    runs.extend(more);
    sort_by(&mut runs, |one, other| one.start.cmp(&other.start));
    let mut united = Runs::with_capacity(runs.len());
    runs.into_iter().for_each(|run| add_run(&mut united, run));
    united
}

/// The rows without these, which lie among them.
fn without(runs: Runs, less: &[Range<usize>]) -> Runs {
    if less.is_empty() {
        return runs;
    }
    let (mut left, mut less) = (Runs::new(), less.iter().peekable());
    for Range { mut start, end } in runs {
        while let Some(gone) = less.next_if(|gone| gone.start < end) {
            left.push(start..gone.start);
            start = gone.end;
        }
        left.push(start..end);
    }
    left.retain(|run| !run.is_empty());
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_taken_apart_and_put_together() {
        let all = vec![0..4, 6..9, 12..15];
        for (less, left) in [
            (vec![], all.clone()),
            (all.clone(), vec![]),
            (vec![0..1, 2..3, 7..9], vec![1..2, 3..4, 6..7, 12..15]),
            (vec![0..4, 12..14], vec![6..9, 14..15]),
        ] {
            assert_eq!(without(all.clone(), &less), left);
            assert_eq!(united(left, less), all);
        }
    }
}
