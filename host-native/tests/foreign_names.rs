//! Foreign names in a store stop nothing: every call works, and exactly our objects are listed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use coldpress::{ColdStorage, ColdStorageConfig, KeyPrefix, ObjectKey, Projection};
use common::prng::SplitMix64;
use common::s3::Bucket as RealBucket;
use common::seaweed::Seaweed;
use common::stub::{Bucket, Stub};
use common::{local_config, rows, s3_config, seaweed_config};
use futures_util::StreamExt;

/// Makes every call on a store that holds foreign names. The store must show the objects that these
/// calls put, and exactly these foreign names.
async fn works_beside_foreign_names(config: ColdStorageConfig, foreign: &[&str]) {
    let storage = ColdStorage::new(config).unwrap();
    let mut stored = Vec::new();
    for (tenant, collection, lsn) in [(1, "c", 0), (1, "c", 1), (1, "d", 0), (2, "c", 0)] {
        let rows = rows(3, lsn);
        let put = async || storage.encode_and_upload(collection, tenant, &rows, lsn, lsn).await;
        let key = put().await.unwrap();
        assert_eq!(put().await.unwrap(), key, "the same again");
        stored.push(key);
    }
    let mut stream = storage
        .stream_rows(
            1,
            "c",
            None,
            coldpress::Settings::default(),
            coldpress::StreamSettings { first_lsn: 10, ..Default::default() },
        )
        .unwrap();
    stream.push_rows(rows(2, 9)).await.unwrap();
    let key = stream.finish().await.unwrap()[0].key.clone();
    stored.insert(2, key);

    let keys = |objects: &[coldpress::StoredObject]| -> Vec<String> {
        objects.iter().map(|object| object.key.to_string()).collect()
    };
    assert_eq!(keys(&storage.list_all(None).await.unwrap()), stored);
    assert_eq!(keys(&storage.list_all(Some(1)).await.unwrap()), stored[..4]);
    assert_eq!(keys(&storage.list(1, "c", None).await.unwrap()), stored[..3]);
    let contents = storage.contents(None, None).await.unwrap();
    assert_eq!(keys(&contents.objects), stored);
    let mut names: Vec<&str> =
        contents.foreign.names.iter().map(|name| name.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, foreign);
    assert_eq!(contents.foreign.count, foreign.len() as u64);
    storage.leftovers().await.unwrap();
    let verified: Vec<_> = storage.verify_each(stored.clone(), 2).collect().await;
    assert!(verified.iter().all(|(_, found)| found.is_ok()), "{verified:?}");
    assert_eq!(storage.read_rows(&stored[0], &Projection::All).await.unwrap(), rows(3, 0));

    let mut gone = Vec::new();
    storage.delete_all(&stored, |key| gone.push(key.to_string())).await.unwrap();
    assert_eq!(gone, stored);
    let left = storage.contents(None, None).await.unwrap();
    assert_eq!((left.objects.len(), left.foreign.count), (0, foreign.len() as u64));
}

#[tokio::test]
async fn foreign_names_in_a_bucket_are_counted_and_ignored() {
    let mut bucket = Bucket::new(true);
    bucket.page_size = 7;
    for name in [
        "p//7/c/lsn-0-0.parquet",
        "p/./x",
        "p/../x",
        "p/1//lsn-0-0.parquet",
        "p/1/c/../x",
        "p/1/c/a\u{1}b",
        "p/1/c/a\nb",
        "p/1/c/a b+c%2F&<>\"",
        "p/1/c/lsn-5-5.parquet/x",
        "p/1/c/lsn-05-5.parquet",
        "p/photos/1.jpg",
        "p/photos/2.jpg",
        "p/é/日本",
        "p/wal/a~b",
        // Ours, but not keys.
        "p/",
        "p/1/",
        "p/1/c/",
        "p/_coldpress/probe-x",
        "p/1/c/_claims/00000000000000000005",
        "p/1/c/_appends/nightly",
        "p/1/c/_delta_log/00000000000000000000.json",
        "p/wal/0001~crc32c-e3069283-9",
        // Of another store.
        "q//x",
        "pp/1/c/lsn-0-0.parquet",
    ] {
        bucket.put(name, b"x");
    }
    let answering = bucket.clone();
    let stub = Stub::start(move |request| answering.answer(request));
    let foreign = [
        "p/../",
        "p/./",
        "p//",
        "p/1//",
        "p/1/c/../",
        "p/1/c/a\u{1}b",
        "p/1/c/a\nb",
        "p/1/c/a b+c%2F&<>\"",
        "p/1/c/lsn-05-5.parquet",
        "p/1/c/lsn-5-5.parquet/",
        "p/photos/",
        "p/wal/a~b",
        "p/é/",
    ];
    let before = bucket.keys().len();
    works_beside_foreign_names(s3_config(&stub.endpoint, "p/"), &foreign).await;
    assert_eq!(bucket.keys().len(), before, "{:?}", bucket.keys());
}

#[tokio::test]
async fn foreign_names_in_a_real_bucket() {
    let server = Seaweed::shared();
    let bucket = RealBucket(server);
    let names = ["notes.txt", "photos/a b+c.jpg", "1/c/new\nline", "1/c/%2F&<>", "1/é.txt"];
    names.iter().for_each(|name| bucket.put(&format!("strangers/{name}"), b"x"));
    let foreign = ["1/c/%2F&<>", "1/c/new\nline", "1/é.txt", "notes.txt", "photos/"]
        .map(|name| format!("strangers/{name}"));
    let foreign: Vec<&str> = foreign.iter().map(String::as_str).collect();
    works_beside_foreign_names(seaweed_config(server, "strangers/"), &foreign).await;
    assert_eq!(bucket.keys("strangers/").len(), names.len());
}

#[tokio::test]
async fn foreign_names_in_a_folder_are_counted_and_ignored() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = folder.path().join("data");
    let put = |name: &[u8]| {
        let path = data.join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    };
    for name in [
        &b"1/c/new\nline"[..],
        b"1/c/\xff\xfe",
        b"1/\xff/lsn-0-0.parquet",
        b"1/c/lsn-5-5.parquet/x",
        b"1/note.txt",
        b"3",
        b"lost+found/x/y/z",
        b"1/c/_claims/0",
        b"1/c/.coldpress-0123#0",
        b"_coldpress/x",
    ] {
        put(name);
    }
    symlink("..", data.join("1/loop")).unwrap();
    symlink("self", data.join("1/c/self")).unwrap();
    symlink(outside.path(), data.join("4")).unwrap();
    let foreign = [
        "data/1/c/lsn-5-5.parquet/",
        "data/1/c/new\nline",
        "data/1/c/self",
        "data/1/c/\u{fffd}\u{fffd}",
        "data/1/loop",
        "data/1/note.txt",
        "data/1/\u{fffd}/",
        "data/3",
        "data/4",
        "data/lost+found/",
    ];
    works_beside_foreign_names(local_config(folder.path()), &foreign).await;
    assert!(data.join("1/c/new\nline").exists() && data.join("4").is_symlink());
}

/// Parts of random names; any part may be anywhere in a name.
const PARTS: [&str; 24] = [
    "1",
    "01",
    "c",
    "a%2Fb",
    "a%2fb",
    "wal",
    "n",
    "lsn-0-9.parquet",
    "lsn-9-0.parquet",
    "lsn-00-9.parquet",
    "_claims",
    "_appends",
    "_delta_log",
    "_coldpress",
    "x.txt",
    ".",
    "..",
    "",
    "a b",
    "a+b",
    "é",
    "s~crc32c-00000000-1",
    "\n",
    ".coldpress-1#0",
];

fn any_name(random: &mut SplitMix64) -> String {
    let count = 1 + random.below(5);
    let parts: Vec<&str> =
        (0..count).map(|_| PARTS[random.below(PARTS.len() as u64) as usize]).collect();
    format!("p/{}", parts.join("/"))
}

/// Compares what the store lists with what the key grammar alone says of these names.
async fn is_listed_exactly(storage: &ColdStorage, names: &BTreeSet<String>, seed: u64) {
    let prefix = KeyPrefix::new("p").unwrap();
    let (ours, others): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| ObjectKey::parse(&prefix, name).is_ok());
    let contents = storage.contents(None, None).await.unwrap();
    let mut listed: Vec<&str> = contents.objects.iter().map(|object| object.key.as_str()).collect();
    listed.sort_unstable();
    assert_eq!(listed, ours, "seed {seed}: {names:?}");
    let foreign: BTreeSet<&str> =
        contents.foreign.names.iter().map(|name| name.name.as_str()).collect();
    assert_eq!(foreign.len() as u64, contents.foreign.count, "seed {seed}: each once");
    let is_in = |name: &str, foreign: &str| {
        name == foreign || foreign.ends_with('/') && name.starts_with(foreign)
    };
    for name in others {
        let counted = foreign.iter().filter(|foreign| is_in(name, foreign)).count();
        let beside =
            ["_claims/", "_appends/", "_delta_log/", "_coldpress/", "~crc32c-", ".coldpress-1#0"];
        let is_own = name.ends_with('/') || beside.iter().any(|part| name.contains(part));
        assert!(counted == 1 || counted == 0 && is_own, "seed {seed}: {name:?} in {foreign:?}");
    }
    for name in foreign {
        assert!(names.iter().any(|stored| is_in(stored, name)), "seed {seed}: {name:?}");
        assert!(!ours.iter().any(|key| is_in(key, name)), "seed {seed}: {name:?} hides a key");
    }
}

#[tokio::test]
async fn of_random_names_in_a_bucket_only_ours_are_listed() {
    for seed in 0..150 {
        let mut random = SplitMix64::new(seed);
        let mut bucket = Bucket::new(true);
        bucket.page_size = 1 + random.below(9) as usize;
        let names: BTreeSet<String> = (0..40).map(|_| any_name(&mut random)).collect();
        names.iter().for_each(|name| bucket.put(name, b"x"));
        let stub = Stub::start(move |request| bucket.answer(request));
        let storage = ColdStorage::new(s3_config(&stub.endpoint, "p/")).unwrap();
        is_listed_exactly(&storage, &names, seed).await;
    }
}

#[tokio::test]
async fn of_random_names_in_a_folder_only_ours_are_listed() {
    for seed in 0..60 {
        let mut random = SplitMix64::new(seed);
        let folder = tempfile::tempdir().unwrap();
        let mut names = BTreeSet::new();
        for _ in 0..40 {
            let name = any_name(&mut random);
            // A file system cannot hold names with these parts, nor a file in place of a folder.
            let is_path = !name.split('/').any(|part| matches!(part, "" | "." | ".."));
            let path = folder.path().join(&name);
            let made = is_path && fs::create_dir_all(path.parent().unwrap()).is_ok();
            if made && !Path::new(&path).exists() && fs::write(&path, "x").is_ok() {
                names.insert(name);
            }
        }
        let config = ColdStorageConfig { prefix: "p/".to_owned(), ..local_config(folder.path()) };
        is_listed_exactly(&ColdStorage::new(config).unwrap(), &names, seed).await;
    }
}

#[tokio::test]
async fn a_false_listing_is_an_error() {
    use coldpress::ErrorKind;
    use common::stub::Reply;
    let page = |inner: &str| format!("<ListBucketResult>{inner}</ListBucketResult>");
    let object = "<Contents><Key>p/1/c/lsn-0-0.parquet</Key><LastModified>2026-01-02T03:04:05Z</LastModified>\
        <Size>1</Size></Contents>";
    let goes_on = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
    let cases = [
        (page(goes_on), ErrorKind::Settings, "repeats a page"),
        (page("<IsTruncated>true</IsTruncated>"), ErrorKind::Settings, "NextContinuationToken"),
        (page(&object.repeat(2)), ErrorKind::Unavailable, "twice"),
        (
            page("<Contents><Key>p/x</Key></Contents>"),
            ErrorKind::Settings,
            "without key, size or time",
        ),
        ("<html>Sign in</html>".to_owned(), ErrorKind::Settings, "is the endpoint an S3 store"),
        (format!("<ListBucketResult>{object}"), ErrorKind::Unavailable, "cut off"),
    ];
    for (body, kind, words) in cases {
        let stub = Stub::start(move |_| Reply::ok(body.clone()));
        let storage = ColdStorage::new(s3_config(&stub.endpoint, "p/")).unwrap();
        let error = storage.list_all(None).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    // Two pages that lead to each other, and empty pages without end.
    let stub = Stub::start(move |request| {
        let token = request.parameter("continuation-token").unwrap_or_default();
        let next = if token == "a" { "b" } else { "a" };
        let more = format!(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>{next}</NextContinuationToken>"
        );
        Reply::ok(format!("<ListBucketResult>{more}</ListBucketResult>"))
    });
    let storage = ColdStorage::new(s3_config(&stub.endpoint, "p/")).unwrap();
    let error = storage.list_all(None).await.unwrap_err();
    assert!(error.to_string().contains("repeats a page"), "{error}");
}

#[tokio::test]
async fn a_missing_store_is_not_taken_for_an_empty_one() {
    use coldpress::ErrorKind;
    let folder = tempfile::tempdir().unwrap();
    let missing = ColdStorage::new(local_config(&folder.path().join("unmounted"))).unwrap();
    assert!(missing.list_all(None).await.unwrap().is_empty());
    assert_eq!(missing.require().await.unwrap_err().kind(), ErrorKind::NotFound);
    ColdStorage::new(local_config(folder.path())).unwrap().require().await.unwrap();

    let server = Seaweed::shared();
    let there = seaweed_config(server, "require/");
    ColdStorage::new(there.clone()).unwrap().require().await.unwrap();
    let missing = ColdStorageConfig { bucket: "no-such-bucket".to_owned(), ..there };
    let error = ColdStorage::new(missing).unwrap().require().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
    assert!(error.to_string().contains("no-such-bucket"), "{error}");
}
