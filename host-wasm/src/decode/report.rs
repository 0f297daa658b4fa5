//! The facts of a file, with the same names as in the native `inspect --json`.

use coldpress_core::{ChunkReport, ParquetFile, Rescued, RowGroupReport};
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
        "rescued": rescued.iter().map(rescued_json).collect::<Vec<_>>(),
        "row_groups": report.row_groups.iter().map(row_group).collect::<Vec<_>>(),
    })
    .to_string()
}

fn rescued_json(rescued: &Rescued) -> Value {
    let Rescued { path, count, other_form } = rescued;
    json!({ "path": path, "count": count, "other_form": other_form })
}

fn row_group(group: &RowGroupReport) -> Value {
    json!({
        "rows": group.rows,
        "bytes": group.bytes,
        "columns": group.chunks.iter().map(chunk).collect::<Vec<_>>(),
    })
}

fn chunk(chunk: &ChunkReport) -> Value {
    json!({
        "column": chunk.column,
        "path": chunk.path,
        "field_id": chunk.field_id,
        "physical_type": chunk.physical_type,
        "logical_type": chunk.logical_type,
        "codec": chunk.codec,
        "encodings": chunk.encodings,
        "values": chunk.values,
        "nulls": chunk.nulls,
        "min": chunk.min,
        "max": chunk.max,
        "compressed_bytes": chunk.compressed_bytes,
        "uncompressed_bytes": chunk.uncompressed_bytes,
        "bloom_filter": chunk.bloom_filter,
        "column_index": chunk.column_index,
        "offset_index": chunk.offset_index,
    })
}
