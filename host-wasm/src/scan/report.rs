//! The facts of a file, as JSON.

use coldpress_core::{FileReport, Footer};
use serde_json::json;

/// Numbers that a double may not hold are texts. The schema comes by itself: it may nest deeper
/// than serde_json reads.
pub(super) fn footer(footer: &Footer) -> String {
    json!({
        "rows": footer.rows_count(),
        "tenant_id": footer.tenant_id().to_string(),
        "collection": footer.collection(),
        "min_lsn": footer.lsns().min().to_string(),
        "max_lsn": footer.lsns().max().to_string(),
    })
    .to_string()
}

pub(super) fn layout(file: &FileReport) -> String {
    json!({ "created_by": file.created_by, "row_groups": file.row_groups }).to_string()
}
