//! Writers in a chosen order, and which writer blocks which.

use std::fs::{self, File};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use coldpress::{ColdStorage, Error, ErrorKind, LsnRange, Settings, StreamSettings};

use crate::common::stub::{Bucket, Reply, Stub};
use crate::common::{rows, s3_config};
use crate::{ELSEWHERE, claim, in_folder, stream, text};

/// A bucket that runs `meddle` before it answers each request.
fn meddled(bucket: &Bucket, meddle: impl Fn(&Bucket, &str, &str) + Send + Sync + 'static) -> Stub {
    let bucket = bucket.clone();
    Stub::start(move |request| {
        let what = match (request.method.as_str(), request.parameter("prefix")) {
            ("GET", Some(prefix)) => format!("list {prefix}"),
            (method, _) => format!("{method} {}", request.key()),
        };
        meddle(&bucket, &what, "before");
        let reply = bucket.answer(request);
        meddle(&bucket, &what, "after");
        reply
    })
}

/// Does it once.
fn once(flag: &AtomicU32, work: impl FnOnce()) {
    if flag.fetch_add(1, Ordering::SeqCst) == 0 {
        work();
    }
}

async fn append_five(endpoint: &str) -> Result<String, Error> {
    let storage = ColdStorage::new(s3_config(endpoint, "p")).unwrap();
    // The files of others are no Parquet here, so their columns cannot be compared.
    let mut rows = stream(&storage, "c").new_schema().append().await?;
    rows.push_json(text(0..5)).await?;
    Ok(rows.finish().await?[0].key.to_string())
}

#[tokio::test]
async fn an_append_that_lost_the_race_gets_the_lsns_after_the_winner() {
    // Another writer's file appears: after our claim; and before our listing of files, with its
    // claim already gone.
    for moment in ["after PUT p/1/c/_claims/", "before list p/1/c/"] {
        let (bucket, done) = (Bucket::new(true), AtomicU32::new(0));
        let claimed = AtomicU32::new(0);
        let stub = meddled(&bucket, move |bucket, what, when| {
            let now = format!("{when} {what}");
            let ours = what.starts_with("PUT p/1/c/_claims/");
            claimed.fetch_add(u32::from(ours), Ordering::SeqCst);
            if claimed.load(Ordering::SeqCst) > 0
                && (now == moment || ours && now.starts_with(moment))
            {
                once(&done, || bucket.put("p/1/c/lsn-3-9.parquet", b"theirs"));
            }
        });
        assert_eq!(append_five(&stub.endpoint).await.unwrap(), "p/1/c/lsn-10-14.parquet");
        let keys = bucket.keys();
        assert!(keys.iter().all(|key| !key.contains("_claims")), "{keys:?}");
    }
    // If another claim has lower LSNs, the append moves after it; it waits for a higher one.
    let bucket = Bucket::new(true);
    bucket.put(&claim(0, 7, ELSEWHERE), b"");
    let stub = meddled(&bucket, |_, _, _| ());
    assert_eq!(append_five(&stub.endpoint).await.unwrap(), "p/1/c/lsn-8-12.parquet");
    let (bucket, lists) = (Bucket::new(true), AtomicU32::new(0));
    let stub = meddled(&bucket, move |bucket, what, when| {
        if when == "before" && what == "list p/1/c/_claims/" {
            match lists.fetch_add(1, Ordering::SeqCst) {
                2 => bucket.put(&claim(4, 9, ELSEWHERE), b""),
                4 => drop(bucket.objects.lock().unwrap().remove(&claim(4, 9, ELSEWHERE))),
                _ => {}
            }
        }
    });
    assert_eq!(append_five(&stub.endpoint).await.unwrap(), "p/1/c/lsn-0-4.parquet");
}

#[tokio::test]
async fn new_columns_wait_for_the_file_of_a_lower_claim_and_are_compared_with_it() {
    for (theirs, outrun) in [(r#"{"n":1}"#, true), (r#"{"n":1.5}"#, false)] {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = in_folder(folder.path());
        let mut rows = stream(&elsewhere, "c").append().await.unwrap();
        rows.push_json(theirs.into()).await.unwrap();
        let key = rows.finish().await.unwrap()[0].key.clone();
        let file = elsewhere.download_parquet(&key).await.unwrap();
        // Another machine has claimed LSN 0. Its file comes while this append waits: it lists the
        // claims when it begins, twice while it claims, and then until the file is there.
        let (bucket, lists) = (Bucket::new(true), AtomicU32::new(0));
        bucket.put(&claim(0, 0, ELSEWHERE), b"");
        let stub = meddled(&bucket, move |bucket, what, when| {
            if when == "before"
                && what == "list p/1/c/_claims/"
                && lists.fetch_add(1, Ordering::SeqCst) == 4
            {
                bucket.put("p/1/c/lsn-0-0.parquet", &file);
                bucket.objects.lock().unwrap().remove(&claim(0, 0, ELSEWHERE));
            }
        });
        let storage = ColdStorage::new(s3_config(&stub.endpoint, "p")).unwrap();
        let mut rows = stream(&storage, "c").append().await.unwrap();
        rows.push_json(r#"{"n":2.5}"#.into()).await.unwrap();
        let finished = rows.finish().await;
        assert_eq!(rows.was_outrun(), outrun, "{finished:?}");
        match finished {
            Ok(files) => assert_eq!(files[0].key.as_str(), "p/1/c/lsn-1-1.parquet"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
        rows.abort().await.unwrap();
        let stored = 1 + usize::from(!outrun);
        assert_eq!(bucket.keys().len(), stored, "{:?}", bucket.keys());
    }
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_still_counts() {
    let (bucket, lost) = (Bucket::new(true), AtomicU32::new(0));
    let answering = bucket.clone();
    let stub = Stub::start(move |request| {
        let reply = answering.answer(request);
        let is_claim = request.method == "PUT" && request.key().contains("_claims/");
        match is_claim && lost.fetch_add(1, Ordering::SeqCst) == 0 {
            true => Reply::Closed,
            false => reply,
        }
    });
    assert_eq!(append_five(&stub.endpoint).await.unwrap(), "p/1/c/lsn-0-4.parquet");
    assert!(bucket.keys().iter().all(|key| !key.contains("_claims")));
}

#[tokio::test]
async fn a_given_range_does_not_wait_and_names_the_other_writer() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let theirs = folder.path().join(claim(0, 9, ELSEWHERE));
    fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    fs::write(&theirs, "").unwrap();
    let put = |min, count: usize| {
        let rows = rows(count, 1);
        let storage = &storage;
        async move { storage.encode_and_upload("c", 1, &rows, min, min + count as u64 - 1).await }
    };
    let error = put(5, 3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let said = error.to_string();
    assert!(said.contains("LSNs 0..9") && said.contains(&claim(0, 9, ELSEWHERE)), "{said}");
    // There is space after it, and after an hour the claim no longer counts.
    put(10, 3).await.unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(2 * 3_600);
    File::options().write(true).open(&theirs).unwrap().set_modified(long_ago).unwrap();
    put(5, 3).await.unwrap();
    assert!(!theirs.exists(), "what is dead and left nothing goes");
    assert_eq!(fs::read_dir(theirs.parent().unwrap()).unwrap().count(), 0);
}

#[tokio::test]
async fn one_rule_for_all_ways_to_put() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let put = |min, max| {
        let storage = &storage;
        async move { storage.encode_and_upload("c", 1, &rows(3, 1), min, max).await }
    };
    put(10, 12).await.unwrap();
    put(10, 12).await.unwrap();
    for (min, max) in [(0, 10), (11, 11), (12, 20), (0, 99)] {
        let error = put(min, max).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{min}..{max}");
        assert!(error.to_string().contains("lsn-10-12.parquet"), "{error}");
        let lsns = Some(LsnRange::new(min, max).unwrap());
        let cut = StreamSettings::default();
        let mut rows = storage.stream_rows(1, "c", lsns, Settings::default(), cut).unwrap();
        rows.push_json(text(0..1)).await.unwrap();
        assert_eq!(rows.finish().await.unwrap_err().kind(), ErrorKind::Conflict);
        rows.abort().await.unwrap();
    }
    assert_eq!(storage.list(1, "c", None).await.unwrap().len(), 1);
}
