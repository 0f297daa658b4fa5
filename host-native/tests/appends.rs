//! Appends and claims by way of the library: writers at the same moment, one by one in a chosen order, killed half-way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use coldpress::{
    ColdStorage, ColdStorageConfig, Error, ErrorKind, LsnRange, ObjectKey, Projection, PutOutcome,
    RowStream, Settings, StreamSettings,
};
use common::seaweed::Seaweed;
use common::stub::{Bucket, Reply, Stub};
use common::{local_config, rows, s3_config, seaweed_config};

/// A writer on another machine: nobody can see from here whether it runs.
const ELSEWHERE: &str = "0123456789abcdef0123456789abcdef";

fn in_folder(folder: &Path) -> ColdStorage {
    ColdStorage::new(ColdStorageConfig { prefix: "p".to_owned(), ..local_config(folder) }).unwrap()
}

fn stream<'s>(storage: &'s ColdStorage, collection: &str) -> RowStream<'s> {
    let settings = Settings::default();
    storage.stream_rows(1, collection, None, settings, StreamSettings::default()).unwrap()
}

/// The same, which cuts many objects out of few rows.
fn small<'s>(storage: &'s ColdStorage, collection: &str) -> RowStream<'s> {
    let cut = StreamSettings {
        row_group_bytes_max: 2_000,
        file_bytes_max: 1,
        ..StreamSettings::default()
    };
    storage.stream_rows(1, collection, None, Settings::default(), cut).unwrap()
}

fn text(rows: std::ops::Range<usize>) -> Bytes {
    rows.map(|n| format!("{{\"n\":{n}}}\n")).collect::<String>().into()
}

/// Every row of a collection by its number, and no LSN twice.
async fn numbers(storage: &ColdStorage, collection: &str) -> Vec<u64> {
    let files = storage.list(1, collection, None).await.unwrap();
    let ranges: Vec<LsnRange> = files.iter().map(|file| file.key.lsns().unwrap()).collect();
    for pair in ranges.windows(2) {
        assert!(!pair[0].overlaps(pair[1]), "{ranges:?}");
    }
    let mut found = Vec::new();
    for file in files {
        let rows = storage.read_rows(file.key.as_str(), &Projection::All).await.unwrap();
        found.extend(rows.iter().map(|(_, row)| row["n"].as_u64().unwrap()));
    }
    found
}

fn upto(end: u64) -> Vec<u64> {
    (0..end).collect()
}

/// Sixteen appends of different sizes at once: all rows once, and no LSN twice.
async fn sixteen_at_once(storage: &Arc<ColdStorage>, collection: &str) {
    let mut first = 0;
    let mut writers = tokio::task::JoinSet::new();
    for rows in 1..=16 {
        let (storage, collection) = (Arc::clone(storage), collection.to_owned());
        let text = text(first..first + rows);
        first += rows;
        writers.spawn(async move {
            let mut stream = stream(&storage, &collection).append().await?;
            stream.push_json(text).await?;
            stream.finish().await.map(|files| files.len())
        });
    }
    while let Some(stored) = writers.join_next().await {
        assert_eq!(stored.unwrap().unwrap(), 1);
    }
    let mut found = numbers(storage, collection).await;
    found.sort_unstable();
    assert_eq!(found, upto(first as u64));
    let seen = storage.next_lsn(1, collection).await.unwrap().unwrap();
    let files = storage.list(1, collection, None).await.unwrap();
    // No claim is left: the next LSN is the one behind the last file.
    assert_eq!(seen, files.last().unwrap().key.lsns().unwrap().max() + 1);
}

/// The acceptance of issue 9 wants 100 (`COLDPRESS_APPEND_ROUNDS=100`).
fn rounds(by_default: u32) -> u32 {
    std::env::var("COLDPRESS_APPEND_ROUNDS").map_or(by_default, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_appends_at_once_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Arc::new(in_folder(folder.path()));
    for round in 0..rounds(20) {
        sixteen_at_once(&storage, &format!("c{round}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_appends_at_once_on_s3() {
    let storage = ColdStorage::new(seaweed_config(Seaweed::shared(), "appends")).unwrap();
    let storage = Arc::new(storage);
    for round in 0..rounds(3) {
        sixteen_at_once(&storage, &format!("c{round}")).await;
    }
}

/// A bucket in which `meddle` does something before each request is answered.
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
    let mut rows = stream(&storage, "c").append().await?;
    rows.push_json(text(0..5)).await?;
    Ok(rows.finish().await?[0].key.to_string())
}

fn claim(min: u64, max: u64, owner: &str) -> String {
    format!("p/1/c/_claims/lsn-{min}-{max}-append-{owner}")
}

#[tokio::test]
async fn an_append_that_lost_the_race_goes_behind_the_winner() {
    // Another writer's file comes: behind our claim; before our listing of files, its claim gone already.
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
    // And where it is a claim that lies lower, it is stepped behind; a higher one is waited for.
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
async fn a_claim_whose_answer_was_lost_is_ours_all_the_same() {
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
async fn a_given_range_waits_for_nobody_and_names_who_is_in_the_way() {
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
    // Behind it there is room, and after an hour it counts no more.
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

#[tokio::test]
async fn a_resumed_append_stores_each_row_once_whatever_came_between() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = ColdStorage::new(seaweed_config(Seaweed::shared(), "append-id")).unwrap();
    for storage in [&in_folder(folder.path()), &s3] {
        // A pipe that breaks off after some objects.
        let mut broken = small(storage, "c").append_id("night/ly").await.unwrap();
        broken.push_json(text(0..300)).await.unwrap();
        let stored = broken.stored().len();
        assert!(stored > 1, "{stored}");
        let error = broken.push_json("{\"n\":}\n".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Row);
        let stored = broken.stored().to_vec();
        broken.abort().await.unwrap();
        let rows_stored: u64 = stored.iter().map(|file| file.summary.rows).sum();

        let mut between = stream(storage, "c").append().await.unwrap();
        between.push_json(text(1_000..1_007)).await.unwrap();
        between.finish().await.unwrap();

        let mut again = small(storage, "c").append_id("night/ly").await.unwrap();
        assert_eq!(again.rows_stored_before(), rows_stored);
        again.push_json(text(0..500)).await.unwrap();
        let files = again.finish().await.unwrap();
        assert_eq!(files.iter().map(|file| file.summary.rows).sum::<u64>(), 500);
        let found: Vec<&ObjectKey> = files[..stored.len()].iter().map(|file| &file.key).collect();
        assert_eq!(found, stored.iter().map(|file| &file.key).collect::<Vec<_>>());
        let mut all = numbers(storage, "c").await;
        all.sort_unstable();
        assert_eq!(all, upto(500).into_iter().chain(1_000..1_007).collect::<Vec<_>>());

        // Once more, and with fewer rows, and with more.
        let mut whole = small(storage, "c").append_id("night/ly").await.unwrap();
        whole.push_json(text(0..500)).await.unwrap();
        let same = whole.finish().await.unwrap();
        assert!(same.iter().all(|file| file.outcome == PutOutcome::AlreadyThere));
        assert_eq!(same.len(), files.len());
        let mut fewer = small(storage, "c").append_id("night/ly").await.unwrap();
        fewer.push_json(text(0..499)).await.unwrap();
        assert_eq!(fewer.finish().await.unwrap_err().kind(), ErrorKind::Row);
        let mut more = stream(storage, "c").append_id("night/ly").await.unwrap();
        more.push_json(text(0..501)).await.unwrap();
        more.finish().await.unwrap();
        assert_eq!(numbers(storage, "c").await.len(), 508);
    }
}

#[tokio::test]
async fn two_runs_of_one_append_store_no_row_twice() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    // Both have looked before either has stored.
    let mut one = stream(&storage, "c").append_id("a").await.unwrap();
    let mut two = stream(&storage, "c").append_id("a").await.unwrap();
    one.push_json(text(0..9)).await.unwrap();
    two.push_json(text(0..9)).await.unwrap();
    one.finish().await.unwrap();
    let error = two.finish().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("another run of this append"), "{error}");
    assert_eq!(numbers(&storage, "c").await, upto(9));
    // While another run claims LSNs, wherever: it may be about to store them.
    let crc = crc32(b"a\n");
    let other = folder.path().join(format!("p/1/c/_claims/lsn-500-900-id{crc}-{ELSEWHERE}"));
    fs::write(&other, "").unwrap();
    let mut three = stream(&storage, "c").append_id("a").await.unwrap();
    three.push_json(text(0..12)).await.unwrap();
    let error = three.finish().await.unwrap_err();
    assert!(error.to_string().contains("another run of this append is under way"), "{error}");
    fs::remove_file(other).unwrap();
    let mut four = stream(&storage, "c").append_id("a").await.unwrap();
    four.push_json(text(0..12)).await.unwrap();
    four.finish().await.unwrap();
    assert_eq!(numbers(&storage, "c").await, upto(12));
}

/// CRC-32 as the names of claims have it.
fn crc32(bytes: &[u8]) -> String {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    format!("{:08x}", !crc)
}

#[tokio::test]
async fn an_append_of_several_objects_goes_on_where_it_was_broken_off() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let append = |rows: std::ops::Range<usize>| {
        let storage = &storage;
        async move {
            let mut stream = small(storage, "c").append().await?.all_or_nothing();
            stream.push_json(text(rows)).await?;
            stream.finish().await
        }
    };
    append(0..7).await.unwrap();
    let files = append(1_000..1_500).await.unwrap();
    assert!(files.len() > 4);
    // As a kill leaves it: the first objects, and the claim of a process that is gone.
    let (first, last) = (files[0].key.lsns().unwrap(), files.last().unwrap().key.lsns().unwrap());
    for file in &files[2..] {
        fs::remove_file(folder.path().join(file.key.as_str())).unwrap();
    }
    let claim = folder.path().join(claim(first.min(), last.max(), ELSEWHERE));
    fs::write(&claim, "").unwrap();
    // Other rows go behind it.
    let other = append(2_000..2_200).await.unwrap();
    assert_eq!(other[0].key.lsns().unwrap().min(), last.max() + 1);
    assert!(claim.exists(), "it still waits for its rerun");
    // The same rows go on.
    let again = append(1_000..1_500).await.unwrap();
    let keys = |files: &[coldpress::StoredFile]| -> Vec<String> {
        files.iter().map(|file| file.key.to_string()).collect()
    };
    assert_eq!(keys(&again), keys(&files));
    let there = again.iter().filter(|file| file.outcome == PutOutcome::AlreadyThere).count();
    assert_eq!(there, 2);
    assert!(!claim.exists());
    let mut all = numbers(&storage, "c").await;
    all.sort_unstable();
    assert_eq!(all, (0..7).chain(1_000..1_500).chain(2_000..2_200).collect::<Vec<_>>());
    // And once that is done, the same rows are rows like others.
    append(1_000..1_500).await.unwrap();
    assert_eq!(numbers(&storage, "c").await.len(), 7 + 200 + 2 * 500);
}

#[tokio::test]
async fn an_append_that_failed_between_two_objects_goes_on_in_the_same_process() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let append = |collection: &'static str| {
        let storage = &storage;
        async move {
            let mut stream = small(storage, collection).append().await?.all_or_nothing();
            stream.push_json(text(0..400)).await?;
            let finished = stream.finish().await;
            stream.abort().await?;
            finished
        }
    };
    let files = append("whole").await.unwrap();
    // What cannot be replaced by a file.
    let third = files[2].key.to_string().replace("whole", "c");
    let in_the_way = folder.path().join(third);
    fs::create_dir_all(&in_the_way).unwrap();
    append("c").await.unwrap_err();
    assert_eq!(storage.list(1, "c", None).await.unwrap().len(), 2);
    fs::remove_dir(in_the_way).unwrap();
    let again = append("c").await.unwrap();
    assert_eq!(again.len(), files.len());
    assert_eq!(numbers(&storage, "c").await, upto(400));
    assert_eq!(storage.next_lsn(1, "c").await.unwrap(), Some(400));
}

#[tokio::test]
async fn an_append_of_several_objects_that_was_outrun_stores_nothing_and_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let mut slow = small(&storage, "c").append().await.unwrap().all_or_nothing();
    slow.push_json(text(0..400)).await.unwrap();
    let mut quick = stream(&storage, "c").append().await.unwrap();
    quick.push_json(text(1_000..1_005)).await.unwrap();
    quick.finish().await.unwrap();
    let error = slow.finish().await.unwrap_err();
    assert_eq!((error.kind(), slow.was_outrun()), (ErrorKind::Conflict, true));
    assert!(error.to_string().contains("nothing is stored"), "{error}");
    slow.abort().await.unwrap();
    assert_eq!(numbers(&storage, "c").await, (1_000..1_005).collect::<Vec<_>>());
    let mut again = small(&storage, "c").append_behind().await.unwrap().all_or_nothing();
    again.push_json(text(0..400)).await.unwrap();
    again.finish().await.unwrap();
    assert_eq!(numbers(&storage, "c").await.len(), 405);
    // A single object needs no second reading: it gets its LSNs last.
    let mut late = stream(&storage, "c").append().await.unwrap().all_or_nothing();
    late.push_json(text(0..3)).await.unwrap();
    let mut quick = stream(&storage, "c").append().await.unwrap();
    quick.push_json(text(0..4)).await.unwrap();
    quick.finish().await.unwrap();
    assert_eq!(late.finish().await.unwrap()[0].key.lsns().unwrap().min(), 409);
}
