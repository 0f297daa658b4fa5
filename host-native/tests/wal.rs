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

    /// A store that closes every connection: reported once, not for each try. A shutdown ends
    /// the watch.
    #[tokio::test]
    async fn an_unreachable_store_is_reported_once_and_retried() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (tried, mut tries) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            while let Ok(hung_up_on) = listener.accept().await {
                drop(hung_up_on);
                tried.send_modify(|tries| *tries += 1);
            }
        });
        let archiver = archiver(coldpress::ColdStorageConfig {
            timeout: Duration::from_millis(1_000),
            retry_timeout: Duration::from_millis(0),
            ..s3_config(&endpoint, "")
        });
        let folder = segments(3);
        let once = archiver.archive(folder.path(), &WalSettings::default(), |_| ()).await;
        assert_eq!(once.unwrap_err().kind(), ErrorKind::Unavailable);
        let before = *tries.borrow();

        let told = Mutex::new(Vec::new());
        let tell = |event: WalEvent<'_>| told.lock().unwrap().push(event.to_string());
        let settings = WalSettings {
            poll: Some(Duration::from_millis(10)),
            backoff: Duration::from_millis(1),
            ..WalSettings::default()
        };
        // After the report of the first failure, it must retry some times.
        let stop = async {
            let _ = tries.wait_for(|tries| *tries > before + 5).await;
        };
        let drain = Duration::from_secs(5);
        let summary = archiver.watch(folder.path(), &settings, tell, stop, drain).await.unwrap();
        assert_eq!(summary.segments, 0);
        let told = told.into_inner().unwrap();
        assert!(told.len() == 1 && told[0].starts_with("retrying: "), "{told:?}");
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
        let sealed = SealedRule::Age { age: Duration::from_secs(600) };
        let settings = WalSettings { sealed, ..WalSettings::default() };
        assert_eq!(archiver.archive(folder.path(), &settings, |_| ()).await.unwrap().segments, 1);
        let exposure = archiver.status(folder.path(), sealed).await.unwrap().exposure;
        assert_eq!((exposure.segments, exposure.waiting), (2, 0));
        // The second was begun when the first was last written.
        assert!((3_600_000..3_700_000).contains(&exposure.age.as_millis()), "{exposure:?}");
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
        // There is a second subscriber too. With only one, tracing asks the thread that first
        // reaches a span whether anybody listens, and that may be the thread of another test.
        let _second = tracing::Dispatch::new(tracing_subscriber::registry());
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

    /// An archiver that is dropped at any moment leaves nothing half done.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn it_may_be_dropped_at_any_moment() {
        let (store, folder) = (tempfile::tempdir().unwrap(), segments(40));
        let archiver = archiver(local_config(store.path()));
        let delete = WalSettings { delete: true, ..WalSettings::default() };
        for ms in 0..25 {
            let run = archiver.archive(folder.path(), &delete, |_| ());
            // It may end in time or be dropped; both are fine.
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
    fn its_futures_are_send() {
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
