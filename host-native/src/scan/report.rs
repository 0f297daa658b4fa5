//! What a scan cost.

use std::sync::{Arc, Mutex, PoisonError};

use coldpress_core::filter::ColumnPath;
use coldpress_core::{Scan, ScanProgress};

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
    /// Columns that the query names and that none of the opened files has. Rows can have such a
    /// field only among [rescued values](Self::has_rescued).
    pub columns_unknown: Vec<ColumnPath>,
    /// Whether an opened file has rescued values: those that fit no column.
    pub has_rescued: bool,
    /// Requests for bytes of files. Footers that were kept take none. Retries are not counted.
    pub requests: u64,
    /// Bytes that these requests brought.
    pub bytes: u64,
    /// Rows that were decoded and tested.
    pub rows_read: u64,
    /// Rows that the scan has given.
    pub rows: u64,
}

impl ScanReport {
    /// The report of a scan that the caller drives itself, of a file of this many bytes.
    pub fn of_file(bytes: u64, scan: &Scan) -> Self {
        let shared = SharedReport::default();
        shared.add(&ScanProgress::default(), scan.progress());
        if scan.footer().is_some() {
            shared.open(scan);
        }
        let (requests, moved) = (scan.progress().requests, scan.progress().bytes);
        let rows = scan.progress().rows;
        ScanReport { files: 1, file_bytes: bytes, requests, bytes: moved, rows, ..shared.get() }
    }
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
            report.files_read += u64::from(before.row_groups_read == 0 && now.row_groups_read > 0);
            report.row_groups += now.row_groups - before.row_groups;
            report.row_groups_pruned_by_statistics +=
                now.pruned_by_statistics - before.pruned_by_statistics;
            report.row_groups_pruned_by_bloom_filters +=
                now.pruned_by_bloom_filters - before.pruned_by_bloom_filters;
            report.row_groups_pruned_by_page_index +=
                now.pruned_by_page_index - before.pruned_by_page_index;
            report.row_groups_read += now.row_groups_read - before.row_groups_read;
            report.rows_read += now.rows_read - before.rows_read;
        });
    }

    /// Notes that a file has been opened.
    pub(super) fn open(&self, scan: &Scan) {
        let unknown = scan.unknown_columns();
        self.update(|report| {
            match report.files_opened {
                0 => report.columns_unknown = unknown.into_iter().cloned().collect(),
                _ => report.columns_unknown.retain(|path| unknown.contains(&path)),
            }
            report.has_rescued |= scan.has_rescued();
            report.files_opened += 1;
        });
    }
}
