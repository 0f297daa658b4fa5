//! One leaf column on its way into the file, row group by row group.

use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::schema::types::ColumnDescPtr;

use super::bloom;
use super::choose::Choice;
use super::pages::{ChunkWriter, Definitions, PAGE_BYTES_MAX, PAGE_ROWS_MAX, Page, Scratch};
use super::refused::refused;
use crate::columns::Values;
use crate::format::codec::compression;
use crate::format::limits::PAGE_ENTRIES_MAX;
use crate::resolve::{Leaf, Levels};
use crate::{Codec, Result, work};

/// A leaf, and the place up to which it is written.
pub(super) struct LeafCursor {
    leaf: Leaf,
    choice: Choice,
    /// Its values are the ids of the rows.
    holds_ids: bool,
    entry: usize,
    value: usize,
}

/// What a page may hold, once it has a row.
struct PageMax {
    rows: usize,
    entries: usize,
    bytes: usize,
}

impl LeafCursor {
    pub(super) fn new(leaf: Leaf, choice: Choice, holds_ids: bool) -> Self {
        LeafCursor { leaf, choice, holds_ids, entry: 0, value: 0 }
    }

    /// Writes the next `rows` rows as a column chunk.
    pub(super) fn write(
        &mut self,
        rows: usize,
        descriptor: ColumnDescPtr,
        codec: Codec,
        scratch: &mut Scratch,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let codec = compression(codec)?;
        let mut chunk = ChunkWriter::new(scratch, descriptor, codec, self.choice.encoding);
        let first_value = self.value;
        if self.choice.dictionary {
            let group = PageMax { rows, entries: usize::MAX, bytes: usize::MAX };
            let group = self.page(&group).range;
            chunk.write_dictionary(&self.leaf.values, group)?;
        }
        let mut rows_left = rows;
        while rows_left > 0 {
            let page = self.page(&PageMax {
                rows: rows_left.min(PAGE_ROWS_MAX),
                entries: PAGE_ENTRIES_MAX,
                bytes: PAGE_BYTES_MAX,
            });
            chunk.write(&page)?;
            rows_left -= page.rows;
            let (entries, values) = (page.entries, page.range.len());
            self.entry += entries;
            self.value += values;
        }
        let (bytes, mut close) = chunk.close().map_err(refused)?;
        if self.holds_ids {
            let values = first_value..self.value;
            close.bloom_filter = bloom::filter(&self.leaf.values, values, bytes.len());
        }
        Ok((bytes, close))
    }

    /// The next whole rows up to these limits, but one at least, as a page.
    ///
    /// A page never ends within a row: the offset index names the first row of each page
    /// (`PageIndex.md`), and a reader that skips pages by it must find the whole row in one.
    fn page(&self, max: &PageMax) -> Page<'_> {
        let Leaf { values, definitions, repetitions, .. } = &self.leaf;
        let entries_in_all = definitions.len().max(repetitions.len()).max(values.len());
        if definitions.is_empty() && repetitions.is_empty() {
            // Entries, rows and values are the same: nothing needs to be looked at one by one.
            let most = max.rows.min(max.entries).min(entries_in_all - self.entry);
            let rows = values.until(self.value, max.bytes).min(most);
            let range = self.value..self.value + rows;
            let (definitions, repetitions) = (Definitions::Full, repetitions.slice(0..0));
            return Page { values, range, rows, entries: rows, definitions, repetitions };
        }
        let (rows, entry, value) = match (definitions, &**repetitions) {
            (Levels::Each(definitions), Levels::Each(repetitions)) => {
                self.end_of_each(max, entries_in_all, definitions, repetitions)
            }
            _ => self.end_of_runs(max, entries_in_all),
        };
        Page {
            values,
            range: self.value..value,
            rows,
            entries: entry - self.entry,
            definitions: match definitions.is_empty() {
                true => Definitions::Full,
                false => Definitions::Levels(definitions.slice(self.entry..entry)),
            },
            repetitions: repetitions.slice(self.entry..entry),
        }
    }

    /// The number of rows of the next page, and the entry and the value after it.
    fn end_of_each(
        &self,
        max: &PageMax,
        entries_in_all: usize,
        definitions: &[i16],
        repetitions: &[i16],
    ) -> (usize, usize, usize) {
        let (mut entry, mut value, mut rows) = (self.entry, self.value, 0);
        while entry < entries_in_all {
            work::count(1);
            if repetitions.get(entry).is_none_or(|level| *level == 0) {
                if rows > 0 && self.is_full(max, rows, entry, value) {
                    break;
                }
                rows += 1;
            }
            let level = definitions.get(entry).copied();
            value += usize::from(level.is_none_or(|level| level == self.leaf.definition_max));
            entry += 1;
        }
        (rows, entry, value)
    }

    /// The same for levels in runs: it steps from run to run.
    fn end_of_runs(&self, max: &PageMax, entries_in_all: usize) -> (usize, usize, usize) {
        let Leaf { definitions, repetitions, definition_max, .. } = &self.leaf;
        let (mut entry, mut value, mut rows) = (self.entry, self.value, 0);
        let mut definition_run = definitions.run_of(entry);
        let mut repetition_run = repetitions.run_of(entry);
        while entry < entries_in_all {
            work::count(1);
            let left = entries_in_all - entry;
            let definition = definitions.at(entry, &mut definition_run);
            let repetition = repetitions.at(entry, &mut repetition_run);
            let is_value = definition.is_none_or(|(level, _)| level == *definition_max);
            // This many entries have the same levels.
            let mut alike = definition.map_or(left, |(_, count)| count);
            alike = alike.min(repetition.map_or(left, |(_, count)| count));
            if repetition.is_none_or(|(level, _)| level == 0) {
                if rows > 0 && self.is_full(max, rows, entry, value) {
                    break;
                }
                // Each value may be the one that fills the page; entries without one take no bytes.
                let room = max
                    .rows
                    .saturating_sub(rows)
                    .min(max.entries.saturating_sub(entry - self.entry));
                alike = if is_value { 1 } else { alike.min(room).max(1) };
                rows += alike;
            }
            value += if is_value { alike } else { 0 };
            entry += alike;
        }
        (rows, entry, value)
    }

    /// Whether a page up to this entry and value is full.
    #[inline]
    fn is_full(&self, max: &PageMax, rows: usize, entry: usize, value: usize) -> bool {
        rows == max.rows
            || entry - self.entry >= max.entries
            || self.leaf.values.bytes(self.value..value) >= max.bytes
    }
}

impl Values {
    /// The number of values from `from` that take at least `bytes`, as [`Values::bytes`] counts; at
    /// least one. It is larger than the number of values if all of them take less.
    fn until(&self, from: usize, bytes: usize) -> usize {
        match self {
            Values::Boolean(_) => bytes.saturating_mul(8).max(1),
            Values::Int32(_) | Values::Float(_) => bytes.div_ceil(4).max(1),
            Values::Int64(_) | Values::Double(_) => bytes.div_ceil(8).max(1),
            Values::Fixed(_, width) => bytes.div_ceil(*width).max(1),
            Values::Bytes(blobs) => {
                let start = blobs.span(0..from).len();
                blobs.ends[from..].partition_point(|end| end - start < bytes) + 1
            }
        }
    }

    /// Bytes that some of the values take, lengths of byte strings apart.
    fn bytes(&self, range: std::ops::Range<usize>) -> usize {
        match self {
            Values::Boolean(_) => range.len() / 8,
            Values::Int32(_) | Values::Float(_) => range.len() * 4,
            Values::Int64(_) | Values::Double(_) => range.len() * 8,
            Values::Bytes(blobs) => blobs.span(range).len(),
            Values::Fixed(_, width) => range.len() * width,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::basic::Encoding;

    use super::*;
    use crate::columns::Blobs;

    fn rows(values: Values, definitions: Vec<i16>, max: &PageMax) -> Vec<usize> {
        let path = vec!["v".to_owned()];
        let leaf = Leaf {
            path,
            definitions: definitions.into(),
            definition_max: 1,
            repetitions: Arc::default(),
            values,
        };
        let choice = Choice { dictionary: false, encoding: Encoding::PLAIN };
        let (mut cursor, mut rows) = (LeafCursor::new(leaf, choice, false), Vec::new());
        while cursor.entry < 1_000 {
            let page = cursor.page(max);
            let (entries, values) = (page.entries, page.range.len());
            rows.push(page.rows);
            cursor.entry += entries;
            cursor.value += values;
        }
        rows
    }

    #[test]
    fn columns_without_levels_are_cut_as_all_others() {
        let texts = || {
            let mut blobs = Blobs::default();
            (0..1_000).for_each(|at| blobs.push(&vec![b'x'; at % 37]));
            Values::Bytes(blobs)
        };
        let kinds: [&dyn Fn() -> Values; 4] = [
            &texts,
            &|| Values::Int64(vec![7; 1_000]),
            &|| Values::Boolean(vec![true; 1_000]),
            &|| Values::Fixed(vec![1; 3_000], 3),
        ];
        for values in kinds {
            for bytes in [0, 1, 9, 50, 100, 500, usize::MAX] {
                for (rows_max, entries) in [(1, 9), (70, 1_000), (1_000, 33), (1_000, 1_000)] {
                    let max = PageMax { rows: rows_max, entries, bytes };
                    let level_by_level = rows(values(), vec![1; 1_000], &max);
                    assert_eq!(rows(values(), Vec::new(), &max), level_by_level, "{bytes}");
                }
            }
        }
    }

    #[test]
    fn columns_in_runs_are_cut_as_those_one_by_one() {
        for seed in 0..40 {
            let definitions = Levels::scattered(1_000, 2, seed);
            let values = definitions.iter().filter(|level| **level == 2).count();
            let mut repetitions = Levels::scattered(1_000, 1, seed + 100);
            repetitions[0] = 0;
            let flat = Vec::new();
            for repetitions in [flat, repetitions] {
                let cut = |definitions: Levels, repeated: Levels, max: &PageMax| {
                    let leaf = Leaf {
                        path: vec!["v".to_owned()],
                        definitions,
                        definition_max: 2,
                        repetitions: Arc::new(repeated),
                        values: Values::Int64(vec![7; values]),
                    };
                    let choice = Choice { dictionary: false, encoding: Encoding::PLAIN };
                    let (mut cursor, mut pages) =
                        (LeafCursor::new(leaf, choice, false), Vec::new());
                    while cursor.entry < 1_000 {
                        let page = cursor.page(max);
                        let (entries, range) = (page.entries, page.range.clone());
                        pages.push((page.rows, entries, range.clone()));
                        cursor.entry += entries;
                        cursor.value += range.len();
                    }
                    pages
                };
                for (rows, entries, bytes) in
                    [(1, 9, 9), (70, 1_000, 99), (1_000, 33, 9_000), (usize::MAX, usize::MAX, 1)]
                {
                    let max = PageMax { rows, entries, bytes };
                    let each = || Levels::Each(definitions.clone());
                    let repeated = || Levels::Each(repetitions.clone());
                    let expected = cut(each(), repeated(), &max);
                    let (in_runs, repeated_in_runs) =
                        (Levels::in_runs(&definitions), Levels::in_runs(&repetitions));
                    assert_eq!(cut(in_runs.clone(), repeated_in_runs, &max), expected);
                    assert_eq!(cut(in_runs, repeated(), &max), expected);
                }
            }
        }
    }
}
