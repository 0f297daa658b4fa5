//! Listings that break half-way: an error, never a silent part. The tests' own server plays the
//! store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use coldpress::{ColdStorage, ErrorKind};
use common::stub::{BOUND, Bucket, Reply, Request, Stub};
use common::{hasty_config, s3_config};

fn storage(stub: &Stub) -> ColdStorage {
    ColdStorage::new(s3_config(&stub.endpoint, "p/")).unwrap()
}

/// A bucket of ten data files in pages of three, whose listing goes wrong as `fault` says.
fn broken_listing(
    fault: impl Fn(&Request, &Bucket, String) -> Reply + Send + Sync + 'static,
) -> Stub {
    let mut bucket = Bucket::new(true);
    bucket.page_size = 3;
    for lsn in 0..10 {
        bucket.put(&format!("p/1/c/lsn-{lsn}-{lsn}.parquet"), b"x");
    }
    Stub::start(move |request| match bucket.answer(request) {
        Reply::Whole { status: 200, body } if request.query.contains("list-type=2") => {
            fault(request, &bucket, String::from_utf8(body).unwrap())
        }
        other => other,
    })
}

fn is_second_page(request: &Request) -> bool {
    request.parameter("continuation-token").is_some_and(|token| token.contains("lsn-2"))
}

#[tokio::test]
async fn a_listing_of_many_pages_is_complete() {
    let stub = broken_listing(|_, _, body| Reply::ok(body));
    let storage = storage(&stub);
    assert_eq!(storage.list(1, "c", None).await.unwrap().len(), 10);
    assert_eq!(storage.list_all(None).await.unwrap().len(), 10);
    assert_eq!(stub.count("GET"), 8);
}

#[tokio::test]
async fn a_broken_listing_is_an_error_and_never_partial() {
    type Fault = fn(&Request, &Bucket, String) -> Reply;
    let faults: [(&str, Fault); 9] = [
        ("refused", |request, _, body| match is_second_page(request) {
            true => Reply::error(403, "AccessDenied", "no more"),
            false => Reply::ok(body),
        }),
        ("an error", |request, _, body| match is_second_page(request) {
            true => Reply::error(500, "InternalError", "again, please"),
            false => Reply::ok(body),
        }),
        ("a cut connection", |request, _, body| match is_second_page(request) {
            true => Reply::Cut { claimed: body.len(), body: body[..200].into() },
            false => Reply::ok(body),
        }),
        ("a cut body of the right length", |request, _, body| match is_second_page(request) {
            true => Reply::ok(&body[..body.find("</Contents>").unwrap() + 11]),
            false => Reply::ok(body),
        }),
        ("an empty body", |request, _, body| match is_second_page(request) {
            true => Reply::ok(""),
            false => Reply::ok(body),
        }),
        ("a page of HTML", |request, _, body| match is_second_page(request) {
            true => Reply::ok("<html><body>Sign in</body></html>"),
            false => Reply::ok(body),
        }),
        ("no way on", |_, _, body| {
            Reply::ok(body.replace("NextContinuationToken>", "NextMarker>"))
        }),
        ("a closed connection", |request, _, body| match is_second_page(request) {
            true => Reply::Closed,
            false => Reply::ok(body),
        }),
        ("a circle", |_, bucket, body| {
            let _ = bucket;
            let (head, rest) = body.split_once("<NextContinuationToken>").unwrap_or((&body, ""));
            match rest.is_empty() {
                true => Reply::ok(body),
                false => Reply::ok(format!(
                    "{head}<NextContinuationToken>p/1/c/lsn-0-0.parquet\
                     </NextContinuationToken></ListBucketResult>"
                )),
            }
        }),
    ];
    for (fault, answer) in faults {
        let stub = broken_listing(answer);
        let storage = ColdStorage::new(hasty_config(&stub.endpoint, "p/")).unwrap();
        let listed = tokio::time::timeout(BOUND, storage.list(1, "c", None)).await;
        let error = listed.unwrap_or_else(|_| panic!("{fault}: no end"));
        let error = error.err().unwrap_or_else(|| panic!("{fault}: a part"));
        let all = tokio::time::timeout(BOUND, storage.list_all(Some(1))).await;
        let all = all.unwrap_or_else(|_| panic!("{fault}: no end"));
        let all = all.err().unwrap_or_else(|| panic!("{fault}: a part"));
        for error in [error, all] {
            let text = error.to_string();
            assert!(text.contains("could not list the objects"), "{fault}: {text}");
            assert!(text.contains("p/1/"), "{fault}: {text}");
            let kinds = [ErrorKind::Unavailable, ErrorKind::Settings, ErrorKind::Denied];
            assert!(kinds.contains(&error.kind()), "{fault}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_page_that_fails_once_is_asked_for_again() {
    let failures = AtomicUsize::new(0);
    let stub = broken_listing(move |request, _, body| {
        match is_second_page(request) && failures.fetch_add(1, Ordering::SeqCst) < 2 {
            true => Reply::error(503, "SlowDown", "again, please"),
            false => Reply::ok(body),
        }
    });
    assert_eq!(storage(&stub).list(1, "c", None).await.unwrap().len(), 10);
}

#[tokio::test]
async fn an_object_listed_twice_is_an_error() {
    let stub = broken_listing(|request, bucket, body| match is_second_page(request) {
        true => {
            let mut first = request.clone();
            first.query = first.query.replace("continuation-token", "ignored");
            bucket.answer(&first)
        }
        false => Reply::ok(body),
    });
    // The repeated page leads to the second page again, and the check of the tokens finds that.
    let error = storage(&stub).list(1, "c", None).await.unwrap_err();
    assert!(error.to_string().contains("repeats a page"), "{error}");
}
