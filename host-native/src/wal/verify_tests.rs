//! `verify` while an archiver runs. The archiver works during the pauses of `verify`.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use coldpress_core::WalSettings;
use tempfile::TempDir;

use super::*;
use crate::config::ColdStorageConfig;
use crate::storage::cold_storage::ColdStorage;
use crate::wal::WalArchiver;

const GRACE: Duration = Duration::from_secs(60);

/// A log whose segment "1" was written long ago, and whose segment "2" is being written.
struct Log {
    store: TempDir,
    folder: TempDir,
    storage: Arc<ColdStorage>,
    archiver: WalArchiver,
}

/// What the archiver does while `verify` pauses.
type Meanwhile = Box<dyn Fn() + Send + Sync>;

impl Log {
    fn new() -> Self {
        let (store, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let config = ColdStorageConfig {
            local_dir: Some(store.path().to_owned()),
            prefix: String::new(),
            ..ColdStorageConfig::default()
        };
        let storage = Arc::new(ColdStorage::new(config).unwrap());
        let archiver = WalArchiver::new(Arc::clone(&storage), None).unwrap();
        let log = Log { store, folder, storage, archiver };
        log.write("1");
        log.write("2");
        log.age("1");
        log
    }

    fn write(&self, name: &str) {
        fs::write(self.folder.path().join(name), name).unwrap();
    }

    fn age(&self, name: &str) {
        let file = File::options().write(true).open(self.folder.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(7_200)).unwrap();
    }

    async fn archive(&self) {
        let folder = self.folder.path();
        self.archiver.archive(folder, &WalSettings::default(), |_| ()).await.unwrap();
    }

    fn object(&self, name: &str) -> PathBuf {
        self.store.path().join("wal").join(name)
    }

    /// The states that `verify` finds, and how long it paused. `meanwhile` runs after half of the
    /// grace time.
    async fn states(
        &self,
        folder: Option<&Path>,
        meanwhile: Meanwhile,
    ) -> (Vec<SegmentState>, Duration) {
        let paused = Arc::new(Mutex::new(Duration::ZERO));
        let all = Arc::clone(&paused);
        let verify = Verify {
            archive: &Archive { storage: &self.storage, node: None },
            names: None,
            folder: folder.map(|folder| (folder, SealedRule::Last)),
            grace: GRACE,
            pause: Box::new(move |time| {
                let mut paused = all.lock().unwrap();
                let before = *paused;
                *paused += time;
                if before < GRACE / 2 && *paused >= GRACE / 2 {
                    meanwhile();
                }
                Box::pin(async {})
            }),
        };
        let checks = verify.run(|_| ()).await.unwrap();
        let paused = *paused.lock().unwrap();
        (checks.into_iter().map(|check| check.state).collect(), paused)
    }
}

fn nothing() -> Meanwhile {
    Box::new(|| ())
}

use SegmentState::{Missing, NotYetDue, Ok as Whole};

#[tokio::test]
async fn a_segment_that_arrives_in_time_is_ok_and_one_that_does_not_is_missing() {
    let log = Log::new();
    let folder = log.folder.path();
    let (found, paused) = log.states(Some(folder), nothing()).await;
    assert_eq!(found, [Missing, NotYetDue]);
    assert!(paused >= GRACE, "{paused:?}");

    // The archiver stores the segment while `verify` pauses. Here the test plays the archiver.
    log.archive().await;
    let (object, record) = (log.object("1"), log.object("1~crc32c-90f599e3-1"));
    assert!(record.exists(), "{:?}", fs::read_dir(log.object("")).unwrap().collect::<Vec<_>>());
    for with_record in [false, true] {
        fs::remove_file(&object).unwrap();
        let mut comes = vec![object.clone()];
        if !with_record {
            fs::remove_file(&record).unwrap();
            comes.insert(0, record.clone());
        }
        let publish = Box::new(move || {
            for path in &comes {
                let bytes = if path.ends_with("1") { "1" } else { "" };
                fs::write(path, bytes).unwrap();
            }
        });
        let (found, paused) = log.states(Some(folder), publish).await;
        assert_eq!(found, [Whole, NotYetDue]);
        assert!((GRACE / 2..GRACE).contains(&paused), "{paused:?}");
    }
}

/// An archiver in the middle of a put: the record is there, and the object is not.
#[tokio::test]
async fn a_record_alone_is_a_running_put_until_the_grace_time_is_over() {
    let log = Log::new();
    log.archive().await;
    let object = log.object("1");
    for folder in [None, Some(log.folder.path())] {
        fs::remove_file(&object).unwrap();
        let (found, paused) = log.states(folder, nothing()).await;
        assert_eq!(found[0], Missing);
        assert!(paused >= GRACE, "{paused:?}");
        let published = object.clone();
        let publish = Box::new(move || fs::write(&published, "1").unwrap());
        let (found, paused) = log.states(folder, publish).await;
        assert_eq!(found[0], Whole);
        assert!(paused < GRACE, "{paused:?}");
    }
}

#[tokio::test]
async fn a_fresh_segment_is_not_due_and_an_old_one_needs_no_pause() {
    let log = Log::new();
    let folder = log.folder.path();
    log.write("1");
    let pause = Duration::ZERO;
    assert_eq!(log.states(Some(folder), nothing()).await, (vec![NotYetDue, NotYetDue], pause));
    // Finished at the latest when the next one was last written.
    log.age("1");
    log.age("2");
    assert_eq!(log.states(Some(folder), nothing()).await, (vec![Missing, NotYetDue], pause));
    // A later segment is archived.
    log.write("1");
    log.age("1");
    log.write("3");
    log.archiver.put(&folder.join("2"), "2").await.unwrap();
    let found = log.states(Some(folder), nothing()).await;
    assert_eq!(found, (vec![Missing, Whole, NotYetDue], pause));
    // A time stamp in the future does not excuse a segment for ever.
    let file = File::options().write(true).open(folder.join("1")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(86_400)).unwrap();
    let (found, _) = log.states(Some(folder), nothing()).await;
    assert_eq!(found, [Missing, Whole, NotYetDue]);
}
