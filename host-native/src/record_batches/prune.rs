//! Leaves out what cannot hold a row of the filter: row groups, and rows of their pages.

use std::collections::BTreeSet;
use std::ops::Range;

use arrow_schema::DataType;
use coldpress_core::filter::{ColumnPath, Comparison, Condition, Filter};
use parquet::file::metadata::ParquetMetaData;

use crate::record_batches::file::File;
use crate::record_batches::shape::of_values;
use crate::record_batches::zone::{Pages, Zone};

/// What is asked about each row group.
pub(super) struct Pruning<'f> {
    file: &'f File,
    filter: &'f Filter,
    /// The leaves that the filter reads.
    leaves: &'f [usize],
    unbounded: Vec<ColumnPath>,
}

impl<'f> Pruning<'f> {
    pub(super) fn new(file: &'f File, filter: &'f Filter, leaves: &'f [usize]) -> Self {
        let mut unbounded = Vec::new();
        if file.own.is_none() {
            let floats = filter.columns().iter().filter(|path| {
                let found = file.data_type(path).map(of_values);
                found.is_some_and(DataType::is_floating)
            });
            let hide = |path: &&ColumnPath| nan_matters(filter.condition(), path, false);
            unbounded = floats.filter(hide).cloned().collect();
        }
        Pruning { file, filter, leaves, unbounded }
    }

    /// Whether the row group can have rows, by its statistics.
    pub(super) fn group_may_match(&self, group: usize, rows: usize) -> bool {
        self.filter.may_match(&self.zone(&self.file.metadata, group, rows, None))
    }

    /// The rows of the row group that its pages can have, by the page index in `metadata`.
    pub(super) fn rows_that_may_match(
        &self,
        metadata: &'f ParquetMetaData,
        group: usize,
        rows: usize,
    ) -> Vec<Range<usize>> {
        let pages = self.leaves.iter().filter_map(|leaf| Pages::of(metadata, group, *leaf, rows));
        let starts: BTreeSet<usize> = pages.flat_map(|pages| pages.0).collect();
        let starts: Vec<usize> = starts.into_iter().collect();
        let mut runs: Vec<Range<usize>> = Vec::new();
        if starts.is_empty() {
            runs.push(0..rows);
        }
        for (at, start) in starts.iter().enumerate() {
            let part = *start..starts.get(at + 1).copied().unwrap_or(rows);
            if !self.filter.may_match(&self.zone(metadata, group, rows, Some(part.clone()))) {
                continue;
            }
            match runs.last_mut() {
                Some(last) if last.end == part.start => last.end = part.end,
                _ => runs.push(part),
            }
        }
        runs
    }

    fn zone<'z>(
        &'z self,
        metadata: &'z ParquetMetaData,
        group: usize,
        group_rows: usize,
        rows: Option<Range<usize>>,
    ) -> Zone<'z> {
        let (file, unbounded) = (self.file, self.unbounded.as_slice());
        Zone { file, metadata, group, group_rows, rows, unbounded }
    }
}

/// Whether a row with NaN in this column may be taken where no number is. Statistics leave NaN out,
/// and NaN is unequal to every number. So it matters where being unequal makes the filter true. The
/// depth of a filter is bounded.
fn nan_matters(condition: &Condition, path: &ColumnPath, negated: bool) -> bool {
    match condition {
        Condition::Compare(column, comparison, _) => {
            column == path && (negated || *comparison == Comparison::NotEqual)
        }
        Condition::In(column, _) | Condition::Like(column, _) => column == path && negated,
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().any(|part| nan_matters(part, path, negated))
        }
        Condition::Not(inner) => nan_matters(inner, path, !negated),
        _ => false,
    }
}
