//! Collections as tables in a local folder, where a test can look at the log, and damage it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use coldpress::{ColdStorage, ColdStorageConfig, ErrorKind, PutOutcome, Settings, StreamSettings};
use common::conformance::range;
use common::table::{listed, plain, put, store_without_commit, tables, version};
use common::{encoded, local_config, rows};
use serde_json::Value;

/// The log of collection `c` of tenant 1.
fn log(folder: &Path) -> PathBuf {
    folder.join("data/1/c/_delta_log")
}

fn entry(folder: &Path, version: u64) -> PathBuf {
    log(folder).join(format!("{version:020}.json"))
}

fn names(folder: &Path) -> HashSet<String> {
    let names = fs::read_dir(log(folder)).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn config(folder: &Path) -> ColdStorageConfig {
    local_config(folder)
}

#[tokio::test]
async fn an_entry_is_what_other_engines_read() {
    let folder = tempfile::tempdir().unwrap();
    let storage = tables(&config(folder.path()));
    let key = put(&storage, 0, 9).await;
    let text = fs::read_to_string(entry(folder.path(), 0)).unwrap();
    let actions: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let action = |name: &str| actions.iter().find_map(|action| action.get(name)).unwrap();
    assert_eq!(action("protocol")["minReaderVersion"], 1);
    assert_eq!(action("metaData")["format"]["provider"], "parquet");
    let add = action("add");
    assert_eq!(add["path"], "lsn-0-9.parquet");
    assert_eq!(add["size"], fs::metadata(folder.path().join(key.as_str())).unwrap().len());
    let stats: Value = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
    assert_eq!(stats["numRecords"], 10);
    assert_eq!((&stats["minValues"]["n"], &stats["maxValues"]["n"]), (&0.into(), &9.into()));
    assert_eq!(names(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_damaged_log_is_an_error_that_names_the_object() {
    let folder = tempfile::tempdir().unwrap();
    let storage = tables(&config(folder.path()));
    put(&storage, 0, 9).await;
    put(&storage, 10, 19).await;
    let whole = fs::read(entry(folder.path(), 1)).unwrap();
    fs::write(entry(folder.path(), 1), &whole[..whole.len() - 20]).unwrap();
    let fresh = || plain(&config(folder.path()));
    let errors = [
        fresh().list(1, "c", None).await.unwrap_err(),
        fresh().list_all(None).await.unwrap_err(),
        fresh().contents(None, None).await.unwrap_err(),
        fresh().scan(1, "c", Default::default()).await.unwrap_err(),
        fresh().next_lsn(1, "c").await.unwrap_err(),
        fresh().adopt_table(1, "c").await.unwrap_err(),
        fresh().encode_and_upload("c", 1, &rows(1, 1), 30, 30).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains("_delta_log/00000000000000000001.json"), "{error}");
    }
    // Nothing was stored, and the whole log is read again.
    fs::write(entry(folder.path(), 1), &whole).unwrap();
    assert_eq!(fresh().adopt_table(1, "c").await.unwrap().known, 2);

    // A version that is missing in the middle.
    put(&storage, 20, 29).await;
    fs::rename(entry(folder.path(), 1), folder.path().join("aside")).unwrap();
    let error = fresh().list(1, "c", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    // Whoever has read it before goes on.
    assert_eq!(listed_by_log(&storage).await, 3);
}

async fn listed_by_log(storage: &ColdStorage) -> usize {
    storage.list(1, "c", None).await.unwrap().len()
}

#[tokio::test]
async fn a_put_whose_commit_fails_says_so_and_the_same_put_again_commits() {
    let folder = tempfile::tempdir().unwrap();
    let storage = tables(&config(folder.path()));
    put(&storage, 0, 9).await;
    // Something that is no entry has the name of the next one.
    fs::create_dir(entry(folder.path(), 1)).unwrap();
    let error = storage.encode_and_upload("c", 1, &rows(10, 1), 10, 19).await.unwrap_err();
    assert!(error.to_string().contains("the rows are stored"), "{error}");
    assert!(error.to_string().contains("adopt"), "{error}");
    assert!(folder.path().join("data/1/c/lsn-10-19.parquet").exists());
    let settings = Settings::default();
    let mut append = storage
        .stream_rows(1, "c", None, settings, StreamSettings::default())
        .unwrap()
        .append_id("a")
        .await
        .unwrap();
    append.push_json("{\"n\":1}\n".into()).await.unwrap();
    let error = append.finish().await.unwrap_err();
    assert!(error.to_string().contains("the rows are stored"), "{error}");
    assert_eq!(append.stored().len(), 1);
    fs::remove_dir(entry(folder.path(), 1)).unwrap();
    assert_eq!(listed(&storage).await.len(), 1);

    storage.encode_and_upload("c", 1, &rows(10, 1), 10, 19).await.unwrap();
    assert_eq!((version(&storage).await, listed(&storage).await.len()), (Some(1), 2));
    let mut again = storage
        .stream_rows(1, "c", None, Settings::default(), StreamSettings::default())
        .unwrap()
        .append_id("a")
        .await
        .unwrap();
    again.push_json("{\"n\":1}\n".into()).await.unwrap();
    let files = again.finish().await.unwrap();
    assert_eq!(files[0].outcome, PutOutcome::AlreadyThere);
    assert_eq!((version(&storage).await, listed(&storage).await.len()), (Some(2), 3));
}

#[tokio::test]
async fn a_crashed_append_is_found_again_though_the_table_has_grown() {
    let folder = tempfile::tempdir().unwrap();
    let storage = tables(&config(folder.path()));
    put(&storage, 0, 9).await;
    let push = async |text: &'static str| {
        let stream = storage.stream_rows(1, "c", None, Settings::default(), Default::default());
        let mut append = stream.unwrap().append().await.unwrap();
        append.push_json(text.into()).await.unwrap();
        append.finish().await.unwrap()
    };
    let rows = "{\"n\":1,\"mine\":\"2026-01-02\"}\n{\"n\":\"x\",\"mine\":\"2026-01-03\"}\n";
    let first = push(rows).await;
    let other = "{\"n\":1,\"others\":true}\n";
    push(other).await;
    // The claim that the first one would have left, had it been killed before its end.
    let claims = folder.path().join("data/1/c/_claims");
    fs::create_dir_all(&claims).unwrap();
    let claim = claims.join(format!("lsn-10-11-append-{}", "0".repeat(32)));
    let made = fs::File::create(&claim).unwrap();
    made.set_modified(SystemTime::now() - Duration::from_secs(2 * 60 * 60)).unwrap();
    let again = push(rows).await;
    assert_eq!(again[0].key, first[0].key);
    assert_eq!(again[0].outcome, PutOutcome::AlreadyThere);
    assert_eq!(listed(&storage).await.len(), 3);
}

#[tokio::test]
async fn after_a_checkpoint_a_new_reader_needs_no_older_entry() {
    let folder = tempfile::tempdir().unwrap();
    let storage = tables(&config(folder.path()));
    for n in 0..=100 {
        put(&storage, n, n).await;
    }
    assert_eq!(version(&storage).await, Some(100));
    let checkpoint = "00000000000000000100.checkpoint.parquet";
    let there = names(folder.path());
    assert!(there.contains(checkpoint) && there.contains("_last_checkpoint"), "{there:?}");
    for version in 0..100 {
        fs::remove_file(entry(folder.path(), version)).unwrap();
    }
    let fresh = plain(&config(folder.path()));
    assert_eq!(listed(&fresh).await.len(), 101);
    put(&fresh, 200, 200).await;
    assert_eq!(version(&storage).await, Some(101));
    // The hint is only a hint.
    fs::write(log(folder.path()).join("_last_checkpoint"), "{").unwrap();
    assert_eq!(listed(&plain(&config(folder.path()))).await.len(), 102);
    // History ends where entries are gone.
    let history = storage.table_history(1, "c", 1_000).await.unwrap();
    assert_eq!(history.iter().map(|v| v.version).collect::<Vec<_>>(), [101, 100]);
}

#[tokio::test]
async fn files_that_were_there_before_are_adopted_by_the_first_put() {
    let folder = tempfile::tempdir().unwrap();
    let before = plain(&config(folder.path()));
    for n in 0..3 {
        put(&before, n * 10, n * 10 + 9).await;
    }
    assert!(!log(folder.path()).exists());
    let storage = tables(&config(folder.path()));
    let stream = storage.stream_rows(1, "c", None, Settings::default(), Default::default());
    let mut append = stream.unwrap().append().await.unwrap();
    append.push_json("{\"n\":1}\n".into()).await.unwrap();
    append.finish().await.unwrap();
    let history = storage.table_history(1, "c", 10).await.unwrap();
    let added: Vec<u64> = history.iter().map(|version| version.files_added).collect();
    assert_eq!(added, [1, 3]);
    assert_eq!(listed(&before).await.len(), 4);
}

#[tokio::test]
async fn what_a_log_of_another_engine_says_is_respected() {
    let folder = tempfile::tempdir().unwrap();
    let storage = tables(&config(folder.path()));
    let key = put(&storage, 0, 9).await;
    // A file of another engine.
    let foreign = r#"{"add":{"path":"part-0.parquet","partitionValues":{},"size":7,"modificationTime":1,"dataChange":true}}"#;
    fs::write(entry(folder.path(), 1), foreign).unwrap();
    let fresh = plain(&config(folder.path()));
    assert_eq!(listed(&fresh).await, [key.as_str()]);
    let errors = [
        fresh.scan(1, "c", Default::default()).await.unwrap_err(),
        fresh.read_footers(1, "c", None).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
        assert!(error.to_string().contains("part-0.parquet"), "{error}");
    }
    // A feature that we do not know.
    let feature = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["columnMagic"],"writerFeatures":["columnMagic"]}}"#;
    fs::write(entry(folder.path(), 2), feature).unwrap();
    let errors = [
        fresh.list(1, "c", None).await.unwrap_err(),
        fresh.list_all(None).await.unwrap_err(),
        fresh.encode_and_upload("c", 1, &rows(1, 1), 30, 30).await.unwrap_err(),
        fresh.delete(&key).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
        assert!(error.to_string().contains("columnMagic"), "{error}");
        assert!(error.path().unwrap().contains("_delta_log/"), "{error}");
    }
    assert!(!folder.path().join("data/1/c/lsn-30-30.parquet").exists());
}

#[tokio::test]
async fn a_folder_for_a_log_without_an_entry_makes_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let storage = plain(&config(folder.path()));
    put(&storage, 0, 9).await;
    fs::create_dir(log(folder.path())).unwrap();
    fs::write(log(folder.path()).join("README"), "x").unwrap();
    assert_eq!((version(&storage).await, listed(&storage).await.len()), (None, 1));
    put(&storage, 10, 19).await;
    assert_eq!((version(&storage).await, listed(&storage).await.len()), (None, 2));
    let file = encoded(&storage, "c", range(30, 30), &rows(1, 1));
    store_without_commit(&storage, &file).await;
    assert_eq!(storage.adopt_table(1, "c").await.unwrap().adopted.len(), 3);
}

#[tokio::test]
async fn a_repair_in_a_table_keeps_the_size_that_the_log_says() {
    let folder = tempfile::tempdir().unwrap();
    let storage = tables(&config(folder.path()));
    let key = put(&storage, 0, 9).await;
    let path = folder.path().join(key.as_str());
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[20] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let longer: Vec<_> =
        rows(10, 0).into_iter().map(|(id, row)| (format!("{id} again"), row)).collect();
    let other = encoded(&storage, "c", range(0, 9), &longer);
    let error = storage.repair(&key, other.bytes.clone(), true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    storage.repair(&key, whole.clone().into(), false).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(listed(&storage).await.len(), 1);
}
