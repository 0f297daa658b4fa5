//! Collections as tables, in every store. Each test takes the configuration of an empty place.

use std::sync::Arc;

use bytes::Bytes;
use coldpress::filter::Filter;
use coldpress::{
    ColdStorage, ColdStorageConfig, EncodedFile, Entered, ErrorKind, ObjectKey, Projection,
    PutOutcome, Query, Settings, StreamSettings, TableVersion,
};
use serde_json::{Value, json};

use super::conformance::{keys, range};
use super::{encoded, rows};

/// Declares the tests of tables of a store, as `conformance!` does.
#[macro_export]
macro_rules! table_conformance {
    ($fresh:path) => {
        $crate::conformance!(@ table, $fresh,
            a_put_makes_a_table_and_the_next_one_grows_it,
            what_is_removed_is_not_listed_and_never_comes_back,
            a_file_without_a_commit_is_listed_once_it_is_adopted,
            receipts_are_committed_by_what_lies_there,
            scans_leave_files_out_by_the_log,
            types_of_a_table_stay_and_new_fields_become_columns,
            eight_writers_of_one_process_lose_nothing,
            eight_writers_of_several_processes_lose_nothing,
            appends_and_streams_go_into_the_table);
    };
}

/// A store that makes tables.
pub fn tables(config: &ColdStorageConfig) -> ColdStorage {
    ColdStorage::new(ColdStorageConfig { table: true, ..config.clone() }).unwrap()
}

/// A store that makes none.
pub fn plain(config: &ColdStorageConfig) -> ColdStorage {
    ColdStorage::new(config.clone()).unwrap()
}

pub async fn put(storage: &ColdStorage, min: u64, max: u64) -> ObjectKey {
    let count = usize::try_from(max - min + 1).unwrap();
    storage.encode_and_upload("c", 1, &rows(count, min), min, max).await.unwrap()
}

/// Stores an object beside the log, as a put does that dies before its commit.
pub async fn store_without_commit(storage: &ColdStorage, file: &EncodedFile) {
    let mut writer = storage.create(&file.key).await.unwrap();
    writer.write(file.bytes.clone()).await.unwrap();
    writer.finish().await.unwrap();
}

pub async fn listed(storage: &ColdStorage) -> Vec<String> {
    let files = storage.list(1, "c", None).await.unwrap();
    assert_eq!(storage.list_all(Some(1)).await.unwrap(), files);
    assert_eq!(storage.contents(None, None).await.unwrap().objects, files);
    assert_eq!(storage.contents(Some(1), Some("c")).await.unwrap().objects, files);
    keys(&files).into_iter().map(str::to_owned).collect()
}

pub async fn version(storage: &ColdStorage) -> Option<u64> {
    storage.table(1, "c").await.unwrap().and_then(|table| table.version())
}

async fn scanned(storage: &ColdStorage) -> usize {
    let mut scan = storage.scan(1, "c", Query::default()).await.unwrap();
    let mut count = 0;
    while scan.next().await.unwrap().is_some() {
        count += 1;
    }
    count
}

pub async fn a_put_makes_a_table_and_the_next_one_grows_it(config: ColdStorageConfig) {
    let (storage, other) = (tables(&config), plain(&config));
    assert!(storage.table(1, "c").await.unwrap().is_none());
    assert_eq!(version(&other).await, None);
    let first = put(&storage, 0, 9).await;
    assert_eq!((version(&storage).await, version(&other).await), (Some(0), Some(0)));
    // A collection that has a log is kept by it, whatever the configuration says.
    let second = put(&other, 10, 19).await;
    assert_eq!((version(&storage).await, version(&other).await), (Some(1), Some(1)));
    // The same content again commits nothing.
    put(&storage, 0, 9).await;
    assert_eq!(version(&storage).await, Some(1));
    assert_eq!(listed(&storage).await, [first.as_str(), second.as_str()]);
    assert_eq!(listed(&other).await, [first.as_str(), second.as_str()]);
    assert_eq!(scanned(&other).await, 20);

    let table = storage.table(1, "c").await.unwrap().unwrap();
    let bytes: Vec<u64> = table.adds().map(|add| add.bytes).collect();
    let sizes = storage.list(1, "c", None).await.unwrap();
    assert_eq!(bytes, sizes.iter().map(|file| file.bytes).collect::<Vec<_>>());
    for object in sizes {
        assert_eq!(storage.read_footer(&object.key).await.unwrap().1, object.bytes);
    }
    let history = storage.table_history(1, "c", 10).await.unwrap();
    let told = |version: &TableVersion| (version.version, version.files_added, version.rows_added);
    assert_eq!(history.iter().map(told).collect::<Vec<_>>(), [(1, 1, Some(10)), (0, 1, Some(10))]);
    assert_eq!(storage.table_history(1, "c", 1).await.unwrap(), history[..1]);
    let before = storage.table_at(1, "c", 0).await.unwrap().unwrap();
    assert_eq!(before.adds().count(), 1);
    let none = storage.table_at(1, "c", 2).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound, "{none}");
    // Another collection has no table.
    assert!(storage.table(1, "d").await.unwrap().is_none());
    other.encode_and_upload("d", 1, &rows(1, 1), 0, 0).await.unwrap();
    assert!(storage.table(1, "d").await.unwrap().is_none());
    assert_eq!(storage.list(1, "d", None).await.unwrap().len(), 1);
}

pub async fn what_is_removed_is_not_listed_and_never_comes_back(config: ColdStorageConfig) {
    let storage = tables(&config);
    let (first, second) = (put(&storage, 0, 9).await, put(&storage, 10, 19).await);
    let mut gone = Vec::new();
    storage.delete_all(std::slice::from_ref(&second), |key| gone.push(key.clone())).await.unwrap();
    assert_eq!(gone, std::slice::from_ref(&second));
    assert_eq!(listed(&storage).await, [first.as_str()]);
    assert_eq!(scanned(&storage).await, 10);
    // Readers of the version before still need the object.
    storage.download_parquet(&second).await.unwrap();
    // Again is success, and commits nothing.
    storage.delete(&second).await.unwrap();
    assert_eq!(version(&storage).await, Some(2));

    let fresh = plain(&config);
    let error = fresh.encode_and_upload("c", 1, &rows(10, 10), 10, 19).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Conflict, Some(second.as_str())));
    assert!(error.to_string().contains("removed"), "{error}");
    let error = fresh.encode_and_upload("c", 1, &rows(3, 3), 18, 20).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(fresh.next_lsn(1, "c").await.unwrap(), Some(20));
    let adopted = fresh.adopt_table(1, "c").await.unwrap();
    assert_eq!((adopted.known, adopted.adopted.len(), adopted.passed_over.len()), (1, 0, 1));
    assert_eq!(adopted.passed_over[0].key, second);
    assert!(adopted.passed_over[0].why.contains("removed"), "{}", adopted.passed_over[0].why);
    assert_eq!(listed(&fresh).await, [first.as_str()]);
}

pub async fn a_file_without_a_commit_is_listed_once_it_is_adopted(config: ColdStorageConfig) {
    let (storage, before) = (tables(&config), plain(&config));
    let old: Vec<ObjectKey> =
        vec![put(&before, 100, 109).await, put(&before, 0, 9).await, put(&before, 20, 29).await];
    assert_eq!(version(&before).await, None);
    let adopted = before.adopt_table(1, "c").await.unwrap();
    let in_order = [&old[1], &old[2], &old[0]];
    assert_eq!(adopted.adopted.iter().collect::<Vec<_>>(), in_order);
    assert_eq!((adopted.version, adopted.known, adopted.running), (Some(0), 0, 0));
    assert!(adopted.passed_over.is_empty());
    let again = before.adopt_table(1, "c").await.unwrap();
    assert_eq!((again.version, again.known, again.adopted.len()), (Some(0), 3, 0));

    let file = encoded(&storage, "c", range(10, 12), &rows(3, 1));
    store_without_commit(&storage, &file).await;
    for storage in [&storage, &before, &plain(&config)] {
        assert_eq!(listed(storage).await.len(), 3);
        assert_eq!(scanned(storage).await, 30);
    }
    // Its LSNs are taken even so.
    let error = before.encode_and_upload("c", 1, &rows(2, 1), 12, 13).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    // The same put again commits it.
    assert_eq!(before.put_file(&file).await.unwrap(), PutOutcome::AlreadyThere);
    assert_eq!(listed(&plain(&config)).await.len(), 4);

    let damaged = encoded(&storage, "c", range(200, 202), &rows(3, 1));
    let cut = Bytes::copy_from_slice(&damaged.bytes[..damaged.bytes.len() - 9]);
    let late = encoded(&storage, "c", range(300, 302), &rows(3, 1));
    store_without_commit(&storage, &EncodedFile { bytes: cut, ..damaged.clone() }).await;
    store_without_commit(&storage, &late).await;
    let adopted = storage.adopt_table(1, "c").await.unwrap();
    assert_eq!((adopted.known, adopted.adopted), (4, vec![late.key]));
    assert_eq!(adopted.passed_over.len(), 1);
    assert_eq!(adopted.passed_over[0].key, damaged.key);
}

pub async fn receipts_are_committed_by_what_lies_there(config: ColdStorageConfig) {
    let (storage, other) = (tables(&config), plain(&config));
    let files: Vec<EncodedFile> = [(0, 9), (10, 19), (15, 24)]
        .iter()
        .map(|&(min, max)| encoded(&storage, "c", range(min, max), &rows(10, min)))
        .collect();
    for file in &files {
        store_without_commit(&storage, file).await;
    }
    let missing = encoded(&storage, "c", range(50, 50), &rows(1, 1));
    let keys = |range: std::ops::Range<usize>| -> Vec<ObjectKey> {
        files[range].iter().map(|file| file.key.clone()).collect()
    };
    let no_table = other.commit_stored(&keys(0..1)).await;
    assert_eq!(no_table.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [Entered::NoTable]);
    let entered = storage.commit_stored(&keys(0..1)).await;
    // The two files that do not fit together were both there before the table.
    assert_eq!(entered.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [Entered::Known]);
    assert_eq!(listed(&storage).await, keys(0..2).iter().map(|k| k.as_str()).collect::<Vec<_>>());
    let far = encoded(&storage, "c", range(60, 61), &rows(2, 1));
    store_without_commit(&storage, &far).await;
    let asked = [files[2].key.clone(), missing.key.clone(), far.key.clone(), far.key.clone()];
    let entered = other.commit_stored(&asked).await;
    assert_eq!(entered[0].as_ref().unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(entered[1].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    let version = version(&storage).await.unwrap();
    assert_eq!(*entered[2].as_ref().unwrap(), Entered::Committed(version));
    assert!(matches!(entered[3].as_ref().unwrap(), Entered::Known | Entered::Committed(_)));
    assert_eq!(listed(&other).await.len(), 3);
}

pub async fn scans_leave_files_out_by_the_log(config: ColdStorageConfig) {
    let storage = tables(&config);
    for file in 0..5_u64 {
        let row = |n: u64| (format!("id {n:03}"), json!({ "n": n }));
        let rows: Vec<(String, Value)> = (file * 10..file * 10 + 10).map(row).collect();
        storage.encode_and_upload("c", 1, &rows, file * 10, file * 10 + 9).await.unwrap();
    }
    let report = async |query: Query| {
        let mut scan = plain(&config).scan(1, "c", query).await.unwrap();
        let mut found = Vec::new();
        while let Some(row) = scan.next().await.unwrap() {
            found.push(row.to_value().unwrap()["n"].as_u64().unwrap());
        }
        (found, scan.report())
    };
    let mut by_value = Query::default();
    by_value.filter = Some(Filter::parse("n = 33").unwrap());
    let (found, of_value) = report(by_value.clone()).await;
    assert_eq!(found, [33]);
    assert_eq!((of_value.files, of_value.files_pruned_by_statistics), (5, 4));
    assert_eq!((of_value.files_pruned_by_lsns, of_value.files_opened), (0, 1));

    by_value.lsns = Some(range(20, 30));
    by_value.filter = Some(Filter::parse("n > 25").unwrap());
    let (found, of_both) = report(by_value.clone()).await;
    assert_eq!(found, (26..40).collect::<Vec<_>>());
    assert_eq!((of_both.files_pruned_by_lsns, of_both.files_pruned_by_statistics), (3, 0));

    let mut by_id = Query::default();
    by_id.id = Some("id 007".to_owned());
    let (found, of_id) = report(by_id).await;
    assert_eq!((found, of_id.files_pruned_by_statistics), (vec![7], 4));

    by_value.filter = Some(Filter::parse("n = 99").unwrap());
    by_value.lsns = None;
    let (found, of_none) = report(by_value).await;
    assert_eq!((found.len(), of_none.files_pruned_by_statistics, of_none.requests), (0, 5, 0));
}

pub async fn types_of_a_table_stay_and_new_fields_become_columns(config: ColdStorageConfig) {
    let storage = tables(&config);
    let of = |document: Value| [("a".to_owned(), document)];
    storage.encode_and_upload("c", 1, &of(json!({ "n": 1 })), 0, 0).await.unwrap();
    storage.encode_and_upload("c", 1, &of(json!({ "n": 2, "new": true })), 1, 1).await.unwrap();
    let columns = storage.table_columns(1, "c").await.unwrap().unwrap();
    let names: Vec<&str> = columns.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["n", "new"]);
    // A file that is already encoded with another type is refused.
    let file = encoded(&storage, "c", range(2, 2), &of(json!({ "n": "x", "more": 1.5 })));
    let error = storage.put_file(&file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("column n"), "{error}");
    // Nothing is stored, so nothing lies beside the table.
    let adopted = storage.adopt_table(1, "c").await.unwrap();
    assert_eq!((adopted.known, adopted.passed_over.len()), (2, 0));
    // Rows get the types of the table, in any process, and again.
    let odd = of(json!({ "more": 1.5, "n": "x" }));
    let key = plain(&config).encode_and_upload("c", 1, &odd, 2, 2).await.unwrap();
    storage.encode_and_upload("c", 1, &of(json!({ "more": 2, "other": 1 })), 5, 5).await.unwrap();
    storage.encode_and_upload("c", 1, &odd, 2, 2).await.unwrap();
    storage.encode_and_upload("c", 1, odd.to_vec(), 2, 2).await.unwrap();
    assert_eq!(storage.read_rows(&key, &Projection::All).await.unwrap(), odd);
    // An append keeps the columns of the table, and rescues what does not fit.
    let settings = Settings::default();
    let mut append = storage
        .stream_rows(1, "c", None, settings, StreamSettings::default())
        .unwrap()
        .append()
        .await
        .unwrap();
    append.push_json("{\"n\":\"x\",\"new\":false}\n".into()).await.unwrap();
    let files = append.finish().await.unwrap();
    assert_eq!(files[0].summary.rescued.len(), 1);
    assert_eq!(listed(&storage).await.len(), 5);
    assert_eq!(scanned(&storage).await, 5);
}

/// Eight writers at once: each file is in the table once, and no version is missing.
async fn eight_at_once(storages: Vec<Arc<ColdStorage>>) {
    let mut writers = tokio::task::JoinSet::new();
    for (number, storage) in (0..8_u64).zip(storages.iter().cycle()) {
        let storage = Arc::clone(storage);
        writers.spawn(async move {
            for n in 0..4 {
                put(&storage, number * 100 + n * 10, number * 100 + n * 10 + 4).await;
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    for storage in &storages {
        assert_eq!(listed(storage).await.len(), 32);
        let history = storage.table_history(1, "c", 1_000).await.unwrap();
        let versions: Vec<u64> = history.iter().map(|version| version.version).rev().collect();
        assert_eq!(versions, (0..versions.len() as u64).collect::<Vec<_>>());
        assert_eq!(history.iter().map(|version| version.files_added).sum::<u64>(), 32);
        assert_eq!(storage.adopt_table(1, "c").await.unwrap().known, 32);
    }
}

pub async fn eight_writers_of_one_process_lose_nothing(config: ColdStorageConfig) {
    eight_at_once(vec![Arc::new(tables(&config))]).await;
}

pub async fn eight_writers_of_several_processes_lose_nothing(config: ColdStorageConfig) {
    eight_at_once((0..4).map(|_| Arc::new(tables(&config))).collect()).await;
}

pub async fn appends_and_streams_go_into_the_table(config: ColdStorageConfig) {
    let storage = tables(&config);
    let stream = || {
        let cut = StreamSettings {
            row_group_bytes_max: 2_000,
            file_bytes_max: 1,
            ..StreamSettings::default()
        };
        storage.stream_rows(1, "c", None, Settings::default(), cut).unwrap()
    };
    let text = |rows: std::ops::Range<usize>| -> Bytes {
        rows.map(|n| format!("{{\"n\":{n}}}\n")).collect::<String>().into()
    };
    // All files of an append that publishes at the end are one version.
    let mut first = stream().all_or_nothing().append().await.unwrap();
    first.push_json(text(0..500)).await.unwrap();
    let files = first.finish().await.unwrap();
    assert!(files.len() > 2, "{}", files.len());
    assert_eq!(version(&storage).await, Some(0));
    assert_eq!(listed(&storage).await.len(), files.len());
    // Each file of another stream is one.
    let mut second = stream().append_id("nightly").await.unwrap();
    second.push_json(text(0..300)).await.unwrap();
    let more = second.finish().await.unwrap();
    assert_eq!(version(&storage).await, Some(more.len() as u64));
    assert_eq!(listed(&storage).await.len(), files.len() + more.len());
    let mut again = stream().append_id("nightly").await.unwrap();
    again.push_json(text(0..300)).await.unwrap();
    again.finish().await.unwrap();
    assert_eq!(version(&storage).await, Some(more.len() as u64));
    assert_eq!(scanned(&plain(&config)).await, 800);
}
