//! The local folder as a store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use coldpress::{ColdStorage, ColdStorageConfig, ErrorKind, Projection};
use common::{local_config, rows};
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn fresh(_test: &str) -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn config(&self) -> ColdStorageConfig {
        local_config(self.0.path())
    }
}

conformance!(Place::fresh);

/// The paths of all files and folders below this folder.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn looking_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not/yet");
    let storage = ColdStorage::new(local_config(&root)).unwrap();
    assert!(storage.list(1, "c", None).await.unwrap().is_empty());
    assert!(storage.list_all(None).await.unwrap().is_empty());
    let error = storage.download_parquet("data/1/c/lsn-0-0.parquet").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    assert_eq!(tree(&root), [root.canonicalize().unwrap().join("data/1/c/lsn-0-0.parquet")]);
}

#[tokio::test]
async fn no_staged_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    storage.encode_and_upload("c", 1, &rows(1, 2), 0, 0).await.unwrap_err();
    // A folder in place of the object, and a file in place of a folder.
    fs::create_dir_all(folder.path().join("data/1/c/lsn-1-1.parquet")).unwrap();
    fs::write(folder.path().join("data/1/d"), "in the way").unwrap();
    for (collection, lsn) in [("c", 1), ("d", 0)] {
        let error =
            storage.encode_and_upload(collection, 1, &rows(1, 1), lsn, lsn).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.path().unwrap().contains(&format!("data/1/{collection}")), "{error}");
    }
    let names = ["data/1/c/lsn-0-0.parquet", "data/1/d"];
    assert_eq!(tree(folder.path()), names.map(|name| folder.path().join(name)));
    assert_eq!(storage.files_uploaded(), 1);
}

#[tokio::test]
async fn staged_files_of_a_crash_are_never_listed() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    fs::write(folder.path().join("data/1/c/.coldpress-0123456789abcdef#0"), "half").unwrap();
    assert_eq!(storage.list(1, "c", None).await.unwrap()[0].key.as_str(), key);
    assert_eq!(storage.list_all(None).await.unwrap().len(), 1);
    use futures_util::TryStreamExt;
    let all: Vec<_> = storage.object_store().list(None).try_collect().await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
}

#[tokio::test]
async fn names_on_disk_are_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    for name in ["..", "a%b", "a#1", "a/b"] {
        storage.encode_and_upload(name, 1, &rows(1, 1), 0, 0).await.unwrap();
    }
    let names = ["%2E%2E", "a%231", "a%25b", "a%2Fb"];
    let expected =
        names.map(|name| folder.path().join("data/1").join(name).join("lsn-0-0.parquet"));
    assert_eq!(tree(folder.path()), expected);
}

#[tokio::test]
async fn links_below_the_store_are_not_followed() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    let link = |to: &Path, name: &str| {
        let path = folder.path().join("data").join(name);
        std::os::unix::fs::symlink(to, &path).unwrap();
        path
    };
    fs::create_dir_all(outside.path().join("c")).unwrap();
    fs::copy(folder.path().join(key.as_str()), outside.path().join("c/lsn-0-0.parquet")).unwrap();
    let tenant = link(outside.path(), "2");
    link(&outside.path().join("c"), "1/d");
    link(&outside.path().join("c/lsn-0-0.parquet"), "1/c/lsn-1-1.parquet");
    link(Path::new(".."), "1/loop");

    // A listing of the store lists what is not a link, and names each link.
    let contents = storage.contents(None, None).await.unwrap();
    assert_eq!(contents.objects.len(), 1);
    let names: Vec<_> =
        contents.foreign.names.iter().map(|name| (name.name.as_str(), name.what)).collect();
    let what = Some("a symbolic link");
    assert_eq!(
        names,
        [
            ("data/1/c/lsn-1-1.parquet", what),
            ("data/1/d", what),
            ("data/1/loop", what),
            ("data/2", what)
        ]
    );

    // A key behind a link is an error, and nothing outside is read, written or deleted.
    let parsed = |key: &str| coldpress::ObjectKey::parse(storage.prefix(), key).unwrap();
    for (collection, tenant) in [("d", 1), ("c", 2)] {
        let key = format!("data/{tenant}/{collection}/lsn-0-0.parquet");
        let errors = [
            storage.list(tenant, collection, None).await.unwrap_err(),
            storage.download_parquet(&key).await.unwrap_err(),
            storage.encode_and_upload(collection, tenant, &rows(1, 1), 5, 5).await.unwrap_err(),
            storage.delete_all(&[parsed(&key)], |_| {}).await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
    }
    let error = storage.download_parquet("data/1/c/lsn-1-1.parquet").await.unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    let error = storage.encode_and_upload("c", 1, &rows(1, 1), 1, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(tree(outside.path()), [outside.path().join("c/lsn-0-0.parquet")]);
    // The link itself may be deleted: it is in the store.
    storage.delete("data/1/c/lsn-1-1.parquet").await.unwrap();
    assert_eq!(tree(outside.path()).len(), 1);
    assert!(tenant.is_symlink());
}

#[tokio::test]
async fn a_folder_of_data_that_cannot_be_read_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    // A file in place of a collection's folder, because root may read any folder.
    fs::write(folder.path().join("data/1/d"), "x").unwrap();
    let error = storage.list(1, "d", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.path().unwrap().ends_with("data/1/d"), "{error}");
    // In a listing of the store it is a foreign file.
    let contents = storage.contents(None, None).await.unwrap();
    assert_eq!((contents.objects.len(), contents.foreign.count), (1, 1));
}

#[tokio::test]
async fn a_pipe_at_a_key_is_an_error_and_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    let path = folder.path().join(key.as_str());
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let errors = [
        storage.download_parquet(&key).await.unwrap_err(),
        storage.read_footer(&key).await.unwrap_err(),
        storage.verify(&key).await.unwrap_err(),
        storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap_err(),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains("named pipe") && text.contains("lsn-0-0.parquet"), "{text}");
    }
    let contents = storage.contents(None, None).await.unwrap();
    assert_eq!((contents.objects.len(), contents.foreign.names[0].what), (0, Some("a named pipe")));
    let socket = folder.path().join("data/1/c/lsn-1-1.parquet");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = storage.download_parquet("data/1/c/lsn-1-1.parquet").await.unwrap_err();
    assert!(error.to_string().contains("a socket"), "{error}");
}

#[test]
fn an_unusable_local_dir_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    for bad in [file.clone(), file.join("below"), PathBuf::new(), folder.path().join("no/../x")] {
        let error = ColdStorage::new(local_config(&bad)).unwrap_err();
        assert!(!error.to_string().is_empty());
        assert!(
            matches!(error.kind(), ErrorKind::Settings | ErrorKind::Conflict),
            "{bad:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_link_above_the_store_and_odd_folder_names_work() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real %2F #1 é");
    fs::create_dir(&real).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let storage = ColdStorage::new(local_config(&link)).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(2, 1), 0, 1).await.unwrap();
    assert_eq!(tree(&real), [real.join(key.as_str())]);
    assert_eq!(storage.list_all(None).await.unwrap().len(), 1);
    assert_eq!(storage.read_rows(&key, &Projection::All).await.unwrap(), rows(2, 1));
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(50, 1), 0, 49).await.unwrap();
    let path = folder.path().join(key.as_str());
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = storage.read_rows(&key, &Projection::All).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains(key.as_str()), "{error}");
}

/// Encoding waits for a blocking thread, and the executor's one thread serves other tasks in the
/// meantime. The refusal of a bad row shows when the rows are encoded.
#[test]
fn encoding_leaves_the_executor_free() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let storage = ColdStorage::new(local_config(folder.path())).unwrap();
        let (gate, held) = std::sync::mpsc::channel::<()>();
        let holding = tokio::task::spawn_blocking(move || held.recv());
        let good = rows(10_000, 1);
        let mut bad = good.clone();
        bad[0].1 = serde_json::json!("no object");
        let upload = storage.encode_and_upload("c", 1, &bad, 0, 9_999);
        tokio::pin!(upload);
        for turn in 0..1_000 {
            tokio::select! {
                biased;
                done = &mut upload => panic!("encoded on the executor, by turn {turn}: {done:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        gate.send(()).unwrap();
        holding.await.unwrap().unwrap();
        assert_eq!(upload.await.unwrap_err().kind(), ErrorKind::Row);
        storage.encode_and_upload("c", 1, &good, 0, 9_999).await.unwrap();
    });
}

#[tokio::test]
async fn codec_and_row_groups_come_from_the_configuration() {
    for codec in coldpress::ParquetCompression::ALL {
        let folder = tempfile::tempdir().unwrap();
        let config = local_config(folder.path()).compression(codec).row_group_size(40);
        let storage = ColdStorage::new(config).unwrap();
        let key = storage.encode_and_upload("c", 1, &rows(100, 1), 0, 99).await.unwrap();
        assert_eq!(storage.read_rows(&key, &Projection::All).await.unwrap(), rows(100, 1));
        let bytes = storage.download_parquet(&key).await.unwrap();
        let report = coldpress_core::ParquetFile::open(bytes).unwrap().report();
        let rows: Vec<_> = report.row_groups.iter().map(|group| group.rows).collect();
        assert_eq!(rows, [40, 40, 20]);
        let name = report.row_groups[0].chunks[0].codec.to_lowercase();
        let expected = codec.name().replace("none", "uncompressed");
        assert!(name.starts_with(&expected), "{name} for {codec}");
    }
}

#[test]
fn settings_of_the_encoder_are_checked_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for bad in [
        local_config(folder.path()).row_group_size(0),
        local_config(folder.path()).compression(coldpress::ParquetCompression::Zstd(99)),
    ] {
        assert_eq!(ColdStorage::new(bad).unwrap_err().kind(), ErrorKind::Settings);
    }
}

#[test]
fn a_storage_and_its_futures_are_send() {
    fn goes<T: Send>(_: &T) {}
    fn is_shared<T: Send + Sync>(_: &T) {}
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    is_shared(&storage);
    goes(&storage.encode_and_upload("c", 1, &[], 0, 0));
    goes(&storage.upload_wal_segment(folder.path(), "s"));
    goes(&storage.download_parquet("k"));
    goes(&storage.read_rows("k", &Projection::All));
    goes(&storage.list(1, "c", None));
    goes(&storage.list_all(None));
}
