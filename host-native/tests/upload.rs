//! Uploads by grants, driven over HTTP against a real S3 server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use coldpress::{
    ColdStorage, ColdStorageConfig, EncodedFile, ErrorKind, Grant, GrantLimits, GrantRequest,
    LsnRange, Phase, Projection, TimeOfDay, UploadOptions, UploadSettings, no_more_grants, upload,
    upload_until,
};
use coldpress_core::{Codec, Encoder, GrantedWrite, Settings, Sha256Digest};
use common::client::send;
use common::gate::Gate;
use common::proxy::FaultProxy;
use common::seaweed::Seaweed;
use common::{encoded, rows, s3_config};
use serde_json::json;

fn config(server: &Seaweed, prefix: &str) -> ColdStorageConfig {
    ColdStorageConfig {
        access_key: server.access_key.clone(),
        secret_key: server.secret_key.clone(),
        session_token: String::new(),
        ..s3_config(&server.endpoint, prefix)
    }
}

fn storage(prefix: &str) -> ColdStorage {
    ColdStorage::new(config(Seaweed::shared(), prefix)).unwrap()
}

/// The same storage with a clock that is an hour slow: its grants of 15 minutes have expired.
fn of_an_hour_ago(prefix: &str) -> ColdStorage {
    let clock = TimeOfDay::new(|| SystemTime::now() - Duration::from_secs(3_600));
    ColdStorage::new(ColdStorageConfig { clock, ..config(Seaweed::shared(), prefix) }).unwrap()
}

fn options() -> UploadOptions {
    UploadOptions { allow_http: true, ..UploadOptions::default() }
}

fn range() -> LsnRange {
    LsnRange::new(1, 9).unwrap()
}

/// The request of a device that knows its file.
fn asked(file: &EncodedFile) -> GrantRequest {
    GrantRequest {
        bytes: Some(file.bytes.len() as u64),
        sha256: Some(Sha256Digest::of(&file.bytes)),
        ..GrantRequest::new("c", range())
    }
}

/// A file of more than 20 MB, for parts of 5 MiB.
fn large_file(storage: &ColdStorage) -> EncodedFile {
    let settings = Settings { codec: Codec::None, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    let mut state = 7_u64;
    for n in 0..9 {
        let text: String = (0..2_500_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'a' + (state >> 59) as u8 % 26)
            })
            .collect();
        encoder.push_row(&format!("row-{n}"), &json!({ "text": text })).unwrap();
    }
    let file = encoder.finish(&storage.target(1, "c", Some(range()))).unwrap();
    assert!(file.bytes.len() > 20_000_000, "{}", file.bytes.len());
    file
}

fn limits() -> GrantLimits {
    GrantLimits { part_bytes: 5 << 20, ..GrantLimits::default() }
}

async fn granted(storage: &ColdStorage, file: &EncodedFile, limits: &GrantLimits) -> Grant {
    storage.grant(1, &asked(file), limits).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_up_once_and_the_same_again_is_success() {
    let storage = storage("once/");
    let rows = rows(100, 1);
    let file = encoded(&storage, "c", range(), &rows);
    let grant = granted(&storage, &file, &limits()).await;
    let uploaded = upload(&file, Some(grant), no_more_grants, &options()).await.unwrap();
    assert!(uploaded.created);
    assert_eq!(
        (uploaded.key.as_str(), uploaded.bytes),
        ("once/1/c/lsn-1-9.parquet", file.bytes.len() as u64)
    );
    assert_eq!(storage.read_rows(uploaded.key.as_str(), &Projection::All).await.unwrap(), rows);

    let grant = granted(&storage, &file, &limits()).await;
    let again = upload(&file, Some(grant), no_more_grants, &options()).await.unwrap();
    assert!(!again.created);

    let other = encoded(&storage, "c", range(), &common::rows(100, 2));
    let grant = granted(&storage, &other, &limits()).await;
    let error = upload(&other, Some(grant), no_more_grants, &options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("once/1/c/lsn-1-9.parquet"), "{error}");
    assert_eq!(&storage.download_parquet(uploaded.key.as_str()).await.unwrap(), &file.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_goes_up_in_parts() {
    let storage = storage("parts/");
    let file = large_file(&storage);
    let phases = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&phases);
    let options = UploadOptions {
        on_progress: Some(Arc::new(move |progress| seen.lock().unwrap().push(progress))),
        ..options()
    };
    // Without a first grant, the upload asks for one.
    let ask = |upload_id: Option<String>| {
        assert_eq!(upload_id, None);
        let (storage, file) = (&storage, &file);
        async move { storage.grant(1, &asked(file), &limits()).await }
    };
    let uploaded = upload(&file, None, ask, &options).await.unwrap();
    assert!(uploaded.created);
    assert!(storage.download_parquet(uploaded.key.as_str()).await.unwrap() == file.bytes);
    {
        let phases = phases.lock().unwrap();
        let sent: Vec<u64> = phases.iter().map(|progress| progress.sent_bytes).collect();
        assert!(sent.is_sorted() && sent.len() >= 6, "{phases:?}");
        let last = phases.last().unwrap();
        assert_eq!((last.phase, last.sent_bytes), (Phase::Over, file.bytes.len() as u64));
        assert_eq!(phases[0].phase, Phase::Granting);
    }

    let grant = granted(&storage, &file, &limits()).await;
    assert!(is_open(&grant, &file));
    let again = upload(&file, Some(grant.clone()), no_more_grants, &options).await.unwrap();
    assert!(!again.created);
    assert!(!is_open(&grant, &file));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_expired_is_replaced_and_the_parts_are_kept() {
    let storage = storage("expired/");
    let file = large_file(&storage);
    let grant = granted(&of_an_hour_ago("expired/"), &file, &limits()).await;
    let asks = AtomicU32::new(0);
    let ask = |upload_id: Option<String>| {
        asks.fetch_add(1, Ordering::SeqCst);
        assert!(upload_id.is_some());
        let request = GrantRequest { upload_id, ..asked(&file) };
        let storage = &storage;
        async move { storage.grant(1, &request, &limits()).await }
    };
    let uploaded = upload(&file, Some(grant), ask, &options()).await.unwrap();
    assert!(uploaded.created);
    assert_eq!(asks.load(Ordering::SeqCst), 1);
    assert!(storage.download_parquet(uploaded.key.as_str()).await.unwrap() == file.bytes);

    let storage = self::storage("expired-for-good/");
    let file = encoded(&storage, "c", range(), &rows(10, 1));
    let grant = granted(&of_an_hour_ago("expired-for-good/"), &file, &limits()).await;
    let error = upload(&file, Some(grant), no_more_grants, &options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired, "{error}");
    assert!(storage.list_all(None).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_refused_at_once_and_named() {
    let proxy = FaultProxy::before(&Seaweed::shared().endpoint, 31);
    let right =
        ColdStorageConfig { endpoint: proxy.endpoint(), ..config(Seaweed::shared(), "wrong/") };
    let storage = ColdStorage::new(right).unwrap();
    let file = encoded(&storage, "c", range(), &rows(10, 1));
    let grant = granted(&storage, &file, &limits()).await;
    let before = proxy.counts().requests;
    let tampered = grant.to_json().replace("X-Amz-Signature=", "X-Amz-Signature=0");
    let tampered = Grant::from_json(&tampered).unwrap();
    let error = upload(&file, Some(tampered), no_more_grants, &options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("SignatureDoesNotMatch"), "{error}");
    assert!(!common::shown(&error).contains("X-Amz-Signature"), "{error:?}");
    assert_eq!(proxy.counts().requests - before, 1, "it was tried again");

    let header =
        Grant::from_json(&grant.to_json().replace("application/vnd.apache.parquet", "text/html"));
    let error = upload(&file, Some(header.unwrap()), no_more_grants, &options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");

    let other = encoded(&storage, "c", range(), &rows(11, 1));
    let error = upload(&other, Some(grant.clone()), no_more_grants, &options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired, "{error}");
    assert!(error.to_string().contains("bytes"), "{error}");
    let no_http = UploadOptions::default();
    let error = upload(&file, Some(grant), no_more_grants, &no_http).await.unwrap_err();
    assert!(error.to_string().contains("allow_http"), "{error}");
    assert!(storage.list_all(None).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stops_and_comes_back_gets_the_file_once() {
    let server = Seaweed::start();
    let gate = Gate::before(&server.endpoint);
    let storage = ColdStorage::new(ColdStorageConfig {
        endpoint: gate.endpoint(),
        ..config(&server, "stopped/")
    })
    .unwrap();
    let file = large_file(&storage);
    let settings = UploadSettings {
        concurrency: 2,
        retries_max: 30,
        backoff: Duration::from_millis(200),
        backoff_max: Duration::from_millis(500),
        timeout: Duration::from_millis(60_000),
        ..UploadSettings::default()
    };
    let cut = AtomicBool::new(false);
    let gate_of_progress = gate.clone();
    let options = UploadOptions {
        settings,
        on_progress: Some(Arc::new(move |progress| {
            if progress.sent_bytes > 0 && !cut.swap(true, Ordering::SeqCst) {
                gate_of_progress.close_until_refused(3);
            }
        })),
        ..options()
    };
    let grant = granted(&storage, &file, &limits()).await;
    let uploaded = upload(&file, Some(grant), no_more_grants, &options).await.unwrap();
    assert!(gate.refused() >= 3, "the gate was never in the way");
    assert!(storage.download_parquet(uploaded.key.as_str()).await.unwrap() == file.bytes);

    // The store stays down: an error in bounded time, which says what may be left in it.
    let other = encoded(&storage, "d", range(), &rows(10, 1));
    let request = GrantRequest { collection: "d".to_owned(), ..asked(&other) };
    let grant = storage.grant(1, &request, &limits()).await.unwrap();
    gate.close();
    let settings = UploadSettings {
        retries_max: 3,
        backoff: Duration::from_millis(50),
        ..UploadSettings::default()
    };
    let options = UploadOptions { settings, on_progress: None, ..options };
    let error = upload(&other, Some(grant), no_more_grants, &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_upload_leaves_no_parts() {
    let storage = storage("aborted/");
    let file = large_file(&storage);
    let grant = granted(&storage, &file, &limits()).await;
    assert!(is_open(&grant, &file));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stop = Mutex::new(Some(stop));
    let options = UploadOptions {
        settings: UploadSettings { concurrency: 1, ..UploadSettings::default() },
        on_progress: Some(Arc::new(move |progress| {
            if progress.sent_bytes > 0
                && let Some(stop) = stop.lock().unwrap().take()
            {
                stop.send(()).unwrap();
            }
        })),
        ..options()
    };
    let stopped = async {
        stopped.await.unwrap();
    };
    let first = Some(grant.clone());
    let error = upload_until(&file, first, no_more_grants, &options, stopped).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted, "{error}");
    assert!(!is_open(&grant, &file));
    assert!(storage.list_all(None).await.unwrap().is_empty());
}

/// Whether the store still takes parts for the grant's upload.
fn is_open(grant: &Grant, file: &EncodedFile) -> bool {
    let GrantedWrite::Multipart(multipart) = grant.write() else { panic!("{grant:?}") };
    let answer = send(&multipart.parts[0], &file.bytes[..multipart.part_bytes as usize]);
    match answer.status {
        200 => true,
        404 => false,
        _ => panic!("{answer:?}"),
    }
}
