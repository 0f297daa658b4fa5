//! What the archive of a log must do in every store if something is missing or wrong.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use coldpress::{
    ColdStorageConfig, ErrorKind, SealedRule, SegmentState, WalArchiver, WalRange, WalRemoval,
    WalSettings,
};
use object_store::ObjectStoreExt;

use super::wal::{Log, settings, states};

fn pg(timeline: u32, number: u32) -> String {
    format!("{timeline:08X}00000000{number:08X}")
}

/// An empty archive looks like one that does not exist.
pub async fn an_archive_without_this_log_is_an_error(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two")]);
    let of = |node| WalArchiver::new(Arc::clone(&log.storage), node).unwrap();
    let to = log.path().join(".got");
    let nobody = of(Some("nobody"));
    let error = nobody.get("1", &to).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
    // An empty archive may be allowed, also beside other logs.
    for archiver in [of(None), of(Some("a"))] {
        archiver.archive(log.path(), &settings(), |_| ()).await.unwrap();
        let error = nobody.get("1", &to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
        assert!(error.to_string().contains("node \"nobody\""), "{error}");
        let error = nobody.clone().allow_empty(true).get("1", &to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let error = archiver.get("7", &to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    let checks = nobody.verify(None, |_| ()).await.unwrap_err();
    let status = nobody.status(log.path(), SealedRule::Last).await.unwrap_err();
    let restore = nobody.restore(&to, &WalRange::default(), |_| ()).await.unwrap_err();
    for error in [checks, status, restore] {
        let text = error.to_string();
        assert!(text.contains("a log without a node, the log of node \"a\""), "{text}");
    }
    // One node whose name sorts before the segments of the log without a node, and one after.
    for node in ["0", "zz"] {
        of(Some(node)).archive(log.path(), &settings(), |_| ()).await.unwrap();
    }
    assert_eq!(of(None).get("7", &to).await.unwrap_err().kind(), ErrorKind::NotFound);
    log.storage.object_store().delete(&log.key("1")).await.unwrap();
    let error = of(None).get("7", &to).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings, "a record is no segment: {error}");
    assert!(!to.exists());
}

pub async fn a_gap_in_the_middle_is_not_the_end_of_the_log(config: ColdStorageConfig) {
    let log = Log::new(config, &[]);
    let file = log.path().join("x");
    std::fs::write(&file, b"segment").unwrap();
    let put = async |name: &str| assert!(log.archiver.put(&file, name).await.is_ok());
    for number in [3, 5] {
        put(&pg(1, number)).await;
    }
    put("00000002.history").await;
    put(&pg(2, 5)).await;
    let to = log.path().join(".got");
    let get = async |archiver: &WalArchiver, name: String| {
        archiver.get(&name, &to).await.unwrap_err().kind()
    };
    assert_eq!(get(&log.archiver, pg(1, 4)).await, ErrorKind::Corrupt);
    let past_gap = log.archiver.clone().past_gap(true);
    assert_eq!(get(&past_gap, pg(1, 4)).await, ErrorKind::NotFound);
    // Before the first segment of a timeline, after its last, and in a timeline that is missing.
    for (timeline, number) in [(1, 2), (1, 6), (2, 4), (2, 6), (3, 5)] {
        let name = pg(timeline, number);
        assert_eq!(get(&log.archiver, name.clone()).await, ErrorKind::NotFound, "{name}");
    }
    assert_eq!(get(&log.archiver, "00000003.history".to_owned()).await, ErrorKind::NotFound);
}

pub async fn a_segment_is_removed_with_its_records(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two"), ("3", b"three"), ("4", b"")]);
    log.archive(&settings()).await.unwrap();
    let remove = async |names: &[&str], rules: WalRemoval| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        log.archiver.remove(&names, rules, |_| ()).await
    };
    let rules = WalRemoval::new;
    let would = remove(&["3"], rules()).await.unwrap();
    assert_eq!((would.len(), would[0].records, would[0].leaves_gap), (1, 1, false));
    let error = remove(&["2"], rules().delete(true)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let error = remove(&["3", "none"], rules().delete(true)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(log.states(None).await.len(), 3);
    // Together they leave no gap.
    assert_eq!(remove(&["2", "3"], rules().delete(true)).await.unwrap().len(), 2);
    assert_eq!(log.states(None).await, states(&[("1", SegmentState::Ok)]));
    let left = log.storage.object_store().list_with_delimiter(None).await.unwrap();
    assert!(left.objects.is_empty(), "{:?}", left.objects);
    assert_eq!(log.archive(&settings()).await.unwrap().created, 2);
    let removed = remove(&["1"], rules().delete(true)).await.unwrap();
    assert!(!removed[0].leaves_gap, "the first leaves none");
    assert_eq!(log.archive(&settings()).await.unwrap().created, 1);
}

/// The record shows that the object is damaged, and that the file here is the right one.
pub async fn a_damaged_object_keeps_its_record_through_a_put(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two"), ("3", b"")]);
    log.archive(&settings()).await.unwrap();
    log.overwrite("1", b"onE").await;
    for _ in 0..2 {
        let error = log.archiver.put(&log.path().join("1"), "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("is damaged"), "{error}");
        let delete = WalSettings { delete: true, ..settings() };
        let error = log.archive(&delete).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert_eq!(log.states(None).await[0].1, SegmentState::Damaged);
    }
    let rules = WalRemoval::new().delete(true);
    log.archiver.remove(&["1".to_owned()], rules, |_| ()).await.unwrap();
    log.archive(&settings()).await.unwrap();
    assert_eq!(log.states(Some(SealedRule::Last)).await[0].1, SegmentState::Ok);
}

pub async fn no_segment_after_a_young_one_is_archived(config: ColdStorageConfig) {
    let log = Log::new(config, &[]);
    let names = ["w-1", "w-2", "w-3", "w-4"];
    let stamp = |name: &str, age_s: u64| {
        let file = File::options().write(true).open(log.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age_s)).unwrap();
    };
    for name in names {
        log.write(name, name.as_bytes());
        stamp(name, if name == "w-2" { 0 } else { 90_000 });
    }
    let sealed = SealedRule::Age { age: Duration::from_secs(3_600) };
    let delete = WalSettings { sealed, delete: true, ..settings() };
    assert_eq!(log.archive(&delete).await.unwrap().settled, 1);
    assert_eq!(Log::read(log.path()).into_keys().collect::<Vec<_>>(), names[1..]);
    use SegmentState::{NotYetDue, Ok};
    let now = [("w-1", Ok), ("w-2", NotYetDue), ("w-3", NotYetDue), ("w-4", NotYetDue)];
    assert_eq!(log.states(Some(sealed)).await, states(&now));
    let status = log.archiver.status(log.path(), sealed).await.unwrap();
    assert_eq!((status.held_up[0].by.as_str(), status.exposure.held), ("w-2", 1));
    stamp("w-2", 90_000);
    assert_eq!(log.archive(&delete).await.unwrap().settled, 2);
    assert_eq!(log.states(Some(sealed)).await[2], ("w-3".to_owned(), Ok));
}

pub async fn damage_is_found_and_never_restored(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two"), ("3", b"three"), ("4", b"")]);
    log.archive(&settings()).await.unwrap();
    let key = log.storage.prefix().as_str().to_owned() + "wal/2";
    let flipped = (0..24).map(|bit| {
        let mut bytes = b"two".to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    let cut_and_grown = [&b"tw"[..], b"two\0", b""].map(<[u8]>::to_vec);
    for damaged in flipped.chain(cut_and_grown) {
        log.overwrite("2", &damaged).await;
        use SegmentState::{Damaged, Ok};
        let now = [("1", Ok), ("2", Damaged), ("3", Ok)];
        assert_eq!(log.states(None).await, states(&now), "{damaged:?}");
        let to = log.path().join(".got");
        let error = log.archiver.get("2", &to).await.unwrap_err();
        assert_eq!((error.kind(), error.path()), (ErrorKind::Corrupt, Some(key.as_str())));
        assert!(!to.exists());
        let into = tempfile::tempdir().unwrap();
        let restored = log.archiver.restore(into.path(), &WalRange::default(), |_| ()).await;
        assert_eq!(restored.unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(Log::read(into.path()).into_keys().collect::<Vec<_>>(), ["1"]);
    }
}

pub async fn nodes_are_kept_apart(config: ColdStorageConfig) {
    let log = Log::new(config, &[("1", b"one"), ("2", b"two")]);
    let node = WalArchiver::new(Arc::clone(&log.storage), Some("db/1")).unwrap();
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("1"), b"eins").unwrap();
    std::fs::write(other.path().join("2"), b"zwei").unwrap();
    log.archive(&settings()).await.unwrap();
    node.archive(other.path(), &settings(), |_| ()).await.unwrap();
    let to = log.path().join(".got");
    node.get("1", &to).await.unwrap();
    assert_eq!(std::fs::read(&to).unwrap(), b"eins");
    assert_eq!(log.states(None).await, states(&[("1", SegmentState::Ok)]));
    assert_eq!(node.verify(None, |_| ()).await.unwrap().len(), 1);
    let error = WalArchiver::new(Arc::clone(&log.storage), Some("")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
}
