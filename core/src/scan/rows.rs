//! Decodes the rows of some spans, whose bytes have arrived.

use std::collections::VecDeque;

use super::plan::{self, Span};
use super::store::Store;
use crate::decode::{Assembler, Fields, GroupReader, Layout};
use crate::{Projection, Result, StoredRow};

/// Reads spans one after the other.
pub(super) struct SpanReader {
    assembler: Assembler,
    spans: VecDeque<Span>,
    open: Option<OpenSpan>,
}

struct OpenSpan {
    group: usize,
    rows: GroupReader,
    /// The next row.
    next: usize,
    wanted: VecDeque<std::ops::Range<usize>>,
}

impl SpanReader {
    pub(super) fn new(layout: &Layout, fields: Option<&Fields>, spans: Vec<Span>) -> Result<Self> {
        let assembler = assembler(layout, fields)?;
        Ok(SpanReader { assembler, spans: spans.into(), open: None })
    }

    /// The next wanted row, with its row group and its number there; `None` at the end.
    pub(super) fn next(
        &mut self,
        layout: &Layout,
        store: &Store,
    ) -> Result<Option<(usize, usize, StoredRow)>> {
        loop {
            let Some(open) = &mut self.open else {
                let Some(span) = self.spans.pop_front() else { return Ok(None) };
                self.open = Some(self.open(layout, store, span)?);
                continue;
            };
            let Some(leaves) = open.rows.next_row()? else {
                self.open = None;
                continue;
            };
            let at = open.next;
            open.next += 1;
            let row = self.assembler.row(leaves);
            let row = row.map_err(|error| error.at_row(number(layout, open.group, at)))?;
            while open.wanted.front().is_some_and(|run| run.end <= at) {
                open.wanted.pop_front();
            }
            if open.wanted.front().is_some_and(|run| run.start <= at) {
                return Ok(Some((open.group, at, row)));
            }
        }
    }

    fn open(&mut self, layout: &Layout, store: &Store, span: Span) -> Result<OpenSpan> {
        let Span { group, rows, wanted } = span;
        self.assembler.begin_group(group);
        let pages = |leaf| plan::pages(layout, store, group, leaf, &rows);
        let reader =
            GroupReader::open(layout, group, self.assembler.leaves(), rows.clone(), pages)?;
        Ok(OpenSpan { group, rows: reader, next: rows.start, wanted: wanted.into() })
    }
}

/// The leaves that these fields take, in order; all, if it is `None`.
pub(super) fn leaves(layout: &Layout, fields: Option<&Fields>) -> Result<Vec<usize>> {
    Ok(assembler(layout, fields)?.leaves().to_vec())
}

fn assembler(layout: &Layout, fields: Option<&Fields>) -> Result<Assembler> {
    let projection = match fields {
        None => Projection::All,
        Some(fields) => Projection::Columns(fields.names().cloned().collect()),
    };
    Assembler::narrow(layout, &projection, fields)
}

/// The number of a row in the file.
fn number(layout: &Layout, group: usize, row: usize) -> u64 {
    let before = layout.metadata().row_groups().iter().take(group);
    let before = before.map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum::<u64>();
    before + row as u64
}
