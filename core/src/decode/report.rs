//! A report of a file for an inspector.

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;
use serde::Serialize;

use super::chunk::place;
use super::ends::{StoredEnd, ends_of_chunk};
use super::file::ParquetFile;
use super::layout::Layout;
use crate::json::number;
use crate::sort::sort;
use crate::text::hex;
use crate::time::{date_text, timestamp_text};

/// The facts in the footer of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReport {
    /// The writer of the file.
    pub created_by: String,
    /// The version of the Parquet format.
    pub version: i32,
    /// Key-value metadata, in order.
    pub metadata: Vec<(String, String)>,
    /// The row groups, in order.
    pub row_groups: Vec<RowGroupReport>,
}

/// One row group. As JSON, `inspect --json` and the npm package show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowGroupReport {
    /// Rows in it.
    pub rows: u64,
    /// Bytes of its column chunks in the file.
    pub bytes: u64,
    /// One for each leaf column, in order; in JSON `columns`.
    #[serde(rename = "columns")]
    pub chunks: Vec<ChunkReport>,
}

/// One column chunk: a leaf column within a row group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChunkReport {
    /// The path of the leaf for people: its names, joined by dots.
    pub column: String,
    /// The same path, name by name.
    pub path: Vec<String>,
    /// The field id of the leaf, if the schema of the file states one.
    pub field_id: Option<i32>,
    /// The physical type, such as `INT64`.
    pub physical_type: String,
    /// The logical type, such as `STRING` or `DECIMAL(20,0)`; empty if there is none.
    pub logical_type: String,
    /// The codec, such as `ZSTD`.
    pub codec: String,
    /// Encodings of levels and values, sorted by name.
    pub encodings: Vec<String>,
    /// Entries, with nulls.
    pub values: u64,
    /// Entries without a value, if the file says it.
    pub nulls: Option<u64>,
    /// The lowest value (of texts, a lower bound), for people. Dates and timestamps are texts in
    /// UTC.
    pub min: Option<String>,
    /// The highest value (of texts, an upper bound), for people.
    pub max: Option<String>,
    /// Where its first page begins in the file.
    pub offset: u64,
    /// Bytes in the file.
    pub compressed_bytes: u64,
    /// Bytes before the codec.
    pub uncompressed_bytes: u64,
    /// Whether it has a bloom filter.
    pub bloom_filter: bool,
    /// Whether it has a column index, which holds statistics of each page.
    pub column_index: bool,
    /// Whether it has an offset index, which holds the places of the pages.
    pub offset_index: bool,
}

impl ParquetFile {
    /// A report of the file: metadata, row groups, and every column chunk.
    pub fn report(&self) -> FileReport {
        self.layout.report()
    }
}

impl Layout {
    /// See [`ParquetFile::report`].
    pub(crate) fn report(&self) -> FileReport {
        report(&self.metadata)
    }
}

fn report(metadata: &ParquetMetaData) -> FileReport {
    let about = metadata.file_metadata();
    let pairs = about.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    let row_groups = metadata.row_groups().iter().map(|group| RowGroupReport {
        rows: unsigned(group.num_rows()),
        bytes: unsigned(group.compressed_size()),
        chunks: group.columns().iter().map(chunk).collect(),
    });
    FileReport {
        created_by: about.created_by().unwrap_or_default().to_owned(),
        version: about.version(),
        metadata: pairs
            .iter()
            .map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default()))
            .collect(),
        row_groups: row_groups.collect(),
    }
}

fn chunk(chunk: &ColumnChunkMetaData) -> ChunkReport {
    let leaf = chunk.column_descr();
    let info = leaf.self_type().get_basic_info();
    let mut encodings: Vec<String> =
        chunk.encodings().map(|encoding| encoding.to_string()).collect();
    sort(&mut encodings);
    encodings.dedup();
    let statistics = chunk.statistics();
    let (min, max) = statistics.map(|of| bounds(of, leaf)).unwrap_or_default();
    let codec = chunk.compression().to_string();
    ChunkReport {
        column: leaf.path().parts().join("."),
        path: leaf.path().parts().to_vec(),
        field_id: info.has_id().then(|| info.id()),
        physical_type: chunk.column_type().to_string(),
        logical_type: logical_name(leaf),
        codec: codec.split('(').next().unwrap_or_default().to_owned(),
        encodings,
        values: unsigned(chunk.num_values()),
        nulls: statistics.and_then(Statistics::null_count_opt),
        min,
        max,
        offset: place(chunk).map_or(0, |place| place.start),
        compressed_bytes: unsigned(chunk.compressed_size()),
        uncompressed_bytes: unsigned(chunk.uncompressed_size()),
        bloom_filter: chunk.bloom_filter_offset().is_some(),
        column_index: chunk.column_index_offset().is_some(),
        offset_index: chunk.offset_index_offset().is_some(),
    }
}

fn logical_name(leaf: &ColumnDescriptor) -> String {
    use parquet::basic::LogicalType;
    match leaf.logical_type_ref() {
        None => String::new(),
        Some(LogicalType::Decimal(decimal)) => {
            format!("DECIMAL({},{})", decimal.precision, decimal.scale)
        }
        Some(LogicalType::Timestamp(timestamp)) => format!("TIMESTAMP({:?})", timestamp.unit),
        Some(LogicalType::Integer(integer)) => {
            format!("{}INT({})", if integer.is_signed { "" } else { "U" }, integer.bit_width)
        }
        Some(other) => format!("{other:?}").to_ascii_uppercase(),
    }
}

fn bounds(statistics: &Statistics, leaf: &ColumnDescriptor) -> (Option<String>, Option<String>) {
    let (min, max) = ends_of_chunk(statistics);
    let shown = |end| shown(end, leaf);
    (min.map(shown), max.map(shown))
}

fn shown(end: StoredEnd<'_>, leaf: &ColumnDescriptor) -> String {
    match end {
        StoredEnd::Boolean(value) => value.to_string(),
        StoredEnd::Integer(value) => time_text(value, leaf),
        StoredEnd::Float(value) => number::buffer().format(value).to_owned(),
        StoredEnd::Double(value) => number::buffer().format(value).to_owned(),
        StoredEnd::Bytes(bytes) => readable(bytes),
    }
}

/// A number as the day or the instant that it stands for in its column, if it stands for one.
fn time_text(value: i64, leaf: &ColumnDescriptor) -> String {
    use parquet::basic::{LogicalType, TimeUnit};
    let text = match leaf.logical_type_ref() {
        Some(LogicalType::Date) => date_text(value),
        Some(LogicalType::Timestamp(timestamp)) => {
            let digits = match timestamp.unit {
                TimeUnit::MILLIS => 3,
                TimeUnit::MICROS => 6,
                TimeUnit::NANOS => 9,
            };
            timestamp_text(value, digits, None, None)
        }
        _ => None,
    };
    text.unwrap_or_else(|| value.to_string())
}

/// Bytes as text if they are readable text, else in hexadecimal digits.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => hex(bytes),
    }
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
