//! Plans row groups, tests their rows, and gives those that are taken.

use std::ops::Range;

use super::filter::ColumnPath;
use super::machine::{Scan, Stage, Step};
use super::plan::{self, Span};
use super::prune;
use super::rows::{Found, Made, SpanReader, Wanted};
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
        if tests {
            let columns = self.condition.columns();
            let fields = Some(Fields::new(columns.iter().map(ColumnPath::names)));
            let tested = Wanted { fields, ids: self.condition.reads_ids() };
            let wanted = plan::ranges(layout, &spans, &tested.leaves(layout)?)?;
            let (lacks_first, lacks_all) = (self.store.lacks(&wanted), self.store.lacks(&ranges));
            if lacks_all.saturating_sub(lacks_first) > gap {
                let reader = SpanReader::new(layout, &tested, None, spans)?;
                let reader = reader.testing(layout, &self.condition);
                self.ask(wanted, gap);
                return Ok(Stage::Filter(reader));
            }
        }
        let cut = self.wanted.fields.as_ref();
        let mut reader = SpanReader::new(layout, &self.wanted_and_tested, cut, spans)?;
        if tests {
            reader = reader.testing(layout, &self.condition);
        }
        self.ask(ranges, gap);
        Ok(Stage::Rows { reader, tested: !tests })
    }

    /// Tests the rows by the columns of the filter, and asks for the others of those it takes.
    pub(super) fn test(&mut self, mut reader: SpanReader) -> Result<Stage> {
        let Some(layout) = &self.layout else { return Ok(Stage::Done) };
        let mut taken: Vec<(usize, Vec<Range<usize>>)> = Vec::new();
        let mut rows = 0;
        let tested = &mut self.progress.rows_read;
        while rows < self.rows_left
            && let Some(Found { group, at, .. }) = reader.next(
                layout,
                &self.store,
                Some(&mut self.condition),
                Made::Nothing,
                tested,
            )?
        {
            rows += 1;
            if taken.last().is_none_or(|(last, _)| *last != group) {
                taken.push((group, Vec::new()));
            }
            let Some((_, runs)) = taken.last_mut() else { continue };
            match runs.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => runs.push(at..at + 1),
            }
        }
        let gap = self.settings.join_gap_bytes;
        let leaves = self.wanted.leaves(layout)?;
        let mut spans = Vec::new();
        for (group, runs) in taken {
            spans.extend(plan::spans(layout, group, &leaves, runs, gap)?);
        }
        let ranges = self.store.lacking(plan::ranges(layout, &spans, &leaves)?);
        let ranges = joined_to(joined(ranges, gap), SECOND_ROUND_REQUESTS, WIDE_GAPS * gap);
        let reader = SpanReader::new(layout, &self.wanted, self.wanted.fields.as_ref(), spans)?;
        self.ask(ranges, gap);
        Ok(Stage::Rows { reader, tested: true })
    }

    /// The next row that is taken, of those whose bytes are there. With `json`, its document is
    /// appended there.
    pub(super) fn row(
        &mut self,
        mut reader: SpanReader,
        tested: bool,
        json: Option<&mut String>,
    ) -> Result<Option<Step>> {
        let Some(layout) = &self.layout else { return Ok(None) };
        let mut read = 0;
        let condition = (!tested).then_some(&mut self.condition);
        let fields = self.wanted.fields.as_ref();
        let mut json = json;
        let made = match &mut json {
            Some(out) => Made::Json(out, fields),
            None => Made::Row,
        };
        let found = reader.next(layout, &self.store, condition, made, &mut read);
        self.progress.rows_read += if tested && !self.condition.is_empty() { 0 } else { read };
        let Some(found) = found? else {
            self.store.keep_tail(self.progress.tail_bytes);
            self.stage = Stage::Plan;
            return Ok(None);
        };
        self.rows_left -= 1;
        self.progress.rows += 1;
        let step = match (found, json) {
            (Found { id: Some(id), .. }, _) => Step::Written(id),
            (Found { row: Some(mut row), .. }, json) => {
                if let Some(fields) = fields {
                    row.cut(fields)?;
                }
                match json {
                    Some(out) => Step::Written(row.append_json(out)),
                    None => Step::Row(row),
                }
            }
            _ => return Ok(None),
        };
        if self.rows_left > 0 {
            self.stage = Stage::Rows { reader, tested };
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
