//! The archive of a log, in a folder and in a real S3 server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

/// In a local folder.
mod folder {
    use super::common::local_config;
    use coldpress::ColdStorageConfig;
    use tempfile::TempDir;

    struct Place(TempDir);

    impl Place {
        fn fresh(_test: &str) -> Self {
            Place(tempfile::tempdir().unwrap())
        }

        fn config(&self) -> ColdStorageConfig {
            local_config(self.0.path())
        }
    }

    crate::wal_conformance!(Place::fresh);
}

/// In a real S3 server.
mod s3 {
    use super::common::seaweed::Seaweed;
    use super::common::seaweed_config;
    use coldpress::ColdStorageConfig;

    struct Place(String);

    impl Place {
        fn fresh(test: &str) -> Self {
            Place(format!("{test}/"))
        }

        fn config(&self) -> ColdStorageConfig {
            seaweed_config(Seaweed::shared(), &self.0)
        }
    }

    crate::wal_conformance!(Place::fresh);
}

/// `verify` beside an archiver, in time that stands still unless somebody waits.
mod beside_an_archiver {
    use std::fs::File;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use super::common::local_config;
    use coldpress::{ColdStorage, SealedRule, SegmentState, WalArchiver, WalSettings};
    use tokio::time::Instant;

    const GRACE: Duration = Duration::from_secs(60);
    const LAST: SealedRule = SealedRule::Last;

    /// A log of which "1" was written long ago, and "2" is being written.
    fn place() -> (tempfile::TempDir, tempfile::TempDir, WalArchiver) {
        let (store, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in ["1", "2"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        age(folder.path(), "1");
        let storage = Arc::new(ColdStorage::new(local_config(store.path())).unwrap());
        (store, folder, WalArchiver::new(storage, None).unwrap().grace(GRACE))
    }

    fn age(folder: &Path, name: &str) {
        let file = File::options().write(true).open(folder.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(7_200)).unwrap();
    }

    async fn states(archiver: &WalArchiver, folder: Option<&Path>) -> Vec<SegmentState> {
        let checks = archiver.verify(folder.map(|f| (f, LAST)), |_| ()).await.unwrap();
        checks.into_iter().map(|check| check.state).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_on_its_way_is_waited_for_and_what_stays_away_is_missing() {
        let (_store, folder, archiver) = place();
        // An archiver that comes to it while `verify` runs.
        let started = Instant::now();
        let archive = async {
            tokio::time::sleep(GRACE / 2).await;
            archiver.archive(folder.path(), &WalSettings::default(), |_| ()).await.unwrap();
        };
        let (found, ()) = tokio::join!(states(&archiver, Some(folder.path())), archive);
        assert_eq!(found, [SegmentState::Ok, SegmentState::NotYetDue]);
        assert!((GRACE / 2..GRACE).contains(&started.elapsed()), "{:?}", started.elapsed());

        // One that is held in the middle of its put: its record is there, and the object is not.
        std::fs::write(folder.path().join("3"), "3").unwrap();
        let object = _store.path().join("wal/1");
        std::fs::remove_file(&object).unwrap();
        for folder in [None, Some(folder.path())] {
            let started = Instant::now();
            let publish = async {
                tokio::time::sleep(GRACE / 2).await;
                std::fs::write(&object, "1").unwrap();
            };
            let (found, ()) = tokio::join!(states(&archiver, folder), publish);
            assert_eq!(found[0], SegmentState::Ok);
            assert!(started.elapsed() < GRACE, "{:?}", started.elapsed());
            std::fs::remove_file(&object).unwrap();
            // And its grace time is over.
            let started = Instant::now();
            assert_eq!(states(&archiver, folder).await[0], SegmentState::Missing);
            assert!(started.elapsed() >= GRACE, "{:?}", started.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_finished_just_now_is_not_due_and_what_long_ago_needs_no_wait() {
        let (_store, folder, archiver) = place();
        let started = Instant::now();
        std::fs::write(folder.path().join("1"), "1").unwrap();
        let found = states(&archiver, Some(folder.path())).await;
        assert_eq!(found, [SegmentState::NotYetDue; 2]);
        // Finished at the latest when the next one was last written.
        for name in ["1", "2"] {
            age(folder.path(), name);
        }
        let found = states(&archiver, Some(folder.path())).await;
        assert_eq!(found, [SegmentState::Missing, SegmentState::NotYetDue]);
        // Behind it others are archived, which come after it.
        archiver.put(&folder.path().join("2"), "2").await.unwrap();
        std::fs::write(folder.path().join("3"), "3").unwrap();
        let found = states(&archiver, Some(folder.path())).await;
        assert_eq!(found[..2], [SegmentState::Missing, SegmentState::Ok]);
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}

mod trouble {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, SystemTime};

    use super::common::{Trace, local_config, s3_config};
    use coldpress::{ColdStorage, ErrorKind, SealedRule, WalArchiver, WalEvent, WalSettings};

    fn archiver(config: coldpress::ColdStorageConfig) -> WalArchiver {
        WalArchiver::new(Arc::new(ColdStorage::new(config).unwrap()), None).unwrap()
    }

    fn segments(count: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..count {
            std::fs::write(folder.path().join(n.to_string()), n.to_string()).unwrap();
        }
        folder
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error_also_while_watching() {
        let store = tempfile::tempdir().unwrap();
        let archiver = archiver(local_config(store.path()));
        let missing = store.path().join("no-such-folder");
        let errors = [
            archiver.archive(&missing, &WalSettings::default(), |_| ()).await.unwrap_err(),
            archiver
                .watch(
                    &missing,
                    &WalSettings::default(),
                    |_| (),
                    std::future::pending(),
                    Duration::ZERO,
                )
                .await
                .unwrap_err(),
            archiver.status(&missing, SealedRule::Last).await.unwrap_err(),
            archiver.status(&missing, SealedRule::Ready).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(error.to_string().contains("no-such-folder"), "{error}");
        }
    }

    /// A port at which nobody listens: told once, not for each try; and the end comes when it is asked for.
    #[tokio::test]
    async fn a_store_that_is_away_is_told_once_and_tried_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let archiver = archiver(coldpress::ColdStorageConfig {
            timeout_ms: 200,
            retry_timeout_ms: 0,
            ..s3_config(&endpoint, "")
        });
        let folder = segments(3);
        let once = archiver.archive(folder.path(), &WalSettings::default(), |_| ()).await;
        assert_eq!(once.unwrap_err().kind(), ErrorKind::Unavailable);

        let told = Mutex::new(Vec::new());
        let tell = |event: WalEvent<'_>| told.lock().unwrap().push(event.to_string());
        let settings = WalSettings { poll_ms: Some(10), backoff_ms: 1, ..WalSettings::default() };
        let stop = tokio::time::sleep(Duration::from_millis(900));
        let drain = Duration::from_secs(5);
        let summary = archiver.watch(folder.path(), &settings, tell, stop, drain).await.unwrap();
        assert_eq!(summary.segments, 0);
        let told = told.into_inner().unwrap();
        assert!(told.len() == 1 && told[0].starts_with("trying again: "), "{told:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[tokio::test]
    async fn what_is_too_young_waits() {
        let store = tempfile::tempdir().unwrap();
        let archiver = archiver(local_config(store.path()));
        let folder = segments(3);
        let old = SystemTime::now() - Duration::from_secs(3_600);
        let first = std::fs::File::options().write(true).open(folder.path().join("0")).unwrap();
        first.set_modified(old).unwrap();
        let sealed = SealedRule::Age { ms: 600_000 };
        let settings = WalSettings { sealed, ..WalSettings::default() };
        assert_eq!(archiver.archive(folder.path(), &settings, |_| ()).await.unwrap().segments, 1);
        let exposure = archiver.status(folder.path(), sealed).await.unwrap().exposure;
        assert_eq!((exposure.segments, exposure.waiting), (2, 0));
        // The second was begun when the first was last written.
        assert!((3_600_000..3_700_000).contains(&exposure.ms), "{exposure:?}");
    }

    #[tokio::test]
    async fn each_segment_has_a_span_and_what_happens_is_counted() {
        let (store, folder) = (tempfile::tempdir().unwrap(), segments(4));
        let archiver = archiver(local_config(store.path()));
        let trace = Trace::default();
        let writer = trace.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
            .with_writer(move || writer.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let delete = WalSettings { delete: true, ..WalSettings::default() };
        archiver.archive(folder.path(), &delete, |_| ()).await.unwrap();
        let text = trace.text();
        for part in [
            "wal_put{segment=\"0\" bytes=1}",
            "wal_verify{segment=\"2\"",
            "wal_delete{segment=\"1\"",
        ] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }

    /// Dropped at any moment, it leaves nothing half done.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn it_may_be_dropped_at_any_moment() {
        let (store, folder) = (tempfile::tempdir().unwrap(), segments(40));
        let archiver = archiver(local_config(store.path()));
        let delete = WalSettings { delete: true, ..WalSettings::default() };
        for ms in 0..25 {
            let run = archiver.archive(folder.path(), &delete, |_| ());
            // Over in time, or dropped; either is well.
            let _ = tokio::time::timeout(Duration::from_millis(ms), run).await;
        }
        archiver.archive(folder.path(), &delete, |_| ()).await.unwrap();
        let back = tempfile::tempdir().unwrap();
        let restored = archiver.restore(back.path(), &Default::default(), |_| ()).await.unwrap();
        assert_eq!(restored.len(), 39);
        for n in 0..39 {
            let file = back.path().join(n.to_string());
            assert_eq!(std::fs::read_to_string(file).unwrap(), n.to_string());
        }
    }

    #[test]
    fn its_futures_go_between_threads() {
        fn goes<T: Send>(_: &T) {}
        let store = tempfile::tempdir().unwrap();
        let archiver = archiver(local_config(store.path()));
        let (path, settings) = (store.path(), WalSettings::default());
        goes(&archiver.put(path, "x"));
        goes(&archiver.get("x", path));
        goes(&archiver.archive(path, &settings, |_| ()));
        goes(&archiver.watch(path, &settings, |_| (), std::future::pending(), Duration::ZERO));
        goes(&archiver.verify(None, |_| ()));
        goes(&archiver.restore(path, &Default::default(), |_| ()));
        goes(&archiver.status(path, SealedRule::Last));
    }
}
