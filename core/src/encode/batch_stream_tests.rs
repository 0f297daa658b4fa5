use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::*;
use serde_json::json;

use crate::{Settings, StreamEncoder, StreamOutput, StreamSettings, Target};

/// All bytes of a stream of these batches.
fn stream(batches: &[RecordBatch], json: Option<&str>, skip: u64) -> Vec<u8> {
    let cut = StreamSettings { row_group_bytes_max: 5_000, file_bytes_max: 2_000, first_lsn: 1 };
    let mut stream = StreamEncoder::new(Settings::default(), cut, Target::new(0, "c")).unwrap();
    if skip > 0 {
        stream.resume(None, skip).unwrap();
    }
    for batch in batches {
        stream.push_batch(batch).unwrap();
    }
    if let Some(json) = json {
        stream.push_json(json.as_bytes()).unwrap();
    }
    stream.finish().unwrap();
    let mut bytes = Vec::new();
    let mut files = 0;
    while let Some(output) = stream.poll() {
        match output {
            StreamOutput::Bytes(more) => bytes.extend_from_slice(&more),
            StreamOutput::File(_) => files += 1,
            StreamOutput::Tail(_) => {}
        }
    }
    assert!(files > 2, "{files} files");
    bytes
}

#[test]
fn a_stream_gives_the_same_files_whatever_the_batches() {
    let lists = (0..2_000).map(|n| Some((0..n % 3).map(|k| Some(k + n)).collect::<Vec<_>>()));
    let columns: [(&str, ArrayRef); 3] = [
        ("l", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
        ("n", Arc::new(Int64Array::from_iter_values(0..2_000))),
        ("t", Arc::new(StringArray::from_iter_values((0..2_000).map(|n| format!("text {n}"))))),
    ];
    let all = RecordBatch::try_from_iter(columns).unwrap();
    let whole = stream(std::slice::from_ref(&all), None, 0);
    let mut parts = Vec::new();
    let mut at = 0;
    while at < all.num_rows() {
        let count = (1 + at * 7 % 97).min(all.num_rows() - at);
        parts.push(all.slice(at, count));
        at += count;
    }
    assert!(stream(&parts, None, 0) == whole);
    let rows: String = (0..2_000)
        .map(|n| {
            let list: Vec<i64> = (0..n % 3).map(|k| k + n).collect();
            json!({"n": n, "t": format!("text {n}"), "l": list}).to_string()
        })
        .collect();
    assert!(stream(&[], Some(&rows), 0) == whole, "JSON gives the same files");
    assert!(stream(&parts, None, 333) == stream(std::slice::from_ref(&all), None, 333));
    assert!(stream(&[], Some(&rows), 333) == stream(&parts, None, 333));
}
