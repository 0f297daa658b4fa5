//! The facts of a file, with the same names as in the native `inspect --json`.

use coldpress_core::{ParquetFile, Rescued};
use serde_json::{Map, Value, json};

pub(super) fn json(file: &ParquetFile, size: usize, rescued: &[Rescued]) -> String {
    let report = file.report();
    let metadata: Map<String, Value> =
        report.metadata.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    // As JSON within JSON: a schema may nest deeper than serde_json reads.
    json!({
        "bytes": size,
        "rows": file.rows_count(),
        // Strings, because JavaScript's whole numbers are exact only up to 2^53.
        "tenant_id": file.tenant_id().to_string(),
        "collection": file.collection(),
        "min_lsn": file.lsns().min().to_string(),
        "max_lsn": file.lsns().max().to_string(),
        "created_by": report.created_by,
        "metadata": metadata,
        "schema": file.schema().to_json(),
        "rescued": rescued,
        "row_groups": report.row_groups,
    })
    .to_string()
}
