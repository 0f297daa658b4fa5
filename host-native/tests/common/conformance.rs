//! What every store must do, local or S3. Each takes the configuration of an empty place.

use std::sync::Arc;

use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, LsnRange, LsnWidth, ObjectKey, Projection,
    PutOutcome, StoredObject,
};
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;
use serde_json::json;

use super::{encoded, rows};

/// Declares the tests of a store: `conformance!(fresh)`. `fresh(test)` returns a guard that derefs
/// to a configuration and keeps its store until dropped.
#[macro_export]
macro_rules! conformance {
    ($fresh:path) => {
        $crate::conformance!(@ conformance, $fresh,
            rows_come_back_equal,
            a_projection_reads_only_what_it_names,
            the_same_content_again_is_success_and_not_counted,
            an_object_is_never_overwritten,
            segments_are_stored_as_they_are_and_counted,
            names_with_percent_hash_dots_and_slashes_stay_where_they_belong,
            empty_and_overlong_names_are_refused,
            min_above_max_no_rows_and_rows_that_are_no_objects_store_nothing,
            a_list_is_in_the_order_of_lsns_and_holds_what_overlaps,
            a_list_ignores_foreign_names,
            list_all_tells_tenants_and_logs_apart,
            what_is_not_there_is_not_found,
            keys_of_other_stores_are_refused,
            padded_and_unpadded_lsns_live_side_by_side,
            sixteen_racing_writers_of_other_content_have_one_winner,
            sixteen_racing_writers_of_the_same_content_all_succeed,
            an_empty_prefix_is_a_prefix,
            a_missing_segment_is_named);
        $crate::conformance!(@ lifecycle, $fresh,
            whole_files_verify_in_their_order, one_flipped_bit_in_the_store_is_found,
            a_file_under_the_key_of_another_is_found,
            only_data_that_is_there_is_verified,
            deleting_takes_what_it_names_and_nothing_else,
            more_than_one_request_takes_are_deleted,
            a_damaged_object_is_replaced_by_what_it_was_and_nothing_else);
        $crate::conformance!(@ scan, $fresh,
            a_scan_gives_rows_in_order_by_what_is_asked, a_scan_that_is_dropped_stops);
    };
    (@ $module:ident, $fresh:path, $($test:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let place = $fresh(stringify!($test));
            common::$module::$test(place.config()).await;
        })+
    };
}

pub fn range(min: u64, max: u64) -> LsnRange {
    LsnRange::new(min, max).unwrap()
}

pub fn keys(objects: &[StoredObject]) -> Vec<&str> {
    objects.iter().map(|object| object.key.as_str()).collect()
}

/// A file that serves as a segment of a log.
pub fn segment(content: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

pub async fn rows_come_back_equal(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config.clone()).unwrap();
    let rows = vec![
        ("a".to_owned(), json!({ "n": null, "deep": { "list": [1, 2, { "x": "y" }] } })),
        ("b".to_owned(), json!({ "n": 25.5, "later": true, "big": u64::MAX })),
        ("c".to_owned(), json!({ "n": "text", "big": -1, "deep": { "other": [] } })),
    ];
    let key = storage.encode_and_upload("events", 7, &rows, 5, 9).await.unwrap();
    assert_eq!(key, format!("{}7/events/lsn-5-9.parquet", storage.prefix().as_str()));
    let bytes = storage.download_parquet(&key).await.unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    assert_eq!((storage.files_uploaded(), storage.bytes_uploaded()), (1, bytes.len() as u64));

    let found = ColdStorage::new(config).unwrap().read_rows(&key, &Projection::All).await.unwrap();
    assert_eq!(found, rows);
    let meta = storage.object_store().head(&StorePath::parse(&key).unwrap()).await.unwrap();
    assert_eq!(meta.size, bytes.len() as u64);
}

pub async fn a_projection_reads_only_what_it_names(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(3, 8), 0, 2).await.unwrap();
    let projection = Projection::Columns(vec!["n".to_owned()]);
    let found = storage.read_rows(&key, &projection).await.unwrap();
    let expected: Vec<_> = (0..3).map(|n| (format!("row-{n}"), json!({ "n": n }))).collect();
    assert_eq!(found, expected);

    let unknown = Projection::Columns(vec!["m".to_owned()]);
    let error = storage.read_rows(&key, &unknown).await.unwrap_err();
    assert_eq!(error.path(), Some(key.as_str()));
    assert!(error.to_string().contains('m'), "{error}");
}

pub async fn the_same_content_again_is_success_and_not_counted(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config.clone()).unwrap();
    let rows = rows(100, 1);
    let key = storage.encode_and_upload("c", 1, &rows, 0, 99).await.unwrap();
    let counted = (storage.files_uploaded(), storage.bytes_uploaded());
    assert_eq!(storage.encode_and_upload("c", 1, &rows, 0, 99).await.unwrap(), key);
    assert_eq!((storage.files_uploaded(), storage.bytes_uploaded()), counted);

    let other = ColdStorage::new(config).unwrap();
    let file = encoded(&other, "c", range(0, 99), &rows);
    assert_eq!(other.put_file(&file).await.unwrap(), PutOutcome::AlreadyThere);
    assert_eq!((other.files_uploaded(), other.bytes_uploaded()), (0, 0));
}

pub async fn an_object_is_never_overwritten(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(10, 1), 0, 9).await.unwrap();
    let before = storage.download_parquet(&key).await.unwrap();
    for other in [rows(10, 2), rows(11, 1)] {
        let error = storage.encode_and_upload("c", 1, &other, 0, 9).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert_eq!(error.path(), Some(key.as_str()));
        let text = error.to_string();
        assert!(text.contains(key.as_str()) && text.contains("LSN range"), "{text}");
        assert!(text.contains("delete"), "{text}");
    }
    assert_eq!(storage.download_parquet(&key).await.unwrap(), before);
    assert_eq!((storage.files_uploaded(), storage.bytes_uploaded()), (1, before.len() as u64));
}

pub async fn segments_are_stored_as_they_are_and_counted(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let first = segment(b"a log\0\xff");
    let key = storage.upload_wal_segment(first.path(), "000001.log").await.unwrap();
    assert_eq!(key, format!("{}wal/000001.log", storage.prefix().as_str()));
    assert_eq!(&storage.download_parquet(&key).await.unwrap()[..], b"a log\0\xff");
    assert_eq!((storage.files_uploaded(), storage.bytes_uploaded()), (1, 7));

    storage.upload_wal_segment(first.path(), "000001.log").await.unwrap();
    let other = segment(b"another");
    let error = storage.upload_wal_segment(other.path(), "000001.log").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(&storage.download_parquet(&key).await.unwrap()[..], b"a log\0\xff");
    assert_eq!((storage.files_uploaded(), storage.bytes_uploaded()), (1, 7));

    let empty = segment(b"");
    storage.upload_wal_segment(empty.path(), "empty").await.unwrap();
    assert_eq!((storage.files_uploaded(), storage.bytes_uploaded()), (2, 7));
}

pub async fn names_with_percent_hash_dots_and_slashes_stay_where_they_belong(
    config: ColdStorageConfig,
) {
    let storage = ColdStorage::new(config).unwrap();
    let names = [
        "%", "%2F", "%252F", "#", "a#1", "..", ".", "...", "a/b", "/", "../../x", "a b", "+", "é",
        "日本", "\\", "~", "?", "&=", "*", "a\nb", "\u{7f}", ":", "\"<>|", "-", "_x",
    ];
    let mut segments = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        let tenant = storage.prefix().as_str().to_owned() + "1/";
        let own = rows(1, number as u64);
        let key = storage.encode_and_upload(name, 1, &own, 0, 0).await.unwrap();
        assert!(key.as_str().starts_with(&tenant), "{key}");
        assert_eq!(key.as_str().matches('/').count(), tenant.matches('/').count() + 1, "{key}");
        assert_eq!(storage.read_rows(&key, &Projection::All).await.unwrap(), own, "{name:?}");
        let listed = storage.list(1, name, None).await.unwrap();
        assert_eq!(keys(&listed), [&key], "{name:?}");

        let content = format!("segment {number}");
        let file = segment(content.as_bytes());
        let key = storage.upload_wal_segment(file.path(), name).await.unwrap();
        assert_eq!(storage.download_parquet(&key).await.unwrap(), content, "{name:?}");
        segments.push(key);
    }
    let all = storage.list_all(None).await.unwrap();
    assert_eq!(all.len(), 2 * names.len());
    for key in &segments {
        assert!(keys(&all).contains(&key.as_str()), "{key}");
    }
    assert_eq!(storage.list_all(Some(1)).await.unwrap().len(), names.len());
}

pub async fn empty_and_overlong_names_are_refused(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let file = segment(b"x");
    for name in [String::new(), "x".repeat(256), "é".repeat(43)] {
        let refused = [
            storage.encode_and_upload(&name, 1, &rows(1, 1), 0, 0).await.unwrap_err(),
            storage.upload_wal_segment(file.path(), &name).await.unwrap_err(),
            storage.list(1, &name, None).await.unwrap_err(),
        ];
        assert!(refused.iter().all(|error| error.kind() == ErrorKind::Key), "{refused:?}");
    }
    assert!(storage.list_all(None).await.unwrap().is_empty());
    storage.encode_and_upload(&"x".repeat(255), 1, &rows(1, 1), 0, 0).await.unwrap();
    storage.upload_wal_segment(file.path(), &"y".repeat(255)).await.unwrap();
    assert_eq!(storage.list_all(None).await.unwrap().len(), 2);
}

pub async fn min_above_max_no_rows_and_rows_that_are_no_objects_store_nothing(
    config: ColdStorageConfig,
) {
    let storage = ColdStorage::new(config).unwrap();
    let error = storage.encode_and_upload("c", 1, &rows(1, 1), 9, 8).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key, "{error}");
    assert!(storage.encode_and_upload("c", 1, &[], 0, 0).await.is_err());
    for bad in [json!([1]), json!("text"), json!(null), json!({ "_id": "another" })] {
        let mut rows = rows(1_000, 1);
        rows[700].1 = bad;
        let error = storage.encode_and_upload("c", 1, &rows, 0, 999).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Row, "{error}");
        let core = error.core().unwrap();
        assert_eq!((core.row(), core.id()), (Some(700), Some("row-700")), "{error}");
        assert!(error.to_string().contains("700"), "{error}");
    }
    assert!(storage.list_all(None).await.unwrap().is_empty());
    assert_eq!((storage.files_uploaded(), storage.bytes_uploaded()), (0, 0));
}

pub async fn a_list_is_in_the_order_of_lsns_and_holds_what_overlaps(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    for (min, max) in [(100, 199), (0, 9), (20, 29), (10, 19), (u64::MAX, u64::MAX)] {
        storage.encode_and_upload("c", 1, &rows(1, min), min, max).await.unwrap();
    }
    for (tenant, collection) in [(1, "cc"), (1, "C"), (11, "c"), (2, "c")] {
        storage.encode_and_upload(collection, tenant, &rows(1, 1), 0, 9).await.unwrap();
    }
    let list = async |lsns: Option<(u64, u64)>| {
        let lsns = lsns.map(|(min, max)| range(min, max));
        let listed = storage.list(1, "c", lsns).await.unwrap();
        let held: Vec<_> = listed.iter().map(|object| object.key.lsns().unwrap().min()).collect();
        held
    };
    assert_eq!(list(None).await, [0, 10, 20, 100, u64::MAX]);
    assert_eq!(list(Some((9, 20))).await, [0, 10, 20]);
    assert_eq!(list(Some((30, 99))).await, [] as [u64; 0]);
    assert_eq!(list(Some((150, u64::MAX))).await, [100, u64::MAX]);
    assert!(storage.list(3, "c", None).await.unwrap().is_empty());
    assert!(storage.list(1, "none", None).await.unwrap().is_empty());

    let listed = storage.list(1, "c", Some(range(0, 0))).await.unwrap();
    let bytes = storage.download_parquet(listed[0].key.as_str()).await.unwrap();
    assert_eq!(listed[0].bytes, bytes.len() as u64);
    let age = listed[0].modified.elapsed().unwrap_or_default();
    assert!(age < std::time::Duration::from_secs(600), "{age:?}");
}

pub async fn a_list_ignores_foreign_names(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    let folder = key.as_str().strip_suffix("lsn-0-0.parquet").unwrap();
    let others = [
        "_delta_log/00000000000000000000.json",
        "notes.txt",
        "lsn-9-1.parquet",
        "lsn-01-1.parquet",
    ];
    for other in others {
        let path = StorePath::parse(format!("{folder}{other}")).unwrap();
        storage.object_store().put(&path, "other".into()).await.unwrap();
    }
    assert_eq!(keys(&storage.list(1, "c", None).await.unwrap()), [&key]);
    assert_eq!(keys(&storage.list_all(None).await.unwrap()), [&key]);
}

pub async fn list_all_tells_tenants_and_logs_apart(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let mut expected = Vec::new();
    for (tenant, collection, lsn) in [(2, "a", 2), (2, "a", 10), (2, "b", 1), (10, "a", 0)] {
        let rows = rows(1, lsn);
        expected
            .push(storage.encode_and_upload(collection, tenant, &rows, lsn, lsn).await.unwrap());
    }
    for name in ["000001.log", "000002.log"] {
        let file = segment(name.as_bytes());
        expected.push(storage.upload_wal_segment(file.path(), name).await.unwrap());
    }
    assert_eq!(keys(&storage.list_all(None).await.unwrap()), expected);
    assert_eq!(keys(&storage.list_all(Some(2)).await.unwrap()), expected[..3]);
    assert_eq!(keys(&storage.list_all(Some(10)).await.unwrap()), expected[3..4]);
    assert!(storage.list_all(Some(1)).await.unwrap().is_empty());
}

pub async fn what_is_not_there_is_not_found(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let key = format!("{}1/c/lsn-0-0.parquet", storage.prefix().as_str());
    for _ in 0..2 {
        let error = storage.download_parquet(&key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().starts_with(&key), "{error}");
        assert_eq!(error.path(), Some(key.as_str()));
        // Now in a folder that exists.
        storage.encode_and_upload("c", 1, &rows(1, 1), 1, 1).await.unwrap();
    }
}

pub async fn keys_of_other_stores_are_refused(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let prefix = storage.prefix().as_str();
    for key in [
        String::new(),
        "/etc/passwd".to_owned(),
        "../x".to_owned(),
        format!("{prefix}1/../2/c/lsn-0-0.parquet"),
        format!("{prefix}1/c/_delta_log/0.json"),
        format!("{prefix}1/c/lsn-9-1.parquet"),
        format!("other/{prefix}1/c/lsn-0-0.parquet"),
    ] {
        let error = storage.download_parquet(&key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key, "{key}: {error}");
    }
    let mut file = encoded(&storage, "c", range(0, 0), &rows(1, 1));
    let elsewhere = coldpress::KeyPrefix::new("elsewhere/x").unwrap();
    file.key = ObjectKey::data(&elsewhere, 1, "c", range(0, 0), LsnWidth::Unpadded).unwrap();
    assert_eq!(storage.put_file(&file).await.unwrap_err().kind(), ErrorKind::Misuse);
    assert!(storage.list_all(None).await.unwrap().is_empty());
}

pub async fn padded_and_unpadded_lsns_live_side_by_side(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config.clone()).unwrap();
    let padded =
        ColdStorage::new(ColdStorageConfig { lsn_width: LsnWidth::Padded, ..config }).unwrap();
    let first = storage.encode_and_upload("c", 1, &rows(1, 1), 2, 2).await.unwrap();
    let second = padded.encode_and_upload("c", 1, &rows(1, 2), 10, 10).await.unwrap();
    assert!(second.as_str().ends_with("lsn-00000000000000000010-00000000000000000010.parquet"));
    for storage in [&storage, &padded] {
        assert_eq!(keys(&storage.list(1, "c", None).await.unwrap()), [&first, &second]);
        assert_eq!(storage.read_rows(&second, &Projection::All).await.unwrap(), rows(1, 2));
    }
}

async fn race(storage: &Arc<ColdStorage>, seeds: [u64; 16]) -> Vec<coldpress::Result<PutOutcome>> {
    let start = Arc::new(tokio::sync::Barrier::new(seeds.len()));
    let writers = seeds.map(|seed| {
        let (storage, start) = (Arc::clone(storage), Arc::clone(&start));
        tokio::spawn(async move {
            let file = encoded(&storage, "c", range(0, 99), &rows(100, seed));
            start.wait().await;
            storage.put_file(&file).await
        })
    });
    let mut outcomes = Vec::new();
    for writer in writers {
        outcomes.push(writer.await.unwrap());
    }
    outcomes
}

pub async fn sixteen_racing_writers_of_other_content_have_one_winner(config: ColdStorageConfig) {
    let storage = Arc::new(ColdStorage::new(config).unwrap());
    let outcomes = race(&storage, std::array::from_fn(|n| n as u64)).await;
    let winner = outcomes.iter().position(|outcome| outcome.is_ok()).unwrap();
    for (number, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(outcome) => assert_eq!((number, *outcome), (winner, PutOutcome::Created)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }
    let listed = storage.list(1, "c", None).await.unwrap();
    let found = storage.read_rows(listed[0].key.as_str(), &Projection::All).await.unwrap();
    assert_eq!(found, rows(100, winner as u64));
    assert_eq!((listed.len(), storage.files_uploaded()), (1, 1));
}

pub async fn sixteen_racing_writers_of_the_same_content_all_succeed(config: ColdStorageConfig) {
    let storage = Arc::new(ColdStorage::new(config).unwrap());
    let outcomes = race(&storage, [4; 16]).await;
    let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap()).collect();
    let created = outcomes.iter().filter(|outcome| **outcome == PutOutcome::Created).count();
    assert_eq!((created, storage.files_uploaded()), (1, 1));
}

pub async fn an_empty_prefix_is_a_prefix(config: ColdStorageConfig) {
    // Other tests share the root of the bucket, so this uses one tenant of its own.
    let tenant = u64::MAX - 5;
    let storage = ColdStorage::new(ColdStorageConfig { prefix: String::new(), ..config }).unwrap();
    let key = storage.encode_and_upload("c", tenant, &rows(1, 1), 0, 0).await.unwrap();
    assert_eq!(key, format!("{tenant}/c/lsn-0-0.parquet"));
    assert_eq!(keys(&storage.list(tenant, "c", None).await.unwrap()), [&key]);
    assert_eq!(keys(&storage.list_all(Some(tenant)).await.unwrap()), [&key]);
    assert!(keys(&storage.list_all(None).await.unwrap()).contains(&key.as_str()));
}

pub async fn a_missing_segment_is_named(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no-such.log");
    let error = storage.upload_wal_segment(&missing, "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no-such.log"), "{error}");
    let error = storage.upload_wal_segment(folder.path(), "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    assert!(storage.list_all(None).await.unwrap().is_empty());
}
