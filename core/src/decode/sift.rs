//! Tests rows by the values of one leaf: a value of a dictionary once, and numbers as they are.

use std::ops::Range;

use super::batch::StoredValue;
use super::chunk::ChunkPages;
use super::column::{ColumnReader, values_of};
use super::damage::damaged_page;
use super::layout::Layout;
use super::regions::{Regions, place_of};
use super::values::DecodedValues;
use crate::Result;

/// Rows to test at once.
const STEP: usize = 1_024;

/// A test of a row by its value in one leaf.
pub(crate) trait ValueTest {
    /// Whether it takes the row; `None`: the row has no value.
    fn takes(&mut self, value: Option<StoredValue<'_>>) -> Result<bool>;

    /// The same for whole numbers, or for finite doubles by their places, if their order decides.
    fn regions(&self) -> Option<&Regions> {
        None
    }
}

/// Those of some rows of a row group that the test takes, by a leaf that is in no list. The runs of
/// rows are in order, and so are those that it gives. `pages` hold all these rows. `first`: the
/// number in the file of the first row of the row group, for errors.
pub(crate) fn sift(
    layout: &Layout,
    (group, leaf): (usize, usize),
    pages: ChunkPages,
    runs: &[Range<usize>],
    first: u64,
    test: &mut dyn ValueTest,
) -> Result<Vec<Range<usize>>> {
    let Range { start: mut next, end } = pages.rows;
    let mut column = ColumnReader::new(pages, layout.chunk(group, leaf)?, &layout.terms)?;
    let mut sifter = Sifter { null: None, entries: Vec::new(), found: Vec::new(), test };
    let (mut taken, mut levels) = (Vec::new(), Vec::new());
    for run in runs {
        column.skip(run.start.saturating_sub(next))?;
        next = run.start;
        while next < run.end {
            levels.clear();
            let rows = (run.end - next).min(STEP);
            let (rows, result) = sifter.step(&mut column, rows, &mut levels)?;
            let start = next;
            next += rows;
            if levels.is_empty() && result.is_ok() {
                let found = sifter.found.iter().enumerate().filter(|(_, takes)| **takes);
                found.for_each(|(row, _)| add_run(&mut taken, start + row..start + row + 1));
                continue;
            }
            let mut found = sifter.found.iter();
            for row in 0..rows {
                let has_value = levels.is_empty() || levels[row] == column.definition_max;
                match if has_value { found.next().copied() } else { sifter.null } {
                    Some(true) => add_run(&mut taken, start + row..start + row + 1),
                    Some(false) => {}
                    None => {
                        let error = result.err().unwrap_or_else(damaged_page);
                        return Err(error.at_row(first + (start + row) as u64));
                    }
                }
            }
        }
    }
    column.skip(end.saturating_sub(next))?;
    column.end()?;
    Ok(taken)
}

/// Adds a run of rows behind others. Runs that touch become one.
pub(crate) fn add_run(runs: &mut Vec<Range<usize>>, run: Range<usize>) {
    match runs.last_mut() {
        Some(last) if last.end == run.start => last.end = run.end,
        _ => runs.push(run),
    }
}

struct Sifter<'t> {
    test: &'t mut dyn ValueTest,
    /// Whether it takes rows without a value, once that is known.
    null: Option<bool>,
    /// The same of each value of the dictionary.
    entries: Vec<Option<bool>>,
    /// Whether it takes each value of the last step.
    found: Vec<bool>,
}

impl Sifter<'_> {
    /// Tests the values of the next rows, at most so many, and appends their levels, if there are
    /// any. Gives the number of rows, and the error of the test, which ends `found`.
    fn step(
        &mut self,
        column: &mut ColumnReader,
        rows: usize,
        levels: &mut Vec<i16>,
    ) -> Result<(usize, Result<()>)> {
        let mut page = column.open_page()?;
        let rows = rows.min(page.entries_left);
        page.entries_left -= rows;
        let mut values = rows;
        if let Some(definitions) = &mut page.definitions {
            definitions.read(rows, levels, |level| level as i16).ok_or_else(damaged_page)?;
            values = values_of(levels, column.definition_max).ok_or_else(damaged_page)?;
        }
        if values < rows && self.null.is_none() {
            self.null = Some(self.test.takes(None)?);
        }
        self.found.clear();
        let tested = match (page.values.is_looked_up(), column.dictionary()) {
            (true, dictionary) => {
                let mut places = Vec::new();
                page.values.places(values, &mut places).ok_or_else(damaged_page)?;
                match dictionary {
                    Some(dictionary) => self.entries(&places, dictionary)?,
                    None if places.is_empty() => Ok(()),
                    None => return Err(damaged_page()),
                }
            }
            (false, _) => {
                let mut found = column.no_values();
                let read = page.values.read(column.kind, values, None, &mut found);
                read.ok_or_else(damaged_page)?;
                self.values(&found, values)
            }
        };
        column.page = Some(page);
        Ok((rows, tested))
    }

    /// Tests the values at these places of the dictionary.
    fn entries(&mut self, places: &[u32], dictionary: &DecodedValues) -> Result<Result<()>> {
        for place in places {
            let at = *place as usize;
            let known = self.entries.get(at).copied().flatten();
            let takes = match known {
                Some(takes) => takes,
                None => {
                    let value = dictionary.get(at).ok_or_else(damaged_page)?;
                    let takes = match self.test.takes(Some(value)) {
                        Ok(takes) => takes,
                        Err(error) => return Ok(Err(error)),
                    };
                    if self.entries.len() <= at {
                        self.entries.resize(at + 1, None);
                    }
                    self.entries[at] = Some(takes);
                    takes
                }
            };
            self.found.push(takes);
        }
        Ok(Ok(()))
    }

    fn values(&mut self, values: &DecodedValues, count: usize) -> Result<()> {
        match (self.test.regions(), values) {
            (Some(regions), DecodedValues::Int32(values)) => {
                self.found.extend(values.iter().map(|value| regions.takes(i64::from(*value))));
            }
            (Some(regions), DecodedValues::Int64(values)) => {
                self.found.extend(values.iter().map(|value| regions.takes(*value)));
            }
            (Some(regions), DecodedValues::Double(values))
                if values.iter().all(|value| value.is_finite()) =>
            {
                self.found.extend(values.iter().map(|value| regions.takes(place_of(*value))));
            }
            _ => {
                for at in 0..count {
                    let value = values.get(at).ok_or_else(damaged_page)?;
                    self.found.push(self.test.takes(Some(value))?);
                }
            }
        }
        Ok(())
    }
}
