//! What a scan is given: the file, the query, the settings, and a filter of rows.

use crate::schema::ColumnType;
use crate::{LsnRange, ReadLimits, Result, StoredRow};

/// The file to scan, as the host knows it before it reads a byte.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanFile {
    /// Its bytes.
    pub bytes: u64,
    /// The ETag that every answer must have; `None` if the host does not know it. The first answer
    /// that names an ETag then sets it.
    pub etag: Option<String>,
    /// How many bytes at its end hold its footer, its indexes and its bloom filters, if the host
    /// knows it, from an earlier scan ([`ScanProgress::tail_bytes`](crate::ScanProgress)).
    pub tail_bytes: Option<u64>,
}

impl ScanFile {
    /// A file of this many bytes, of which nothing else is known.
    pub fn new(bytes: u64) -> Self {
        ScanFile { bytes, etag: None, tail_bytes: None }
    }
}

/// Which rows of a file to read, and which of their fields. The default: all.
#[derive(Default)]
#[non_exhaustive]
pub struct ScanQuery {
    /// Only files with one of these LSNs have rows to give. A row has no LSN of its own, so such a
    /// file gives all of its rows.
    pub lsns: Option<LsnRange>,
    /// Only rows with this id.
    pub id: Option<String>,
    /// Only rows that this filter takes.
    pub filter: Option<Box<dyn RowFilter + Send + Sync>>,
    /// Only these fields: of each, the names from the top of the document down to it. Fields that
    /// the file does not have are left out: files of one collection have different columns. `_id`
    /// is the field of the document, if it has one. The id of a row is always read.
    pub columns: Option<Vec<Vec<String>>>,
    /// At most this many rows.
    pub limit: Option<u64>,
}

impl std::fmt::Debug for ScanQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScanQuery")
            .field("lsns", &self.lsns)
            .field("id", &self.id)
            .field("filtered", &self.filter.is_some())
            .field("columns", &self.columns)
            .field("limit", &self.limit)
            .finish()
    }
}

/// How a scan fetches: plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanSettings {
    /// Bytes of the first request, at the end of the file, where
    /// [`ScanFile::tail_bytes`] does not say more. Default: 64 KiB.
    pub tail_bytes: u64,
    /// Two ranges with at most this many bytes between them become one request. It is also what a
    /// request is taken to cost: a second round of requests comes only if it saves more bytes than
    /// this. Default: 128 KiB.
    pub join_gap_bytes: u64,
    /// Row groups are fetched together until they have this many bytes. At least one is. Default:
    /// 8 MiB.
    pub window_bytes: u64,
    /// What the file may cost its reader.
    pub limits: ReadLimits,
    /// Whether to leave out what cannot hold a row of the query, by row-group statistics. Default:
    /// true, like the next two. They change no row.
    pub use_statistics: bool,
    /// The same by the page index.
    pub use_page_index: bool,
    /// The same by the bloom filters of the ids.
    pub use_bloom_filters: bool,
}

impl Default for ScanSettings {
    fn default() -> Self {
        ScanSettings {
            tail_bytes: 64 << 10,
            join_gap_bytes: 128 << 10,
            window_bytes: 8 << 20,
            limits: ReadLimits::default(),
            use_statistics: true,
            use_page_index: true,
            use_bloom_filters: true,
        }
    }
}

/// Which rows a scan gives.
pub trait RowFilter {
    /// The fields that [`RowFilter::matches`] reads: of each, the names from the top of the
    /// document down to it.
    fn columns(&self) -> Vec<Vec<String>>;

    /// Whether the row is taken. It has at least the fields of [`RowFilter::columns`], as they were
    /// put.
    fn matches(&self, row: &StoredRow) -> Result<bool>;

    /// Whether any of some rows may be taken, by what is known of them. `true` is always right.
    fn may_match(&self, rows: &dyn ZoneFacts) -> bool;
}

/// What is known of some rows of a file before they are read.
pub trait ZoneFacts {
    /// What is known of the field at this path; `None` if nothing is. A field that was rescued in
    /// one of these rows is not known.
    fn field(&self, path: &[String]) -> Option<FieldFacts<'_>>;
}

/// What is known of one field in some rows.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FieldFacts<'f> {
    /// The type of its column; [`ColumnType::Null`] if it has none.
    pub column_type: &'f ColumnType,
    /// How many rows they are.
    pub rows: u64,
    /// How many of them lack the field or have a null.
    pub nulls: Option<u64>,
    /// No value is less than this one.
    pub min: Option<Bound>,
    /// No value is greater than this one.
    pub max: Option<Bound>,
}

/// A bound of the values of a column, as they are stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Bound {
    /// A boolean; false is less than true.
    Boolean(bool),
    /// A whole number; of a decimal the digits without the point; days since 1970 of a date; units
    /// since 1970 of a timestamp.
    Integer(i64),
    /// A double. The number that was put is the shortest decimal that reads as this double.
    Double(f64),
    /// The bytes of a text, compared as bytes. They may be cut, and then need not be UTF-8.
    Text(Vec<u8>),
}
