//! Stores and folders that fail while data is verified or deleted. The tests' own server plays the
//! stores.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coldpress::{ColdStorage, ErrorKind, ObjectKey, Proof, Repaired};
use common::stub::{Bucket, Reply, Stub};
use common::{hasty_config, local_config, rows, s3_config};

fn storage(stub: &Stub) -> ColdStorage {
    ColdStorage::new(s3_config(&stub.endpoint, "p/")).unwrap()
}

/// Puts `count` objects into the bucket and returns their keys.
fn filled(bucket: &Bucket, storage: &ColdStorage, count: u64) -> Vec<ObjectKey> {
    let key = |lsn| {
        let path = format!("p/1/c/lsn-{lsn}-{lsn}.parquet");
        bucket.put(&path, b"x");
        ObjectKey::parse(storage.prefix(), &path).unwrap()
    };
    (0..count).map(key).collect()
}

fn refusing(key: &'static str, code: &'static str) -> (Bucket, Stub) {
    let bucket = Bucket::new(true);
    let answering = bucket.clone();
    let stub = Stub::start(move |request| {
        if request.method != "POST" {
            return answering.answer(request);
        }
        // Deletes the others, as S3 does.
        let mut others = request.clone();
        let body = String::from_utf8(others.body).unwrap();
        others.body = body.replace(&format!("<Key>{key}</Key>"), "").into_bytes();
        answering.answer(&others);
        Reply::ok(format!(
            "<DeleteResult><Error><Key>{key}</Key><Code>{code}</Code>\
             <Message>no</Message></Error></DeleteResult>"
        ))
    });
    (bucket, stub)
}

#[tokio::test]
async fn a_refused_key_is_named_and_deleted_keys_are_reported() {
    let (bucket, stub) = refusing("p/1/c/lsn-2-2.parquet", "AccessDenied");
    let storage = storage(&stub);
    let all = filled(&bucket, &storage, 5);
    let mut told = Vec::new();
    let error = storage.delete_all(&all, |key| told.push(key.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().starts_with("p/1/c/lsn-2-2.parquet: could not delete"), "{error}");
    assert_eq!(told, [0, 1, 3, 4].map(|at| all[at].clone()));
    assert_eq!(bucket.keys(), ["p/1/c/lsn-2-2.parquet"]);
}

#[tokio::test]
async fn a_key_that_the_store_does_not_have_counts_as_deleted() {
    let (bucket, stub) = refusing("p/1/c/lsn-0-0.parquet", "NoSuchKey");
    let storage = storage(&stub);
    let all = filled(&bucket, &storage, 2);
    let mut told = 0;
    storage.delete_all(&all, |_| told += 1).await.unwrap();
    assert_eq!(told, 2);
}

#[tokio::test]
async fn a_failed_request_reports_no_deleted_key() {
    type Answer = fn() -> Reply;
    let answers: [(Answer, ErrorKind); 4] = [
        (|| Reply::error(403, "AccessDenied", "no"), ErrorKind::Denied),
        (|| Reply::error(503, "SlowDown", "later"), ErrorKind::Unavailable),
        (|| Reply::ok("<html>Sign in</html>"), ErrorKind::Unavailable),
        (|| Reply::Closed, ErrorKind::Unavailable),
    ];
    for (answer, kind) in answers {
        let bucket = Bucket::new(true);
        let stub = Stub::start(move |_| answer());
        let storage = ColdStorage::new(hasty_config(&stub.endpoint, "p/")).unwrap();
        let all = filled(&bucket, &storage, 3);
        let error = storage.delete_all(&all, |key| panic!("{key}")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let text = error.to_string();
        assert!(text.starts_with("p/1/c/lsn-0-0.parquet: could not delete"), "{text}");
        assert!(text.contains("and 2 after it"), "{text}");
    }
}

#[tokio::test]
async fn a_cut_answer_is_not_reported_as_damage() {
    let bucket = Bucket::new(true);
    let answering = bucket.clone();
    let stub = Stub::start(move |request| match answering.answer(request) {
        Reply::Whole { status: 200, body }
            if request.method == "GET" && !request.query.contains("list-type") =>
        {
            Reply::Cut { claimed: body.len(), body: body[..body.len() / 2].to_vec() }
        }
        // A read that continues where it was cut gets no further either.
        Reply::Headed { status, headers, claimed, .. } => {
            Reply::Headed { status, headers, claimed, body: Vec::new() }
        }
        other => other,
    });
    let storage = ColdStorage::new(hasty_config(&stub.endpoint, "p/")).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(500, 1), 0, 499).await.unwrap();
    let error = storage.verify(&key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn an_interrupted_repair_says_so_and_the_next_run_stores_the_object() {
    let bucket = Bucket::new(true);
    let (answering, refusing) = (bucket.clone(), Arc::new(AtomicBool::new(false)));
    let refuses = Arc::clone(&refusing);
    let stub = Stub::start(move |request| match request.method.as_str() {
        "PUT" if refuses.load(Ordering::SeqCst) && request.path.ends_with(".parquet") => {
            Reply::error(403, "AccessDenied", "no puts")
        }
        _ => answering.answer(request),
    });
    let storage = storage(&stub);
    let key = storage.encode_and_upload("c", 1, &rows(9, 1), 0, 8).await.unwrap();
    let whole = storage.download_parquet(&key).await.unwrap();
    let mut damaged = whole.to_vec();
    damaged[40] ^= 1;
    bucket.put(key.as_str(), &damaged);
    refusing.store(true, Ordering::SeqCst);
    let error = storage.repair(&key, whole.clone(), false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("run the same repair again"), "{error}");
    assert!(bucket.keys().iter().all(|name| *name != key));
    refusing.store(false, Ordering::SeqCst);
    // Other puts keep the claim that shows that there was an object, and do not take its LSNs.
    let other = storage.encode_and_upload("c", 1, &rows(2, 1), 9, 10).await.unwrap();
    assert_eq!(storage.next_lsn(1, "c").await.unwrap(), Some(11));
    let restored = storage.repair(&key, whole.clone(), false).await.unwrap();
    assert_eq!(restored, Repaired::Restored(Proof::RowsOfKey));
    assert_eq!(storage.download_parquet(&key).await.unwrap(), whole);
    let data: Vec<String> =
        bucket.keys().into_iter().filter(|name| !name.contains("_coldpress/")).collect();
    assert_eq!(data, [key.clone(), other], "a claim stays");
    // The claim is gone, so this deletion does not look like that of a repair.
    storage.delete(&key).await.unwrap();
    let error = storage.repair(&key, whole, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_repairs_at_once_one_stores_and_the_other_fails() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(9, 1), 0, 8).await.unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let other = ColdStorage::new(local_config(scratch.path())).unwrap();
    let mut replacements = Vec::new();
    for seed in [2, 3] {
        let key = other.encode_and_upload("c", 1, &rows(9, seed), 0, 8).await.unwrap();
        replacements.push(other.download_parquet(&key).await.unwrap());
        other.delete(&key).await.unwrap();
    }
    let whole = storage.download_parquet(&key).await.unwrap();
    for round in 0..12 {
        let mut damaged = whole.to_vec();
        damaged[40] ^= 1;
        fs::write(folder.path().join(key.as_str()), damaged).unwrap();
        let repair = |at: usize| storage.repair(&key, replacements[at].clone(), true);
        let (first, second) = tokio::join!(repair(0), repair(1));
        let replaced = |outcome: &coldpress::Result<Repaired>| {
            matches!(outcome, Ok(Repaired::Replaced(Proof::RowsOfFooter)))
        };
        let (winner, loser) = match (replaced(&first), replaced(&second)) {
            (true, false) => (0, second),
            (false, true) => (1, first),
            _ => panic!("{round}: {first:?}, {second:?}"),
        };
        match loser {
            Ok(outcome) => assert_eq!(outcome, Repaired::WasWhole),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                assert!(error.to_string().contains("another repair of this object"), "{error}");
            }
        }
        assert_eq!(storage.download_parquet(&key).await.unwrap(), replacements[winner]);
    }
}

#[tokio::test]
async fn a_folder_in_place_of_a_file_stops_deleting_and_earlier_deletions_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    let mut all = Vec::new();
    for lsn in 0..4 {
        all.push(storage.encode_and_upload("c", 1, &rows(1, lsn), lsn, lsn).await.unwrap());
    }
    let path = folder.path().join(all[2].as_str());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let mut told = Vec::new();
    let error = storage.delete_all(&all, |key| told.push(key.clone())).await.unwrap_err();
    assert!(error.to_string().contains("lsn-2-2.parquet"), "{error}");
    assert_eq!(told, all[..2]);
    assert!(folder.path().join(all[3].as_str()).is_file());
}

#[tokio::test]
async fn leftovers_of_crashed_puts_are_found_below_the_prefix_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    assert!(storage.leftovers().await.unwrap().is_empty());
    let key = storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    let put = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "half").unwrap();
    };
    let leftovers = ["data/1/c/.coldpress-01#0", "data/wal/.coldpress-02#0"];
    leftovers.iter().for_each(|name| put(name));
    for other in
        [".coldpress-03#0", "else/.coldpress-04#0", "data/1/c/.coldpress-5", "data/1/c/x#0"]
    {
        put(other);
    }
    std::os::unix::fs::symlink("..", folder.path().join("data/1/loop")).unwrap();
    let found = storage.leftovers().await.unwrap();
    assert_eq!(found.iter().map(|left| left.path.as_str()).collect::<Vec<_>>(), leftovers);
    assert!(found.iter().all(|left| left.bytes == 4));
    // They do not count as damage, and our deletions do not touch them.
    storage.verify(&key).await.unwrap();
    storage.delete(&key).await.unwrap();
    assert!(folder.path().join(leftovers[0]).is_file());
}
