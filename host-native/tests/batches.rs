//! Record batches of Arrow, put as one file and as a stream.
#![cfg(feature = "arrow")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use coldpress::arrow_array::{ArrayRef, Date32Array, Int32Array, RecordBatch, StringArray};
use coldpress::{ColdStorage, ErrorKind, LsnRange, Projection, Settings, StreamSettings};
use common::local_config;
use serde_json::json;

fn batch(days: Vec<Option<i32>>) -> RecordBatch {
    let ids = (0..days.len()).map(|n| format!("row {n}"));
    let columns: [(&str, ArrayRef); 3] = [
        ("_id", Arc::new(StringArray::from_iter_values(ids))),
        ("level", Arc::new(Int32Array::from_iter(days.iter().copied()))),
        ("day", Arc::new(Date32Array::from_iter(days))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

#[tokio::test]
async fn batches_are_stored_as_rows_are() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    let batches = vec![batch(vec![Some(0), None]), batch(vec![Some(2)])];
    let key = storage.encode_and_upload_batches("c", 1, batches.clone(), 5, 7).await.unwrap();
    let rows = storage.read_rows(&key, &Projection::All).await.unwrap();
    let documents: Vec<_> = rows.into_iter().map(|(_, document)| document).collect();
    assert_eq!(documents[1], json!({"_id": "row 1", "level": null, "day": null}));
    assert_eq!(documents[2], json!({"_id": "row 0", "level": 2, "day": "1970-01-03"}));
    // Again: success. Other rows: a conflict.
    storage.encode_and_upload_batches("c", 1, batches, 5, 7).await.unwrap();
    let other = vec![batch(vec![Some(1)])];
    let error = storage.encode_and_upload_batches("c", 1, other, 5, 7).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    // A refused batch stores nothing.
    let late = vec![batch(vec![Some(i32::MAX)])];
    let error = storage.encode_and_upload_batches("d", 1, late, 1, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Row, "{error}");
    assert!(error.to_string().contains("day"), "{error}");
    assert_eq!(storage.files_uploaded(), 1);
}

#[tokio::test]
async fn a_stream_takes_batches_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    let days: Vec<Option<i32>> = (0..100_000).map(|n| Some(n % 20_000)).collect();
    let whole = batch(days);
    let mut bytes = Vec::new();
    for (collection, cuts) in [("whole", vec![0, 100_000]), ("parts", vec![0, 7, 70_000, 100_000])]
    {
        let lsns = Some(LsnRange::new(1, 100_000).unwrap());
        let (settings, cut) = (Settings::default(), StreamSettings::default());
        let mut stream = storage.stream_rows(1, collection, lsns, settings, cut).unwrap();
        for cut in cuts.windows(2) {
            stream.push_batch(whole.slice(cut[0], cut[1] - cut[0])).await.unwrap();
        }
        assert_eq!(stream.rows(), 100_000);
        let files = stream.finish().await.unwrap();
        assert_eq!(files[0].summary.rows, 100_000);
        bytes.push(files[0].bytes);
    }
    // Equal but for the name of the collection, which has as many letters.
    assert_eq!(bytes[0], bytes[1]);
}
