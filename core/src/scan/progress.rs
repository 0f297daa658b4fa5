//! How far a scan is, in numbers.

/// What a scan has asked for and left out so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ScanProgress {
    /// Requests asked for.
    pub requests: u64,
    /// Bytes of these requests.
    pub bytes_asked: u64,
    /// Bytes that have arrived.
    pub bytes: u64,
    /// Bytes at the end of the file that hold its footer, its indexes and its bloom filters: what
    /// to give as [`ScanFile::tail_bytes`](crate::ScanFile) next time. 0 until the footer is known.
    pub tail_bytes: u64,
    /// Row groups of the file. 0 until the footer is known, like the rest.
    pub row_groups: u64,
    /// Row groups left out because the file has none of the LSNs.
    pub pruned_by_lsns: u64,
    /// Row groups left out by their statistics.
    pub pruned_by_statistics: u64,
    /// Row groups left out by their bloom filters.
    pub pruned_by_bloom_filters: u64,
    /// Row groups left out because none of their pages can hold a row.
    pub pruned_by_page_index: u64,
    /// Row groups of which something was or will be read.
    pub row_groups_read: u64,
    /// Rows that were decoded and tested, or given without a test.
    pub rows_read: u64,
    /// Rows given.
    pub rows: u64,
}
