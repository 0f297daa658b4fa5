//! Some columns of a row group as record batches.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use arrow_array::{RecordBatch, RecordBatchReader as _};
use arrow_schema::SchemaRef;
use bytes::Bytes;
use coldpress_core::ReadLimits;
use coldpress_core::foreign::{CheckedPages, PageTerms};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups, RowSelection};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::basic::Type;
use parquet::column::page::{PageIterator, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use crate::error::{Error, ErrorKind, Result};
use crate::record_batches::file::{File, unreadable};

/// The bytes that the rows of one batch may take, as far as their number alone says it.
const BATCH_BYTES: u64 = 64 << 20;

/// The leaves of a row group, and what is needed to decode them.
pub(crate) struct Wanted<'w> {
    pub(crate) group: usize,
    pub(crate) leaves: &'w [usize],
    /// The bytes of the pages of each leaf, in their order.
    pub(crate) chunks: Vec<Bytes>,
    /// The rows, in order; `None` for all.
    pub(crate) rows: Option<&'w [Range<usize>]>,
    /// The most rows of a batch.
    pub(crate) batch_rows: usize,
    pub(crate) limits: &'w ReadLimits,
}

/// The schema of the batches of these leaves.
pub(crate) fn schema(file: &File, leaves: &[usize]) -> Result<SchemaRef> {
    let metadata = Arc::clone(&file.metadata);
    let nothing = Source { metadata, group: 0, rows: 0, pages: None };
    let levels = levels(file, leaves)?;
    let reader = ParquetRecordBatchReader::try_new_with_row_groups(&levels, &nothing, 1, None);
    Ok(reader.map_err(|error| unreadable(&error))?.schema())
}

fn levels(file: &File, leaves: &[usize]) -> Result<FieldLevels> {
    let schema = file.metadata.file_metadata().schema_descr();
    let mask = ProjectionMask::leaves(schema, leaves.iter().copied());
    let hint = Some(&file.fields);
    parquet_to_arrow_field_levels(schema, mask, hint).map_err(|error| unreadable(&error))
}

/// Decodes them, batch by batch.
pub(crate) fn decode(
    file: &File,
    wanted: Wanted<'_>,
    terms: &Arc<PageTerms>,
    on: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let Wanted { group, leaves, chunks, rows, batch_rows, limits } = wanted;
    let all = rows_of(file, group)?;
    let row_group = file.metadata.row_group(group);
    let mut pages = BTreeMap::new();
    let mut row_bytes = 0_u64;
    for (leaf, bytes) in leaves.iter().zip(chunks) {
        let chunk = row_group.column(*leaf);
        let mut of_leaf = CheckedPages::new(bytes, chunk, terms)?;
        let longest = u64::try_from(of_leaf.longest_in_dictionary()?).unwrap_or(u64::MAX);
        let width = u64::try_from(chunk.column_descr().type_length()).unwrap_or(0);
        let fixed = chunk.column_descr().physical_type() == Type::FIXED_LEN_BYTE_ARRAY;
        // A row of a list has several values; on average, so many.
        let values = u64::try_from(chunk.num_values()).unwrap_or(0) / (all as u64).max(1);
        let value_bytes = 8_u64.max(longest).max(if fixed { width } else { 0 });
        row_bytes = row_bytes.saturating_add(value_bytes.saturating_mul(values.max(1)));
        pages.insert(*leaf, of_leaf);
    }
    check_row(row_bytes, limits)?;
    let rows_fit = usize::try_from(BATCH_BYTES / row_bytes.max(1)).unwrap_or(usize::MAX);
    let batch_rows = batch_rows.min(rows_fit).max(1);
    let metadata = Arc::clone(&file.metadata);
    let source = Source { metadata, group, rows: all, pages: Some(Mutex::new(pages)) };
    let selection =
        rows.map(|rows| RowSelection::from_consecutive_ranges(rows.iter().cloned(), all));
    let expected = rows.map_or(all, |rows| rows.iter().map(Range::len).sum());
    let failed = |error: &dyn std::fmt::Display| match terms.take_fault() {
        Some(fault) => fault.into(),
        None => unreadable(error),
    };
    let levels = levels(file, leaves)?;
    let reader =
        ParquetRecordBatchReader::try_new_with_row_groups(&levels, &source, batch_rows, selection);
    let mut reader = reader.map_err(|error| failed(&error))?;
    let mut found = 0;
    loop {
        terms.go_on()?;
        terms.begin_batch();
        let Some(batch) = reader.next() else { break };
        let batch = batch.map_err(|error| failed(&error))?;
        found += batch.num_rows();
        on(batch)?;
    }
    match found == expected {
        true => Ok(()),
        false => Err(unreadable(&format!(
            "row group {group} has {found} of the {expected} rows that its footer claims"
        ))),
    }
}

/// The rows that a row group claims to have.
pub(crate) fn rows_of(file: &File, group: usize) -> Result<usize> {
    let rows = usize::try_from(file.metadata.row_group(group).num_rows());
    rows.map_err(|_| unreadable(&"a row group has a negative number of rows"))
}

/// An error if one row may become larger than the limit.
fn check_row(bytes: u64, limits: &ReadLimits) -> Result<()> {
    if bytes <= limits.row_bytes_max as u64 {
        return Ok(());
    }
    let message = format!(
        "one row may take {bytes} bytes, and at most {} are read; read fewer columns, or raise \
         `ReadLimits::row_bytes_max`",
        limits.row_bytes_max
    );
    Err(Error::new(ErrorKind::Limit, message))
}

/// One row group, as parquet's reader asks for it.
struct Source {
    metadata: Arc<ParquetMetaData>,
    group: usize,
    rows: usize,
    /// The pages that nobody has asked for yet; `None`: there are no pages.
    pages: Option<Mutex<BTreeMap<usize, CheckedPages>>>,
}

impl RowGroups for Source {
    fn num_rows(&self) -> usize {
        self.rows
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>, ParquetError> {
        let Some(pages) = &self.pages else { return Ok(Box::new(OneChunk(None))) };
        match pages.lock().ok().and_then(|mut pages| pages.remove(&leaf)) {
            Some(pages) => Ok(Box::new(OneChunk(Some(pages)))),
            None => Err(ParquetError::General(format!("column {leaf} was read twice"))),
        }
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.metadata.row_groups().iter().skip(self.group).take(1))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// The pages of a leaf in the one row group.
struct OneChunk(Option<CheckedPages>);

impl Iterator for OneChunk {
    type Item = Result<Box<dyn PageReader>, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(|pages| Ok(Box::new(pages) as Box<dyn PageReader>))
    }
}

impl PageIterator for OneChunk {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use coldpress_core::{Encoder, Settings, Target};

    use super::*;

    #[test]
    fn reading_ends_once_nobody_waits_for_it() {
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        encoder.push_json(br#"{"a":1}"#).unwrap();
        let bytes = encoder.finish(&Target::new(1, "c")).unwrap().bytes;
        let limits = ReadLimits::default();
        let file = File::open(&bytes, bytes.len() as u64, &limits).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let terms = Arc::new(PageTerms::new(&limits, Arc::clone(&stop)));
        let read = || {
            let chunks = file.metadata.row_group(0).columns().iter().map(|chunk| {
                let (start, length) = chunk.byte_range();
                bytes.slice(start as usize..(start + length) as usize)
            });
            let (leaves, chunks, limits) = (&[0, 1], chunks.collect(), &limits);
            let wanted = Wanted { group: 0, leaves, chunks, rows: None, batch_rows: 1, limits };
            let mut rows = 0;
            decode(&file, wanted, &terms, &mut |batch| {
                rows += batch.num_rows();
                Ok(())
            })?;
            Ok::<usize, Error>(rows)
        };
        assert_eq!(read().unwrap(), 1);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(read().unwrap_err().kind(), ErrorKind::Aborted);
    }
}
