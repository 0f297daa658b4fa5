//! Stores that refuse a put over an object, and complete a multipart upload over one.

use std::sync::Arc;

use bytes::Bytes;
use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, LsnWidth, ObjectKey, ObjectWriter, PutOutcome,
    WalArchiver, WalSettings,
};
use coldpress_core::LsnRange;

use super::common::s3_config;
use super::common::stub::{Bucket, Reply, Request, Stub};
use super::storage;

/// What is completed comes to be nowhere: it is enough that the store says yes.
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

/// No upload is made there but the probe's.
#[tokio::test]
async fn each_segment_of_a_log_goes_by_a_put_in_its_turn() {
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

/// An object in parts, more than one.
async fn put_parts(storage: &ColdStorage, key: &ObjectKey) -> coldpress::Result<PutOutcome> {
    let mut writer = storage.create(key).await?;
    writer.write(Bytes::from(vec![7; ObjectWriter::PART_BYTES + 1])).await?;
    writer.finish().await
}

#[tokio::test]
async fn an_object_in_parts_is_refused_or_put_after_a_look_where_that_is_allowed() {
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
