//! Plans row groups, tests their rows, and gives those that are taken.

use std::ops::Range;

use super::filter::ColumnPath;
use super::machine::{Scan, Stage, Step};
use super::plan::{self, Span};
use super::prune;
use super::rows::{Made, SpanReader, Wanted};
use super::select::{Selected, Selector};
use super::store::{joined, joined_to};
use crate::Result;
use crate::decode::{Fields, Layout};

/// The requests that a second round sends, if the gaps between its ranges allow it.
const SECOND_ROUND_REQUESTS: usize = 2;

/// How many times wider these gaps may be than others.
const WIDE_GAPS: u64 = 8;

impl Scan {
    /// Plans the next row groups, and asks for their bytes.
    pub(super) fn plan(&mut self) -> Result<Stage> {
        let Some(layout) = &self.layout else { return Ok(Stage::Done) };
        let (gap, window) = (self.settings.join_gap_bytes, self.settings.window_bytes);
        let all = self.wanted_and_tested.leaves(layout)?;
        let (mut spans, mut size, mut rows) = (Vec::new(), 0, 0);
        while rows < self.rows_left
            && size < window
            && let Some(group) = self.groups.pop_front()
        {
            let runs = self.runs(layout, group, self.rows_left - rows)?;
            if runs.is_empty() {
                self.progress.pruned_by_page_index += 1;
                continue;
            }
            self.progress.row_groups_read += 1;
            let of_group = plan::spans(layout, group, &all, runs, gap)?;
            size += plan::bytes(plan::ranges(layout, &of_group, &all)?);
            rows += of_group.iter().map(Span::wanted_rows).sum::<u64>();
            spans.extend(of_group);
            // Nobody knows how many row groups the rest of the rows takes.
            if self.rows_left != u64::MAX && !self.condition.is_empty() {
                break;
            }
        }
        match spans.is_empty() {
            true => Ok(Stage::Done),
            false => self.fetch(spans, &all),
        }
    }

    /// Asks for the bytes of these spans: in two rounds, if that saves more than a request costs.
    /// `all`: the leaves of all that is wanted and tested.
    fn fetch(&mut self, spans: Vec<Span>, all: &[usize]) -> Result<Stage> {
        let Some(layout) = &self.layout else { return Ok(Stage::Done) };
        let (gap, tests) = (self.settings.join_gap_bytes, !self.condition.is_empty());
        let ranges = plan::ranges(layout, &spans, all)?;
        if !tests {
            let cut = self.wanted.fields.as_ref();
            let reader = SpanReader::new(layout, &self.wanted_and_tested, cut, spans)?;
            self.ask(ranges, gap);
            return Ok(Stage::Rows(Box::new(reader)));
        }
        let columns = self.condition.columns();
        let fields = Some(Fields::new(columns.iter().map(ColumnPath::names)));
        let tested = Wanted { fields, ids: self.condition.reads_ids() };
        let by_statistics = self.settings.use_statistics;
        let selector = Selector::new(layout, &tested, &self.condition, spans, by_statistics)?;
        let first = selector.ranges(layout)?;
        let (lacks_first, lacks_all) = (self.store.lacks(&first), self.store.lacks(&ranges));
        let apart = lacks_all.saturating_sub(lacks_first) > gap;
        self.ask(if apart { first } else { ranges }, gap);
        Ok(Stage::Filter(Box::new(selector)))
    }

    /// Tests the rows by what the condition reads, and asks for what is missing of those it takes.
    pub(super) fn test(&mut self, mut selector: Box<Selector>) -> Result<Stage> {
        let Some(layout) = &self.layout else { return Ok(Stage::Done) };
        let gap = self.settings.join_gap_bytes;
        let leaves = self.wanted.leaves(layout)?;
        let (mut spans, mut left) = (Vec::new(), self.rows_left);
        while left > 0
            && let Some(Selected { group, mut runs, tested }) =
                selector.next(layout, &self.store, &mut self.condition)?
        {
            self.progress.rows_read += tested;
            left -= cut(&mut runs, left);
            spans.extend(plan::spans(layout, group, &leaves, runs, gap)?);
        }
        let ranges = self.store.lacking(plan::ranges(layout, &spans, &leaves)?);
        let ranges = joined_to(joined(ranges, gap), SECOND_ROUND_REQUESTS, WIDE_GAPS * gap);
        let reader = SpanReader::new(layout, &self.wanted, self.wanted.fields.as_ref(), spans)?;
        self.ask(ranges, gap);
        Ok(Stage::Rows(Box::new(reader)))
    }

    /// The next row, of those whose bytes are there. With `json`, its document is appended there.
    pub(super) fn row(
        &mut self,
        mut reader: Box<SpanReader>,
        mut json: Option<&mut String>,
    ) -> Result<Option<Step>> {
        let Some(layout) = &self.layout else { return Ok(None) };
        let fields = self.wanted.fields.as_ref();
        let Some(made) = reader.next(layout, &self.store, json.as_deref_mut(), fields)? else {
            self.store.keep_tail(self.progress.tail_bytes);
            self.stage = Stage::Plan;
            return Ok(None);
        };
        self.rows_left -= 1;
        self.progress.rows += 1;
        self.progress.rows_read += u64::from(self.condition.is_empty());
        let step = match (made, json) {
            (Made::Written(id), _) => Step::Written(id),
            (Made::Row(mut row), json) => {
                if let Some(fields) = fields {
                    row.cut(fields)?;
                }
                match json {
                    Some(out) => Step::Written(row.append_json(out)),
                    None => Step::Row(row),
                }
            }
        };
        if self.rows_left > 0 {
            self.stage = Stage::Rows(reader);
        }
        Ok(Some(step))
    }

    /// Asks for ranges that are not there.
    pub(super) fn ask(&mut self, ranges: impl IntoIterator<Item = Range<u64>>, gap: u64) {
        self.store.ask(ranges, gap, &mut self.progress);
    }

    /// The rows of a row group to look at, at most so many if each of them is taken.
    fn runs(&self, layout: &Layout, group: usize, most: u64) -> Result<Vec<Range<usize>>> {
        if !self.condition.is_empty() {
            return prune::rows_that_may_match(layout, group, &self.condition);
        }
        let rows = layout.group_rows(group)?;
        Ok(prune::whole(usize::try_from(most).unwrap_or(usize::MAX).min(rows)))
    }
}

/// Leaves only the first rows, at most so many. Gives how many that are.
fn cut(runs: &mut Vec<Range<usize>>, most: u64) -> u64 {
    let mut left = most;
    for run in &mut *runs {
        let rows = (run.len() as u64).min(left);
        run.end = run.start + usize::try_from(rows).unwrap_or(usize::MAX);
        left -= rows;
    }
    runs.retain(|run| !run.is_empty());
    most - left
}
