//! Compaction, in every store. Each test takes the configuration of an empty place.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use coldpress::{
    ColdStorage, ColdStorageConfig, CompactOptions, Compacted, ErrorKind, Query, RewriteOrder,
    Settings, TimeOfDay,
};
use serde_json::{Value, json};

use super::table::{plain, tables};

/// Declares the tests of compaction of a store, as `conformance!` does.
#[macro_export]
macro_rules! compaction_conformance {
    ($fresh:path) => {
        $crate::conformance!(@ compaction, $fresh,
            small_files_become_one_and_no_row_changes,
            rows_are_there_once_while_writers_append_and_files_are_compacted,
            two_compactions_at_once_do_no_harm,
            a_sorted_compaction_sorts_its_rows);
    };
}

/// Rows of one file, each with an id of its own.
pub fn rows_from(first: u64, count: u64) -> Vec<(String, Value)> {
    let row = |n: u64| {
        let value = if n % 7 == 3 { json!(format!("odd {n}")) } else { json!(n) };
        (format!("id-{n}"), json!({ "n": n, "value": value, "at": "2026-01-02T03:04:05Z" }))
    };
    (first..first + count).map(row).collect()
}

pub async fn put_from(storage: &ColdStorage, first: u64, count: u64) {
    let rows = rows_from(first, count);
    storage.encode_and_upload("c", 1, rows, first, first + count - 1).await.unwrap();
}

/// All rows that a scan gives. Panics if it gives one twice.
pub async fn all_rows(storage: &ColdStorage) -> BTreeMap<String, Value> {
    let mut scan = storage.scan(1, "c", Query::default()).await.unwrap();
    let mut rows = BTreeMap::new();
    while let Some(batch) = scan.next().await.unwrap() {
        let before = rows.insert(batch.id().to_owned(), batch.to_value().unwrap());
        assert_eq!(before, None, "the row {} comes twice", batch.id());
    }
    rows
}

pub fn expected(first: u64, count: u64) -> BTreeMap<String, Value> {
    rows_from(first, count).into_iter().collect()
}

pub async fn compact(storage: &ColdStorage) -> Compacted {
    storage.compact_table(1, "c", &CompactOptions::default()).await.unwrap()
}

pub async fn live_files(storage: &ColdStorage) -> usize {
    storage.table(1, "c").await.unwrap().unwrap().adds().len()
}

pub async fn small_files_become_one_and_no_row_changes(config: ColdStorageConfig) {
    let storage = tables(&config);
    let none = storage.compact_table(1, "c", &CompactOptions::default()).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound, "{none}");
    for file in 0..10 {
        put_from(&storage, 10 * file, 10).await;
    }
    let before = all_rows(&storage).await;
    assert_eq!(before, expected(0, 100));
    let compacted = compact(&plain(&config)).await;
    assert_eq!((compacted.files_before, compacted.files.len()), (10, 1), "{compacted:?}");
    let file = &compacted.files[0];
    assert_eq!((file.rows, file.replaced.len()), (100, 10));
    assert!(file.key.as_str().ends_with("lsn-0-99.1.parquet"), "{}", file.key);
    assert_eq!(compacted.version, Some(10));
    assert_eq!(all_rows(&storage).await, before);
    assert_eq!(live_files(&storage).await, 1);
    // The history says that no row has changed, and the version before is still whole.
    let history = storage.table_history(1, "c", 1).await.unwrap();
    assert_eq!(history[0].operation.as_deref(), Some("OPTIMIZE"));
    assert!(!history[0].changes_rows);
    assert_eq!(storage.table_at(1, "c", 9).await.unwrap().unwrap().adds().len(), 10);
    for key in &file.replaced {
        storage.download_parquet(key).await.unwrap();
    }
    // Nothing is left to do, and no claim is left.
    assert_eq!(compact(&storage).await.files, []);
    assert_eq!(storage.next_lsn(1, "c").await.unwrap(), Some(100));
    // A put into a gap of a compacted file, and the LSNs behind it.
    for first in [200, 300, 400, 500] {
        put_from(&storage, first, 10).await;
    }
    assert_eq!(compact(&storage).await.files.len(), 1);
    put_from(&storage, 250, 10).await;
    assert_eq!(live_files(&storage).await, 3);
    assert_eq!(compact(&storage).await.passed_over, []);
    assert_eq!(all_rows(&storage).await.len(), 150);
}

pub async fn rows_are_there_once_while_writers_append_and_files_are_compacted(
    config: ColdStorageConfig,
) {
    let storage = tables(&config);
    for file in 0..60 {
        put_from(&storage, 5 * file, 5).await;
    }
    let (config, stored) = (Arc::new(config), Arc::new(AtomicU64::new(300)));
    let ended = Arc::new(AtomicBool::new(false));
    let writer = |number: u64| {
        let (config, stored) = (Arc::clone(&config), Arc::clone(&stored));
        tokio::spawn(async move {
            let storage = plain(&config);
            for file in 0..10 {
                let first = 10_000 * number + 5 * file;
                let stream =
                    storage.stream_rows(1, "c", None, Settings::default(), Default::default());
                let mut append = stream.unwrap().append().await.unwrap();
                append.push_rows(rows_from(first, 5)).await.unwrap();
                append.finish().await.unwrap();
                stored.fetch_add(5, Ordering::SeqCst);
            }
        })
    };
    let writers = [writer(1), writer(2)];
    let reader = {
        let (config, stored, ended) =
            (Arc::clone(&config), Arc::clone(&stored), Arc::clone(&ended));
        tokio::spawn(async move {
            let storage = plain(&config);
            let mut scans = 0;
            loop {
                let is_last = ended.load(Ordering::SeqCst);
                let least = stored.load(Ordering::SeqCst);
                let rows = all_rows(&storage).await;
                assert!(rows.len() as u64 >= least, "{} of {least} rows", rows.len());
                scans += 1;
                if is_last {
                    return (rows, scans);
                }
            }
        })
    };
    let compactor = plain(&config);
    let mut groups = 0;
    while !writers.iter().all(|writer| writer.is_finished()) {
        groups += compact(&compactor).await.files.len();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    groups += compact(&compactor).await.files.len();
    ended.store(true, Ordering::SeqCst);
    let (rows, scans) = reader.await.unwrap();
    assert!(groups > 0 && scans > 1, "{groups} groups, {scans} scans");
    let mut wanted = expected(0, 300);
    wanted.extend(expected(10_000, 50));
    wanted.extend(expected(20_000, 50));
    assert_eq!(rows, wanted);
    assert!(live_files(&storage).await < 10);
}

pub async fn two_compactions_at_once_do_no_harm(config: ColdStorageConfig) {
    let storage = tables(&config);
    for file in 0..12 {
        put_from(&storage, 5 * file, 5).await;
    }
    let (one, other) = (plain(&config), plain(&config));
    let mut replaced = 0;
    // Each gives way to the other; at last nothing is left to do.
    while live_files(&storage).await > 1 {
        let (a, b) = tokio::join!(compact(&one), compact(&other));
        let files = a.files.iter().chain(&b.files);
        replaced += files.map(|file| file.replaced.len()).sum::<usize>();
    }
    assert_eq!(replaced, 12, "no file is replaced twice");
    assert_eq!(all_rows(&storage).await, expected(0, 60));
}

pub async fn a_sorted_compaction_sorts_its_rows(config: ColdStorageConfig) {
    let storage = tables(&config);
    let row = |n: u64| (format!("{n:03}"), json!({ "n": 100 - n }));
    for (lsn, ids) in [(0, [5, 9]), (2, [1, 7]), (4, [8, 2])] {
        storage.encode_and_upload("c", 1, ids.map(row).to_vec(), lsn, lsn + 1).await.unwrap();
    }
    let options = CompactOptions { order: RewriteOrder::ById, ..CompactOptions::default() };
    let compacted = storage.compact_table(1, "c", &options).await.unwrap();
    let rows = storage.read_rows(&compacted.files[0].key, &coldpress::Projection::All).await;
    let ids: Vec<String> = rows.unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["001", "002", "005", "007", "008", "009"]);
}

/// Polls a future so many times, and drops it then; what it gave, if it has ended before.
pub async fn dropped_after<T>(polls: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Some(Box::pin(future));
    let mut left = polls;
    std::future::poll_fn(move |context| {
        let Some(running) = future.as_mut() else { return Poll::Ready(None) };
        if left == 0 {
            future = None;
            return Poll::Ready(None);
        }
        left -= 1;
        match Pin::new(running).poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if left == 0 => {
                future = None;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The same store by a clock that is so many hours ahead.
pub fn later(config: &ColdStorageConfig, hours: u64) -> ColdStorage {
    let ahead = std::time::Duration::from_secs(3_600 * hours);
    let clock = TimeOfDay::new(move || std::time::SystemTime::now() + ahead);
    ColdStorage::new(ColdStorageConfig { clock, ..config.clone() }).unwrap()
}
