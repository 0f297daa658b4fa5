//! A whole file as record batches.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use coldpress_core::filter::{ColumnPath, Filter};
use coldpress_core::foreign::{self, PageTerms};
use parquet::file::metadata::ParquetMetaData;

use crate::error::Result;
use crate::record_batches::file::{File, guarded};
use crate::record_batches::group::{Wanted, decode, rows_of, schema};
use crate::record_batches::place::leaves;
use crate::record_batches::predicate::Predicate;
use crate::record_batches::prune::Pruning;
use crate::record_batches::settings::{BatchSettings, Collected};

/// The rows of a Parquet file that the filter takes, as record batches with the columns of the
/// projection. Coldpress or any other writer may have written the file.
///
/// `projection`: paths of columns, which lead through structs only; `None` for all columns. The
/// batches have them in the order of the file. They are the columns as they are stored:
/// `_rescued_data` is one of them.
///
/// `filter`: which rows; `None` for all. In a file of ours, it sees each row as it was put, with
/// rescued values in their places. `docs/record-batches.md` says what it sees in other files. It
/// skips row groups and pages whose statistics rule every row out.
///
/// There is at least one batch, so that the schema is known. This blocks: call it where blocking is
/// allowed.
///
/// An error of kind `Settings` if the file does not have a column of the projection, or if a file
/// of another writer does not have one of the filter. `Corrupt` if it cannot be read. `Limit` if it
/// would take more than [`ReadLimits`](coldpress_core::ReadLimits) allow.
///
/// ```
/// use coldpress::filter::{ColumnPath, Filter};
/// use coldpress::{Encoder, Settings, Target, read_parquet_with_predicate};
///
/// let mut encoder = Encoder::new(Settings::default())?;
/// encoder.push_json(br#"{"title":"Alien","year":1979} {"title":"Heat","year":1995}"#)?;
/// let file = encoder.finish(&Target::new(7, "films"))?.bytes;
///
/// let filter = Filter::parse("year >= 1990")?;
/// let columns = [ColumnPath::new(["title"])?];
/// let batches = read_parquet_with_predicate(file, Some(&columns), Some(&filter))?;
/// assert_eq!((batches[0].num_rows(), batches[0].num_columns()), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_parquet_with_predicate(
    bytes: Bytes,
    projection: Option<&[ColumnPath]>,
    filter: Option<&Filter>,
) -> Result<Vec<RecordBatch>> {
    read_parquet_with_settings(bytes, projection, filter, &BatchSettings::default())
}

/// [`read_parquet_with_predicate`] with other settings.
pub fn read_parquet_with_settings(
    bytes: Bytes,
    projection: Option<&[ColumnPath]>,
    filter: Option<&Filter>,
    settings: &BatchSettings,
) -> Result<Vec<RecordBatch>> {
    guarded(|| {
        let size = bytes.len() as u64;
        let file = File::open(&bytes, size, &settings.limits)?;
        let terms = Arc::new(PageTerms::new(&settings.limits, Arc::default()));
        let leaves = leaves(&file, projection)?;
        let reading = Reading { file: &file, bytes: &bytes, settings, terms, leaves };
        reading.all(filter)
    })
}

struct Reading<'r> {
    file: &'r File,
    bytes: &'r Bytes,
    settings: &'r BatchSettings,
    terms: Arc<PageTerms>,
    /// The leaves of the projection.
    leaves: Vec<usize>,
}

impl Reading<'_> {
    fn all(&self, filter: Option<&Filter>) -> Result<Vec<RecordBatch>> {
        let schema = schema(self.file, &self.leaves)?;
        let mut batches = Collected::new(&self.settings.limits);
        let groups = 0..self.file.metadata.num_row_groups();
        match filter {
            None => {
                for group in groups {
                    self.decode(group, &self.leaves, None, &mut |batch| batches.add(batch))?;
                }
            }
            Some(filter) => self.filtered(filter, groups, &mut batches)?,
        }
        Ok(batches.finish(schema))
    }

    fn filtered(
        &self,
        filter: &Filter,
        groups: Range<usize>,
        batches: &mut Collected,
    ) -> Result<()> {
        let mut predicate = Predicate::new(self.file, filter)?;
        let filtered_by = predicate.leaves.clone();
        let pruning = Pruning::new(self.file, filter, &filtered_by);
        let indexed = match self.settings.use_page_index {
            // A damaged index hides no row: then all pages are read.
            true => foreign::read_indexes(&self.file.metadata, self.bytes).ok(),
            false => None,
        };
        for group in groups {
            let rows = rows_of(self.file, group)?;
            if self.settings.use_statistics && !pruning.group_may_match(group, rows) {
                continue;
            }
            let may = self.may_match(&pruning, indexed.as_ref(), group, rows);
            let taken = match filtered_by.is_empty() {
                true => {
                    if predicate.matches_nothing() {
                        may
                    } else {
                        Vec::new()
                    }
                }
                false => self.taken(&mut predicate, group, may)?,
            };
            if !taken.is_empty() {
                let on = &mut |batch| batches.add(batch);
                self.decode(group, &self.leaves, Some(&taken), on)?;
            }
        }
        Ok(())
    }

    fn may_match<'p>(
        &self,
        pruning: &Pruning<'p>,
        indexed: Option<&'p ParquetMetaData>,
        group: usize,
        rows: usize,
    ) -> Vec<Range<usize>> {
        let runs = match indexed {
            Some(metadata) => pruning.rows_that_may_match(metadata, group, rows),
            None => std::iter::once(0..rows).collect(),
        };
        runs.into_iter().filter(|run| !run.is_empty()).collect()
    }

    /// Those of the rows that the filter takes.
    fn taken(
        &self,
        predicate: &mut Predicate<'_>,
        group: usize,
        rows: Vec<Range<usize>>,
    ) -> Result<Vec<Range<usize>>> {
        if rows.is_empty() {
            return Ok(rows);
        }
        let leaves = predicate.leaves.clone();
        let mut numbers = rows.iter().cloned().flatten();
        let mut taken: Vec<Range<usize>> = Vec::new();
        self.decode(group, &leaves, Some(&rows), &mut |batch| {
            for (is_taken, number) in predicate.matches(&batch)?.into_iter().zip(&mut numbers) {
                match taken.last_mut() {
                    _ if !is_taken => {}
                    Some(last) if last.end == number => last.end += 1,
                    _ => taken.push(number..number + 1),
                }
            }
            Ok(())
        })?;
        Ok(taken)
    }

    fn decode(
        &self,
        group: usize,
        leaves: &[usize],
        rows: Option<&[Range<usize>]>,
        on: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let columns = self.file.metadata.row_group(group).columns();
        let size = self.bytes.len() as u64;
        let chunks = leaves.iter().map(|leaf| {
            let range = foreign::chunk_range(&columns[*leaf], size)?;
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            Ok(self.bytes.slice(place(range.start)..place(range.end)))
        });
        let chunks = chunks.collect::<Result<_>>()?;
        let BatchSettings { batch_rows, limits, .. } = self.settings;
        let batch_rows = *batch_rows;
        let wanted = Wanted { group, leaves, chunks, rows, batch_rows, limits };
        decode(self.file, wanted, &self.terms, on)
    }
}
