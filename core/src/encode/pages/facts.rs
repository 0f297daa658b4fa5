//! What the footer and the page indexes say of a column chunk, gathered page by page.

use std::cmp::Ordering;

use parquet::basic::{BoundaryOrder, PageType};
use parquet::file::metadata::{
    ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;

use super::order::Order;
use super::page::{Definitions, Page};
use crate::resolve::LevelSlice;

pub(super) struct Facts {
    order: Order,
    definition_max: i16,
    repetition_max: i16,
    pub(super) rows: usize,
    pub(super) entries: usize,
    nulls: usize,
    pub(super) pages: i32,
    /// The bytes of the byte strings, if the values are byte strings.
    pub(super) blob_bytes: Option<usize>,
    bounds: Option<(Vec<u8>, Vec<u8>)>,
    pub(super) definitions: Option<LevelHistogram>,
    pub(super) repetitions: Option<LevelHistogram>,
    column_index: ColumnIndexBuilder,
    pub(super) offset_index: OffsetIndexBuilder,
    trend: Trend,
}

/// Whether the pages' bounds climb, or fall, all along.
struct Trend {
    last: Option<(Vec<u8>, Vec<u8>)>,
    climbs: bool,
    falls: bool,
}

impl Facts {
    pub(super) fn new(descriptor: &ColumnDescriptor) -> Self {
        let (definition_max, repetition_max) =
            (descriptor.max_def_level(), descriptor.max_rep_level());
        Facts {
            order: Order::of(descriptor),
            definition_max,
            repetition_max,
            rows: 0,
            entries: 0,
            nulls: 0,
            pages: 0,
            blob_bytes: None,
            bounds: None,
            definitions: LevelHistogram::try_new(definition_max),
            repetitions: LevelHistogram::try_new(repetition_max),
            column_index: ColumnIndexBuilder::new(descriptor.physical_type()),
            offset_index: OffsetIndexBuilder::new(),
            trend: Trend { last: None, climbs: true, falls: true },
        }
    }

    /// Notes a page that lies there in the chunk, with its header.
    pub(super) fn note(&mut self, page: &Page<'_>, offset: usize, bytes: usize) {
        let nulls = page.entries - page.range.len();
        self.rows += page.rows;
        self.entries += page.entries;
        self.nulls += nulls;
        self.pages += 1;
        let blob_bytes = page.blob_bytes();
        if let Some(bytes) = blob_bytes {
            *self.blob_bytes.get_or_insert(0) += bytes;
        }
        self.offset_index.append_row_count(page.rows as i64);
        self.offset_index.append_offset_and_size(offset as i64, bytes as i32);
        self.offset_index
            .append_unencoded_byte_array_data_bytes(blob_bytes.map(|bytes| bytes as i64));
        self.note_levels(page);
        self.note_bounds(page, nulls);
    }

    fn note_levels(&mut self, page: &Page<'_>) {
        let full = std::iter::once((self.definition_max, page.entries));
        let definitions = match &page.definitions {
            Definitions::Full => histogram(full, self.definition_max),
            Definitions::Levels(levels) => level_histogram(levels, self.definition_max),
        };
        let repetitions = level_histogram(&page.repetitions, self.repetition_max);
        self.column_index.append_histograms(&repetitions, &definitions);
        add(&mut self.definitions, &definitions);
        add(&mut self.repetitions, &repetitions);
    }

    fn note_bounds(&mut self, page: &Page<'_>, nulls: usize) {
        let order = self.order;
        let Some((min, max)) = order.bounds(page.values, page.range.clone()) else {
            // A page of nulls alone has no bounds, and no part in the order of the pages
            // (`parquet.thrift`, `ColumnIndex`).
            if page.range.is_empty() {
                self.column_index.append(true, Vec::new(), Vec::new(), nulls as i64);
            } else {
                // A page with values but without bounds (only NaN) cannot be in a column index.
                self.column_index.to_invalid();
            }
            return;
        };
        let (low, high) = (order.low(&min).0, order.high(&max).0);
        // Compare the bounds as the index has them: cut bounds can be equal though the values
        // differ.
        self.trend.note(order, &low, &high);
        if self.column_index.valid() {
            self.column_index.append(false, low, high, nulls as i64);
        }
        match &mut self.bounds {
            None => self.bounds = Some((min, max)),
            Some((least, most)) => {
                if order.compare(&min, least) == Ordering::Less {
                    *least = min;
                }
                if order.compare(&max, most) == Ordering::Greater {
                    *most = max;
                }
            }
        }
    }

    pub(super) fn statistics(&mut self) -> Statistics {
        self.order.statistics(self.bounds.take(), self.nulls as u64)
    }

    /// The column index, if there can be one.
    pub(super) fn column_index(&mut self) -> parquet::errors::Result<Option<ColumnIndexMetaData>> {
        let empty = ColumnIndexBuilder::new(parquet::basic::Type::BOOLEAN);
        let mut index = std::mem::replace(&mut self.column_index, empty);
        if !index.valid() {
            return Ok(None);
        }
        index.set_boundary_order(match (self.trend.climbs, self.trend.falls) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        });
        index.build().map(Some)
    }
}

impl Trend {
    fn note(&mut self, order: Order, low: &[u8], high: &[u8]) {
        if let Some((last_low, last_high)) = &self.last {
            let (lows, highs) = (order.compare(last_low, low), order.compare(last_high, high));
            self.climbs &= lows.is_le() && highs.is_le();
            self.falls &= lows.is_ge() && highs.is_ge();
        }
        self.last = Some((low.to_vec(), high.to_vec()));
    }
}

/// How many pages of which kind and encoding there are.
pub(super) fn page_stats(
    page_type: PageType,
    encoding: parquet::basic::Encoding,
    count: i32,
) -> PageEncodingStats {
    PageEncodingStats { page_type, encoding, count }
}

fn level_histogram(levels: &LevelSlice<'_>, level_max: i16) -> Option<LevelHistogram> {
    match levels {
        LevelSlice::Each(levels) => histogram(levels.iter().map(|level| (*level, 1)), level_max),
        runs => histogram(runs.runs(), level_max),
    }
}

fn histogram(levels: impl Iterator<Item = (i16, usize)>, level_max: i16) -> Option<LevelHistogram> {
    let mut counts = vec![0_i64; usize::try_from(level_max).unwrap_or(0) + 1];
    for (level, count) in levels {
        counts[usize::try_from(level).unwrap_or(0)] += count as i64;
    }
    (level_max > 0).then(|| LevelHistogram::from(counts))
}

fn add(total: &mut Option<LevelHistogram>, page: &Option<LevelHistogram>) {
    if let (Some(total), Some(page)) = (total, page) {
        total.add(page);
    }
}
