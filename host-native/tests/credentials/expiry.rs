//! Credentials that expire, and sources that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coldpress::{
    ColdStorage, ColdStorageConfig, CredentialProvider, Credentials, Error, ErrorKind, GrantLimits,
    GrantRequest, LsnRange, Projection, Settings, StreamSettings, TimeOfDay,
};

use crate::common::fake_aws::{as_json, bucket_for, container, parts_of, signer_of};
use crate::common::signed::is_signed_by;
use crate::common::stub::{Bucket, Reply, Stub};
use crate::common::{encoded, rows, shown};
use crate::{config, is_free_of_secrets, trace};

/// Time that the test moves, and a container service whose credentials live for an hour of it.
struct Hourly {
    now_s: Arc<AtomicU64>,
    issued: Arc<AtomicU64>,
    service: Stub,
}

/// The validity of the credentials of this number: the number is when they were issued.
const LIFE_S: u64 = 3_600;

fn hourly() -> Hourly {
    let (now_s, issued) = (Arc::new(AtomicU64::new(1_800_000_000)), Arc::new(AtomicU64::new(0)));
    let (clock, count) = (Arc::clone(&now_s), Arc::clone(&issued));
    let service = container("CT", move || {
        let now_s = clock.load(Ordering::SeqCst);
        count.fetch_add(1, Ordering::SeqCst);
        as_json(&format!("at-{now_s}"), "Token", &rfc3339(now_s + LIFE_S))
    });
    Hourly { now_s, issued, service }
}

/// Only for the days that these tests see.
fn rfc3339(seconds: u64) -> String {
    let since = seconds - 1_800_000_000; // 2027-01-15T08:00:00Z
    assert!(since < 16 * 3_600, "add the calendar");
    format!("2027-01-15T{:02}:{:02}:{:02}Z", 8 + since / 3_600, since / 60 % 60, since % 60)
}

impl Hourly {
    fn config(&self, store: &Stub) -> ColdStorageConfig {
        let clock = Arc::clone(&self.now_s);
        let variables = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", self.service.endpoint.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "CT"),
        ];
        ColdStorageConfig {
            clock: TimeOfDay::new(move || {
                UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst))
            }),
            ..config(&store.endpoint, &variables)
        }
    }

    /// A bucket that takes only credentials that are valid now.
    fn store(&self, bucket: &Bucket) -> Stub {
        let clock = Arc::clone(&self.now_s);
        bucket_for(bucket, move |key| {
            let issued: Option<u64> = key.split('-').nth(2).and_then(|at| at.parse().ok());
            issued.is_some_and(|at| clock.load(Ordering::SeqCst) < at + LIFE_S)
        })
    }

    fn pass(&self, seconds: u64) {
        self.now_s.fetch_add(seconds, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_stream_of_rows_outlives_its_credentials() {
    let (hourly, bucket) = (hourly(), Bucket::new(true));
    let store = hourly.store(&bucket);
    let storage = ColdStorage::new(hourly.config(&store)).unwrap();
    let cut = StreamSettings { row_group_bytes_max: 50_000, file_bytes_max: 1, first_lsn: 0 };
    let mut stream = storage.stream_rows(1, "c", None, Settings::default(), cut).unwrap();
    let all: Vec<_> = (0..5).flat_map(|round| rows(2_000, round)).collect();
    for round in 0..5 {
        stream.push_rows(rows(2_000, round)).await.unwrap();
        hourly.pass(LIFE_S + 60);
    }
    stream.finish().await.unwrap();
    assert!(hourly.issued.load(Ordering::SeqCst) >= 4, "few refreshes: were files sent between?");
    let mut back = Vec::new();
    for object in storage.list(1, "c", None).await.unwrap() {
        back.extend(storage.read_rows(&object.key, &Projection::All).await.unwrap());
    }
    assert_eq!(back.len(), all.len());
    assert!(back.iter().map(|(_, row)| row).eq(all.iter().map(|(_, row)| row)));
}

/// Also if their time is not over: somebody may have revoked them.
#[tokio::test]
async fn credentials_that_the_store_calls_expired_are_fetched_anew_once() {
    trace();
    let (bucket, clock) = (Bucket::new(true), SystemTime::now() + Duration::from_secs(3_600));
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let provider = CredentialProvider::new(move || {
        let [access_key, secret_key, session_token] =
            parts_of(&count.fetch_add(1, Ordering::SeqCst).to_string());
        let expires = Some(clock);
        async move { Ok(Credentials { access_key, secret_key, session_token, expires }) }
    });
    // The number of the credentials that the store takes.
    let taken = Arc::new(AtomicU64::new(0));
    let valid = Arc::clone(&taken);
    let store = bucket_for(&bucket, move |key| {
        key == parts_of(&valid.load(Ordering::SeqCst).to_string())[0]
    });
    let config =
        ColdStorageConfig { credential_provider: Some(provider), ..config(&store.endpoint, &[]) };
    let storage = ColdStorage::new(config).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(3, 1), 0, 2).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    // A read by object_store, a listing of ours, a put, a deletion: each meets revoked ones.
    taken.store(1, Ordering::SeqCst);
    assert_eq!(storage.read_rows(&key, &Projection::All).await.unwrap(), rows(3, 1));
    taken.store(2, Ordering::SeqCst);
    assert_eq!(storage.list(1, "c", None).await.unwrap().len(), 1);
    taken.store(3, Ordering::SeqCst);
    let lsns = LsnRange::new(7, 9).unwrap();
    let file = encoded(&storage, "c", lsns, &rows(3, 2));
    storage.put_file(&file).await.unwrap();
    taken.store(4, Ordering::SeqCst);
    storage.delete(&key).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 5);
    let mut checked = 0;
    for request in store.requests() {
        let secret_key = signer_of(&request).replace("AK-", "SK-");
        let is_right = is_signed_by(&request, &secret_key);
        assert_ne!(is_right, Some(false), "{request:?}");
        let given = request.header("authorization");
        assert!(given.is_none_or(|given| given.contains("/us-east-1/s3/aws4_request")));
        checked += usize::from(is_right.is_some());
    }
    assert!(checked > 5, "only {checked} requests are signed in their headers");

    // If the new ones are no better, the error says so, and no secret.
    taken.store(1_000, Ordering::SeqCst);
    for error in [
        storage.read_rows(&file.key, &Projection::All).await.unwrap_err(),
        storage.list(1, "c", None).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        let text = error.to_string();
        assert!(text.contains("have expired") && text.contains("credential_provider"), "{text}");
        is_free_of_secrets(&shown(&error));
    }
    is_free_of_secrets(&trace().text());
}

fn asked() -> GrantRequest {
    GrantRequest {
        collection: "c".to_owned(),
        lsns: LsnRange::new(0, 9).unwrap(),
        bytes: None,
        sha256: None,
        upload_id: None,
    }
}

#[tokio::test]
async fn a_grant_ends_no_later_than_the_credentials_that_sign_it() {
    let (hourly, bucket) = (hourly(), Bucket::new(true));
    let store = hourly.store(&bucket);
    let storage = ColdStorage::new(hourly.config(&store)).unwrap();
    let asked = asked();
    let limits = GrantLimits { lifetime: Duration::from_secs(5 * 3_600), ..GrantLimits::default() };
    let begun_s = hourly.now_s.load(Ordering::SeqCst);
    let grant = storage.grant(1, &asked, &limits).await.unwrap();
    assert_eq!(grant.expires_ms(), (begun_s + LIFE_S) * 1_000);
    hourly.pass(1_800);
    let short = GrantLimits { lifetime: Duration::from_secs(60), ..GrantLimits::default() };
    let grant = storage.grant(1, &asked, &short).await.unwrap();
    assert_eq!(grant.expires_ms(), (begun_s + 1_860) * 1_000);
}

#[tokio::test]
async fn a_failure_of_a_source_is_the_error_of_every_operation_and_nothing_is_sent() {
    let store = Stub::start(|_| Reply::ok(""));
    let provider = CredentialProvider::new(|| async {
        Err(Error::new(ErrorKind::Denied, "the vault is sealed; unseal it"))
    });
    let config =
        ColdStorageConfig { credential_provider: Some(provider), ..config(&store.endpoint, &[]) };
    let storage = ColdStorage::new(config.clone()).unwrap();
    let limits = GrantLimits::default();
    let asked = asked();
    for error in [
        storage.encode_and_upload("c", 1, &rows(3, 1), 0, 2).await.unwrap_err(),
        storage.list(1, "c", None).await.unwrap_err(),
        storage.download_parquet("p/1/c/lsn-0-0.parquet").await.unwrap_err(),
        storage.grant(1, &asked, &limits).await.unwrap_err(),
        storage.delete("p/1/c/lsn-0-0.parquet").await.unwrap_err(),
        storage.require_credentials().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.to_string().contains("the vault is sealed"), "{error}");
    }
    assert!(store.requests().is_empty());

    let both =
        ColdStorageConfig { access_key: "AK".to_owned(), secret_key: "SK".to_owned(), ..config };
    assert_eq!(ColdStorage::new(both).unwrap_err().kind(), ErrorKind::Settings);
}
