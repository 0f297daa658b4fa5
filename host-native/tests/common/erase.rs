//! Erasing rows, in every store. Each test takes the configuration of an empty place.

use coldpress::filter::Filter;
use coldpress::{
    ColdStorage, ColdStorageConfig, CompactOptions, EraseOptions, EraseRows, Erased, ErrorKind,
    ObjectKey, VacuumOptions,
};
use serde_json::json;

use super::compaction::{all_rows, compact, expected, later, live_files, put_from, rows_from};
use super::conformance::range;
use super::encoded;
use super::table::{plain, store_without_commit, tables};

/// Declares the tests of erasing rows of a store, as `conformance!` does.
#[macro_export]
macro_rules! erase_conformance {
    ($fresh:path) => {
        $crate::conformance!(@ erase, $fresh,
            only_the_files_that_hold_the_rows_are_rewritten,
            readers_of_the_old_version_work_until_a_vacuum,
            a_purge_leaves_the_rows_in_no_object,
            rows_are_erased_by_a_filter_that_sees_rescued_values,
            a_proof_finds_rows_that_were_put_again);
    };
}

pub fn ids(numbers: impl IntoIterator<Item = u64>) -> EraseRows {
    EraseRows::Ids(numbers.into_iter().map(|n| format!("id-{n}")).collect())
}

async fn erase(storage: &ColdStorage, rows: EraseRows, purge: bool) -> Erased {
    let options = EraseOptions { rows, purge, dry_run: false };
    storage.erase_rows(1, "c", &options).await.unwrap()
}

/// Every data object that lies in the folder of the collection.
async fn objects(storage: &ColdStorage) -> Vec<ObjectKey> {
    use futures_util::TryStreamExt;
    let folder = object_store::path::Path::from(format!("{}1/c", storage.prefix().as_str()));
    let listed: Vec<_> = storage.object_store().list(Some(&folder)).try_collect().await.unwrap();
    let keys = listed.iter().map(|meta| meta.location.as_ref());
    keys.filter_map(|key| ObjectKey::parse(storage.prefix(), key).ok()).collect()
}

/// How many rows with these ids are in all data objects, in the table or not.
async fn rows_in_objects(storage: &ColdStorage, erased: &[u64]) -> usize {
    let wanted: Vec<String> = erased.iter().map(|n| format!("id-{n}")).collect();
    let mut found = 0;
    for key in objects(storage).await {
        let rows = storage.read_rows(&key, &coldpress::Projection::All).await.unwrap();
        found += rows.iter().filter(|(id, _)| wanted.contains(id)).count();
    }
    found
}

pub async fn only_the_files_that_hold_the_rows_are_rewritten(config: ColdStorageConfig) {
    let storage = tables(&config);
    let nothing = EraseOptions { rows: ids([1]), purge: false, dry_run: false };
    let none = storage.erase_rows(1, "c", &nothing).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound, "{none}");
    for file in 0..20 {
        put_from(&storage, 100 * file, 100).await;
    }
    // 1,000 ids: all of file 3, and 90 each of ten others.
    let gone: Vec<u64> = (300..400).chain((5..15).flat_map(|f| 100 * f..100 * f + 90)).collect();
    assert_eq!(gone.len(), 1_000);
    let dry = EraseOptions { rows: ids(gone.clone()), purge: true, dry_run: true };
    let would = storage.erase_rows(1, "c", &dry).await.unwrap();
    let rows: u64 = would.files.iter().map(|file| file.rows).sum();
    assert_eq!((would.files.len(), rows, would.version), (11, 1_000, None));
    assert_eq!(all_rows(&storage).await.len(), 2_000);

    let before = objects(&storage).await.len();
    let erased = erase(&storage, ids(gone.clone()), false).await;
    assert_eq!((erased.files.len(), erased.version), (11, Some(20)));
    let rewritten = erased.files.iter().filter(|file| file.new.is_some()).count();
    assert_eq!((rewritten, objects(&storage).await.len()), (10, before + 10));
    let proof = erased.proof.unwrap();
    assert!(proof.holds(), "{proof:?}");
    assert_eq!((proof.files_searched, proof.rows_found, proof.old_files_searched), (19, 0, 0));
    let mut left = expected(0, 2_000);
    gone.iter().for_each(|n| drop(left.remove(&format!("id-{n}"))));
    assert_eq!(all_rows(&storage).await, left);
    assert_eq!(storage.next_lsn(1, "c").await.unwrap(), Some(2_000));
    // Again is success, and commits nothing.
    let again = erase(&plain(&config), ids(gone), false).await;
    assert_eq!((again.files.len(), again.version, again.proof.unwrap().holds()), (0, None, true));
}

pub async fn readers_of_the_old_version_work_until_a_vacuum(config: ColdStorageConfig) {
    let storage = tables(&config);
    for file in 0..3 {
        put_from(&storage, 10 * file, 10).await;
    }
    let old = storage.table(1, "c").await.unwrap().unwrap();
    erase(&plain(&config), ids([5, 15]), false).await;
    let mut rows = 0;
    for add in old.adds() {
        let key = old.place().key_of(&add.path).unwrap();
        rows += storage.read_rows(&key, &coldpress::Projection::All).await.unwrap().len();
    }
    assert_eq!(rows, 30);
    let options = VacuumOptions::default();
    let vacuumed = later(&config, 24 * 8).vacuum_table(1, "c", &options).await.unwrap();
    assert_eq!(vacuumed.files.len(), 2);
    assert_eq!(rows_in_objects(&storage, &[5, 15]).await, 0);
    assert_eq!(all_rows(&storage).await.len(), 28);
}

pub async fn a_purge_leaves_the_rows_in_no_object(config: ColdStorageConfig) {
    let storage = tables(&config);
    for file in 0..6 {
        put_from(&storage, 10 * file, 10).await;
    }
    // Old objects of a compaction, a removed file, and a file without a commit hold such rows too.
    compact(&storage).await;
    let file = encoded(&storage, "c", range(100, 109), &rows_from(7, 10));
    store_without_commit(&storage, &file).await;
    assert_eq!(rows_in_objects(&storage, &[7, 33]).await, 5);
    let erased = erase(&plain(&config), ids([7, 33]), true).await;
    assert_eq!(erased.files.len(), 1);
    assert_eq!(erased.files[0].rows, 2);
    // The compacted file, two files as they were put, and the one without a commit.
    assert_eq!(erased.deleted.len(), 4, "{:?}", erased.deleted);
    let proof = erased.proof.unwrap();
    assert!(proof.holds(), "{proof:?}");
    assert_eq!((proof.files_searched, proof.old_files_searched), (1, 4));
    assert_eq!(rows_in_objects(&storage, &[7, 33]).await, 0);
    let mut left = expected(0, 60);
    left.remove("id-7");
    left.remove("id-33");
    assert_eq!(all_rows(&storage).await, left);
    // The file without a commit cannot come back: nor can the table's old files.
    let adopted = storage.adopt_table(1, "c").await.unwrap();
    assert!(adopted.adopted.is_empty(), "{:?}", adopted.adopted);
    let options = CompactOptions::default();
    assert_eq!(storage.compact_table(1, "c", &options).await.unwrap().files, []);
    assert_eq!(live_files(&storage).await, 1);
}

pub async fn rows_are_erased_by_a_filter_that_sees_rescued_values(config: ColdStorageConfig) {
    let storage = tables(&config);
    put_from(&storage, 0, 30).await;
    let odd = Filter::parse("value = 'odd 10' or value = 11")
        .or_else(|_| Filter::parse("value = \"odd 10\" or value = 11"));
    let erased = erase(&storage, EraseRows::Where(odd.unwrap()), true).await;
    assert_eq!(erased.files[0].rows, 2);
    assert!(erased.proof.unwrap().holds());
    let by_id = Filter::parse("_id = \"id-12\"").unwrap();
    let erased = erase(&storage, EraseRows::Where(by_id), true).await;
    assert_eq!(erased.files[0].rows, 1);
    assert!(erased.proof.unwrap().holds());
    let mut left = expected(0, 30);
    for n in [10, 11, 12] {
        left.remove(&format!("id-{n}"));
    }
    assert_eq!(all_rows(&storage).await, left);
}

pub async fn a_proof_finds_rows_that_were_put_again(config: ColdStorageConfig) {
    let storage = tables(&config);
    put_from(&storage, 0, 10).await;
    assert!(erase(&storage, ids([3]), true).await.proof.unwrap().holds());
    // The same row under another LSN: the next erase finds and erases it.
    let row = vec![("id-3".to_owned(), json!({ "n": 3 }))];
    storage.encode_and_upload("c", 1, row, 50, 50).await.unwrap();
    let erased = erase(&storage, ids([3]), true).await;
    assert_eq!((erased.files.len(), erased.files[0].rows), (1, 1));
    assert_eq!(erased.files[0].new, None);
    assert!(erased.proof.unwrap().holds());
    assert_eq!(all_rows(&storage).await.len(), 9);
}
