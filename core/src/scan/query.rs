//! What a scan is given: the file, the query, the settings.

use bytes::Bytes;

use super::filter::{ColumnPath, Filter};
use crate::{LsnRange, ReadLimits};

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
    /// Its last bytes, if the host has them from an earlier scan
    /// ([`Scan::tail`](crate::Scan::tail)). They are then not fetched.
    pub tail: Option<Bytes>,
}

impl ScanFile {
    /// A file of this many bytes, of which nothing else is known.
    pub fn new(bytes: u64) -> Self {
        ScanFile { bytes, etag: None, tail_bytes: None, tail: None }
    }
}

/// Which rows of a file to read, and which of their fields. The default: all.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ScanQuery {
    /// Only files with one of these LSNs have rows to give. A row has no LSN of its own, so such a
    /// file gives all of its rows.
    pub lsns: Option<LsnRange>,
    /// Only rows with this id.
    pub id: Option<String>,
    /// Only rows that this filter takes. A path `_id` in it is the field `_id` of the document; if
    /// the document has none, it is the id of the row, as a string.
    pub filter: Option<Filter>,
    /// Only these fields. Fields that the file does not have are left out: files of one collection
    /// have different columns. `_id` is the field of the document, if it has one.
    pub columns: Option<Vec<ColumnPath>>,
    /// Whether the ids of the rows are of no use to the caller. Then [`StoredRow::id`] may be
    /// empty, and the column of the ids need not be fetched.
    ///
    /// [`StoredRow::id`]: crate::StoredRow::id
    pub without_ids: bool,
    /// At most this many rows.
    pub limit: Option<u64>,
}

/// How a scan fetches: plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanSettings {
    /// Bytes of the first request, at the end of the file, where [`ScanFile::tail_bytes`] does not
    /// say more. A query for ids takes a thirty-second part of the file if that is more, up to
    /// 2 MiB, because bloom filters stand there too. Default: 64 KiB.
    pub tail_bytes: u64,
    /// Two ranges with at most this many bytes between them become one request. It is also what a
    /// request is taken to cost: a second round of requests comes only if it saves more bytes than
    /// this. In that second round, where more than two requests would be left, gaps of up to eight
    /// times as many bytes are read along. Default: 128 KiB.
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
