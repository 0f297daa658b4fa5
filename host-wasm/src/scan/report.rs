//! The facts of a file, as JSON.

use coldpress_core::{FileReport, Footer, RowGroupReport};
use serde::Serialize;

/// Numbers that a double may not hold are texts. The schema comes by itself: it may nest deeper
/// than serde_json reads.
#[derive(Serialize)]
struct FooterFacts<'f> {
    rows: u64,
    tenant_id: String,
    collection: &'f str,
    min_lsn: String,
    max_lsn: String,
}

#[derive(Serialize)]
struct LayoutFacts<'f> {
    created_by: &'f str,
    row_groups: &'f [RowGroupReport],
}

pub(super) fn footer(footer: &Footer) -> String {
    let lsns = footer.lsns();
    json(&FooterFacts {
        rows: footer.rows_count(),
        tenant_id: footer.tenant_id().to_string(),
        collection: footer.collection(),
        min_lsn: lsns.min().to_string(),
        max_lsn: lsns.max().to_string(),
    })
}

pub(super) fn layout(file: &FileReport) -> String {
    json(&LayoutFacts { created_by: &file.created_by, row_groups: &file.row_groups })
}

/// Texts and numbers always have a JSON form.
fn json(facts: &impl Serialize) -> String {
    serde_json::to_string(facts).unwrap_or_default()
}
