//! Grants against a real S3 server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::{Duration, SystemTime};

use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, GrantLimits, GrantRequest, LsnRange, TimeOfDay,
};
use coldpress_core::{
    Grant, GrantedWrite, MultipartGrant, Sha256Digest, SignedRequest, complete_multipart_body,
};
use common::client::{send, send_raw};
use common::seaweed::Seaweed;
use common::{local_config, seaweed_config};

fn config(prefix: &str) -> ColdStorageConfig {
    seaweed_config(Seaweed::shared(), prefix)
}

fn asked(collection: &str, lsn: u64) -> GrantRequest {
    GrantRequest::new(collection, LsnRange::new(lsn, lsn).unwrap())
}

fn put_of(grant: &Grant) -> &SignedRequest {
    match grant.write() {
        GrantedWrite::Put(put) => put,
        other => panic!("{other:?}"),
    }
}

fn parts_of(grant: &Grant) -> &MultipartGrant {
    match grant.write() {
        GrantedWrite::Multipart(multipart) => multipart,
        other => panic!("{other:?}"),
    }
}

/// The SHA-256 of `"the content"`.
fn digest() -> Sha256Digest {
    Sha256Digest::from_hex("6e569e05cb6f8608572c79d63b365dc31617bf84d7393d2cb9d2f1ffe0edf95b")
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_stores_one_object_at_its_key_and_never_a_second() {
    let storage = ColdStorage::new(config("put/")).unwrap();
    for (lsn, name) in ["plain", "a/b", "%2F", "é +&=?#", "..", "~*'()!"].into_iter().enumerate() {
        let grant =
            storage.grant(7, &asked(name, lsn as u64), &GrantLimits::default()).await.unwrap();
        assert_eq!(send(grant.check(), b"").status, 404);
        let stored = send(put_of(&grant), b"the content");
        assert_eq!(stored.status, 200, "{name}: {stored:?}");
        let there = storage.download_parquet(grant.key().as_str()).await.unwrap();
        assert_eq!(&there[..], b"the content", "{name}");
        let listed = storage.list(7, name, None).await.unwrap();
        assert_eq!(listed[0].key, *grant.key());
        let check = send(grant.check(), b"");
        assert_eq!((check.status, check.header("content-length")), (200, Some("11")), "{check:?}");
        assert_eq!(send(put_of(&grant), b"other").status, 412, "{name}");
        assert_eq!(
            &storage.download_parquet(grant.key().as_str()).await.unwrap()[..],
            b"the content"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_itself_refuses_what_was_not_granted() {
    let storage = ColdStorage::new(config("refused/")).unwrap();
    let named = GrantRequest { bytes: Some(11), sha256: Some(digest()), ..asked("c", 1) };
    let grant = storage.grant(7, &named, &GrantLimits::default()).await.unwrap();
    let put = put_of(&grant);
    let headers: Vec<_> = put.headers().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let changed = |name: &str, value: &'static str| -> Vec<(&str, &str)> {
        headers.iter().map(|(n, v)| (*n, if *n == name { value } else { v })).collect()
    };
    let without = |name: &str| -> Vec<(&str, &str)> {
        headers.iter().copied().filter(|(n, _)| *n != name).collect()
    };
    let url = put.url();
    let other_key = url.replace("lsn-1-1", "lsn-2-2");
    let other_tenant = url.replace("/7/", "/8/");
    for (what, method, url, headers, body) in [
        ("a larger body", "PUT", url, changed("content-length", "12"), &b"the content!"[..]),
        ("another type", "PUT", url, changed("content-type", "text/html"), b"the content"),
        ("no type", "PUT", url, without("content-type"), b"the content"),
        ("no condition", "PUT", url, without("if-none-match"), b"the content"),
        ("another condition", "PUT", url, changed("if-none-match", "\"x\""), b"the content"),
        ("no checksum", "PUT", url, without("x-amz-checksum-sha256"), b"the content"),
        (
            "other metadata",
            "PUT",
            url,
            changed("x-amz-meta-coldpress-sha256", "00"),
            b"the content",
        ),
        ("other content", "PUT", url, headers.clone(), b"the c0ntent"),
        ("another key", "PUT", &other_key, headers.clone(), b"the content"),
        ("another tenant", "PUT", &other_tenant, headers.clone(), b"the content"),
        ("another method", "DELETE", url, headers.clone(), b"the content"),
        ("a get by the check", "GET", grant.check().url(), vec![], b""),
    ] {
        let answer = send_raw(method, url, &headers, body);
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    }
    assert!(storage.list_all(None).await.unwrap().is_empty());
    let stored = send(put, b"the content");
    assert_eq!(stored.status, 200, "{stored:?}");
    let check = send(grant.check(), b"");
    assert_eq!(
        check.header("x-amz-meta-coldpress-sha256"),
        Some(&*digest().to_string()),
        "{check:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_grant_is_refused() {
    let clock = TimeOfDay::new(|| SystemTime::now() - Duration::from_secs(3_600));
    let config = ColdStorageConfig { clock, ..config("expired/") };
    let storage = ColdStorage::new(config).unwrap();
    let grant = storage.grant(7, &asked("c", 1), &GrantLimits::default()).await.unwrap();
    let answer = send(put_of(&grant), b"the content");
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(storage.list_all(None).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_make_one_object_create_only() {
    let storage = ColdStorage::new(config("parts/")).unwrap();
    let file = vec![b'x'; (12 << 20) + 5];
    let limits = GrantLimits { part_bytes: 5 << 20, ..GrantLimits::default() };
    let named = GrantRequest {
        bytes: Some(file.len() as u64),
        sha256: Some(digest()),
        ..asked("a/b %", 1)
    };
    let upload = |grant: &Grant| {
        let parts = parts_of(grant);
        assert_eq!(parts.parts.len(), 3);
        let chunks = file.chunks(parts.part_bytes as usize);
        let etags: Vec<String> = parts
            .parts
            .iter()
            .zip(chunks)
            .map(|(part, chunk)| {
                let answer = send(part, chunk);
                assert_eq!(answer.status, 200, "{answer:?}");
                answer.header("etag").unwrap().to_owned()
            })
            .collect();
        complete_multipart_body(etags.iter().map(String::as_str))
    };
    let grants = [
        storage.grant(7, &named, &limits).await.unwrap(),
        storage.grant(7, &named, &limits).await.unwrap(),
    ];
    let bodies = [upload(&grants[0]), upload(&grants[1])];
    let first = send(&parts_of(&grants[0]).complete, bodies[0].as_bytes());
    assert!(first.status == 200 && first.body.contains("ETag"), "{first:?}");
    assert_eq!(&storage.download_parquet(grants[0].key().as_str()).await.unwrap()[..], file);
    let check = send(grants[0].check(), b"");
    assert_eq!(
        check.header("x-amz-meta-coldpress-sha256"),
        Some(&*digest().to_string()),
        "{check:?}"
    );

    let second = send(&parts_of(&grants[1]).complete, bodies[1].as_bytes());
    assert_eq!(second.status, 412, "{second:?}");
    let aborted = send(&parts_of(&grants[1]).abort, b"");
    assert_eq!(aborted.status, 204, "{aborted:?}");
    // As after a lost answer: in each of these cases the upload machine looks at the object.
    let again = send(&parts_of(&grants[0]).complete, bodies[0].as_bytes());
    assert!(matches!(again.status, 200 | 404 | 412), "{again:?}");

    // The upload continues with a fresh grant.
    let named = GrantRequest { upload_id: Some(parts_of(&grants[1]).upload_id.clone()), ..named };
    let grant = storage.grant(7, &named, &limits).await.unwrap();
    assert_eq!(parts_of(&grant).upload_id, parts_of(&grants[1]).upload_id);
    let gone = send(&parts_of(&grant).parts[0], &file[..5 << 20]);
    assert_eq!(gone.status, 404, "{gone:?}");
}

#[tokio::test]
async fn a_folder_has_no_grants_and_bad_requests_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let local = ColdStorage::new(local_config(folder.path())).unwrap();
    let limits = GrantLimits::default();
    let error = local.grant(7, &asked("c", 1), &limits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("no grants"), "{error}");

    let storage = ColdStorage::new(config("named/")).unwrap();
    let error = storage.grant(7, &asked("", 1), &limits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key, "{error}");
    for (asked, limits) in [
        (GrantRequest { bytes: Some(6 << 30), ..asked("c", 1) }, limits.clone()),
        (asked("c", 1), GrantLimits { lifetime: Duration::from_millis(0), ..limits.clone() }),
        (asked("c", 1), GrantLimits { parts: Some(10_001), ..limits.clone() }),
        (asked("c", 1), GrantLimits { parts: Some(2), part_bytes: 1, ..limits.clone() }),
    ] {
        let error = storage.grant(7, &asked, &limits).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    }
    let wrong =
        ColdStorage::new(ColdStorageConfig { secret_key: "wrong".to_owned(), ..config("w/") });
    let error = wrong.unwrap().grant(7, &asked("c", 1), &limits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
}
