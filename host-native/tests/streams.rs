//! Objects written piece by piece, and endless rows: in a folder and in a real S3 store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, LsnWidth, ObjectKey, ObjectWriter, Projection,
    PutOutcome, Settings, StreamSettings,
};
use coldpress_core::{Codec, LsnRange};
use common::s3::Bucket;
use common::seaweed::Seaweed;
use common::{local_config, rows, seaweed_config};
use serde_json::Value;

/// More than two parts, and not a whole number of them.
const LARGE_BYTES: usize = 2 * ObjectWriter::PART_BYTES + 123_457;

fn in_s3(prefix: &str) -> ColdStorageConfig {
    seaweed_config(Seaweed::shared(), prefix)
}

fn key(storage: &ColdStorage, collection: &str) -> ObjectKey {
    let lsns = LsnRange::new(0, 9).unwrap();
    ObjectKey::data(storage.prefix(), 1, collection, lsns, LsnWidth::default()).unwrap()
}

/// Bytes without repetition, which do not compress.
fn noise(length: usize, seed: u64) -> Bytes {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    Bytes::from(bytes)
}

async fn written(storage: &ColdStorage, key: &ObjectKey, bytes: &Bytes) -> ObjectWriter {
    let mut writer = storage.create(key).await.unwrap();
    for slice in bytes.chunks(700_001) {
        writer.write(Bytes::copy_from_slice(slice)).await.unwrap();
    }
    assert_eq!(writer.bytes(), bytes.len() as u64);
    writer
}

/// Small and large objects, put once, again, and with other content at the same key.
async fn an_object_is_written_once(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    for (name, length) in [
        ("empty", 0),
        ("small", 10_000),
        ("one-part", ObjectWriter::PART_BYTES),
        ("large", LARGE_BYTES),
    ] {
        let (key, bytes, other) = (key(&storage, name), noise(length, 1), noise(length.max(1), 2));
        let first = written(&storage, &key, &bytes).await.finish().await.unwrap();
        assert_eq!(first, PutOutcome::Created, "{name}");
        assert_eq!(storage.download_parquet(key.as_str()).await.unwrap(), bytes, "{name}");
        let again = written(&storage, &key, &bytes).await.finish().await.unwrap();
        assert_eq!(again, PutOutcome::AlreadyThere, "{name}");
        let error = written(&storage, &key, &other).await.finish().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{name}: {error}");
        assert_eq!(storage.download_parquet(key.as_str()).await.unwrap(), bytes, "{name}");
    }
    assert_eq!(storage.files_uploaded(), 4);
    assert_eq!(storage.bytes_uploaded(), (10_000 + ObjectWriter::PART_BYTES + LARGE_BYTES) as u64);
    assert_eq!(storage.list_all(None).await.unwrap().len(), 4);
}

/// Nothing of an object that was begun and not finished is visible.
async fn an_aborted_object_leaves_nothing(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let bytes = noise(LARGE_BYTES, 3);
    written(&storage, &key(&storage, "aborted"), &bytes).await.abort().await.unwrap();
    drop(written(&storage, &key(&storage, "dropped"), &bytes).await);
    let mut nameless = storage.create_data(1, "nameless").await.unwrap();
    nameless.write(bytes).await.unwrap();
    nameless.abort().await.unwrap();
    assert!(storage.list_all(None).await.unwrap().is_empty());
    assert_eq!(storage.files_uploaded(), 0);

    let elsewhere = coldpress::KeyPrefix::new("elsewhere").unwrap();
    let strange = ObjectKey::wal(&elsewhere, None, "x").unwrap();
    assert_eq!(storage.create(&strange).await.unwrap_err().kind(), ErrorKind::Misuse);
}

/// A write whose future is dropped has given its bytes: they are part of the object, and what
/// follows them stands behind them.
#[tokio::test]
async fn a_write_that_is_dropped_in_the_middle_loses_no_byte() {
    let storage = ColdStorage::new(in_s3("dropped-write/")).unwrap();
    let key = key(&storage, "c");
    // More than the writer keeps in memory, so that the write has to wait.
    let bytes = noise((ObjectWriter::PARTS_AT_ONCE + 3) * ObjectWriter::PART_BYTES, 4);
    for tail in [&b"tail"[..], b""] {
        let key = match tail.is_empty() {
            true => key.clone(),
            false => self::key(&storage, "with-tail"),
        };
        let mut writer = storage.create(&key).await.unwrap();
        let mut write = Box::pin(writer.write(bytes.clone()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(write.as_mut().poll(&mut context).is_pending());
        drop(write);
        if !tail.is_empty() {
            writer.write(Bytes::from_static(tail)).await.unwrap();
        }
        assert_eq!(writer.finish().await.unwrap(), PutOutcome::Created);
        let stored = storage.download_parquet(key.as_str()).await.unwrap();
        assert_eq!(stored, [&bytes[..], tail].concat());
    }
}

/// Rows that exceed the memory limit become several files with consecutive LSNs.
async fn rows_without_end_become_files(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let settings = Settings { codec: Codec::None, ..Settings::default() };
    let cut = StreamSettings { row_group_bytes_max: 100_000, file_bytes_max: 20_000, first_lsn: 7 };
    let all = rows(20_000, 5);
    for outcome in [PutOutcome::Created, PutOutcome::AlreadyThere] {
        let mut stream = storage.stream_rows(3, "c", None, settings.clone(), cut.clone()).unwrap();
        for chunk in all.chunks(999) {
            stream.push_rows(chunk.to_vec()).await.unwrap();
        }
        assert_eq!(stream.rows(), 20_000);
        let files = stream.finish().await.unwrap();
        assert!(files.len() > 3, "{}", files.len());
        assert!(files.iter().all(|file| file.outcome == outcome), "{files:?}");
        assert_eq!(files.first().unwrap().key.lsns().unwrap().min(), 7);
        assert_eq!(files.last().unwrap().key.lsns().unwrap().max(), 20_006);
    }
    let mut back: Vec<(String, Value)> = Vec::new();
    for object in storage.list(3, "c", None).await.unwrap() {
        back.extend(storage.read_rows(object.key.as_str(), &Projection::All).await.unwrap());
    }
    assert_eq!(back, all);

    // Rows whose LSNs begin within these are refused, and none of them is stored.
    let within = StreamSettings { first_lsn: 12, ..StreamSettings::default() };
    let mut stream = storage.stream_rows(3, "c", None, settings.clone(), within).unwrap();
    stream.push_json("{\"n\":1}".into()).await.unwrap();
    let error = stream.finish().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("overlap"), "{error}");
    stream.abort().await.unwrap();
}

/// After a refused row, the files before it stay, and its own file does not exist.
async fn a_refused_row_ends_a_stream(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let cut = StreamSettings { row_group_bytes_max: 50_000, file_bytes_max: 1, first_lsn: 0 };
    let mut stream = storage.stream_rows(3, "c", None, Settings::default(), cut).unwrap();
    let good: String = (0..5_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    stream.push_json(good.into()).await.unwrap();
    let error = stream.push_json("{\"n\":}\n".into()).await.unwrap_err();
    assert_eq!((error.kind(), error.core().unwrap().row()), (ErrorKind::Row, Some(5_000)));
    let stored = stream.stored().to_vec();
    assert!(!stored.is_empty());
    assert_eq!(stream.finish().await.unwrap_err().kind(), ErrorKind::Misuse);
    stream.abort().await.unwrap();
    let listed = storage.list_all(None).await.unwrap();
    assert_eq!(listed.len(), stored.len());
    assert!(listed.iter().zip(&stored).all(|(there, told)| there.key == told.key));
}

/// In three cases: the last row is refused, another writer has the LSNs, and all goes well.
async fn all_or_nothing_is_visible_at_the_end_or_never(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let cut = StreamSettings { row_group_bytes_max: 50_000, file_bytes_max: 1, first_lsn: 0 };
    let good: String = (0..5_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let begin = async || {
        let settings = Settings::default();
        let stream = storage.stream_rows(3, "c", None, settings, cut.clone()).unwrap();
        let mut stream = stream.all_or_nothing();
        stream.push_json(good.clone().into()).await.unwrap();
        stream
    };
    let there = async || storage.list(3, "c", None).await.unwrap().len();
    let mut refused = begin().await;
    refused.push_json("{\"n\":}\n".into()).await.unwrap_err();
    assert!(refused.stored().is_empty());
    refused.abort().await.unwrap();
    drop(begin().await);
    assert_eq!(there().await, 0);

    let lsns = LsnRange::new(4_999, 5_010).unwrap();
    let in_the_way = ObjectKey::data(storage.prefix(), 3, "c", lsns, LsnWidth::default()).unwrap();
    written(&storage, &in_the_way, &noise(100, 1)).await.finish().await.unwrap();
    let mut overlapping = begin().await;
    assert_eq!(overlapping.finish().await.unwrap_err().kind(), ErrorKind::Conflict);
    overlapping.abort().await.unwrap();
    assert_eq!(there().await, 1, "not even the first ones, which are in nobody's way");

    let store = storage.object_store();
    let path = object_store::path::Path::parse(in_the_way.as_str()).unwrap();
    object_store::ObjectStoreExt::delete(&store, &path).await.unwrap();
    for outcome in [PutOutcome::Created, PutOutcome::AlreadyThere] {
        let before = there().await;
        let mut stream = begin().await;
        assert_eq!(there().await, before);
        let files = stream.finish().await.unwrap();
        assert!(files.len() > 2 && files.iter().all(|file| file.outcome == outcome), "{files:?}");
        assert_eq!(there().await, files.len());
    }
}

macro_rules! everywhere {
    ($($test:ident),*) => {
        mod folder {
            $(#[tokio::test]
            async fn $test() {
                let folder = tempfile::tempdir().unwrap();
                super::$test(super::local_config(folder.path())).await;
                super::no_staged_file(folder.path());
            })*
        }
        mod s3 {
            $(#[tokio::test]
            async fn $test() {
                let prefix = concat!("streams/", stringify!($test), "/");
                super::$test(super::in_s3(prefix)).await;
                super::no_open_upload(prefix).await;
            })*
        }
    };
}

everywhere!(
    an_object_is_written_once,
    an_aborted_object_leaves_nothing,
    rows_without_end_become_files,
    a_refused_row_ends_a_stream,
    all_or_nothing_is_visible_at_the_end_or_never
);

fn no_staged_file(folder: &std::path::Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            no_staged_file(&path);
        } else {
            assert!(!path.to_string_lossy().contains('#'), "{}", path.display());
        }
    }
}

/// Waits until the tasks of dropped writers have aborted their uploads.
async fn no_open_upload(prefix: &'static str) {
    let gone = async {
        while open_uploads(prefix).await > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let waited = tokio::time::timeout(common::HANG, gone).await;
    waited.unwrap_or_else(|_| panic!("an upload stays open under {prefix}"));
}

async fn open_uploads(prefix: &'static str) -> usize {
    tokio::task::spawn_blocking(move || Bucket(Seaweed::shared()).open_uploads(prefix).len())
        .await
        .unwrap()
}

#[tokio::test]
async fn parts_of_a_crashed_writer_are_removed_once_the_object_is_stored() {
    let prefix = "streams/left/";
    let storage = ColdStorage::new(in_s3(prefix)).unwrap();
    let (mine, neighbour) = (key(&storage, "mine"), key(&storage, "mine-too"));
    for key in [mine.as_str().to_owned(), mine.as_str().to_owned(), neighbour.as_str().to_owned()] {
        tokio::task::spawn_blocking(move || Bucket(Seaweed::shared()).abandon_upload(&key))
            .await
            .unwrap();
    }
    assert_eq!(open_uploads(prefix).await, 3);
    let bytes = noise(LARGE_BYTES, 4);
    written(&storage, &mine, &bytes).await.finish().await.unwrap();
    assert_eq!(open_uploads(prefix).await, 1, "another key's upload may be somebody's yet");
}
