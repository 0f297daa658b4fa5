//! Each temporary failure, once, for everything that talks to a store: all operations succeed, and
//! nothing is stored twice, lost or left in the store.
//!
//! No test here depends on time: the configuration allows a minute, and a pause is at most 100 ms.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, GrantLimits, GrantRequest, LsnRange, LsnWidth,
    ObjectKey, ObjectWriter, PutOutcome, UploadOptions, UploadSettings, WalArchiver, WalEvent,
    WalSettings, no_more_grants, upload,
};

use super::common::stub::{Bucket, Reply, Request, Stub};
use super::common::{encoded, rows, s3_config};

type Fault = fn() -> Reply;
/// The parts by upload, then by number.
type Uploads = BTreeMap<String, BTreeMap<u32, Vec<u8>>>;

fn headed(status: u16, retry_after: &str) -> Reply {
    let headers = vec![("Retry-After", retry_after.to_owned())];
    Reply::Headed { status, headers, claimed: 0, body: Vec::new() }
}

/// Answers that a store may give without doing anything.
const PASSING: [(&str, Fault); 15] = [
    ("RequestTimeout", || Reply::error(400, "RequestTimeout", "too slow")),
    ("IncompleteBody", || Reply::error(400, "IncompleteBody", "cut")),
    ("BadDigest", || Reply::error(400, "BadDigest", "other bytes")),
    ("SHA256", || Reply::error(400, "XAmzContentSHA256Mismatch", "other bytes")),
    ("OperationAborted", || Reply::error(409, "OperationAborted", "another one")),
    ("Conflict", || Reply::error(409, "ConditionalRequestConflict", "another one")),
    ("408", || Reply::error(408, "RequestTimeout", "too slow")),
    ("425", || Reply::Whole { status: 425, body: Vec::new() }),
    ("429", || Reply::error(429, "TooManyRequests", "slower")),
    ("500", || Reply::error(500, "InternalError", "again")),
    ("503", || Reply::error(503, "SlowDown", "slower")),
    ("507", || Reply::error(507, "XMinioStorageFull", "full")),
    ("seconds", || headed(503, "0")),
    ("a date", || headed(503, "Fri, 01 Jan 2021 00:00:00 GMT")),
    ("cut", || Reply::Closed),
];

/// A bucket that also accepts multipart uploads.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) bucket: Bucket,
    uploads: Arc<Mutex<Uploads>>,
    begun: Arc<AtomicUsize>,
}

impl Store {
    pub(super) fn new() -> Self {
        Store { bucket: Bucket::new(true), uploads: Arc::default(), begun: Arc::default() }
    }

    pub(super) fn answer(&self, request: &Request) -> Reply {
        let gone = || Reply::error(404, "NoSuchUpload", "gone");
        let mut uploads = self.uploads.lock().unwrap();
        match (request.method.as_str(), request.parameter("uploadId")) {
            ("POST", None) if request.query.contains("uploads=") => {
                let id = format!("u{}", self.begun.fetch_add(1, Ordering::SeqCst));
                uploads.insert(id.clone(), BTreeMap::new());
                Reply::ok(format!("<Result><UploadId>{id}</UploadId></Result>"))
            }
            ("GET", None) if request.query.contains("uploads=") => Reply::ok("<Uploads></Uploads>"),
            ("PUT", Some(id)) => match uploads.get_mut(&id) {
                Some(parts) => {
                    let number = request.parameter("partNumber").unwrap().parse().unwrap();
                    parts.insert(number, request.body.clone());
                    Reply::ok("")
                }
                None => gone(),
            },
            ("DELETE", Some(id)) => match uploads.remove(&id) {
                Some(_) => Reply::Whole { status: 204, body: Vec::new() },
                None => gone(),
            },
            ("POST", Some(id)) => {
                if self.bucket.keys().contains(&request.key()) {
                    return Reply::error(412, "PreconditionFailed", "there is one");
                }
                let Some(parts) = uploads.remove(&id) else { return gone() };
                self.bucket.put(&request.key(), &parts.into_values().flatten().collect::<Vec<_>>());
                Reply::ok("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")
            }
            _ => self.bucket.answer(request),
        }
    }

    /// A server in front of it that answers the first request of each of these kinds with `fault`.
    fn with(&self, kinds: &'static [fn(&Request) -> bool], fault: Fault) -> Stub {
        let store = self.clone();
        let met: Vec<AtomicBool> = kinds.iter().map(|_| AtomicBool::new(false)).collect();
        Stub::start(move |request| {
            for (kind, met) in kinds.iter().zip(&met) {
                if kind(request) && !met.swap(true, Ordering::SeqCst) {
                    return fault();
                }
            }
            store.answer(request)
        })
    }
}

/// A configuration that waits long enough for any machine.
pub(super) fn config(stub: &Stub) -> ColdStorageConfig {
    ColdStorageConfig {
        connect_timeout: Duration::from_millis(60_000),
        timeout: Duration::from_millis(60_000),
        retry_timeout: Duration::from_millis(60_000),
        ..s3_config(&stub.endpoint, "p/")
    }
}

pub(super) fn storage(stub: &Stub) -> ColdStorage {
    ColdStorage::new(config(stub)).unwrap()
}

pub(super) const KEY: &str = "p/1/c/lsn-0-2.parquet";

fn key(storage: &ColdStorage) -> ObjectKey {
    let lsns = LsnRange::new(0, 2).unwrap();
    ObjectKey::data(storage.prefix(), 1, "c", lsns, LsnWidth::default()).unwrap()
}

fn is_probe(request: &Request) -> bool {
    request.key().contains("probe")
}

async fn put(storage: &ColdStorage) -> coldpress::Result<ObjectKey> {
    storage.encode_and_upload("c", 1, &rows(3, 1), 0, 2).await
}

#[tokio::test]
async fn a_put_survives_each_of_them() {
    for (name, fault) in PASSING {
        let store = Store::new();
        let stub = store.with(&[|r| r.method == "PUT" && r.key() == KEY], fault);
        let storage = storage(&stub);
        put(&storage).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((store.bucket.keys(), storage.files_uploaded()), (vec![KEY.to_owned()], 1));
    }
}

#[tokio::test]
async fn the_probe_survives_each_of_them() {
    for (name, fault) in PASSING {
        let store = Store::new();
        let stub = store.with(&[|r| r.method == "PUT" && is_probe(r)], fault);
        put(&storage(&stub)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(store.bucket.keys(), [KEY]);
    }
}

/// An object in two parts.
async fn put_parts(storage: &ColdStorage) -> coldpress::Result<PutOutcome> {
    let mut writer = storage.create(&key(storage)).await?;
    writer.write(Bytes::from(vec![7; ObjectWriter::PART_BYTES + 1])).await?;
    writer.finish().await
}

const STEPS_OF_PARTS: &[fn(&Request) -> bool] = &[
    |r| r.method == "POST" && r.query.contains("uploads=") && !is_probe(r),
    |r| r.method == "PUT" && r.query.contains("partNumber=2") && !is_probe(r),
    |r| r.method == "POST" && r.query.contains("uploadId=") && !is_probe(r),
];

#[tokio::test]
async fn an_object_in_parts_survives_each_of_them_at_each_step() {
    let in_a_200: (&str, Fault) = ("200", || Reply::Whole {
        status: 200,
        body: b"<Error><Code>InternalError</Code></Error>".to_vec(),
    });
    // Of a 200 to a begin or to a part, the client reads only what it needs.
    let only_completing = &STEPS_OF_PARTS[2..];
    let cases = PASSING.iter().map(|fault| (STEPS_OF_PARTS, fault));
    for (steps, (name, fault)) in cases.chain([(only_completing, &in_a_200)]) {
        let store = Store::new();
        let stub = store.with(steps, *fault);
        let storage = storage(&stub);
        let outcome = put_parts(&storage).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(outcome, PutOutcome::Created, "{name}");
        assert_eq!(store.bucket.keys(), [KEY]);
        let there = store.bucket.objects.lock().unwrap()[KEY].len();
        assert_eq!(there, ObjectWriter::PART_BYTES + 1);
        assert!(store.uploads.lock().unwrap().is_empty(), "{name}: left open");
    }
}

#[tokio::test]
async fn after_a_lost_completion_the_put_looks_at_the_key() {
    // The upload was completed, and that answer was lost.
    let store = Store::new();
    let (answering, completions) = (store.clone(), AtomicUsize::new(0));
    let stub = Stub::start(move |request| {
        let first = STEPS_OF_PARTS[2](request) && completions.fetch_add(1, Ordering::SeqCst) == 0;
        let reply = answering.answer(request);
        if first { Reply::error(404, "NoSuchUpload", "completed") } else { reply }
    });
    let outcome = put_parts(&storage(&stub)).await.unwrap();
    assert_eq!((outcome, store.bucket.keys()), (PutOutcome::AlreadyThere, vec![KEY.to_owned()]));

    // Somebody aborted the upload: the error says so, and does not say that nothing is there.
    let store = Store::new();
    let answering = store.clone();
    let stub = Stub::start(move |request| match STEPS_OF_PARTS[2](request) {
        true => Reply::error(404, "NoSuchUpload", "aborted"),
        false => answering.answer(request),
    });
    let error = put_parts(&storage(&stub)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("multipart upload"), "{error}");
    assert!(!error.to_string().contains("has no such object"), "{error}");
    assert!(store.bucket.keys().is_empty());
}

#[tokio::test]
async fn reads_listings_and_deletions_survive_each_of_them() {
    for (name, fault) in PASSING {
        let store = Store::new();
        store.bucket.put(KEY, b"PAR1 and so on");
        let kinds: &[fn(&Request) -> bool] = &[
            |r| r.method == "GET" && r.key() == KEY,
            |r| r.method == "GET" && r.query.contains("list-type=2"),
            |r| r.method == "POST" && r.query.contains("delete"),
        ];
        let stub = store.with(kinds, fault);
        let storage = storage(&stub);
        let bytes =
            storage.download_parquet(KEY).await.unwrap_or_else(|e| panic!("{name}, read: {e}"));
        assert_eq!(bytes, "PAR1 and so on");
        let listed = storage.list_all(None).await.unwrap_or_else(|e| panic!("{name}, list: {e}"));
        assert_eq!(listed.len(), 1);
        storage.delete(KEY).await.unwrap_or_else(|e| panic!("{name}, delete: {e}"));
        assert!(store.bucket.keys().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_log_that_is_watched_survives_each_of_them() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["1", "2", "3"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    for (name, fault) in PASSING {
        let store = Store::new();
        let kinds: &[fn(&Request) -> bool] = &[
            |r| r.method == "PUT" && r.key() == "p/wal/1",
            |r| r.method == "PUT" && r.key().starts_with("p/wal/2~"),
            |r| r.method == "GET" && r.query.contains("list-type=2") && r.query.contains("wal"),
        ];
        let stub = store.with(kinds, fault);
        let archiver = WalArchiver::new(Arc::new(storage(&stub)), None).unwrap();
        // It ends when both sealed segments are archived.
        let (archived, both) = (AtomicUsize::new(0), tokio::sync::Notify::new());
        let told = |event: WalEvent<'_>| {
            let is_second = matches!(event, WalEvent::Archived(_))
                && archived.fetch_add(1, Ordering::SeqCst) == 1;
            if is_second {
                both.notify_one();
            }
        };
        let (settings, drain) = (WalSettings::default(), Duration::from_secs(60));
        let watched = archiver.watch(folder.path(), &settings, told, both.notified(), drain).await;
        let summary = watched.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(summary.created, 2, "{name}");
        let keys = store.bucket.keys();
        assert_eq!(keys.iter().filter(|key| !key.contains('~')).count(), 2, "{keys:?}");
    }
}

#[tokio::test]
async fn an_upload_by_a_grant_survives_each_of_them() {
    for (name, fault) in PASSING {
        let store = Store::new();
        let stub = store.with(&[|r| r.method == "PUT" && r.key() == KEY], fault);
        let storage = storage(&stub);
        let lsns = LsnRange::new(0, 2).unwrap();
        let file = encoded(&storage, "c", lsns, &rows(3, 1));
        let asked = GrantRequest::new("c", lsns);
        let grant = storage.grant(1, &asked, &GrantLimits::default()).await.unwrap();
        let options = UploadOptions {
            settings: UploadSettings {
                backoff: Duration::from_millis(1),
                ..UploadSettings::default()
            },
            allow_http: true,
            ..UploadOptions::default()
        };
        let uploaded = upload(&file, Some(grant), no_more_grants, &options).await;
        uploaded.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(store.bucket.keys(), [KEY]);
    }
}

/// Cuts the first `cuts` answers to a read after this many bytes of their body.
fn cutting(store: &Store, cuts: usize, after: usize, etag: fn(usize) -> &'static str) -> Stub {
    let (store, reads) = (store.clone(), AtomicUsize::new(0));
    Stub::start(move |request| {
        if request.method != "GET" || request.key() != KEY {
            return store.answer(request);
        }
        let number = reads.fetch_add(1, Ordering::SeqCst);
        let (status, mut headers, mut body) = match store.answer(request) {
            Reply::Whole { status, body } => (status, Vec::new(), body),
            Reply::Headed { status, headers, body, .. } => (status, headers, body),
            _ => panic!("no such answer to a read"),
        };
        headers.push(("ETag", etag(number).to_owned()));
        let claimed = body.len();
        if number < cuts {
            body.truncate(after);
        }
        Reply::Headed { status, headers, claimed, body }
    })
}

#[tokio::test]
async fn a_cut_read_continues_where_it_stopped() {
    let store = Store::new();
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    store.bucket.put(KEY, &bytes);
    let stub = cutting(&store, 3, 30_000, |_| "\"e\"");
    assert_eq!(storage(&stub).download_parquet(KEY).await.unwrap(), bytes);
    let requests = stub.requests();
    let ranges: Vec<_> = requests.iter().map(|request| request.header("range")).collect();
    let from = |n: u32| format!("bytes={n}-99999");
    let expected = [None, Some(from(30_000)), Some(from(60_000)), Some(from(90_000))];
    assert_eq!(ranges, expected.iter().map(Option::as_deref).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_read_never_continues_in_another_object() {
    let store = Store::new();
    store.bucket.put(KEY, &[7; 1_000]);
    let stub = cutting(&store, 1, 10, |number| if number == 0 { "\"a\"" } else { "\"b\"" });
    let error = storage(&stub).download_parquet(KEY).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("changed"), "{error}");
}
