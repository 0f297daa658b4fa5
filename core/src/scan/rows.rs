//! Makes the rows of some spans, whose bytes have arrived.

use std::collections::VecDeque;
use std::iter::Flatten;
use std::ops::Range;
use std::vec::IntoIter;

use super::plan::{self, Span};
use super::store::Store;
use crate::decode::{Assembler, Fields, GroupReader, Layout};
use crate::{Error, Projection, Result, StoredRow};

/// Reads spans one after the other.
pub(super) struct SpanReader {
    assembler: Assembler,
    /// Whether rows can be written without a document.
    writes: bool,
    spans: VecDeque<Span>,
    open: Option<OpenSpan>,
}

/// What has been made of a row.
pub(super) enum Made {
    Row(StoredRow),
    /// Its JSON was appended. This is its id.
    Written(String),
}

struct OpenSpan {
    group: usize,
    rows: GroupReader,
    /// The numbers of the rows in the row group.
    numbers: Flatten<IntoIter<Range<usize>>>,
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
        Ok(SpanReader { assembler, writes, spans: spans.into(), open: None })
    }

    /// The next wanted row; `None` at the end. With `json`, its JSON with these fields is appended
    /// there, unless only a row can be made of it.
    pub(super) fn next(
        &mut self,
        layout: &Layout,
        store: &Store,
        json: Option<&mut String>,
        fields: Option<&Fields>,
    ) -> Result<Option<Made>> {
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
            let (group, at) = (open.group, open.numbers.next().unwrap_or_default());
            let of_row = |error: Error| error.at_row(number(layout, group, at));
            if let Some(out) = json.filter(|_| self.writes)
                && let Some(id) = self.assembler.write(leaves, fields, out).map_err(of_row)?
            {
                return Ok(Some(Made::Written(id)));
            }
            return self.assembler.row(leaves).map(Made::Row).map(Some).map_err(of_row);
        }
    }

    fn open(&mut self, layout: &Layout, store: &Store, span: Span) -> Result<OpenSpan> {
        let Span { group, rows, wanted } = span;
        self.assembler.begin_group(group);
        let pages = |leaf| plan::pages(layout, store, group, leaf, &rows);
        let numbers = wanted.clone().into_iter().flatten();
        let rows = GroupReader::open(layout, group, self.assembler.leaves(), wanted, pages)?;
        Ok(OpenSpan { group, rows, numbers })
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

    pub(super) fn assembler(&self, layout: &Layout) -> Result<Assembler> {
        let projection = match &self.fields {
            None => Projection::All,
            Some(fields) => Projection::Columns(fields.names().cloned().collect()),
        };
        Assembler::narrow(layout, &projection, self.fields.as_ref(), self.ids)
    }
}

/// The number of a row in the file.
pub(super) fn number(layout: &Layout, group: usize, row: usize) -> u64 {
    let before = layout.metadata().row_groups().iter().take(group);
    let before = before.map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum::<u64>();
    before + row as u64
}
