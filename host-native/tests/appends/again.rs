//! Interrupted appends that run again.

use std::fs;

use coldpress::{ColdStorage, ErrorKind, ObjectKey, PutOutcome};

use crate::common::seaweed::Seaweed;
use crate::common::seaweed_config;
use crate::{ELSEWHERE, claim, in_folder, numbers, small, stream, text, upto};

#[tokio::test]
async fn a_resumed_append_stores_each_row_once_whatever_came_between() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = ColdStorage::new(seaweed_config(Seaweed::shared(), "append-id")).unwrap();
    for storage in [&in_folder(folder.path()), &s3] {
        // The input breaks off after some objects.
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

        // Again, with fewer rows, and with more rows.
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
    // Both look before either stores.
    let mut one = stream(&storage, "c").append_id("a").await.unwrap();
    let mut two = stream(&storage, "c").append_id("a").await.unwrap();
    one.push_json(text(0..9)).await.unwrap();
    two.push_json(text(0..9)).await.unwrap();
    one.finish().await.unwrap();
    let error = two.finish().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("another run of this append"), "{error}");
    assert_eq!(numbers(&storage, "c").await, upto(9));
    // While another run holds any claim, because it may be about to store rows.
    let crc = crc32(b"a\n");
    let other = folder.path().join(format!("p/1/c/_claims/lsn-500-900-id{crc}-{ELSEWHERE}"));
    fs::write(&other, "").unwrap();
    let mut three = stream(&storage, "c").append_id("a").await.unwrap();
    three.push_json(text(0..12)).await.unwrap();
    let error = three.finish().await.unwrap_err();
    assert!(error.to_string().contains("another run of this append is running"), "{error}");
    fs::remove_file(other).unwrap();
    let mut four = stream(&storage, "c").append_id("a").await.unwrap();
    four.push_json(text(0..12)).await.unwrap();
    four.finish().await.unwrap();
    assert_eq!(numbers(&storage, "c").await, upto(12));
}

/// The CRC-32 in the names of claims.
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
async fn an_interrupted_append_of_several_objects_is_resumed() {
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
    // As a crash leaves it: the first objects, and the claim of a process that has ended.
    let (first, last) = (files[0].key.lsns().unwrap(), files.last().unwrap().key.lsns().unwrap());
    for file in &files[2..] {
        fs::remove_file(folder.path().join(file.key.as_str())).unwrap();
    }
    let claim = folder.path().join(claim(first.min(), last.max(), ELSEWHERE));
    fs::write(&claim, "").unwrap();
    // Other rows get the LSNs after it.
    let other = append(2_000..2_200).await.unwrap();
    assert_eq!(other[0].key.lsns().unwrap().min(), last.max() + 1);
    assert!(claim.exists(), "it still waits for its rerun");
    // The same rows resume it.
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
    // Once that is done, the same rows count as other rows.
    append(1_000..1_500).await.unwrap();
    assert_eq!(numbers(&storage, "c").await.len(), 7 + 200 + 2 * 500);
}

#[tokio::test]
async fn an_append_that_failed_between_two_objects_is_resumed_in_the_same_process() {
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
    // A folder, which a file cannot replace.
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
    // A single object gets its LSNs last, so its rows need not be read again.
    let mut late = stream(&storage, "c").append().await.unwrap().all_or_nothing();
    late.push_json(text(0..3)).await.unwrap();
    let mut quick = stream(&storage, "c").append().await.unwrap();
    quick.push_json(text(0..4)).await.unwrap();
    quick.finish().await.unwrap();
    assert_eq!(late.finish().await.unwrap()[0].key.lsns().unwrap().min(), 409);
}

#[tokio::test]
async fn two_appends_of_the_same_rows_at_once_are_two_appends() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let mut first = small(&storage, "c").append().await.unwrap().all_or_nothing();
    let mut second = small(&storage, "c").append().await.unwrap().all_or_nothing();
    first.push_json(text(0..400)).await.unwrap();
    second.push_json(text(0..400)).await.unwrap();
    assert!(first.finish().await.unwrap().len() > 2);
    // The same files are at the keys that it has chosen, and they are not its own.
    let error = second.finish().await.unwrap_err();
    assert_eq!((error.kind(), second.was_outrun()), (ErrorKind::Conflict, true), "{error}");
    second.abort().await.unwrap();
    let mut again = small(&storage, "c").append_behind().await.unwrap().all_or_nothing();
    again.push_json(text(0..400)).await.unwrap();
    again.finish().await.unwrap();
    let mut found = numbers(&storage, "c").await;
    found.sort_unstable();
    let twice: Vec<u64> = (0..400).flat_map(|n| [n, n]).collect();
    assert_eq!(found, twice);
}

#[tokio::test]
async fn a_damaged_record_of_an_append_doubles_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    for _ in 0..2 {
        let mut rows = small(&storage, "c").append_id("night").await.unwrap();
        rows.push_json(text(0..100)).await.unwrap();
        rows.finish().await.unwrap();
        assert_eq!(numbers(&storage, "c").await, upto(100));
        fs::write(folder.path().join("p/1/c/_appends/night"), "no record").unwrap();
    }
}
