//! What every store must do with old data: find damage, and delete.

use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, Examined, ObjectKey, Proof, Repaired, Settings,
    StreamSettings,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;

use super::conformance::{keys, range, segment};
use super::{encoded, rows};

/// Stores bytes without any check of a put.
async fn put_raw(storage: &ColdStorage, key: impl AsRef<str>, bytes: Vec<u8>) {
    let path = StorePath::parse(key).unwrap();
    storage.object_store().put(&path, bytes.into()).await.unwrap();
}

async fn every_name(storage: &ColdStorage) -> Vec<String> {
    let prefix = storage.prefix().as_str().trim_end_matches('/');
    let prefix = (!prefix.is_empty()).then(|| StorePath::parse(prefix).unwrap());
    let all = storage.object_store().list(prefix.as_ref());
    let mut names: Vec<String> =
        all.map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    names.retain(|name| !name.contains("_coldpress/"));
    names.sort();
    names
}

pub async fn whole_files_verify_in_their_order(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let mut stored = Vec::new();
    for lsn in 0..7_u64 {
        let rows = rows(lsn as usize + 1, lsn);
        stored.push(storage.encode_and_upload("c", 1, &rows, lsn, lsn).await.unwrap());
    }
    for parallel in [0, 1, 3, 99] {
        let found: Vec<_> = storage.verify_each(stored.clone(), parallel).collect().await;
        let keys: Vec<&ObjectKey> = found.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, stored.iter().collect::<Vec<_>>());
        for (at, (key, found)) in found.iter().enumerate() {
            let found = found.as_ref().unwrap();
            let bytes = storage.download_parquet(key).await.unwrap();
            let size = bytes.len() as u64;
            assert_eq!(storage.read_range(key, 9..size).await.unwrap(), bytes[9..]);
            let past = storage.read_range(key, 9..size + 1).await.unwrap_err();
            assert_eq!(past.path(), Some(key.as_str()), "{past}");
            assert_eq!((found.rows, found.bytes, found.whole), (at as u64 + 1, size, true));
            assert!(found.pages >= 4, "{found:?}");
        }
    }
    assert!(storage.leftovers().await.unwrap().is_empty());
}

pub async fn one_flipped_bit_in_the_store_is_found(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(300, 1), 0, 299).await.unwrap();
    let whole = storage.download_parquet(&key).await.unwrap();
    let last = whole.len() - 1;
    // Both magic numbers, the first page's header, pages, indexes and the footer.
    let places = [0, 4, 5, 40].into_iter().chain((1..12).map(|part| last * part / 12));
    for at in places.chain([last - 40, last - 4, last]) {
        let mut damaged = whole.to_vec();
        damaged[at] ^= 1 << (at % 8);
        storage.delete(&key).await.unwrap();
        put_raw(&storage, &key, damaged).await;
        let error = storage.verify(&key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{at}: {error}");
        assert_eq!(error.path(), Some(key.as_str()));
        assert!(error.to_string().starts_with(key.as_str()), "{error}");
    }
    storage.delete(&key).await.unwrap();
    put_raw(&storage, &key, whole[..whole.len() / 2].to_vec()).await;
    assert_eq!(storage.verify(&key).await.unwrap_err().kind(), ErrorKind::Corrupt);
    storage.delete(&key).await.unwrap();
    put_raw(&storage, &key, Vec::new()).await;
    assert_eq!(storage.verify(&key).await.unwrap_err().kind(), ErrorKind::Corrupt);
    storage.delete(&key).await.unwrap();
    put_raw(&storage, &key, whole.to_vec()).await;
    assert_eq!(storage.verify(&key).await.unwrap().rows, 300);
}

pub async fn a_file_under_the_key_of_another_is_found(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(3, 1), 0, 2).await.unwrap();
    let bytes = storage.download_parquet(&key).await.unwrap();
    let prefix = storage.prefix().as_str();
    for other in ["2/c/lsn-0-2.parquet", "1/d/lsn-0-2.parquet", "1/c/lsn-0-3.parquet"] {
        let other = format!("{prefix}{other}");
        put_raw(&storage, &other, bytes.to_vec()).await;
        let error = storage.verify(&other).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let text = error.to_string();
        assert!(text.starts_with(&other) && text.contains("tenant 1"), "{text}");
    }
    // The same LSNs in another width are the same LSNs.
    let padded = format!("{prefix}1/c/lsn-{:020}-{:020}.parquet", 0, 2);
    put_raw(&storage, &padded, bytes.to_vec()).await;
    storage.verify(&padded).await.unwrap();
}

pub async fn only_data_that_is_there_is_verified(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let prefix = storage.prefix().as_str().to_owned();
    let error = storage.verify(&format!("{prefix}1/c/lsn-0-0.parquet")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let file = segment(b"log");
    let wal = storage.upload_wal_segment(file.path(), "0001").await.unwrap();
    for key in [wal.into(), format!("x{prefix}1/c/lsn-0-0.parquet"), format!("{prefix}notes.txt")] {
        let error = storage.verify(&key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key, "{key}: {error}");
    }
}

pub async fn deleting_takes_what_it_names_and_nothing_else(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config.clone()).unwrap();
    let prefix = storage.prefix().as_str().to_owned();
    let mut doomed = Vec::new();
    for lsn in 0..5 {
        doomed.push(storage.encode_and_upload("c", 1, &rows(1, lsn), lsn, lsn).await.unwrap());
    }
    for (tenant, collection, lsn) in [(1, "c", 9), (1, "cc", 0), (11, "c", 0), (2, "c", 0)] {
        let rows = rows(1, lsn);
        storage.encode_and_upload(collection, tenant, &rows, lsn, lsn).await.unwrap();
    }
    let file = segment(b"log");
    let wal = storage.upload_wal_segment(file.path(), "0001").await.unwrap();
    // Foreign objects, and a store of ours whose prefix begins with this one's.
    let stranger = format!("{prefix}1/c/notes.txt");
    put_raw(&storage, &stranger, b"notes".to_vec()).await;
    put_raw(&storage, &format!("{prefix}1/c/_delta_log/0.json"), b"{}".to_vec()).await;
    let deeper =
        ColdStorage::new(ColdStorageConfig { prefix: format!("{prefix}1/"), ..config }).unwrap();
    let foreign = deeper.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    let before = every_name(&storage).await;

    // If one key must not be deleted, none is.
    for refused in [wal.as_str(), foreign.as_str(), stranger.as_str()] {
        let error = storage.delete(refused).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key, "{error}");
        if let Ok(key) = ObjectKey::parse(deeper.prefix(), refused) {
            let mut all = doomed.clone();
            all.push(key);
            let error = storage.delete_all(&all, |key| panic!("{key} was deleted")).await;
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Key);
        }
    }
    assert_eq!(every_name(&storage).await, before);

    let mut told = Vec::new();
    let all = doomed.clone();
    storage.delete_all(&all, |key| told.push(key.to_string())).await.unwrap();
    assert_eq!(told, doomed);
    let mut left = before;
    left.retain(|name| !doomed.iter().any(|key| key == name));
    assert_eq!(every_name(&storage).await, left);
    assert_eq!(keys(&storage.list(1, "c", None).await.unwrap()).len(), 1);
    let gone = storage.download_parquet(&doomed[0]).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);

    // Deleting again is success, and the key is free for other rows.
    storage.delete_all(&all, |_| {}).await.unwrap();
    storage.delete(&format!("{prefix}77/never/lsn-0-0.parquet")).await.unwrap();
    storage.encode_and_upload("c", 1, &rows(2, 99), 0, 0).await.unwrap();
    assert_eq!(storage.list(1, "c", Some(range(0, 0))).await.unwrap().len(), 1);
}

pub async fn more_than_one_request_takes_are_deleted(config: ColdStorageConfig) {
    let storage = ColdStorage::new(config).unwrap();
    let prefix = storage.prefix().as_str();
    let names: Vec<String> =
        (0..1_050).map(|lsn| format!("{prefix}3/many/lsn-{lsn}-{lsn}.parquet")).collect();
    stream::iter(&names)
        .for_each_concurrent(16, |name| put_raw(&storage, name, b"x".to_vec()))
        .await;
    let kept = storage.encode_and_upload("many", 4, &rows(1, 1), 0, 0).await.unwrap();
    let mut told = Vec::new();
    let parsed = |name: &String| ObjectKey::parse(storage.prefix(), name).unwrap();
    let all: Vec<_> = names.iter().map(parsed).collect();
    storage.delete_all(&all, |key| told.push(key.to_string())).await.unwrap();
    assert_eq!(told, names);
    assert_eq!(keys(&storage.list_all(None).await.unwrap()), [&kept]);
}

pub async fn a_damaged_object_is_replaced_by_what_it_was_and_nothing_else(
    config: ColdStorageConfig,
) {
    let storage = ColdStorage::new(config).unwrap();
    let right = rows(300, 1);
    let key = storage.encode_and_upload("c", 1, &right, 0, 299).await.unwrap();
    let whole = storage.download_parquet(&key).await.unwrap();
    let mut damaged = whole.to_vec();
    damaged[40] ^= 1;
    storage.delete(&key).await.unwrap();
    put_raw(&storage, &key, damaged.clone()).await;

    // Every kind of put tells damage from other content.
    let error = storage.encode_and_upload("c", 1, &right, 0, 299).await.unwrap_err();
    let mut stream = storage
        .stream_rows(1, "c", Some(range(0, 299)), Settings::default(), StreamSettings::default())
        .unwrap();
    stream.push_rows(right.clone()).await.unwrap();
    for error in [error, stream.finish().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert_eq!(error.core().unwrap().kind(), coldpress_core::ErrorKind::Corrupt);
        let text = error.to_string();
        assert!(text.contains("damaged") && text.contains("--repair-from"), "{text}");
    }
    assert!(matches!(storage.examine(&key).await.unwrap(), Examined::Damaged(_)));

    // Other rows, other keys and damaged files are refused as replacements.
    let file = |collection, rows: &[_]| encoded(&storage, collection, range(0, 299), rows).bytes;
    for (replacement, unproven, kind) in [
        (file("c", &rows(300, 2)), false, ErrorKind::Conflict),
        (file("c", &rows(299, 1)), true, ErrorKind::Conflict),
        (file("d", &right), true, ErrorKind::Corrupt),
        (damaged.clone().into(), true, ErrorKind::Corrupt),
        (bytes::Bytes::new(), true, ErrorKind::Corrupt),
    ] {
        let error = storage.repair(&key, replacement, unproven).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(storage.download_parquet(&key).await.unwrap(), damaged);
    }
    let repair = async || storage.repair(&key, whole.clone(), false).await.unwrap();
    assert_eq!(repair().await, Repaired::Replaced(Proof::Bytes));
    assert_eq!(storage.download_parquet(&key).await.unwrap(), whole);
    assert_eq!(repair().await, Repaired::WasWhole);
    let other = file("c", &rows(300, 2));
    assert_eq!(storage.repair(&key, other, true).await.unwrap(), Repaired::WasWhole);
    assert_eq!(storage.download_parquet(&key).await.unwrap(), whole);
    storage.delete(&key).await.unwrap();
    assert!(matches!(storage.examine(&key).await.unwrap(), Examined::Missing));
    // Nothing shows that there was an object: it was deleted on purpose, or never existed.
    for (key, from, to) in
        [(key.as_str(), 0, 299), (&key.as_str().replace("lsn-0-299", "lsn-5-304"), 5, 304)]
    {
        let file = encoded(&storage, "c", range(from, to), &right).bytes;
        for unproven in [false, true] {
            let error = storage.repair(key, file.clone(), unproven).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(error.to_string().contains("put --lsn"), "{error}");
        }
    }
    assert!(storage.list(1, "c", None).await.unwrap().is_empty());
    let left = every_name(&storage).await;
    assert!(left.iter().all(|name| !name.contains("_claims/")), "{left:?}");
}
