//! Final answers of a store, and what each of them means.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, LsnRange, LsnWidth, ObjectKey, WalArchiver,
};

use super::answers::{KEY, Store, config, storage};
use super::common::stub::{Reply, Stub};

#[tokio::test]
async fn only_an_absent_key_of_a_store_is_not_found() {
    type Said = (u16, &'static str, ErrorKind);
    let said: [Said; 5] = [
        (404, "<Error><Code>NoSuchKey</Code></Error>", ErrorKind::NotFound),
        (404, "<Error><Code>NoSuchBucket</Code></Error>", ErrorKind::Settings),
        (404, "404 page not found", ErrorKind::Settings),
        (404, "", ErrorKind::Settings),
        (403, "<Error><Code>NoSuchKey</Code></Error>", ErrorKind::Denied),
    ];
    for (status, body, kind) in said {
        // The end of a log is reported only if a listing shows that the archive exists.
        let store = Store::new();
        store.bucket.put("p/wal/0", b"first");
        let stub = Stub::start(move |request| match request.query.contains("list-type") {
            true if kind == ErrorKind::NotFound => store.answer(request),
            _ => Reply::Whole { status, body: body.into() },
        });
        let storage = storage(&stub);
        let folder = tempfile::tempdir().unwrap();
        let archiver = WalArchiver::new(Arc::new(ColdStorage::new(config(&stub)).unwrap()), None);
        let errors = [
            storage.download_parquet(KEY).await.err(),
            storage.read_footer(KEY).await.err(),
            archiver.unwrap().get("1", &folder.path().join("1")).await.err(),
        ];
        for error in errors {
            let error = error.expect("an error");
            assert_eq!(error.kind(), kind, "{status} {body}: {error}");
        }
    }
}

#[tokio::test]
async fn each_of_many_deletions_is_reported_and_temporary_failures_are_retried() {
    let store = Store::new();
    let (answering, tries) = (store.clone(), AtomicUsize::new(0));
    let stub = Stub::start(move |request| {
        if !request.query.contains("delete") {
            return answering.answer(request);
        }
        let body = String::from_utf8_lossy(&request.body).into_owned();
        assert!(request.header("content-md5").is_some());
        let failed = |code: &str, n: u32| {
            let key = format!("p/1/c/lsn-{n}-{n}.parquet");
            match body.contains(&format!("<Key>{key}</Key>")) {
                true => format!("<Error><Key>{key}</Key><Code>{code}</Code></Error>"),
                false => String::new(),
            }
        };
        let is_first = tries.fetch_add(1, Ordering::SeqCst) == 0;
        let second = match is_first {
            true => failed("SlowDown", 1),
            false => "<Deleted><Key>p/1/c/lsn-1-1.parquet</Key></Deleted>".to_owned(),
        };
        let results = format!("{}{second}{}", failed("NoSuchKey", 0), failed("AccessDenied", 2));
        Reply::ok(format!("<DeleteResult>{results}</DeleteResult>"))
    });
    let storage = storage(&stub);
    let keys: Vec<ObjectKey> = (0..3)
        .map(|n| {
            let lsns = LsnRange::new(n, n).unwrap();
            ObjectKey::data(storage.prefix(), 1, "c", lsns, LsnWidth::default()).unwrap()
        })
        .collect();
    let mut deleted = Vec::new();
    let error = storage.delete_all(&keys, |key| deleted.push(key.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("s3:DeleteObject"), "{error}");
    assert_eq!(error.path(), Some(keys[2].as_str()));
    assert_eq!(deleted, keys[..2]);
    let bodies: Vec<String> = stub
        .requests()
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect();
    assert_eq!(bodies.len(), 2);
    assert!(!bodies[1].contains("lsn-0-0") && bodies[1].contains("lsn-1-1"), "{bodies:?}");
}

#[tokio::test]
async fn a_secret_that_is_part_of_a_code_hides_nothing() {
    let stub = Stub::start(|_| Reply::error(400, "ExpiredToken", "the token k"));
    let config = ColdStorageConfig { session_token: "k".to_owned(), ..config(&stub) };
    let storage = ColdStorage::new(config).unwrap();
    // Requests that we sign, and those of object_store.
    for error in [
        storage.list_all(None).await.unwrap_err(),
        storage.download_parquet(KEY).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.to_string().contains("expired"), "{error}");
    }
}
