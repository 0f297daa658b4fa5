//! Appends and claims of the library: writers at the same moment, in a chosen order, and crashed
//! ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod again;
mod columns;
mod races;

#[path = "../common/mod.rs"]
mod common;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use coldpress::{
    ColdStorage, ColdStorageConfig, LsnRange, Projection, RowStream, Settings, StreamSettings,
};
use common::seaweed::Seaweed;
use common::{local_config, seaweed_config};

/// A writer on another machine: this machine cannot tell whether it runs.
const ELSEWHERE: &str = "0123456789abcdef0123456789abcdef";

fn in_folder(folder: &Path) -> ColdStorage {
    ColdStorage::new(ColdStorageConfig { prefix: "p".to_owned(), ..local_config(folder) }).unwrap()
}

fn stream<'s>(storage: &'s ColdStorage, collection: &str) -> RowStream<'s> {
    let settings = Settings::default();
    storage.stream_rows(1, collection, None, settings, StreamSettings::default()).unwrap()
}

/// The same settings, which make many objects of few rows.
fn small<'s>(storage: &'s ColdStorage, collection: &str) -> RowStream<'s> {
    let cut = StreamSettings {
        row_group_bytes_max: 2_000,
        file_bytes_max: 1,
        ..StreamSettings::default()
    };
    storage.stream_rows(1, collection, None, Settings::default(), cut).unwrap()
}

fn text(rows: std::ops::Range<usize>) -> Bytes {
    rows.map(|n| format!("{{\"n\":{n}}}\n")).collect::<String>().into()
}

/// The numbers of all rows of a collection; no LSN may be used twice.
async fn numbers(storage: &ColdStorage, collection: &str) -> Vec<u64> {
    let files = storage.list(1, collection, None).await.unwrap();
    let ranges: Vec<LsnRange> = files.iter().map(|file| file.key.lsns().unwrap()).collect();
    for pair in ranges.windows(2) {
        assert!(!pair[0].overlaps(pair[1]), "{ranges:?}");
    }
    let mut found = Vec::new();
    for file in files {
        let rows = storage.read_rows(file.key.as_str(), &Projection::All).await.unwrap();
        found.extend(rows.iter().map(|(_, row)| row["n"].as_u64().unwrap()));
    }
    found
}

fn upto(end: u64) -> Vec<u64> {
    (0..end).collect()
}

/// Sixteen appends of different sizes at the same time: each row once, and no LSN twice.
async fn sixteen_at_once(storage: &Arc<ColdStorage>, collection: &str) {
    let mut first = 0;
    let mut writers = tokio::task::JoinSet::new();
    for rows in 1..=16 {
        let (storage, collection) = (Arc::clone(storage), collection.to_owned());
        let text = text(first..first + rows);
        first += rows;
        writers.spawn(async move {
            let mut stream = stream(&storage, &collection).append().await?;
            stream.push_json(text).await?;
            stream.finish().await.map(|files| files.len())
        });
    }
    while let Some(stored) = writers.join_next().await {
        assert_eq!(stored.unwrap().unwrap(), 1);
    }
    let mut found = numbers(storage, collection).await;
    found.sort_unstable();
    assert_eq!(found, upto(first as u64));
    let seen = storage.next_lsn(1, collection).await.unwrap().unwrap();
    let files = storage.list(1, collection, None).await.unwrap();
    // No claim is left: the next LSN is the one after the last file.
    assert_eq!(seen, files.last().unwrap().key.lsns().unwrap().max() + 1);
}

/// The acceptance of issue 9 wants 100 (`COLDPRESS_APPEND_ROUNDS=100`).
fn rounds(by_default: u32) -> u32 {
    std::env::var("COLDPRESS_APPEND_ROUNDS").map_or(by_default, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_appends_at_once_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Arc::new(in_folder(folder.path()));
    for round in 0..rounds(20) {
        sixteen_at_once(&storage, &format!("c{round}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_appends_at_once_on_s3() {
    let storage = ColdStorage::new(seaweed_config(Seaweed::shared(), "appends")).unwrap();
    let storage = Arc::new(storage);
    for round in 0..rounds(3) {
        sixteen_at_once(&storage, &format!("c{round}")).await;
    }
}

/// The path of an append's claim in collection `c`.
fn claim(min: u64, max: u64, owner: &str) -> String {
    format!("p/1/c/_claims/lsn-{min}-{max}-append-{owner}")
}
