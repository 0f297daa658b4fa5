//! A real S3 server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::{Duration, Instant};

use coldpress::{ColdStorage, ColdStorageConfig, ErrorKind, Projection};
use common::proxy::FaultProxy;
use common::seaweed::Seaweed;
use common::{rows, seaweed_config as config, shown};

struct Place(String);

impl Place {
    fn fresh(test: &str) -> Self {
        Place(format!("{test}/"))
    }

    fn config(&self) -> ColdStorageConfig {
        config(Seaweed::shared(), &self.0)
    }
}

conformance!(Place::fresh);

#[tokio::test]
async fn wrong_credentials_are_refused_with_a_message_that_says_so() {
    let right = config(Seaweed::shared(), "credentials/");
    let wrong = [
        ColdStorageConfig { secret_key: "wrong-in-the-clear".to_owned(), ..right.clone() },
        ColdStorageConfig { access_key: "nobody-in-the-clear".to_owned(), ..right.clone() },
    ];
    for config in wrong {
        let proxy = FaultProxy::before(&config.endpoint, 32);
        let config = ColdStorageConfig { endpoint: proxy.endpoint(), ..config };
        let storage = ColdStorage::new(config).unwrap();
        let errors = [
            storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap_err(),
            storage.list(1, "c", None).await.unwrap_err(),
            storage.list_all(None).await.unwrap_err(),
            storage.download_parquet("credentials/1/c/lsn-0-0.parquet").await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
            let text = error.to_string();
            assert!(text.contains("refused the credentials"), "{text}");
            assert!(text.contains("AWS_SECRET_ACCESS_KEY"), "{text}");
            assert!(!shown(&error).contains("in-the-clear"), "{}", shown(&error));
        }
        // Refused at once, not after retries: one request each, and two to look for old probes.
        let requests = proxy.counts().requests;
        assert!(requests <= 6, "{requests} requests");
        assert_eq!(storage.files_uploaded(), 0);
    }
    let right = ColdStorage::new(right).unwrap();
    assert!(right.list_all(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_is_named() {
    let config = ColdStorageConfig {
        bucket: "no-such-bucket".to_owned(),
        ..config(Seaweed::shared(), "x/")
    };
    let storage = ColdStorage::new(config).unwrap();
    let error = storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
    assert!(error.to_string().contains("no-such-bucket"), "{error}");
}

#[tokio::test]
async fn the_probe_leaves_nothing_behind() {
    use futures_util::TryStreamExt;
    let config = config(Seaweed::shared(), "probe/");
    let storage = ColdStorage::new(config).unwrap();
    let key = storage.encode_and_upload("c", 1, &rows(1, 1), 0, 0).await.unwrap();
    let prefix = object_store::path::Path::parse("probe").unwrap();
    let all: Vec<_> = storage.object_store().list(Some(&prefix)).try_collect().await.unwrap();
    let all: Vec<_> = all.iter().map(|meta| meta.location.as_ref()).collect();
    assert_eq!(all, [&key]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_of_more_than_one_page_is_whole() {
    use futures_util::{StreamExt, TryStreamExt};
    let storage = ColdStorage::new(config(Seaweed::shared(), "pages/")).unwrap();
    storage.encode_and_upload("c", 1, &rows(1, 0), 0, 0).await.unwrap();
    let store = storage.object_store();
    let puts = (1..1_203_u64).map(|lsn| {
        let path = format!("pages/1/c/lsn-{lsn}-{lsn}.parquet");
        let path = object_store::path::Path::parse(path).unwrap();
        let store = &store;
        async move {
            use object_store::ObjectStoreExt;
            store.put(&path, "x".into()).await
        }
    });
    futures_util::stream::iter(puts).buffer_unordered(16).try_collect::<Vec<_>>().await.unwrap();
    let listed = storage.list(1, "c", None).await.unwrap();
    let lsns: Vec<_> = listed.iter().map(|object| object.key.lsns().unwrap().min()).collect();
    assert_eq!(lsns, (0..1_203).collect::<Vec<_>>());
    assert_eq!(storage.list_all(None).await.unwrap().len(), 1_203);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_is_an_error_in_bounded_time_and_nothing_is_counted() {
    let mut server = Some(Seaweed::start());
    let config = ColdStorageConfig {
        timeout: Duration::from_millis(2_000),
        retry_timeout: Duration::from_millis(2_000),
        ..config(server.as_ref().unwrap(), "away/")
    };
    // Many times the configured timeouts, and less than the default ones.
    let bound = Duration::from_secs(60);
    let storage = ColdStorage::new(config).unwrap();
    let mut stored = 0;
    let mut killer = None;
    let (error, took) = loop {
        let started = Instant::now();
        match storage.encode_and_upload("c", 1, &rows(50, stored), stored, stored).await {
            Ok(_) => stored += 1,
            Err(error) => break (error, started.elapsed()),
        }
        if stored == 5 {
            // From here on, puts and the kill run side by side.
            let mut server = server.take().unwrap();
            killer = Some(std::thread::spawn(move || server.kill()));
        }
        assert!(stored < 100_000, "the server never went away");
    };
    assert!(stored >= 5);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("try again"), "{error}");
    assert!(took < bound, "{took:?}");
    assert_eq!(storage.files_uploaded(), stored);
    killer.unwrap().join().unwrap();

    let started = Instant::now();
    let key = "away/1/c/lsn-0-0.parquet";
    let errors = [
        storage.read_rows(key, &Projection::All).await.unwrap_err(),
        storage.list(1, "c", None).await.unwrap_err(),
        storage.list_all(None).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Unavailable), "{errors:?}");
    assert!(started.elapsed() < bound, "{:?}", started.elapsed());
}
