//! Columns of text, written page by page by our own hand.
//!
//! Parquet's writer wants each text as a counted reference (`ByteArray`) and clones it up to three times
//! on its way; with texts that already lie one behind the other, DELTA_LENGTH_BYTE_ARRAY is one copy and a
//! dictionary one look at each. On telemetry rows this saves a quarter of all the work. Headers, footers and indexes stay parquet's.

mod bits;
mod bounds;
mod dictionary;
mod page;

use std::ops::Range;

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType, Type};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use crate::{Error, ErrorKind, Result};
use bounds::{lower_bound, upper_bound};
use dictionary::Dictionary;
use page::{write_lengths, write_levels, write_prefixed};

pub(super) use page::{Definitions, Scratch, TextPage, shared_prefix};

/// Rows and bytes of text in one page at most, as parquet's own writer has them.
pub(super) const PAGE_ROWS_MAX: usize = 20_000;
pub(super) const PAGE_BYTES_MAX: usize = 1_024 * 1_024;

/// Bytes of text in one row of a column at most: sizes in a page's header are i32, and its lengths and levels
/// need room too.
const ROW_BYTES_MAX: usize = 1 << 30;

/// Writes one column chunk.
pub(super) struct TextChunk<'s> {
    scratch: &'s mut Scratch,
    descriptor: ColumnDescPtr,
    compression: Compression,
    encoding: Encoding,
    out: TrackedWrite<Vec<u8>>,
    bloom_filter: Option<Sbbf>,
    totals: Totals,
    column_index: ColumnIndexBuilder,
    offset_index: OffsetIndexBuilder,
    order: Order,
    dictionary: Option<Dictionary>,
    /// Bytes of the dictionary page with its header.
    dictionary_bytes: usize,
}

#[derive(Default)]
struct Totals {
    compressed: usize,
    uncompressed: usize,
    rows: usize,
    entries: usize,
    nulls: usize,
    text_bytes: usize,
    pages: i32,
    bounds: Option<(Vec<u8>, Vec<u8>)>,
    definitions: Option<LevelHistogram>,
    repetitions: Option<LevelHistogram>,
}

/// Whether the pages' bounds climb, or fall, all along.
struct Order {
    last: Option<(Vec<u8>, Vec<u8>)>,
    climbs: bool,
    falls: bool,
}

impl<'s> TextChunk<'s> {
    pub(super) fn new(
        scratch: &'s mut Scratch,
        descriptor: ColumnDescPtr,
        compression: Compression,
        encoding: Encoding,
        bloom_filter: Option<Sbbf>,
    ) -> Self {
        let totals = Totals {
            definitions: LevelHistogram::try_new(descriptor.max_def_level()),
            repetitions: LevelHistogram::try_new(descriptor.max_rep_level()),
            ..Totals::default()
        };
        TextChunk {
            scratch,
            descriptor,
            compression,
            encoding,
            out: TrackedWrite::new(Vec::new()),
            bloom_filter,
            totals,
            column_index: ColumnIndexBuilder::new(Type::BYTE_ARRAY),
            offset_index: OffsetIndexBuilder::new(),
            order: Order { last: None, climbs: true, falls: true },
            dictionary: None,
            dictionary_bytes: 0,
        }
    }

    /// Gives the chunk a dictionary of these values of the column, before its first page, unless it would be
    /// no gain.
    pub(super) fn write_dictionary(
        &mut self,
        bytes: &[u8],
        ends: &[usize],
        values: Range<usize>,
    ) -> Result<()> {
        let Some(mut dictionary) = Dictionary::of(bytes, ends, values) else { return Ok(()) };
        let page = std::mem::take(&mut dictionary.page);
        let body = Page::DictionaryPage {
            buf: Bytes::from(self.scratch.compressor.compress(&page)?),
            num_values: dictionary.entries as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        self.dictionary_bytes = self.put(body, page.len())?.compressed_size;
        self.encoding = Encoding::RLE_DICTIONARY;
        self.dictionary = Some(dictionary);
        Ok(())
    }

    /// Writes one page; an error where a page cannot be as large as its one row.
    pub(super) fn write(&mut self, page: &TextPage<'_>) -> Result<()> {
        if page.text_bytes() > ROW_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "one row has {} bytes of text in column {}, and a Parquet page holds {ROW_BYTES_MAX}; split the row",
                    page.text_bytes(),
                    self.descriptor.path().string()
                ),
            ));
        }
        self.scratch.body.clear();
        write_levels(&self.descriptor, page, &mut self.scratch.body);
        match (&self.dictionary, self.encoding) {
            (Some(dictionary), _) => {
                let indexes = dictionary.indexes(&page.values);
                bits::indexes(&mut self.scratch.body, indexes, dictionary.width());
            }
            (None, Encoding::DELTA_BYTE_ARRAY) => write_prefixed(page, self.scratch),
            (None, _) => write_lengths(page, self.scratch),
        }
        let uncompressed = self.scratch.body.len();
        let page_body = Page::DataPage {
            buf: Bytes::from(self.scratch.compressor.compress(&self.scratch.body)?),
            num_values: page.entries as u32,
            encoding: self.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = self.put(page_body, uncompressed)?;
        self.offset_index.append_row_count(page.rows as i64);
        self.offset_index.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
        self.offset_index.append_unencoded_byte_array_data_bytes(Some(page.text_bytes() as i64));
        self.note(page);
        Ok(())
    }

    /// Appends a page that is compressed already, and counts its bytes.
    fn put(&mut self, page: Page, uncompressed: usize) -> Result<PageWriteSpec> {
        let spec = SerializedPageWriter::new(&mut self.out)
            .write_page(CompressedPage::new(page, uncompressed))
            .map_err(super::write::failed)?;
        self.totals.compressed += spec.compressed_size;
        self.totals.uncompressed += spec.uncompressed_size;
        Ok(spec)
    }

    /// The chunk's bytes, and what the footer says of them.
    pub(super) fn close(mut self) -> parquet::errors::Result<(Bytes, ColumnCloseResult)> {
        let totals = self.totals;
        let bounds = totals.bounds.map(|(min, max)| (lower_bound(&min), upper_bound(&max)));
        let (min, max) = bounds.unzip();
        let exact =
            |bound: &Option<(Vec<u8>, bool)>| bound.as_ref().is_some_and(|(_, exact)| *exact);
        let (min_exact, max_exact) = (exact(&min), exact(&max));
        let value = |bound: Option<(Vec<u8>, bool)>| bound.map(|(bytes, _)| ByteArray::from(bytes));
        let statistics =
            ValueStatistics::new(value(min), value(max), None, Some(totals.nulls as u64), false)
                .with_min_is_exact(min_exact)
                .with_max_is_exact(max_exact);
        let mut encodings = vec![self.encoding, Encoding::RLE];
        let stats = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let mut page_stats = vec![stats(PageType::DATA_PAGE, self.encoding, totals.pages)];
        if self.dictionary.is_some() {
            encodings.push(Encoding::PLAIN);
            page_stats.insert(0, stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
        }
        let metadata = ColumnChunkMetaData::builder(self.descriptor)
            .set_compression(self.compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(page_stats)
            .set_dictionary_page_offset(self.dictionary.as_ref().map(|_| 0))
            .set_total_compressed_size(totals.compressed as i64)
            .set_total_uncompressed_size(totals.uncompressed as i64)
            .set_num_values(totals.entries as i64)
            .set_data_page_offset(self.dictionary_bytes as i64)
            .set_statistics(Statistics::ByteArray(statistics))
            .set_unencoded_byte_array_data_bytes(Some(totals.text_bytes as i64))
            .set_definition_level_histogram(totals.definitions)
            .set_repetition_level_histogram(totals.repetitions)
            .build()?;
        self.column_index.set_boundary_order(match (self.order.climbs, self.order.falls) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        });
        let close = ColumnCloseResult {
            bytes_written: totals.compressed as u64,
            rows_written: totals.rows as u64,
            metadata,
            bloom_filter: self.bloom_filter,
            column_index: Some(self.column_index.build()?),
            offset_index: Some(self.offset_index.build()),
        };
        Ok((Bytes::from(self.out.into_inner()?), close))
    }

    /// Keeps what the footer and the indexes are to say of a page.
    fn note(&mut self, page: &TextPage<'_>) {
        let nulls = page.entries - page.values.len();
        let totals = &mut self.totals;
        totals.rows += page.rows;
        totals.entries += page.entries;
        totals.nulls += nulls;
        totals.text_bytes += page.text_bytes();
        totals.pages += 1;
        let full = [self.descriptor.max_def_level()];
        let definitions = match page.definitions {
            Definitions::Full => histogram(&full, page.entries, full[0]),
            Definitions::Levels(levels) => histogram(levels, 1, full[0]),
        };
        let repetitions = histogram(page.repetitions, 1, self.descriptor.max_rep_level());
        self.column_index.append_histograms(&repetitions, &definitions);
        add(&mut totals.definitions, &definitions);
        add(&mut totals.repetitions, &repetitions);

        if let Some(filter) = &mut self.bloom_filter {
            page.texts().for_each(|text| filter.insert(text));
        }
        let Some((min, max)) = page.bounds() else {
            self.column_index.append(true, Vec::new(), Vec::new(), nulls as i64);
            return;
        };
        let (low, high) = (lower_bound(min).0, upper_bound(max).0);
        self.order.note(&low, &high);
        self.column_index.append(false, low, high, nulls as i64);
        match &mut totals.bounds {
            Some((least, most)) => {
                if min < least.as_slice() {
                    *least = min.to_vec();
                }
                if max > most.as_slice() {
                    *most = max.to_vec();
                }
            }
            bounds => *bounds = Some((min.to_vec(), max.to_vec())),
        }
    }
}

impl Order {
    fn note(&mut self, low: &[u8], high: &[u8]) {
        if let Some((last_low, last_high)) = &self.last {
            self.climbs &= last_low.as_slice() <= low && last_high.as_slice() <= high;
            self.falls &= last_low.as_slice() >= low && last_high.as_slice() >= high;
        }
        self.last = Some((low.to_vec(), high.to_vec()));
    }
}

fn histogram(levels: &[i16], times: usize, level_max: i16) -> Option<LevelHistogram> {
    let mut counts = vec![0_i64; usize::try_from(level_max).unwrap_or(0) + 1];
    for level in levels {
        counts[usize::try_from(*level).unwrap_or(0)] += times as i64;
    }
    (level_max > 0).then(|| LevelHistogram::from(counts))
}

fn add(total: &mut Option<LevelHistogram>, page: &Option<LevelHistogram>) {
    if let (Some(total), Some(page)) = (total, page) {
        total.add(page);
    }
}

#[cfg(test)]
mod tests {
    use parquet::basic::{LogicalType, Repetition};
    use parquet::schema::types::{ColumnDescriptor, ColumnPath, Type as SchemaType};
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_row_larger_than_a_page_can_be_is_an_error() {
        let leaf = SchemaType::primitive_type_builder("t", Type::BYTE_ARRAY)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::String))
            .build()
            .unwrap();
        let path = ColumnPath::from("t");
        let descriptor = Arc::new(ColumnDescriptor::new(Arc::new(leaf), 0, 0, path));
        let mut scratch = Scratch::new(crate::Codec::None).unwrap();
        let codec = Compression::UNCOMPRESSED;
        let encoding = Encoding::DELTA_LENGTH_BYTE_ARRAY;
        let mut chunk = TextChunk::new(&mut scratch, descriptor, codec, encoding, None);
        // Zeros that nobody touches, so that they cost no memory.
        let bytes = vec![0; ROW_BYTES_MAX + 1];
        let page = TextPage {
            bytes: &bytes,
            ends: &[bytes.len()],
            values: 0..1,
            rows: 1,
            entries: 1,
            definitions: Definitions::Full,
            repetitions: &[],
        };
        let error = chunk.write(&page).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.to_string().contains("column t"), "{error}");
    }
}
