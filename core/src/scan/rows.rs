//! Decodes the rows of some spans, whose bytes have arrived.

use std::collections::VecDeque;
use std::ops::Range;

use super::condition::Condition;
use super::leaf_test::LeafTest;
use super::plan::{self, Span};
use super::store::Store;
use crate::decode::{Assembler, Fields, GroupReader, Layout};
use crate::{Error, Projection, Result, StoredRow};

/// Reads spans one after the other.
pub(super) struct SpanReader {
    assembler: Assembler,
    /// Whether rows can be written without a document.
    writes: bool,
    /// `None` if rows are tested by their documents, or not at all.
    test: Option<LeafTest>,
    spans: VecDeque<Span>,
    open: Option<OpenSpan>,
}

/// A row that is taken.
pub(super) struct Found {
    pub(super) group: usize,
    /// Its number in the row group.
    pub(super) at: usize,
    /// `None` if nobody needed it, or if it was written.
    pub(super) row: Option<StoredRow>,
    /// The id of a row that was written.
    pub(super) id: Option<String>,
}

/// What is made of a row that is taken.
pub(super) enum Made<'m> {
    Nothing,
    Row,
    /// Its JSON is appended, with these fields, unless only a row can be made of it.
    Json(&'m mut String, Option<&'m Fields>),
}

struct OpenSpan {
    group: usize,
    rows: GroupReader,
    /// The next row, and the one behind the last.
    next: usize,
    end: usize,
    wanted: VecDeque<Range<usize>>,
}

impl OpenSpan {
    /// Passes over rows up to the next wanted one, or to the end.
    fn pass_unwanted(&mut self) -> Result<()> {
        while self.wanted.front().is_some_and(|run| run.end <= self.next) {
            self.wanted.pop_front();
        }
        let wanted = self.wanted.front().map_or(self.end, |run| run.start.max(self.next));
        self.rows.skip_rows(wanted - self.next)?;
        self.next = wanted;
        Ok(())
    }
}

impl SpanReader {
    /// `cut`: the fields of the rows that are given.
    pub(super) fn new(
        layout: &Layout,
        wanted: &Wanted,
        cut: Option<&Fields>,
        spans: Vec<Span>,
    ) -> Result<Self> {
        let assembler = wanted.assembler(layout)?;
        let writes = assembler.writes(cut);
        Ok(SpanReader { assembler, writes, test: None, spans: spans.into(), open: None })
    }

    /// The same reader for rows that are tested: by their leaves, where that is enough.
    pub(super) fn testing(mut self, layout: &Layout, condition: &Condition) -> Self {
        self.test = LeafTest::new(condition, layout, self.assembler.leaves());
        self
    }

    /// The next wanted row that the condition takes, if there is a condition; `None` at the end.
    pub(super) fn next(
        &mut self,
        layout: &Layout,
        store: &Store,
        condition: Option<&mut Condition>,
        mut made: Made<'_>,
        tested: &mut u64,
    ) -> Result<Option<Found>> {
        let mut condition = condition;
        loop {
            let Some(open) = &mut self.open else {
                let Some(span) = self.spans.pop_front() else { return Ok(None) };
                self.open = Some(self.open(layout, store, span)?);
                continue;
            };
            open.pass_unwanted()?;
            let (group, at) = (open.group, open.next);
            let of_row = |error: Error| error.at_row(number(layout, group, at));
            let Some(leaves) = open.rows.next_row()? else {
                self.open = None;
                continue;
            };
            open.next += 1;
            *tested += 1;
            let taken = match (&mut self.test, &condition) {
                (_, None) => Some(true),
                (None, Some(_)) => None,
                (Some(test), Some(condition)) => test.takes(condition, leaves).map_err(of_row)?,
            };
            let (mut row, mut id) = (None, None);
            match (taken, &mut made) {
                (Some(false), _) | (Some(true), Made::Nothing) => {
                    open.rows.skip_given().map_err(of_row)?;
                }
                (Some(true), Made::Json(out, fields)) if self.writes => {
                    id = self.assembler.write(leaves, *fields, out).map_err(of_row)?;
                    if id.is_none() {
                        row = Some(self.assembler.row(leaves).map_err(of_row)?);
                    }
                }
                _ => row = Some(self.assembler.row(leaves).map_err(of_row)?),
            }
            let taken = match (taken, &row, condition.as_deref_mut()) {
                (None, Some(row), Some(condition)) => condition.matches(row).map_err(of_row)?,
                (taken, ..) => taken == Some(true),
            };
            if taken {
                return Ok(Some(Found { group, at, row, id }));
            }
        }
    }

    fn open(&mut self, layout: &Layout, store: &Store, span: Span) -> Result<OpenSpan> {
        let Span { group, rows, wanted } = span;
        self.assembler.begin_group(group);
        let pages = |leaf| plan::pages(layout, store, group, leaf, &rows);
        let reader =
            GroupReader::open(layout, group, self.assembler.leaves(), rows.clone(), pages)?;
        let Range { start, end } = rows;
        Ok(OpenSpan { group, rows: reader, next: start, end, wanted: wanted.into() })
    }
}

/// What is read of each row.
pub(super) struct Wanted {
    /// `None`: all fields.
    pub(super) fields: Option<Fields>,
    pub(super) ids: bool,
}

impl Wanted {
    /// The leaves that hold it, in order.
    pub(super) fn leaves(&self, layout: &Layout) -> Result<Vec<usize>> {
        Ok(self.assembler(layout)?.leaves().to_vec())
    }

    fn assembler(&self, layout: &Layout) -> Result<Assembler> {
        let projection = match &self.fields {
            None => Projection::All,
            Some(fields) => Projection::Columns(fields.names().cloned().collect()),
        };
        Assembler::narrow(layout, &projection, self.fields.as_ref(), self.ids)
    }
}

/// The number of a row in the file.
fn number(layout: &Layout, group: usize, row: usize) -> u64 {
    let before = layout.metadata().row_groups().iter().take(group);
    let before = before.map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum::<u64>();
    before + row as u64
}
