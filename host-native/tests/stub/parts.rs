//! Puts as a store sees them: their length; and stores that refuse a put over an object but
//! complete a multipart upload over one.

use std::sync::Arc;

use bytes::Bytes;
use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, LsnWidth, ObjectKey, ObjectWriter, PutOutcome,
    WalArchiver, WalSettings,
};
use coldpress_core::LsnRange;

use super::common::stub::{Bucket, Reply, Request, Stub};
use super::common::{encoded, rows, s3_config};
use super::{put, storage};

/// Completed uploads store nothing: it is enough that the store says yes.
fn overwriting(bucket: &Bucket) -> Stub {
    let answering = bucket.clone();
    Stub::start(move |request| match request.method.as_str() {
        "POST" if request.query.contains("uploads=") => {
            Reply::ok("<InitiateResult><UploadId>u</UploadId></InitiateResult>")
        }
        "GET" if request.query.contains("uploads=") => Reply::ok("<Uploads></Uploads>"),
        _ if request.query.contains("uploadId=") => Reply::ok("<Result></Result>"),
        _ => answering.answer(request),
    })
}

/// Only the probe begins a multipart upload there.
#[tokio::test]
async fn segments_of_a_log_go_in_order_by_one_put_each() {
    let stub = overwriting(&Bucket::new(true));
    let folder = tempfile::tempdir().unwrap();
    for name in ["1", "2", "3", "4", "5"] {
        std::fs::write(folder.path().join(name), vec![7; 2 << 20]).unwrap();
    }
    let archiver = WalArchiver::new(Arc::new(storage(&stub)), None).unwrap();
    let summary = archiver.archive(folder.path(), &WalSettings::default(), |_| ()).await.unwrap();
    assert_eq!(summary.created, 4);
    let requests = stub.requests();
    let puts = requests.iter().filter(|request| request.method == "PUT").map(Request::key);
    let segments: Vec<String> =
        puts.filter(|key| key.contains("/wal/") && !key.contains('~')).collect();
    assert_eq!(segments, ["p/wal/1", "p/wal/2", "p/wal/3", "p/wal/4"]);
    let begun = requests.iter().filter(|r| r.method == "POST" && r.query.contains("uploads="));
    assert!(begun.map(Request::key).all(|key| key.contains("probe")));
}

/// An object of more than one part.
async fn put_parts(storage: &ColdStorage, key: &ObjectKey) -> coldpress::Result<PutOutcome> {
    let mut writer = storage.create(key).await?;
    writer.write(Bytes::from(vec![7; ObjectWriter::PART_BYTES + 1])).await?;
    writer.finish().await
}

#[tokio::test]
async fn an_object_in_parts_is_refused_or_if_allowed_put_after_a_look() {
    let bucket = Bucket::new(true);
    let stub = overwriting(&bucket);
    let lsns = |max| LsnRange::new(0, max).unwrap();
    let careful = storage(&stub);
    let key =
        |max| ObjectKey::data(careful.prefix(), 1, "c", lsns(max), LsnWidth::default()).unwrap();
    let error = put_parts(&careful, &key(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings, "{error}");

    let config =
        ColdStorageConfig { allow_unconditional_put: true, ..s3_config(&stub.endpoint, "p/") };
    let allowed = ColdStorage::new(config).unwrap();
    assert_eq!(put_parts(&allowed, &key(1)).await.unwrap(), PutOutcome::Created);
    bucket.put(key(2).as_str(), b"of somebody else");
    let error = put_parts(&allowed, &key(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let at = |method: &'static str, key: ObjectKey| {
        let of_upload = move |request: &Request| {
            request.method == method
                && request.query.contains("uploadId=")
                && request.key() == key.as_str()
        };
        stub.requests().iter().filter(|request| of_upload(request)).count()
    };
    assert_eq!((at("POST", key(1)), at("POST", key(2))), (1, 0), "completed after a look alone");
    assert_eq!((at("DELETE", key(1)), at("DELETE", key(2))), (0, 1), "and taken back");
}

#[tokio::test]
async fn every_put_states_the_length_of_its_body_an_empty_one_too() {
    let bucket = Bucket::new(true);
    let answering = bucket.clone();
    let stub = Stub::start(move |request| answering.answer(request));
    put(&storage(&stub), 1).await.unwrap();
    let requests = stub.requests();
    let puts = || requests.iter().filter(|request| request.method == "PUT");
    // The claim of the LSNs is an empty object.
    assert!(puts().any(|put| put.body.is_empty()) && puts().any(|put| !put.body.is_empty()));
    for put in puts() {
        let length = put.body.len().to_string();
        assert_eq!(put.header("content-length"), Some(length.as_str()), "{put:?}");
    }
}

#[tokio::test]
async fn keys_go_over_the_wire_encoded_exactly_once() {
    let bucket = Bucket::new(true);
    let answering = bucket.clone();
    let stub = Stub::start(move |request| answering.answer(request));
    let storage = storage(&stub);
    let mut expected = Vec::new();
    for name in ["%", "#", "..", "a/b", "é"] {
        let file = encoded(&storage, name, LsnRange::new(0, 0).unwrap(), &rows(1, 1));
        assert_eq!(storage.put_file(&file).await.unwrap(), PutOutcome::Created);
        assert_eq!(storage.list(1, name, None).await.unwrap().len(), 1);
        expected.push(file.key.as_str().to_owned());
    }
    expected.sort();
    assert_eq!(bucket.keys(), expected);
}
