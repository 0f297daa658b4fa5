//! What a scan cost.

use std::sync::{Arc, Mutex, PoisonError};

use coldpress_core::ScanProgress;

/// What a scan has read so far, and what it left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ScanReport {
    /// Files of the collection.
    pub files: u64,
    /// Bytes of these files.
    pub file_bytes: u64,
    /// Files left out by the LSNs in their keys, without a request.
    pub files_pruned_by_lsns: u64,
    /// Files whose footers were read, or were kept from an earlier scan.
    pub files_opened: u64,
    /// Files of which rows were read.
    pub files_read: u64,
    /// Row groups of the opened files.
    pub row_groups: u64,
    /// Row groups left out by their statistics.
    pub row_groups_pruned_by_statistics: u64,
    /// Row groups left out by their bloom filters.
    pub row_groups_pruned_by_bloom_filters: u64,
    /// Row groups left out because none of their pages can hold a row of the query.
    pub row_groups_pruned_by_page_index: u64,
    /// Row groups of which something was read.
    pub row_groups_read: u64,
    /// Requests for bytes of files. Footers that were kept take none. Retries are not counted.
    pub requests: u64,
    /// Bytes that these requests brought.
    pub bytes: u64,
    /// Rows that were decoded and tested.
    pub rows_read: u64,
    /// Rows that the scan has given.
    pub rows: u64,
}

/// A report that several tasks write.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedReport(Arc<Mutex<ScanReport>>);

impl SharedReport {
    pub(super) fn get(&self) -> ScanReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut ScanReport)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Adds what a file has come to since `before`.
    pub(super) fn add(&self, before: &ScanProgress, now: &ScanProgress) {
        self.update(|report| {
            let opened = before.row_groups == 0 && before.tail_bytes == 0 && now.tail_bytes > 0;
            report.files_opened += u64::from(opened);
            report.files_read += u64::from(before.row_groups_read == 0 && now.row_groups_read > 0);
            report.row_groups += now.row_groups - before.row_groups;
            report.row_groups_pruned_by_statistics +=
                now.pruned_by_statistics - before.pruned_by_statistics;
            report.row_groups_pruned_by_bloom_filters +=
                now.pruned_by_bloom_filters - before.pruned_by_bloom_filters;
            report.row_groups_pruned_by_page_index +=
                now.pruned_by_page_index - before.pruned_by_page_index;
            report.row_groups_read += now.row_groups_read - before.row_groups_read;
            report.requests += now.requests - before.requests;
            report.bytes += now.bytes - before.bytes;
            report.rows_read += now.rows_read - before.rows_read;
        });
    }
}
