//! Compaction in a local folder, where a test can look at what is left.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::path::Path;

use coldpress::{ColdStorageConfig, CompactOptions};
use common::compaction::{all_rows, compact, dropped_after, expected, later, live_files, put_from};
use common::local_config;
use common::table::tables;
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn fresh(_: &str) -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn config(&self) -> ColdStorageConfig {
        local_config(self.0.path())
    }
}

compaction_conformance!(Place::fresh);

/// The claims of rewrites in the folder of collection `c` of tenant 1.
fn claims(folder: &Path) -> usize {
    let names = std::fs::read_dir(folder.join("data/1/c/_claims")).into_iter().flatten();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("rewrite-")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_that_dies_anywhere_leaves_the_table_whole_and_the_next_one_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = local_config(folder.path());
    let storage = tables(&config);
    let mut rows = 0;
    let mut polls = 1;
    loop {
        for _ in 0..3 {
            put_from(&storage, rows, 5).await;
            rows += 5;
        }
        let victim = tables(&config);
        let options = CompactOptions::default();
        let compacting = victim.compact_table(1, "c", &options);
        let ended = dropped_after(polls, compacting).await;
        assert_eq!(all_rows(&storage).await, expected(0, rows), "after {polls} polls");
        // By then every claim that it has left is dead.
        let next = later(&config, 13);
        while !compact(&next).await.files.is_empty() {}
        assert_eq!(all_rows(&storage).await, expected(0, rows), "after {polls} polls");
        assert!(live_files(&storage).await <= 2 + polls.ilog2() as usize, "after {polls} polls");
        assert_eq!(claims(folder.path()), 0, "after {polls} polls");
        if ended.is_some() {
            break;
        }
        polls += 1;
    }
    assert!(polls > 5, "only {polls} polls");
}

#[tokio::test]
async fn a_stopped_compaction_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let config = local_config(folder.path());
    let storage = tables(&config);
    for file in 0..4 {
        put_from(&storage, 5 * file, 5).await;
    }
    let stop = std::future::ready(());
    let options = CompactOptions::default();
    let stopped = storage.compact_table_until(1, "c", &options, stop).await.unwrap();
    assert!(stopped.is_stopped && stopped.files.is_empty(), "{stopped:?}");
    assert_eq!((claims(folder.path()), live_files(&storage).await), (0, 4));
    let names = std::fs::read_dir(folder.path().join("data/1/c")).unwrap();
    let names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let files = names.iter().filter(|name| name.starts_with("lsn-")).count();
    assert_eq!(files, 4, "{names:?}");
    assert_eq!(compact(&storage).await.files.len(), 1);
}

#[tokio::test]
async fn an_object_at_the_new_key_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let config = local_config(folder.path());
    let storage = tables(&config);
    for file in 0..3 {
        put_from(&storage, 5 * file, 5).await;
    }
    // What an interrupted compaction has left.
    let left = folder.path().join("data/1/c/lsn-0-14.1.parquet");
    std::fs::write(&left, "left").unwrap();
    let compacted = compact(&storage).await;
    assert!(compacted.files[0].key.as_str().ends_with("lsn-0-14.2.parquet"), "{compacted:?}");
    assert_eq!(std::fs::read(&left).unwrap(), b"left");
    assert_eq!(all_rows(&storage).await, expected(0, 15));
}
