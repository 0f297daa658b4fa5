//! Scans of a local folder.

use coldpress_core::filter::Filter;
use coldpress_core::{LsnRange, ScanQuery};
use serde_json::{Value, json};

use crate::config::ColdStorageConfig;
use crate::error::ErrorKind;
use crate::scan::RowScan;
use crate::storage::ColdStorage;

/// Ten files of a hundred rows each.
async fn stored(config: ColdStorageConfig) -> ColdStorage {
    let storage = ColdStorage::new(config).unwrap();
    for file in 0..10_u64 {
        let rows: Vec<(String, Value)> = (0..100)
            .map(|at| {
                let n = file * 100 + at;
                let id = format!("id-{:08x}", n.wrapping_mul(0x9E37_79B9) as u32);
                (id, json!({"n": n, "file": file, "text": format!("row {n}")}))
            })
            .collect();
        let (min, max) = (file * 1_000, file * 1_000 + 999);
        storage.encode_and_upload("events", 7, &rows, min, max).await.unwrap();
    }
    storage
}

fn local(folder: &std::path::Path) -> ColdStorageConfig {
    ColdStorageConfig { local_dir: Some(folder.to_owned()), ..Default::default() }
}

async fn numbers(scan: &mut RowScan) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(row) = scan.next().await.unwrap() {
        numbers.push(row.to_value().unwrap()["n"].as_u64().unwrap());
    }
    numbers
}

fn of(filter: &str) -> ScanQuery {
    let mut query = ScanQuery::default();
    query.filter = Some(Filter::parse(filter).unwrap());
    query
}

#[tokio::test]
async fn all_rows_come_in_the_order_of_lsns() {
    let folder = tempfile::tempdir().unwrap();
    let storage = stored(local(folder.path())).await;
    let mut scan = storage.scan(7, "events", ScanQuery::default()).await.unwrap();
    assert_eq!(numbers(&mut scan).await, (0..1_000).collect::<Vec<_>>());
    let report = scan.report();
    assert_eq!((report.files, report.files_read, report.rows), (10, 10, 1_000));
    assert_eq!(report.requests, 10, "each of these files fits into the request for its end");
    assert!(scan.next().await.unwrap().is_none(), "and nothing more");
    let mut none = storage.scan(8, "events", ScanQuery::default()).await.unwrap();
    assert_eq!((numbers(&mut none).await, none.report().files), (vec![], 0));
}

#[tokio::test]
async fn only_files_of_the_lsns_are_touched() {
    let folder = tempfile::tempdir().unwrap();
    let storage = stored(local(folder.path())).await;
    let mut query = ScanQuery::default();
    query.lsns = Some(LsnRange::new(2_500, 3_000).unwrap());
    let mut scan = storage.scan(7, "events", query).await.unwrap();
    assert_eq!(numbers(&mut scan).await, (200..400).collect::<Vec<_>>());
    let report = scan.report();
    assert_eq!((report.files_pruned_by_lsns, report.files_opened, report.requests), (8, 2, 2));
}

#[tokio::test]
async fn a_limit_opens_no_more_files_than_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let storage = stored(local(folder.path())).await;
    let mut query = ScanQuery::default();
    query.limit = Some(10);
    let mut scan = storage.scan(7, "events", query.clone()).await.unwrap();
    assert_eq!(numbers(&mut scan).await, (0..10).collect::<Vec<_>>());
    assert_eq!((scan.report().files_opened, scan.report().row_groups_read), (1, 1));
    query.limit = Some(150);
    let mut scan = storage.scan(7, "events", query).await.unwrap();
    assert_eq!(numbers(&mut scan).await, (0..150).collect::<Vec<_>>());
    assert_eq!(scan.report().rows, 150);
}

#[tokio::test]
async fn a_filter_leaves_out_what_cannot_match() {
    let folder = tempfile::tempdir().unwrap();
    let storage = stored(local(folder.path())).await;
    let mut scan = storage.scan(7, "events", of("n >= 195 and n < 203")).await.unwrap();
    assert_eq!(numbers(&mut scan).await, (195..203).collect::<Vec<_>>());
    let report = scan.report();
    assert_eq!((report.files_opened, report.row_groups_pruned_by_statistics), (10, 8));
    assert_eq!((report.files_read, report.rows_read), (2, 200));
}

#[tokio::test]
async fn ends_of_files_are_kept_in_memory_and_in_a_folder() {
    let (folder, tails) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut config = local(folder.path());
    config.tails_dir = Some(tails.path().to_owned());
    let storage = stored(config.clone()).await;
    let query = || of("_id = 'nobody'");
    let mut cold = storage.scan(7, "events", query()).await.unwrap();
    assert_eq!((numbers(&mut cold).await, cold.report().requests), (vec![], 10));
    let mut warm = storage.scan(7, "events", query()).await.unwrap();
    assert_eq!((numbers(&mut warm).await, warm.report().requests), (vec![], 0));
    assert_eq!(warm.report().files_opened, 10);
    let next = ColdStorage::new(config).unwrap();
    let mut warm = next.scan(7, "events", query()).await.unwrap();
    assert_eq!((numbers(&mut warm).await, warm.report().requests), (vec![], 0));
}

#[tokio::test]
async fn a_file_that_is_another_one_than_the_kept_end_says_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let storage = stored(local(folder.path())).await;
    let key = "data/7/events/lsn-0-999.parquet";
    let first = storage.scan_object(key, ScanQuery::default()).await.unwrap().next().await;
    assert!(first.unwrap().is_some());
    // The same rows once more: another file of the same size.
    let path = folder.path().join(key);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let mut scan = storage.scan_object(key, ScanQuery::default()).await.unwrap();
    assert_eq!(numbers(&mut scan).await.len(), 100);
    // A file that lies at the key of another one.
    std::fs::copy(folder.path().join("data/7/events/lsn-1000-1999.parquet"), &path).unwrap();
    let error = storage.scan_object(key, ScanQuery::default()).await.unwrap().next().await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Corrupt, Some(key)));
}

#[tokio::test]
async fn a_file_that_vanishes_or_is_cut_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let storage = stored(local(folder.path())).await;
    let mut scan = storage.scan(7, "events", ScanQuery::default()).await.unwrap();
    let key = "data/7/events/lsn-3000-3999.parquet";
    std::fs::remove_file(folder.path().join(key)).unwrap();
    let mut rows = 0;
    let error = loop {
        match scan.next().await {
            Ok(Some(_)) => rows += 1,
            Ok(None) => panic!("no error"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.path(), rows), (ErrorKind::NotFound, Some(key), 300));
    assert!(scan.next().await.unwrap().is_none(), "an error is the end");
    let mut scan = storage.scan(7, "events", ScanQuery::default()).await.unwrap();
    let path = folder.path().join("data/7/events/lsn-0-999.parquet");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = scan.next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("the file changed"), "{error}");
}
