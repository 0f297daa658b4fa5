//! A store that redirects. The next host must not get a request of ours: each holds a secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coldpress::{
    ErrorKind, GrantLimits, GrantRequest, LsnRange, UploadOptions, no_more_grants, upload,
};

use super::answers::{KEY, storage};
use super::common::stub::{Bucket, Reply, Stub};
use super::common::{encoded, rows};

/// A bucket that, once the flag is set, redirects each request to its path and query behind
/// `place`.
fn redirecting(status: u16, place: &str) -> (Stub, Arc<AtomicBool>) {
    let (bucket, redirects) = (Bucket::new(true), Arc::new(AtomicBool::new(false)));
    let (place, flag) = (place.to_owned(), Arc::clone(&redirects));
    let stub = Stub::start(move |request| match flag.load(Ordering::SeqCst) {
        false => bucket.answer(request),
        true => Reply::Headed {
            status,
            headers: vec![("Location", format!("{place}{}?{}", request.path, request.query))],
            claimed: 0,
            body: Vec::new(),
        },
    });
    (stub, redirects)
}

#[tokio::test]
async fn a_redirect_is_an_error_that_names_the_other_host_and_no_secret() {
    for status in [301, 302, 303, 307, 308] {
        let other = Stub::start(|_| Reply::ok("<ListBucketResult></ListBucketResult>"));
        let host = other.endpoint.strip_prefix("http://").unwrap().to_owned();
        let (stub, redirects) = redirecting(status, &other.endpoint);
        let (storage, lsns) = (storage(&stub), LsnRange::new(0, 2).unwrap());
        let file = encoded(&storage, "c", lsns, &rows(3, 1));
        let asked = GrantRequest::new("c", lsns);
        let grant = storage.grant(1, &asked, &GrantLimits::default()).await.unwrap();
        let options = UploadOptions { allow_http: true, ..UploadOptions::default() };
        redirects.store(true, Ordering::SeqCst);
        let before = stub.requests().len();
        let errors = [
            storage.encode_and_upload("c", 1, &rows(3, 1), 0, 2).await.err(),
            storage.list(1, "c", None).await.err(),
            storage.download_parquet(KEY).await.err(),
            storage.delete(KEY).await.err(),
            upload(&file, Some(grant), no_more_grants, &options).await.err(),
        ];
        for (n, error) in errors.into_iter().enumerate() {
            let error = error.unwrap_or_else(|| panic!("{status}: operation {n} succeeded"));
            let said = format!("{error} {error:?}");
            assert_eq!(error.kind(), ErrorKind::Settings, "{status}: operation {n}: {said}");
            assert!(said.contains(&host) && said.contains("endpoint"), "{n}: {said}");
            assert!(!said.contains("X-Amz-"), "{n}: {said}");
        }
        assert!(other.requests().is_empty(), "{status}: {:?}", other.requests());
        let seen = stub.requests();
        assert!(seen.len() - before <= 7, "{status}: it was tried again: {seen:?}");
        assert!(seen.iter().all(|request| request.header("referer").is_none()));
    }
}

#[tokio::test]
async fn a_redirect_within_the_store_is_not_followed_either() {
    let (stub, redirects) = redirecting(307, "/elsewhere");
    redirects.store(true, Ordering::SeqCst);
    let error = storage(&stub).list(1, "c", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
    assert!(error.to_string().contains("redirects to another place of its own"), "{error}");
    assert_eq!(stub.requests().len(), 1);
}
