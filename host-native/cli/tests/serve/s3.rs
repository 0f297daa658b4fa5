//! The development store must do what every store must: the conformance suite, and what it lacks.

use std::ops::Deref;

use coldpress::{ColdStorage, ColdStorageConfig};

use crate::common;
use crate::harness::Served;
use crate::http::request_with;

struct Place(Served);

impl Place {
    fn fresh(_test: &str) -> Self {
        Place(Served::dev(&[]))
    }

    fn config(&self) -> ColdStorageConfig {
        self.0.config("data/")
    }
}

impl Deref for Place {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.0
    }
}

crate::conformance!(Place::fresh);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_of_many_pages_is_whole() {
    let served = Served::dev(&[]);
    let folder = served.path("coldpress-data/1/c");
    std::fs::create_dir_all(&folder).unwrap();
    for lsn in 0..2_345 {
        std::fs::write(folder.join(format!("lsn-{lsn}-{lsn}.parquet")), b"x").unwrap();
    }
    let storage = ColdStorage::new(served.config("")).unwrap();
    let lsns: Vec<u64> = storage
        .list(1, "c", None)
        .await
        .unwrap()
        .iter()
        .map(|object| object.key.lsns().unwrap().min())
        .collect();
    assert_eq!(lsns, (0..2_345).collect::<Vec<_>>());
    assert_eq!(storage.list_all(None).await.unwrap().len(), 2_345);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_refused() {
    let served = Served::dev(&[]);
    for config in [
        ColdStorageConfig { secret_key: "wrong".to_owned(), ..served.config("") },
        ColdStorageConfig { access_key: "wrong".to_owned(), ..served.config("") },
    ] {
        let storage = ColdStorage::new(config).unwrap();
        let error = storage.list_all(None).await.unwrap_err();
        assert_eq!(error.kind(), coldpress::ErrorKind::Denied, "{error}");
    }
    let anonymous = format!("{}/coldpress?list-type=2", served.s3("endpoint"));
    request_with("GET", &anonymous, &[], b"").s3_refused(403, "AccessDenied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_and_the_end_of_an_object_are_read() {
    use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, path::Path};
    let served = Served::dev(&[]);
    let bytes: Vec<u8> = crate::harness::noise(1_000_000, 6);
    std::fs::create_dir_all(served.path("coldpress-data")).unwrap();
    std::fs::write(served.path("coldpress-data/noise"), &bytes).unwrap();
    let store = ColdStorage::new(served.config("")).unwrap().object_store();
    let path = Path::from("noise");
    assert!(store.get(&path).await.unwrap().bytes().await.unwrap() == bytes);
    assert!(store.get_range(&path, 10..300_010).await.unwrap() == bytes[10..300_010]);
    let suffix = GetOptions { range: Some(GetRange::Suffix(8)), ..GetOptions::default() };
    let tail = store.get_opts(&path, suffix).await.unwrap();
    assert_eq!(tail.bytes().await.unwrap(), bytes[999_992..]);
    assert!(store.get_range(&path, 2_000_000..2_000_001).await.is_err());
    let head = store.head(&path).await.unwrap();
    assert_eq!(head.size, 1_000_000);
    let other = GetOptions { if_match: Some("\"other\"".to_owned()), ..GetOptions::default() };
    assert!(store.get_opts(&path, other).await.is_err());
    let same = GetOptions { if_match: head.e_tag, ..GetOptions::default() };
    assert_eq!(store.get_opts(&path, same).await.unwrap().meta.size, 1_000_000);
}
