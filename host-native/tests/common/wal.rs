//! What the archive of a log must do in every store. Each test takes the configuration of an empty
//! store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, SealedRule, SegmentState, WalArchiver, WalEvent,
    WalRange, WalSettings, WalSummary,
};
use object_store::path::Path as StorePath;
use object_store::{ObjectStoreExt, PutPayload};
use tempfile::TempDir;

/// Declares the tests of a store, as `conformance!` does.
#[macro_export]
macro_rules! wal_conformance {
    ($fresh:path) => {
        $crate::wal_conformance!(@ $fresh,
            a_log_goes_up_and_comes_back_the_same,
            what_is_deleted_was_read_back,
            a_gap_stops_and_is_named,
            other_content_is_a_conflict_and_stays,
            no_segment_after_a_failure_is_published,
            a_record_without_its_segment_is_put_again,
            a_segment_without_a_record_gets_one,
            a_record_of_another_put_proves_nothing,
            damage_is_found_and_never_restored,
            one_segment_is_put_and_got,
            nodes_are_kept_apart,
            two_archivers_of_one_folder_both_end_well,
            postgres_marks_what_is_archived,
            a_watch_archives_new_segments_and_ends_in_order,
            an_archive_without_this_log_is_an_error,
            a_gap_in_the_middle_is_not_the_end_of_the_log,
            a_segment_is_removed_with_its_records,
            a_damaged_object_keeps_its_record_through_a_put,
            no_segment_after_a_young_one_is_archived);
    };
    (@ $fresh:path, $($test:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let place = $fresh(stringify!($test));
            $crate::common::wal::$test(place.config()).await;
        })+
    };
}

#[allow(unused_imports)] // Not every program that shares this file has these tests.
pub use super::wal_more::*;

/// A folder of segments, and an archive.
pub(super) struct Log {
    folder: TempDir,
    pub(super) storage: Arc<ColdStorage>,
    pub(super) archiver: WalArchiver,
}

impl Log {
    pub(super) fn new(config: ColdStorageConfig, segments: &[(&str, &[u8])]) -> Self {
        let storage = Arc::new(ColdStorage::new(config).unwrap());
        // A segment that is missing in these tests stays missing.
        let archiver = WalArchiver::new(Arc::clone(&storage), None).unwrap().grace(Duration::ZERO);
        let log = Log { folder: tempfile::tempdir().unwrap(), storage, archiver };
        for (name, bytes) in segments {
            log.write(name, bytes);
        }
        log
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    /// Every segment's content, by name.
    pub(super) fn read(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        files
            .map(|file| {
                (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())
            })
            .collect()
    }

    pub(super) async fn archive(&self, settings: &WalSettings) -> coldpress::Result<WalSummary> {
        self.archiver.archive(self.path(), settings, |_| ()).await
    }

    pub(super) fn key(&self, name: &str) -> StorePath {
        StorePath::parse(format!("{}wal/{name}", self.storage.prefix().as_str())).unwrap()
    }

    pub(super) async fn overwrite(&self, name: &str, bytes: &[u8]) {
        let payload = PutPayload::from(bytes.to_vec());
        self.storage.object_store().put(&self.key(name), payload).await.unwrap();
    }

    pub(super) async fn states(&self, folder: Option<SealedRule>) -> Vec<(String, SegmentState)> {
        let folder = folder.map(|sealed| (self.path(), sealed));
        let checks = self.archiver.verify(folder, |_| ()).await.unwrap();
        checks.into_iter().map(|check| (check.name, check.state)).collect()
    }

    async fn restore(&self, range: &WalRange) -> coldpress::Result<BTreeMap<String, Vec<u8>>> {
        let to = tempfile::tempdir().unwrap();
        let into = to.path().join("made/on/the/way");
        self.archiver.restore(&into, range, |_| ()).await?;
        Ok(Log::read(&into))
    }
}

pub(super) fn states(expected: &[(&str, SegmentState)]) -> Vec<(String, SegmentState)> {
    expected.iter().map(|(name, state)| ((*name).to_owned(), *state)).collect()
}

pub(super) fn settings() -> WalSettings {
    WalSettings::default()
}

pub async fn a_log_goes_up_and_comes_back_the_same(config: ColdStorageConfig) {
    // Larger than a slice, exactly one slice, empty; and names that keys must encode.
    let large: Vec<u8> = (0..3_500_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    let names = ["a%-8", "a%-9", "a%-10", "a%-11", "a%-12"];
    let contents: [&[u8]; 5] = [&large, &large[..1 << 20], b"", b"small", b"unfinished"];
    let segments: Vec<_> = names.into_iter().zip(contents).collect();
    let log = Log::new(config, &segments);
    // None of these is a segment.
    std::fs::create_dir(log.path().join("a%-13")).unwrap();
    std::os::unix::fs::symlink("a%-8", log.path().join("a%-14")).unwrap();
    log.write(".hidden", b"");
    log.write("a%-15.tmp", b"");

    let told = Mutex::new(Vec::new());
    let tell = |event: WalEvent<'_>| told.lock().unwrap().push(event.to_string());
    let summary = log.archiver.archive(log.path(), &settings(), tell).await.unwrap();
    assert_eq!((summary.segments, summary.created, summary.settled), (4, 4, 0));
    let told = told.into_inner().unwrap();
    assert_eq!(told.len(), 4);
    assert!(told[2].starts_with("archived a%-10 (0 bytes)"), "{told:?}");
    let again = log.archive(&settings()).await.unwrap();
    assert_eq!((again.segments, again.created), (4, 0));

    use SegmentState::{NotYetDue, Ok};
    let expected = [("a%-8", Ok), ("a%-9", Ok), ("a%-10", Ok), ("a%-11", Ok), ("a%-12", NotYetDue)];
    assert_eq!(log.states(Some(SealedRule::Last)).await, states(&expected));
    assert_eq!(log.states(None).await, states(&expected[..4]));
    let back = log.restore(&WalRange::default()).await.unwrap();
    let expected: BTreeMap<String, Vec<u8>> =
        segments[..4].iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    assert!(back == expected, "{:?}", back.keys());
    let range = WalRange { from: Some("a%-9".to_owned()), until: Some("a%-10".to_owned()) };
    let part = log.restore(&range).await.unwrap();
    assert_eq!(part.into_keys().collect::<Vec<_>>(), ["a%-10", "a%-9"]);
    let none = WalRange { from: Some("a%-7".to_owned()), until: None };
    assert_eq!(log.restore(&none).await.unwrap_err().kind(), ErrorKind::NotFound);

    // A segment counts as an object, and a record does not.
    assert_eq!(log.storage.list_all(None).await.unwrap().len(), 4);
    let status = log.archiver.status(log.path(), SealedRule::Last).await.unwrap();
    assert_eq!((status.segments, status.exposure.segments, status.exposure.bytes), (4, 1, 10));
    assert_eq!(status.last.unwrap().0, "a%-11");
}

pub async fn what_is_deleted_was_read_back(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two"), ("3", b"unfinished")]);
    let delete = WalSettings { delete: true, ..settings() };
    let summary = log.archive(&delete).await.unwrap();
    assert_eq!((summary.segments, summary.verified, summary.settled), (2, 2, 2));
    assert_eq!(Log::read(log.path()).into_keys().collect::<Vec<_>>(), ["3"]);
    // Damage that no listing shows: the file stays.
    log.write("4", b"the next");
    log.overwrite("3", b"unfinisheD").await;
    let error = log.archive(&delete).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(Log::read(log.path()).len(), 2);
    let until = WalRange { until: Some("2".to_owned()), ..WalRange::default() };
    assert_eq!(log.restore(&until).await.unwrap()["2"], b"two");
}

pub async fn a_gap_stops_and_is_named(config: ColdStorageConfig) {
    let log = Log::new(config, &[("w-1", b"1"), ("w-3", b"3"), ("w-4", b"4")]);
    let error = log.archive(&settings()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("segment w-2 is missing"), "{error}");
    use SegmentState::{Missing, NotYetDue, Ok};
    let now = [("w-1", Ok), ("w-2", Missing), ("w-3", Missing), ("w-4", NotYetDue)];
    assert_eq!(log.states(Some(SealedRule::Last)).await, states(&now));

    let past = WalSettings { past_gap: true, ..settings() };
    assert_eq!(log.archive(&past).await.unwrap().segments, 2);
    let now = [("w-1", Ok), ("w-2", Missing), ("w-3", Ok)];
    assert_eq!(log.states(None).await, states(&now));
    let error = log.restore(&WalRange::default()).await.unwrap_err();
    assert!(error.to_string().contains("--until w-1"), "{error}");
    let until = WalRange { until: Some("w-1".to_owned()), ..WalRange::default() };
    assert_eq!(log.restore(&until).await.unwrap().len(), 1);
    let gaps = log.archiver.status(log.path(), SealedRule::Last).await.unwrap().gaps;
    assert_eq!((gaps.len(), gaps[0].first.as_str()), (1, "w-2"));
}

pub async fn other_content_is_a_conflict_and_stays(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two"), ("3", b"three"), ("4", b"")]);
    log.archive(&settings()).await.unwrap();
    for other in [&b"twO"[..], b"two and more"] {
        log.write("2", other);
        let error = log.archive(&settings()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("wal/2"), "{error}");
        let error = log.archiver.put(&log.path().join("2"), "2").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        let states = log.states(Some(SealedRule::Last)).await;
        // The object is intact: it is what its record says.
        assert_eq!(states[1], ("2".to_owned(), SegmentState::LocalDiffers));
        assert_eq!(log.states(None).await[1], ("2".to_owned(), SegmentState::Ok));
        assert_eq!(log.restore(&WalRange::default()).await.unwrap()["2"], b"two");
    }
}

/// The failing segment takes long. Those after it have all sizes: sent ahead in parts, or held in
/// memory.
pub async fn no_segment_after_a_failure_is_published(config: ColdStorageConfig) {
    let large = vec![1; 12 << 20];
    let medium = vec![2; 2 << 20];
    let segments: [(&str, &[u8]); 6] =
        [("1", b""), ("2", &large), ("3", &medium), ("4", b"4"), ("5", &medium), ("6", b"")];
    let log = Log::new(config, &segments);
    let mut other = large.clone();
    other[7 << 20] = 0;
    log.overwrite("2", &other).await;
    for _ in 0..3 {
        let error = log.archive(&settings()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        let there = log.storage.list_all(None).await.unwrap();
        assert_eq!(there.len(), 2, "the first, and the foreign one: {there:?}");
    }
    log.storage.object_store().delete(&log.key("2")).await.unwrap();
    assert_eq!(log.archive(&settings()).await.unwrap().created, 4);
    let back = log.restore(&WalRange::default()).await.unwrap();
    assert!(back["2"] == large && back["5"] == medium && back.len() == 5);
}

pub async fn a_record_without_its_segment_is_put_again(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two"), ("3", b"three")]);
    log.archive(&settings()).await.unwrap();
    let store = log.storage.object_store();
    store.delete(&log.key("2")).await.unwrap();
    assert_eq!(log.states(None).await[1], ("2".to_owned(), SegmentState::Missing));
    store.delete(&log.key("1")).await.unwrap();
    let due = log.states(Some(SealedRule::Last)).await;
    assert!(due[..2].iter().all(|(_, state)| *state == SegmentState::Missing), "{due:?}");
    assert_eq!(log.archive(&settings()).await.unwrap().created, 2);
    assert_eq!(log.restore(&WalRange::default()).await.unwrap().len(), 2);
    // Without the file, nobody can.
    store.delete(&log.key("1")).await.unwrap();
    std::fs::remove_file(log.path().join("1")).unwrap();
    let error = log.archive(&settings()).await.unwrap_err();
    assert!(error.to_string().contains("segment 1 is missing"), "{error}");
}

pub async fn a_segment_without_a_record_gets_one(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two")]);
    log.overwrite("1", b"one").await;
    assert_eq!(log.states(None).await, states(&[("1", SegmentState::Unrecorded)]));
    let to = log.path().join(".got");
    assert_eq!(log.archiver.get("1", &to).await.unwrap(), None);
    assert_eq!(std::fs::read(&to).unwrap(), b"one");
    let summary = log.archive(&settings()).await.unwrap();
    assert_eq!((summary.segments, summary.created), (1, 0));
    assert_eq!(log.states(None).await, states(&[("1", SegmentState::Ok)]));
    log.overwrite("2", b"twO").await;
    log.write("3", b"");
    assert_eq!(log.archive(&settings()).await.unwrap_err().kind(), ErrorKind::Conflict);
}

/// Another log's segment with the same name and length; our own put left its record beside it.
pub async fn a_record_of_another_put_proves_nothing(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"our"), ("2", b"")]);
    let theirs = tempfile::tempdir().unwrap();
    std::fs::write(theirs.path().join("1"), b"any").unwrap();
    log.archiver.put(&theirs.path().join("1"), "1").await.unwrap();
    for _ in 0..2 {
        let error = log.archiver.put(&log.path().join("1"), "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(log.archive(&settings()).await.unwrap_err().kind(), ErrorKind::Conflict);
    }
}

pub async fn one_segment_is_put_and_got(config: ColdStorageConfig) {
    let log = Log::new(config, &[("seg", b"content")]);
    let from = log.path().join("seg");
    let put = log.archiver.put(&from, "other/name").await.unwrap();
    assert_eq!((put.checksum.bytes, put.outcome), (7, coldpress::PutOutcome::Created));
    let put = log.archiver.put(&from, "other/name").await.unwrap();
    assert_eq!(put.outcome, coldpress::PutOutcome::AlreadyThere);
    // Another segment whose name begins with this one's, with its own record.
    log.write("seg2", b"another");
    log.archiver.put(&log.path().join("seg2"), "other/name2").await.unwrap();
    let to = log.path().join("to");
    std::fs::write(&to, "replaced").unwrap();
    assert_eq!(log.archiver.get("other/name", &to).await.unwrap(), Some(put.checksum));
    assert_eq!(std::fs::read(&to).unwrap(), b"content");
    for missing in ["other/nam", "Other/name", "other"] {
        let error = log.archiver.get(missing, &to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    assert_eq!(std::fs::read(&to).unwrap(), b"content");
    let error = log.archiver.put(&from, &"x".repeat(250)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    let missing = log.archiver.put(&log.path().join("none"), "none").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let folder = log.archiver.put(log.path(), "none").await.unwrap_err();
    assert_eq!(folder.kind(), ErrorKind::Misuse, "{folder}");
    let names: Vec<_> = log.states(None).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["other/name", "other/name2"]);
}

pub async fn two_archivers_of_one_folder_both_end_well(config: ColdStorageConfig) {
    let log = Log::new(config, &[]);
    let contents: Vec<String> = (0..24).map(|n| format!("segment {n}").repeat(1_000)).collect();
    for (n, content) in contents.iter().enumerate() {
        log.write(&format!("{n:04}"), content.as_bytes());
    }
    let delete = WalSettings { delete: true, ..settings() };
    let (a, b) = tokio::join!(log.archive(&delete), log.archive(&delete));
    let created = a.unwrap().created + b.unwrap().created;
    assert_eq!((created, log.storage.files_uploaded()), (23, 23));
    assert_eq!(Log::read(log.path()).len(), 1);
    let back = log.restore(&WalRange::default()).await.unwrap();
    let back: Vec<String> =
        back.into_values().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
    assert!(back == contents[..23]);
}

pub async fn postgres_marks_what_is_archived(config: ColdStorageConfig) {
    let names: Vec<String> =
        (0xFD..0x102_u64).map(|n| format!("00000001{:08X}{:08X}", n / 256, n % 256)).collect();
    let log = Log::new(config, &[]);
    for name in &names {
        log.write(name, name.as_bytes());
    }
    log.write("00000001.history", b"history");
    let refused = log.archive(&settings()).await;
    assert_eq!(
        refused.unwrap().segments,
        5,
        "without archive_status it is a folder like any other"
    );
    let status = log.path().join("archive_status");
    std::fs::create_dir(&status).unwrap();
    let error = log.archive(&settings()).await.unwrap_err();
    assert!(error.to_string().contains("--sealed ready"), "{error}");
    for name in names[..3].iter().chain([&"00000001.history".to_owned()]) {
        std::fs::write(status.join(format!("{name}.ready")), "").unwrap();
    }
    let ready = WalSettings { sealed: SealedRule::Ready, ..settings() };
    let summary = log.archive(&ready).await.unwrap();
    assert_eq!((summary.segments, summary.verified, summary.settled), (4, 4, 4));
    let marks = Log::read(&status);
    assert!(marks.len() == 4 && marks.keys().all(|mark| mark.ends_with(".done")), "{marks:?}");
    assert_eq!(log.archive(&ready).await.unwrap().segments, 0);
}

pub async fn a_watch_archives_new_segments_and_ends_in_order(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two")]);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (archiver, folder) = (log.archiver.clone(), log.path().to_owned());
    let watching = tokio::spawn(async move {
        let settings = WalSettings {
            delete: true,
            poll: Some(Duration::from_millis(20)),
            ..WalSettings::default()
        };
        let tell = |event: WalEvent<'_>| drop(sender.send(event.to_string()));
        let stopped = async { drop(stopped.await) };
        archiver.watch(&folder, &settings, tell, stopped, Duration::from_secs(20)).await
    });
    assert!(told.recv().await.unwrap().starts_with("archived 1 "));
    for n in 3..10 {
        log.write(&n.to_string(), b"more");
        let expected = format!("archived {} ", n - 1);
        let event = told.recv().await.unwrap();
        assert!(event.starts_with(&expected), "{event}, not {expected}");
    }
    stop.send(()).unwrap();
    assert_eq!(watching.await.unwrap().unwrap().segments, 8);
    assert_eq!(log.restore(&WalRange::default()).await.unwrap().len(), 8);
}
