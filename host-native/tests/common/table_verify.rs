//! The log of a table against the store, in every store. Each test takes the configuration of an
//! empty place.

use coldpress::{ColdStorageConfig, ErrorKind, ObjectKey};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::compaction::{compact, put_from, rows_from};
use super::conformance::range;
use super::encoded;
use super::table::{plain, store_without_commit, tables};

/// Declares the tests of the verification of tables of a store, as `conformance!` does.
#[macro_export]
macro_rules! table_verify_conformance {
    ($fresh:path) => {
        $crate::conformance!(@ table_verify, $fresh,
            a_whole_table_has_no_damage,
            what_the_store_has_otherwise_is_found);
    };
}

pub async fn a_whole_table_has_no_damage(config: ColdStorageConfig) {
    let storage = tables(&config);
    assert_eq!(storage.verify_table(1, "c").await.unwrap_err().kind(), ErrorKind::NotFound);
    for file in 0..4 {
        put_from(&storage, 10 * file, 10).await;
    }
    compact(&storage).await;
    put_from(&storage, 40, 10).await;
    let file = encoded(&storage, "c", range(100, 109), &rows_from(100, 10));
    store_without_commit(&storage, &file).await;
    let found = plain(&config).verify_table(1, "c").await.unwrap();
    assert_eq!(found.damage, []);
    assert_eq!((found.version, found.files, found.rows), (Some(5), 2, 50));
    assert_eq!((found.removed, found.uncommitted), (4, vec![file.key]));
}

pub async fn what_the_store_has_otherwise_is_found(config: ColdStorageConfig) {
    let storage = tables(&config);
    let mut keys: Vec<ObjectKey> = Vec::new();
    for file in 0..4 {
        put_from(&storage, 10 * file, 10).await;
        keys.push(storage.list(1, "c", None).await.unwrap().pop().unwrap().key);
    }
    let store = storage.object_store();
    let path = |key: &ObjectKey| Path::parse(key.as_str()).unwrap();
    store.delete(&path(&keys[0])).await.unwrap();
    store.put(&path(&keys[1]), "short".into()).await.unwrap();
    // The same size, but no footer.
    let bytes = storage.download_parquet(&keys[2]).await.unwrap();
    store.put(&path(&keys[2]), vec![0; bytes.len()].into()).await.unwrap();
    let found = plain(&config).verify_table(1, "c").await.unwrap();
    let damaged: Vec<&str> = found.damage.iter().map(|damage| damage.path.as_str()).collect();
    assert_eq!(damaged, keys[..3].iter().map(ObjectKey::as_str).collect::<Vec<_>>());
    for (damage, what) in found.damage.iter().zip(["no object", "5 bytes", ""]) {
        assert!(damage.why.contains(what), "{damage:?}");
    }
}
