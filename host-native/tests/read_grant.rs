//! Grants to read, against a real S3 server, and listings of the tests' own server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::{Duration, SystemTime};

use coldpress::{
    ColdStorage, ColdStorageConfig, ErrorKind, GrantLimits, LsnRange, LsnWidth, ObjectKey,
    ReadGrant, ReadGrantRequest, TimeOfDay,
};
use common::client::{Answer, send_raw};
use common::seaweed::Seaweed;
use common::stub::{Bucket, Reply, Stub};
use common::{local_config, s3_config, seaweed_config};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt};

const LIFETIME: Duration = Duration::from_secs(900);

fn config(prefix: &str) -> ColdStorageConfig {
    seaweed_config(Seaweed::shared(), prefix)
}

fn key(storage: &ColdStorage, collection: &str, lsns: (u64, u64), width: LsnWidth) -> ObjectKey {
    let lsns = LsnRange::new(lsns.0, lsns.1).unwrap();
    ObjectKey::data(storage.prefix(), 7, collection, lsns, width).unwrap()
}

/// Stores these bytes at the key of these LSNs, as they are.
async fn store(
    storage: &ColdStorage,
    collection: &str,
    lsns: (u64, u64),
    bytes: &'static str,
) -> ObjectKey {
    let key = key(storage, collection, lsns, LsnWidth::Unpadded);
    let path = Path::parse(key.as_str()).unwrap();
    storage.object_store().put(&path, bytes.into()).await.unwrap();
    key
}

fn read(grant: &ReadGrant, headers: &[(&str, &str)]) -> Answer {
    assert_eq!(grant.get().headers(), []);
    send_raw("GET", grant.get().url(), headers, b"")
}

fn lsns_of(grants: &[ReadGrant]) -> Vec<(u64, u64)> {
    grants.iter().map(|grant| (grant.lsns().min(), grant.lsns().max())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_reads_ranges_of_its_object_and_pins_it() {
    let storage = ColdStorage::new(config("ranges/")).unwrap();
    for (lsn, name) in ["plain", "a/b", "%2F", "é +&=?#", "..", "~*'()!"].into_iter().enumerate() {
        let key = store(&storage, name, (lsn as u64, 99), "the content").await;
        let grant = storage.grant_read(&key, LIFETIME).await.unwrap();
        assert_eq!((grant.key(), grant.tenant_id(), grant.collection()), (&key, 7, name));
        assert_eq!((grant.bytes(), grant.lsns().max()), (11, 99));
        let etag = grant.etag().unwrap().to_owned();
        assert_eq!(ReadGrant::from_json(&grant.to_json()).unwrap(), grant);

        let whole = read(&grant, &[]);
        assert_eq!((whole.status, whole.body.as_str()), (200, "the content"), "{name}: {whole:?}");
        let part = read(&grant, &[("range", "bytes=4-6"), ("origin", "https://app.example")]);
        assert_eq!((part.status, part.body.as_str()), (206, "con"), "{name}: {part:?}");
        assert_eq!(part.header("content-range"), Some("bytes 4-6/11"));
        assert_eq!(part.header("etag"), Some(etag.as_str()));
        let same = read(&grant, &[("range", "bytes=8-10"), ("if-match", &etag)]);
        assert_eq!((same.status, same.body.as_str()), (206, "ent"), "{same:?}");
        let other = read(&grant, &[("range", "bytes=8-10"), ("if-match", "\"other\"")]);
        assert_eq!(other.status, 412, "{other:?}");
        let outside = read(&grant, &[("range", "bytes=11-20")]);
        assert_eq!(outside.status, 416, "{outside:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_itself_refuses_what_was_not_granted() {
    let storage = ColdStorage::new(config("refused/")).unwrap();
    let key = store(&storage, "c", (1, 1), "the content").await;
    store(&storage, "c", (2, 2), "the content").await;
    let eighth = key.as_str().replace("/7/", "/8/");
    let path = Path::parse(&eighth).unwrap();
    storage.object_store().put(&path, "the content".into()).await.unwrap();
    let grant = storage.grant_read(&key, LIFETIME).await.unwrap();
    let url = grant.get().url();
    let changed = |from: &str, to: &str| {
        assert!(url.contains(from), "{from}: {url}");
        url.replace(from, to)
    };
    let (last, shorter) = (url.chars().last().unwrap(), &url[..url.len() - 1]);
    let other_signature = format!("{shorter}{}", if last == '0' { '1' } else { '0' });
    for (what, method, url) in [
        ("another key", "GET", changed("lsn-1-1", "lsn-2-2")),
        ("another tenant", "GET", changed("/7/", "/8/")),
        ("a longer life", "GET", changed("X-Amz-Expires=900", "X-Amz-Expires=9000")),
        ("another signature", "GET", other_signature),
        ("no signature", "GET", url.split('?').next().unwrap().to_owned()),
        ("a look", "HEAD", url.to_owned()),
        ("a put", "PUT", url.to_owned()),
        ("a deletion", "DELETE", url.to_owned()),
        ("a listing", "GET", changed("/refused/7/c/lsn-1-1.parquet", "")),
        ("its tags", "GET", changed("?", "?tagging=&")),
    ] {
        let answer = send_raw(method, &url, &[], b"");
        assert_eq!(answer.status, 403, "{what}: {answer:?}");
    }
    assert_eq!(read(&grant, &[]).status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_grant_is_refused() {
    let clock = TimeOfDay::new(|| SystemTime::now() - Duration::from_secs(3_600));
    let storage = ColdStorage::new(ColdStorageConfig { clock, ..config("read-expired/") }).unwrap();
    let key = store(&storage, "c", (1, 1), "the content").await;
    let grant = storage.grant_read(&key, LIFETIME).await.unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(u128::from(grant.expires_ms()) < now.as_millis());
    let answer = read(&grant, &[("range", "bytes=0-3")]);
    assert_eq!(answer.status, 403, "{answer:?}");
    let longer = storage.grant_read(&key, Duration::from_secs(2 * 3_600)).await.unwrap();
    assert_eq!(read(&longer, &[]).status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_of_parts_has_the_same_etag_in_a_listing_and_in_answers() {
    let storage = ColdStorage::new(config("etags/")).unwrap();
    let key = key(&storage, "c", (1, 2), LsnWidth::Unpadded);
    let path = Path::parse(key.as_str()).unwrap();
    let mut upload = storage.object_store().put_multipart(&path).await.unwrap();
    for byte in [b'a', b'b'] {
        upload.put_part(vec![byte; 5 << 20].into()).await.unwrap();
    }
    upload.complete().await.unwrap();
    store(&storage, "c", (3, 3), "small").await;
    let asked = ReadGrantRequest::new("c");
    let page = storage.grant_scan(7, &asked, &GrantLimits::default()).await.unwrap();
    assert_eq!(lsns_of(page.files()), [(1, 2), (3, 3)]);
    for grant in page.files() {
        let answer = read(grant, &[("range", "bytes=0-0")]);
        assert_eq!((answer.status, answer.header("etag")), (206, grant.etag()), "{answer:?}");
        let total = format!("/{}", grant.bytes());
        assert!(answer.header("content-range").unwrap().ends_with(&total), "{answer:?}");
        let alone = storage.grant_read(grant.key(), LIFETIME).await.unwrap();
        assert_eq!((alone.etag(), alone.bytes()), (grant.etag(), grant.bytes()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_go_through_a_collection_in_the_order_of_its_lsns() {
    let storage = ColdStorage::new(config("pages/")).unwrap();
    for lsns in [(9, 9), (10, 19), (2, 8), (100, 100), (20, 99), (0, 1)] {
        store(&storage, "c", lsns, "x").await;
    }
    store(&storage, "d", (5, 5), "x").await;
    let padded = key(&storage, "c", (9, 9), LsnWidth::Padded);
    for name in [padded.as_str(), "pages/7/c/notes.txt", "pages/7/c/_claims/0", "pages/7/c/x/y"] {
        storage.object_store().put(&Path::parse(name).unwrap(), "x".into()).await.unwrap();
    }
    let limits = |page_files_max| GrantLimits { page_files_max, ..GrantLimits::default() };
    let all = [(0, 1), (2, 8), (9, 9), (9, 9), (10, 19), (20, 99), (100, 100)];
    for count in [0, 1, 2, 3, 6, 7, 8, 200] {
        let (mut found, mut page, mut pages) = (Vec::new(), None, 0);
        loop {
            let asked = ReadGrantRequest { page, ..ReadGrantRequest::new("c") };
            let answer = storage.grant_scan(7, &asked, &limits(count)).await.unwrap();
            assert!(answer.files().len() <= count.max(1));
            found.extend(lsns_of(answer.files()));
            (page, pages) = (answer.next().map(str::to_owned), pages + 1);
            if page.is_none() {
                break;
            }
        }
        assert_eq!((found, pages), (all.to_vec(), all.len().div_ceil(count.max(1))), "{count}");
    }
    let range = |min, max| Some(LsnRange::new(min, max).unwrap());
    for (lsns, expected) in [
        (range(0, u64::MAX), &all[..]),
        (range(8, 10), &all[1..5]),
        (range(50, 60), &all[5..6]),
        (range(101, u64::MAX), &[]),
    ] {
        let asked = ReadGrantRequest { lsns, ..ReadGrantRequest::new("c") };
        let answer = storage.grant_scan(7, &asked, &limits(200)).await.unwrap();
        assert_eq!(lsns_of(answer.files()), expected, "{lsns:?}");
        assert_eq!(answer.next(), None);
    }
    for (tenant, collection) in [(8, "c"), (7, "e"), (7, "C")] {
        let asked = ReadGrantRequest::new(collection);
        let answer = storage.grant_scan(tenant, &asked, &limits(200)).await.unwrap();
        assert_eq!((answer.files(), answer.next()), (&[][..], None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_come_and_go_between_pages_neither_repeat_nor_hide_others() {
    let storage = ColdStorage::new(config("moving/")).unwrap();
    for lsn in [10, 20, 30, 40] {
        store(&storage, "c", (lsn, lsn), "x").await;
    }
    let limits = GrantLimits { page_files_max: 2, ..GrantLimits::default() };
    let first = storage.grant_scan(7, &ReadGrantRequest::new("c"), &limits).await.unwrap();
    assert_eq!(lsns_of(first.files()), [(10, 10), (20, 20)]);
    // The last file of the page goes, one comes before it and one behind it.
    storage.delete(first.files()[1].key()).await.unwrap();
    store(&storage, "c", (15, 15), "x").await;
    store(&storage, "c", (35, 35), "x").await;
    let page = first.next().map(str::to_owned);
    let asked = ReadGrantRequest { page, ..ReadGrantRequest::new("c") };
    let second = storage.grant_scan(7, &asked, &limits).await.unwrap();
    assert_eq!(lsns_of(second.files()), [(30, 30), (35, 35)]);
}

#[tokio::test]
async fn what_cannot_be_granted_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let local = ColdStorage::new(local_config(folder.path())).unwrap();
    let (asked, limits) = (ReadGrantRequest::new("c"), GrantLimits::default());
    let error = local.grant_scan(7, &asked, &limits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("no grants"), "{error}");
    let error = local.grant_read("7/c/lsn-1-1.parquet", LIFETIME).await.unwrap_err();
    assert!(error.to_string().contains("no grants"), "{error}");

    let storage = ColdStorage::new(config("named/")).unwrap();
    let error = storage.grant_read("named/7/c/lsn-1-1.parquet", LIFETIME).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    for key in ["7/c/lsn-1-1.parquet", "named/7/c/notes.txt", "named/wal/0001", "other/x", ""] {
        let error = storage.grant_read(key, LIFETIME).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key, "{key}: {error}");
    }
    let key = store(&storage, "c", (2, 2), "x").await;
    for lifetime in [Duration::ZERO, Duration::from_secs(8 * 86_400)] {
        let error = storage.grant_read(&key, lifetime).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    }
    for page in
        ["x", "lsn-1.parquet", "../d/lsn-1-1.parquet", "/lsn-1-1.parquet", "lsn-2-1.parquet"]
    {
        let asked = ReadGrantRequest { page: Some(page.to_owned()), ..asked.clone() };
        let error = storage.grant_scan(7, &asked, &limits).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key, "{page}: {error}");
        assert!(error.to_string().contains("the name of a page"), "{error}");
    }
    let error = storage.grant_scan(7, &ReadGrantRequest::new(""), &limits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key, "{error}");
    let wrong =
        ColdStorage::new(ColdStorageConfig { secret_key: "wrong".to_owned(), ..config("w/") });
    let error = wrong.unwrap().grant_scan(7, &asked, &limits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
}

/// A bucket of ten data files in pages of three, whose listings `change` changes.
fn listing(change: impl Fn(String) -> String + Send + Sync + 'static) -> (Stub, ColdStorage) {
    let mut bucket = Bucket::new(true);
    bucket.page_size = 3;
    for lsn in 0..10 {
        bucket.put(&format!("p/7/c/lsn-{lsn}-{lsn}.parquet"), b"x");
    }
    let stub = Stub::start(move |request| match bucket.answer(request) {
        Reply::Whole { status: 200, body } if request.query.contains("list-type=2") => {
            Reply::ok(change(String::from_utf8(body).unwrap()))
        }
        other => other,
    });
    let storage = ColdStorage::new(s3_config(&stub.endpoint, "p/")).unwrap();
    (stub, storage)
}

#[tokio::test]
async fn a_listing_is_asked_for_once_a_page_and_nothing_else_is() {
    let (stub, storage) = listing(|body| body);
    let limits = GrantLimits { page_files_max: 6, ..GrantLimits::default() };
    let page = storage.grant_scan(7, &ReadGrantRequest::new("c"), &limits).await.unwrap();
    assert_eq!((page.files().len(), page.next()), (6, Some("lsn-5-5.parquet")));
    // Four pages of the listing, no look at an object, and no probe.
    assert_eq!((stub.count("GET"), stub.count("HEAD"), stub.count("PUT")), (4, 0, 0));
}

#[tokio::test]
async fn an_etag_that_pins_nothing_is_left_out() {
    for (etag, expected) in [
        ("<ETag>&quot;abc-1&quot;</ETag>", Some("\"abc-1\"")),
        ("<ETag>abc-1</ETag>", Some("\"abc-1\"")),
        ("<ETag>W/&quot;abc&quot;</ETag>", None),
        ("<ETag>&quot;&quot;</ETag>", None),
        ("<ETag/>", None),
        ("<ETag>a\nb</ETag>", None),
        ("<ETag>é</ETag>", None),
        ("", None),
    ] {
        let (_stub, storage) = listing(move |body| {
            assert!(body.contains("<ETag>\"e\"</ETag>"), "{body}");
            body.replace("<ETag>\"e\"</ETag>", etag)
        });
        let asked = ReadGrantRequest::new("c");
        let page = storage.grant_scan(7, &asked, &GrantLimits::default()).await.unwrap();
        assert_eq!(page.files().len(), 10);
        assert!(page.files().iter().all(|grant| grant.etag() == expected), "{etag}: {page:?}");
    }
}

#[tokio::test]
async fn a_listing_that_repeats_itself_is_an_error() {
    let (_stub, storage) = listing(|body| body.replace("lsn-4-4", "lsn-0-0"));
    let asked = ReadGrantRequest::new("c");
    let error = storage.grant_scan(7, &asked, &GrantLimits::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("listed this object twice"), "{error}");
}
