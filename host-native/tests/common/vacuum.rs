//! Vacuum, in every store. Each test takes the configuration of an empty place.

use std::time::Duration;

use coldpress::{ColdStorage, ColdStorageConfig, ErrorKind, VacuumOptions, Vacuumed};

use super::compaction::{all_rows, compact, expected, later, live_files, put_from, rows_from};
use super::conformance::range;
use super::encoded;
use super::table::{plain, store_without_commit, tables};

/// Declares the tests of vacuum of a store, as `conformance!` does.
#[macro_export]
macro_rules! vacuum_conformance {
    ($fresh:path) => {
        $crate::conformance!(@ vacuum, $fresh,
            a_vacuum_deletes_what_is_removed_once_the_retention_is_over,
            what_a_retained_version_needs_stays,
            files_without_a_commit_go_only_if_asked_and_old,
            the_log_is_shortened_and_the_table_stays);
    };
}

pub async fn vacuum(
    storage: &ColdStorage,
    days: u64,
    change: impl Fn(&mut VacuumOptions),
) -> Vacuumed {
    let retain = Duration::from_secs(24 * 60 * 60 * days);
    let mut options = VacuumOptions { retain, ..VacuumOptions::default() };
    change(&mut options);
    storage.vacuum_table(1, "c", &options).await.unwrap()
}

fn nothing(_: &mut VacuumOptions) {}

pub async fn a_vacuum_deletes_what_is_removed_once_the_retention_is_over(
    config: ColdStorageConfig,
) {
    let storage = tables(&config);
    let none = storage.vacuum_table(1, "c", &VacuumOptions::default()).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound, "{none}");
    for file in 0..4 {
        put_from(&storage, 5 * file, 5).await;
    }
    let replaced = compact(&storage).await.files[0].replaced.clone();
    assert_eq!(replaced.len(), 4);
    assert_eq!(vacuum(&later(&config, 24), 7, nothing).await.files, []);
    let next = later(&config, 24 * 8);
    let dry = vacuum(&next, 7, |options| options.dry_run = true).await;
    assert_eq!(dry.files.len(), 4);
    storage.download_parquet(&replaced[0]).await.unwrap();
    let vacuumed = vacuum(&next, 7, nothing).await;
    let gone: Vec<_> = vacuumed.files.iter().map(|file| file.key.clone()).collect();
    assert_eq!((gone, vacuumed.files[0].is_uncommitted), (replaced.clone(), false));
    for key in &replaced {
        let error = storage.download_parquet(key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    assert_eq!(all_rows(&storage).await, expected(0, 20));
    assert_eq!(vacuum(&next, 7, nothing).await.files, []);
    // A removed file never comes back, though nothing of it is left.
    let again = storage.encode_and_upload("c", 1, rows_from(0, 5), 0, 4).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict, "{again}");
}

pub async fn what_a_retained_version_needs_stays(config: ColdStorageConfig) {
    let storage = tables(&config);
    for file in 0..4 {
        put_from(&storage, 5 * file, 5).await;
    }
    let old = storage.table(1, "c").await.unwrap().unwrap();
    assert_eq!(compact(&storage).await.files.len(), 1);
    // The version before is retained for a day, an hour after it was replaced.
    let now = later(&config, 1);
    assert_eq!(vacuum(&now, 1, nothing).await.files, []);
    for add in old.adds() {
        let key = old.place().key_of(&add.path).unwrap();
        assert_eq!(storage.download_parquet(&key).await.unwrap().len() as u64, add.bytes);
    }
    let version = old.version().unwrap();
    assert_eq!(plain(&config).table_at(1, "c", version).await.unwrap().unwrap().adds().len(), 4);
    assert_eq!(vacuum(&now, 0, nothing).await.files.len(), 4);
    assert_eq!(all_rows(&storage).await, expected(0, 20));
}

pub async fn files_without_a_commit_go_only_if_asked_and_old(config: ColdStorageConfig) {
    let storage = tables(&config);
    put_from(&storage, 0, 5).await;
    let file = encoded(&storage, "c", range(10, 14), &rows_from(10, 5));
    store_without_commit(&storage, &file).await;
    let asked = |options: &mut VacuumOptions| options.uncommitted = true;
    let young = vacuum(&later(&config, 23), 0, asked).await;
    assert_eq!((young.files.len(), young.uncommitted_kept), (0, 1));
    let next = later(&config, 25);
    let unasked = vacuum(&next, 0, nothing).await;
    assert_eq!((unasked.files.len(), unasked.uncommitted_kept), (0, 1));
    let gone = vacuum(&next, 0, asked).await;
    assert_eq!((gone.files.len(), gone.uncommitted_kept), (1, 0));
    assert!(gone.files[0].is_uncommitted);
    let error = storage.download_parquet(&file.key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(all_rows(&storage).await, expected(0, 5));
}

pub async fn the_log_is_shortened_and_the_table_stays(config: ColdStorageConfig) {
    let storage = tables(&config);
    for file in 0..5 {
        put_from(&storage, 5 * file, 5).await;
    }
    let next = later(&config, 24 * 8);
    let dry = vacuum(&next, 7, |options| options.dry_run = true).await;
    let vacuumed = vacuum(&next, 7, nothing).await;
    assert_eq!(vacuumed.log, dry.log);
    assert_eq!(vacuumed.log.len(), 4, "{:?}", vacuumed.log);
    // A reader that knows nothing begins with the checkpoint, and one that knew the table goes on.
    for reader in [plain(&config), tables(&config), storage] {
        assert_eq!(all_rows(&reader).await, expected(0, 25));
        assert_eq!(live_files(&reader).await, 5);
    }
    put_from(&plain(&config), 25, 5).await;
    // By that clock all of it is old: only the newest checkpoint and its entry stay.
    assert_eq!(vacuum(&next, 7, nothing).await.log.len(), 2);
    assert_eq!(vacuum(&next, 7, nothing).await.log, Vec::<String>::new());
    assert_eq!(all_rows(&plain(&config)).await, expected(0, 30));
    let gone = plain(&config).table_at(1, "c", 0).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
}
