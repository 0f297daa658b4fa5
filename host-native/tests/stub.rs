//! Stores that break the rules of S3, played by the tests' own server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "stub/answers.rs"]
mod answers;
mod common;
#[path = "stub/doubt.rs"]
mod doubt;
#[path = "stub/final_answers.rs"]
mod final_answers;
#[path = "stub/parts.rs"]
mod parts;
#[path = "stub/probe.rs"]
mod probe;
#[path = "stub/ranges.rs"]
mod ranges;
#[path = "stub/redirects.rs"]
mod redirects;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use coldpress::{ColdStorage, ColdStorageConfig, ErrorKind, ObjectKey};
use common::stub::{BOUND, Bucket, Reply, Request, Stub};
use common::{Trace, hasty_config, rows, s3_config, shown};

fn storage(stub: &Stub) -> ColdStorage {
    ColdStorage::new(s3_config(&stub.endpoint, "p/")).unwrap()
}

/// For tests that wait for the end of all timeouts.
fn hasty(stub: &Stub) -> ColdStorage {
    ColdStorage::new(hasty_config(&stub.endpoint, "p/")).unwrap()
}

async fn put(storage: &ColdStorage, seed: u64) -> coldpress::Result<ObjectKey> {
    storage.encode_and_upload("c", 1, &rows(3, seed), 0, 2).await
}

#[tokio::test]
async fn a_probe_finds_a_store_that_ignores_the_condition() {
    let bucket = Bucket::new(false);
    let answering = bucket.clone();
    let stub = Stub::start(move |request| answering.answer(request));
    let storage = storage(&stub);
    for _ in 0..2 {
        let error = put(&storage, 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
        let text = error.to_string();
        assert!(text.contains("If-None-Match"), "{text}");
        assert!(text.contains("allow_unconditional_put"), "{text}");
        assert!(text.contains(&stub.endpoint), "{text}");
    }
    assert!(bucket.keys().is_empty(), "{:?}", bucket.keys());
    assert_eq!((storage.files_uploaded(), storage.bytes_uploaded()), (0, 0));
}

#[tokio::test]
async fn a_store_without_the_condition_says_so_and_is_refused_at_once() {
    let stub = Stub::start(|request| match request.header("if-none-match") {
        Some(_) => Reply::error(501, "NotImplemented", "a header implies what is not there"),
        None => Reply::error(500, "InternalError", "not reached"),
    });
    let error = put(&storage(&stub), 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
    assert!(error.to_string().contains("allow_unconditional_put"), "{error}");
    stub.assert_no_retry();
    assert_eq!(stub.count("PUT"), 1);
}

#[tokio::test]
async fn if_allowed_a_put_looks_first() {
    let bucket = Bucket::new(false);
    let answering = bucket.clone();
    let stub = Stub::start(move |request| answering.answer(request));
    let config =
        ColdStorageConfig { allow_unconditional_put: true, ..s3_config(&stub.endpoint, "p/") };
    let storage = ColdStorage::new(config).unwrap();
    let key = put(&storage, 1).await.unwrap();
    let before = storage.download_parquet(&key).await.unwrap();
    put(&storage, 1).await.unwrap();
    let error = put(&storage, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(storage.download_parquet(&key).await.unwrap(), before);
    assert_eq!(storage.files_uploaded(), 1);
    assert_eq!(bucket.keys(), [key]);
}

#[tokio::test]
async fn the_probe_is_made_once_for_all_writers() {
    let bucket = Bucket::new(true);
    let answering = bucket.clone();
    let stub = Stub::start(move |request| answering.answer(request));
    let storage = Arc::new(storage(&stub));
    assert!(stub.requests().is_empty(), "asked before the first put");
    let writers: Vec<_> = (0..8)
        .map(|lsn| {
            let storage = Arc::clone(&storage);
            tokio::spawn(async move {
                storage.encode_and_upload("c", 1, &rows(1, lsn), lsn, lsn).await.unwrap()
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let probes = stub.requests();
    let probes = probes.iter().filter(|request| request.key().contains("probe")).count();
    assert_eq!((probes, stub.count("PUT"), stub.count("POST")), (2, 18, 9));
    assert!(
        stub.requests()
            .iter()
            .filter(|request| request.method == "PUT")
            .all(|request| { request.header("if-none-match") == Some("*") })
    );
    assert_eq!(bucket.keys().len(), 8);
}

#[tokio::test]
async fn a_probe_that_may_not_be_deleted_does_not_stop_the_put() {
    let bucket = Bucket::new(true);
    let answering = bucket.clone();
    let stub = Stub::start(move |request| match request.method.as_str() {
        "POST" => Reply::error(403, "AccessDenied", "no deletes"),
        _ => answering.answer(request),
    });
    put(&storage(&stub), 1).await.unwrap();
    // The probe, the claim and the rows.
    assert_eq!(bucket.keys().len(), 3);
}

#[tokio::test]
async fn the_first_put_deletes_old_probes_and_nothing_else() {
    let bucket = Bucket::new(true);
    let folder = "p/_coldpress/probe-0123456789abcdef0123456789abcdef";
    bucket.put(folder, b"first");
    bucket.put(&format!("{folder}/0/probe/lsn-0-0.parquet"), b"first");
    let others = ["p/_coldpress/notes", "p/_coldpress/probe-by-hand", "q/_coldpress/x"];
    others.iter().for_each(|name| bucket.put(name, b"not ours"));
    let answering = bucket.clone();
    let stub = Stub::start(move |request| answering.answer(request));
    let storage = storage(&stub);
    let key = put(&storage, 1).await.unwrap();
    assert_eq!(bucket.keys(), [&[key.as_str()][..], &others].concat());
    let lists = stub.count("GET");
    assert_eq!(lists, 4, "a page of objects, a page of uploads, the claims, the files");
    storage.encode_and_upload("c", 1, &rows(1, 2), 7, 7).await.unwrap();
    assert_eq!(stub.count("GET"), lists + 2, "the claims, the files");
}

#[tokio::test]
async fn a_put_needs_no_permission_to_list() {
    let bucket = Bucket::new(true);
    let answering = bucket.clone();
    let stub = Stub::start(move |request| match request.method.as_str() {
        "GET" => Reply::error(403, "AccessDenied", "no listings"),
        _ => answering.answer(request),
    });
    let key = put(&storage(&stub), 1).await.unwrap();
    assert_eq!(bucket.keys(), [key]);
}

#[tokio::test]
async fn a_probe_that_is_deleted_in_the_middle_is_repeated() {
    let bucket = Bucket::new(true);
    let (answering, probes) = (bucket.clone(), AtomicUsize::new(0));
    let stub = Stub::start(move |request| {
        let reply = answering.answer(request);
        let is_first = request.method == "PUT"
            && request.key().contains("probe")
            && probes.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first {
            answering.objects.lock().unwrap().remove(&request.key());
        }
        reply
    });
    let key = put(&storage(&stub), 1).await.unwrap();
    assert_eq!(bucket.keys(), [key]);
    assert_eq!(stub.count("PUT"), 5, "three of the probe, one of the claim, one of the rows");
}

/// Fails the puts of rows (not of the probe) as `fault` says; its argument is the number of puts
/// before.
fn faulty_puts(
    bucket: &Bucket,
    fault: impl Fn(usize, &Request, &Bucket) -> Option<Reply> + Send + Sync + 'static,
) -> Stub {
    let (bucket, puts) = (bucket.clone(), AtomicUsize::new(0));
    Stub::start(move |request| {
        if request.method == "PUT" && request.key().ends_with(".parquet") {
            let number = puts.fetch_add(1, Ordering::SeqCst);
            if let Some(reply) = fault(number, request, &bucket) {
                return reply;
            }
        }
        bucket.answer(request)
    })
}

#[tokio::test]
async fn a_put_whose_answer_is_lost_is_read_back() {
    type Lost = fn() -> Reply;
    let lost: [Lost; 3] = [
        || Reply::Closed,
        || Reply::Silent,
        || Reply::error(500, "InternalError", "stored all the same"),
    ];
    for lost in lost {
        let bucket = Bucket::new(true);
        let stub = faulty_puts(&bucket, move |number, request, bucket| {
            bucket.answer(request);
            (number == 0).then(lost)
        });
        // The client waits for the end of the silence, and what follows has enough time.
        let config = ColdStorageConfig {
            timeout: Duration::from_millis(5_000),
            ..s3_config(&stub.endpoint, "p/")
        };
        let storage = ColdStorage::new(config).unwrap();
        let started = Instant::now();
        let key = put(&storage, 1).await.unwrap();
        assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
        assert_eq!(bucket.keys(), [key]);
        assert_eq!(storage.files_uploaded(), 0, "not known to be ours");
    }
}

#[tokio::test]
async fn a_store_that_keeps_failing_is_unavailable_and_nothing_is_counted() {
    for status in [500, 503, 429] {
        let bucket = Bucket::new(true);
        let stub =
            faulty_puts(&bucket, move |_, _, _| Some(Reply::error(status, "SlowDown", "no")));
        let config = ColdStorageConfig {
            retry_timeout: Duration::from_millis(3_000),
            ..s3_config(&stub.endpoint, "p/")
        };
        let storage = ColdStorage::new(config).unwrap();
        let started = Instant::now();
        let error = put(&storage, 1).await.unwrap_err();
        assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert!(stub.count("PUT") > 3, "not tried again");
        assert_eq!((storage.files_uploaded(), storage.bytes_uploaded()), (0, 0));
        // The claim stays, because the rows may still arrive.
        let keys = bucket.keys();
        assert!(keys.len() == 1 && keys[0].contains("/_claims/"), "{keys:?}");
    }
}

#[tokio::test]
async fn a_temporary_failure_is_retried() {
    let bucket = Bucket::new(true);
    let stub = faulty_puts(&bucket, |number, _, _| {
        (number < 2).then(|| Reply::error(503, "SlowDown", "later"))
    });
    let storage = storage(&stub);
    put(&storage, 1).await.unwrap();
    assert_eq!(storage.files_uploaded(), 1);
}

#[tokio::test]
async fn a_silent_store_is_an_error_in_bounded_time() {
    let stub = Stub::start(|_| Reply::Silent);
    let storage = hasty(&stub);
    let started = Instant::now();
    let error = put(&storage, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    let started = Instant::now();
    let error = storage.list(1, "c", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_key_that_a_running_put_holds_is_tried_again() {
    let bucket = Bucket::new(true);
    let stub = faulty_puts(&bucket, |number, _, _| {
        (number < 2).then(|| Reply::error(409, "ConditionalRequestConflict", "under way"))
    });
    let storage = storage(&stub);
    put(&storage, 1).await.unwrap();
    assert_eq!(storage.files_uploaded(), 1);

    let stub = faulty_puts(&bucket, |_, _, _| {
        Some(Reply::error(409, "ConditionalRequestConflict", "under way"))
    });
    let storage = ColdStorage::new(hasty_config(&stub.endpoint, "other/")).unwrap();
    let error = put(&storage, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn answers_that_are_final_say_what_to_do() {
    let cases = [
        (403, "AccessDenied", ErrorKind::Denied, "AWS_ACCESS_KEY_ID"),
        (401, "Unauthorized", ErrorKind::Denied, "AWS_ACCESS_KEY_ID"),
        (400, "ExpiredToken", ErrorKind::Denied, "AWS_SESSION_TOKEN"),
        (400, "AuthorizationHeaderMalformed", ErrorKind::Settings, "region"),
        (400, "EntityTooLarge", ErrorKind::Limit, "smaller"),
        (413, "EntityTooLarge", ErrorKind::Limit, "smaller"),
        (404, "NoSuchBucket", ErrorKind::Settings, "bucket"),
        (301, "PermanentRedirect", ErrorKind::Settings, "region"),
    ];
    for (status, code, kind, advice) in cases {
        let stub = Stub::start(move |_| Reply::error(status, code, "as the test wants"));
        let storage = storage(&stub);
        for error in
            [put(&storage, 1).await.unwrap_err(), storage.list(1, "c", None).await.unwrap_err()]
        {
            assert_eq!(error.kind(), kind, "{status} {code}: {error}");
            assert!(error.to_string().contains(advice), "{error}");
            assert!(error.to_string().contains(&stub.endpoint), "{error}");
        }
        stub.assert_no_retry();
    }
}

#[tokio::test]
async fn no_secret_shows_in_errors_debug_or_traces() {
    let trace = Trace::default();
    let writer = trace.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole process: with a subscriber for this thread only, events that other tests
    // reached first would stay silent here.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    // Echoes everything it was sent, as real stores do in a SignatureDoesNotMatch.
    for status in [403, 500, 400, 501, 200] {
        let stub = Stub::start(move |request| {
            let echo = format!("{:?} SK-in-the-clear ST-in-the-clear", request.headers);
            let body = format!(
                "<Error><Code>Echo</Code><Message>{echo}</Message>\
                 <StringToSign>{echo}</StringToSign></Error>"
            );
            Reply::Whole { status, body: body.into() }
        });
        let storage = hasty(&stub);
        let mut texts = vec![format!("{storage:?} {:?}", storage.object_store())];
        // The store as query engines use it, without our own errors.
        let path = object_store::path::Path::parse("p/x").unwrap();
        if let Err(error) = object_store::ObjectStoreExt::get(&storage.object_store(), &path).await
        {
            texts.push(format!("{error} {error:?}"));
        }
        let wal = tempfile::NamedTempFile::new().unwrap();
        let errors = [
            put(&storage, 1).await.err(),
            storage.upload_wal_segment(wal.path(), "w").await.err(),
            storage.list(1, "c", None).await.err(),
            storage.list_all(None).await.err(),
            storage.download_parquet("p/1/c/lsn-0-0.parquet").await.err(),
        ];
        let errors: Vec<_> = errors.into_iter().flatten().collect();
        assert!(errors.len() >= 4, "{errors:?}");
        texts.extend(errors.iter().map(shown));
        for text in texts {
            assert!(!text.contains("SK-in-the-clear"), "{text}");
            assert!(!text.contains("ST-in-the-clear"), "{text}");
        }
    }
    // And a store that does not answer.
    let closed = Stub::start(|_| Reply::Closed);
    let error = put(&hasty(&closed), 1).await.unwrap_err();
    assert!(!shown(&error).contains("in-the-clear"), "{}", shown(&error));
    let bucket = Bucket::new(true);
    let stub = Stub::start(move |request| bucket.answer(request));
    put(&storage(&stub), 1).await.unwrap();

    let text = trace.text();
    assert!(text.contains("stored rows"), "nothing was traced: {text}");
    assert!(!text.contains("SK-in-the-clear") && !text.contains("ST-in-the-clear"), "{text}");
}

#[tokio::test]
async fn a_download_cut_short_is_an_error() {
    let stub = Stub::start(|_| Reply::Cut { claimed: 1_000, body: b"PAR1".to_vec() });
    let storage = hasty(&stub);
    let started = Instant::now();
    let error = storage.download_parquet("p/1/c/lsn-0-0.parquet").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
}
