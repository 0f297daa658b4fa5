//! Says what a scan read.

use std::io;
use std::io::Write;

use coldpress::ScanReport;

use crate::text::{Column, Table, counted, human_bytes, human_count, line_width};

/// Writes the report as a table of two columns.
pub(super) fn write(report: &ScanReport, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new([Column::words(""), Column::words("")]);
    let mut line = |what: &str, said: String| table.push([what.to_owned(), said]);
    let files = [
        (report.files_pruned_by_lsns, "left out by LSNs"),
        (report.files_opened, "opened"),
        (report.files_read, "read"),
    ];
    line("files", format!("{}{}", human_count(report.files), parts(&files)));
    let groups = [
        (report.row_groups_pruned_by_statistics, "left out by statistics"),
        (report.row_groups_pruned_by_bloom_filters, "by bloom filters"),
        (report.row_groups_pruned_by_page_index, "by page indexes"),
        (report.row_groups_read, "read"),
    ];
    line("row groups", format!("{}{}", human_count(report.row_groups), parts(&groups)));
    line("requests", human_count(report.requests));
    let share = match report.file_bytes {
        0 => String::new(),
        all => format!(" ({:.1} %)", 100.0 * report.bytes as f64 / all as f64),
    };
    let (moved, all) = (human_bytes(report.bytes), human_bytes(report.file_bytes));
    line("bytes", format!("{moved} of {all}{share}"));
    let tested = counted(report.rows_read, "row");
    line("rows", format!("{} of {tested} that were read", human_count(report.rows)));
    table.write(out, "", line_width())
}

fn parts(parts: &[(u64, &str)]) -> String {
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> =
        parts.map(|(count, what)| format!("{} {what}", human_count(*count))).collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}
