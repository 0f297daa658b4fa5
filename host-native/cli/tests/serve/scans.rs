//! `POST /v1/scans`: which files may be read, by whom, and how the pages go on.

use coldpress::{ColdStorage, ColdStorageConfig, ObjectKey};
use coldpress_core::{KeyPrefix, LsnRange, LsnWidth, ReadGrantPage, ReadGrantRequest};
use coldpress_serve::Rights;
use serde_json::json;

use crate::common::seaweed::Seaweed;
use crate::harness::{Served, people, put_of, wanted, write_tokens};
use crate::http::{Reply, get, post, request_with, send};
use crate::made::{token, token_that_may};

/// The S3 server as the owner of its bucket reaches it.
fn owner(prefix: &str) -> ColdStorage {
    let server = Seaweed::shared();
    let config = ColdStorageConfig {
        endpoint: server.endpoint.clone(),
        bucket: server.bucket.clone(),
        prefix: prefix.to_owned(),
        access_key: server.access_key.clone(),
        secret_key: server.secret_key.clone(),
        allow_http: true,
        ..ColdStorageConfig::default()
    };
    ColdStorage::new(config).unwrap()
}

/// Stores something at the keys of these LSNs.
fn stored(prefix: &str, tenant: u64, collection: &str, lsns: &[(u64, u64)]) {
    use object_store::ObjectStoreExt;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (storage, prefix) = (owner(prefix), KeyPrefix::new(prefix).unwrap());
    for (min, max) in lsns {
        let lsns = LsnRange::new(*min, *max).unwrap();
        let key = ObjectKey::data(&prefix, tenant, collection, lsns, LsnWidth::Unpadded).unwrap();
        let path = object_store::path::Path::parse(key.as_str()).unwrap();
        runtime.block_on(storage.object_store().put(&path, "the content".into())).unwrap();
    }
}

fn scan(served: &Served, token: &str, asked: &ReadGrantRequest) -> Reply {
    post(&format!("{}/v1/scans", served.url()), token, &asked.to_json())
}

#[track_caller]
fn page(served: &Served, token: &str, asked: &ReadGrantRequest) -> ReadGrantPage {
    ReadGrantPage::from_json(&scan(served, token, asked).expect(200).text()).unwrap()
}

fn lsns_of(page: &ReadGrantPage) -> Vec<u64> {
    page.files().iter().map(|grant| grant.lsns().min()).collect()
}

#[test]
fn a_device_without_credentials_reads_what_was_stored() {
    let served = Served::dev(&["--tenant", "7"]);
    let asked = ReadGrantRequest::new("people");
    assert_eq!(scan(&served, served.token(), &asked).expect(200).text(), r#"{"files":[]}"#);
    let file = people(7, (41, 42));
    let grant = served.grant(served.token(), &wanted("people", (41, 42), &file.bytes));
    send(put_of(&grant), &file.bytes).expect(200);

    let reply = scan(&served, served.token(), &asked).expect(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let page = ReadGrantPage::from_json(&reply.text()).unwrap();
    let [grant] = page.files() else { panic!("{page:?}") };
    assert_eq!((grant.key(), grant.bytes()), (&file.key, file.bytes.len() as u64));
    // As a page of another origin reads: one range after the other, and the headers that pin it.
    let origin = served.url();
    let (cut, mut read) = (file.bytes.len() / 2, Vec::new());
    for range in [format!("bytes=0-{}", cut - 1), format!("bytes={cut}-{}", file.bytes.len() - 1)] {
        let headers = [("range", range.as_str()), ("origin", origin)];
        let part = request_with("GET", grant.get().url(), &headers, b"").expect(206);
        assert_eq!(part.header("etag"), grant.etag());
        assert_eq!(part.header("access-control-allow-origin"), Some(origin));
        let exposed = part.header("access-control-expose-headers").unwrap();
        assert!(exposed.contains("etag") && exposed.contains("content-range"), "{exposed}");
        read.extend(part.body);
    }
    assert!(read == file.bytes);
}

#[test]
fn the_development_store_keeps_to_ranges_and_conditions() {
    let served = Served::dev(&["--tenant", "7"]);
    let file = people(7, (41, 42));
    let grant = served.grant(served.token(), &wanted("people", (41, 42), &file.bytes));
    send(put_of(&grant), &file.bytes).expect(200);
    let page = page(&served, served.token(), &ReadGrantRequest::new("people"));
    let (url, etag) = (page.files()[0].get().url(), page.files()[0].etag().unwrap());
    let bytes = file.bytes.len();
    let get = |headers: &[(&str, &str)]| request_with("GET", url, headers, b"");

    let part = get(&[("range", "bytes=4-6"), ("if-match", etag)]).expect(206);
    assert_eq!((part.body, part.headers.len() > 3), (file.bytes[4..7].to_vec(), true));
    get(&[("range", "bytes=4-6"), ("if-match", "\"other\"")]).s3_refused(412, "PreconditionFailed");
    let outside = get(&[("range", &format!("bytes={bytes}-"))]).expect(416);
    assert_eq!(outside.header("content-range"), Some(format!("bytes */{bytes}").as_str()));
    outside.s3_refused(416, "InvalidRange");
    let past = get(&[("range", &format!("bytes=4-{}", bytes + 100))]).expect(206);
    let range = format!("bytes 4-{}/{bytes}", bytes - 1);
    assert_eq!(past.header("content-range"), Some(range.as_str()));
    // Several ranges are no range that a reader of ours asks for: the whole object is the answer.
    assert!(get(&[("range", "bytes=0-1,5-6")]).expect(200).body == file.bytes);
    request_with("HEAD", url, &[], b"").expect(403);
    get(&[]).expect(200);
    let tampered = url.replace("lsn-41-42", "lsn-41-43");
    request_with("GET", &tampered, &[], b"").s3_refused(403, "SignatureDoesNotMatch");
    let preflight = [
        ("origin", served.url()),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "if-match,range"),
    ];
    let reply = request_with("OPTIONS", url, &preflight, b"").expect(200);
    let allowed = reply.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("if-match") && allowed.contains("range"), "{allowed}");
}

#[test]
fn a_thousand_files_come_in_pages_in_the_order_of_their_lsns() {
    let served = Served::dev(&["--tenant", "7"]);
    let folder = served.path("coldpress-data/7/c");
    std::fs::create_dir_all(&folder).unwrap();
    let store = |lsn: u64| {
        std::fs::write(folder.join(format!("lsn-{lsn}-{}.parquet", lsn + 4)), b"x").unwrap();
    };
    (0..1_000).for_each(|file| store(10 * file));
    let (mut found, mut sizes) = (Vec::new(), Vec::new());
    let mut asked = ReadGrantRequest::new("c");
    loop {
        let page = page(&served, served.token(), &asked);
        sizes.push(page.files().len());
        found.extend(lsns_of(&page));
        if found.len() == 400 {
            // A file behind the page comes into the next one. A file before it does not.
            store(3_995);
            store(5);
        }
        asked.page = page.next().map(str::to_owned);
        if asked.page.is_none() {
            break;
        }
    }
    let mut all: Vec<u64> = (0..1_000).map(|file| 10 * file).collect();
    all.insert(400, 3_995);
    assert_eq!((found, sizes), (all, vec![200, 200, 200, 200, 200, 1]));
    for (lsns, expected) in [
        ((7, 9), vec![5]),
        ((5_004, 5_010), vec![5_000, 5_010]),
        ((9_994, u64::MAX), vec![9_990]),
        ((9_995, u64::MAX), vec![]),
    ] {
        let lsns = Some(LsnRange::new(lsns.0, lsns.1).unwrap());
        let page =
            page(&served, served.token(), &ReadGrantRequest { lsns, ..ReadGrantRequest::new("c") });
        assert_eq!((lsns_of(&page), page.next()), (expected, None));
    }
    let metrics = get(&format!("{}/metrics", served.url())).text();
    for line in
        ["coldpress_scans_total{outcome=\"answered\"} 10", "coldpress_read_grants_total 1005"]
    {
        assert!(metrics.lines().any(|found| found == line), "no {line} in\n{metrics}");
    }
}

#[test]
fn only_a_token_that_may_read_reads_and_only_its_own_tenant() {
    let (writes, first) = token(7, &[]);
    let (reads, second) = token_that_may(Rights::READ, 7, &[]);
    let (both, third) = token_that_may(Rights::READ_AND_WRITE, 8, &["people", "a b"]);
    stored("scans/", 7, "people", &[(1, 2)]);
    stored("scans/", 7, "secret", &[(1, 2)]);
    stored("scans/", 8, "people", &[(3, 4)]);
    let lines = [first, second, third];
    let served = Served::over_seaweed("scans", &lines, &["--rate", "1000", "--burst", "1000"]);
    let asked = ReadGrantRequest::new("people");
    let message = scan(&served, writes.reveal(), &asked).refused(403, "Denied");
    assert!(message.contains("may not read the collection \"people\""), "{message}");
    let seventh = page(&served, reads.reveal(), &asked);
    assert_eq!(seventh.files()[0].key().as_str(), "scans/7/people/lsn-1-2.parquet");
    let read = request_with("GET", seventh.files()[0].get().url(), &[("range", "bytes=0-2")], b"");
    assert_eq!(read.expect(206).text(), "the");
    let eighth = page(&served, both.reveal(), &asked);
    assert_eq!(eighth.files()[0].key().as_str(), "scans/8/people/lsn-3-4.parquet");
    for collection in ["secret", "People", "a%20b", "", "../7/people"] {
        let asked = ReadGrantRequest::new(collection);
        scan(&served, both.reveal(), &asked).refused(403, "Denied");
    }
    let nothing = page(&served, both.reveal(), &ReadGrantRequest::new("a b"));
    assert_eq!(nothing.files(), []);
    // A token that may only read stores nothing, and confirms nothing.
    let grant = json!({ "collection": "people", "min_lsn": "5", "max_lsn": "5" });
    let message = served.ask(reads.reveal(), &grant).refused(403, "Denied");
    assert!(message.contains("may not write"), "{message}");
    let receipt = json!({ "key": "scans/7/people/lsn-1-2.parquet" });
    served.receipt(reads.reveal(), &receipt).refused(403, "Denied");
    served.ask(both.reveal(), &grant).expect(200);
    served.ask(writes.reveal(), &grant).expect(200);
    // Names of other folders name nothing but themselves, and no page leads out of the collection.
    for collection in ["../8/people", "..", "people/../../8/people", "%2e%2e", "wal", "_claims"] {
        let page = page(&served, reads.reveal(), &ReadGrantRequest::new(collection));
        assert_eq!(page.files(), [], "{collection}");
    }
    for name in ["../../8/people/lsn-1-2.parquet", "/8/people/lsn-1-2.parquet", "x", "lsn-2-1"] {
        let asked = ReadGrantRequest { page: Some(name.to_owned()), ..asked.clone() };
        let message = scan(&served, reads.reveal(), &asked).refused(400, "Key");
        assert!(message.contains("is not the name of a page"), "{message}");
    }
    let fields = json!({ "collection": "people", "tenant": 8, "tenant_id": "8",
        "prefix": "scans/8/", "key": "scans/8/people/lsn-3-4.parquet", "files": 9e9 });
    let url = format!("{}/v1/scans", served.url());
    let own = ReadGrantPage::from_json(&post(&url, reads.reveal(), &fields.to_string()).text());
    assert_eq!(own.unwrap().files()[0].tenant_id(), 7);
    post(&url, "coldpress_of_somebody_else", &asked.to_json()).refused(401, "Denied");
    request_with("POST", &url, &[], asked.to_json().as_bytes()).refused(401, "Denied");
}

#[test]
fn a_token_loses_its_right_with_its_line() {
    let (reader, line) = token_that_may(Rights::READ, 7, &[]);
    let served = Served::over_seaweed("unread", std::slice::from_ref(&line), &[]);
    let asked = ReadGrantRequest::new("people");
    page(&served, reader.reveal(), &asked);
    write_tokens(&served.path("tokens"), &[line.replace(" may=read", "")]);
    served.signal("HUP");
    served.until("kept out", || scan(&served, reader.reveal(), &asked).status == 403);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_name() {
    let (reads, line) = token_that_may(Rights::READ, 7, &[]);
    let served =
        Served::over_seaweed("senseless-scans", &[line], &["--rate", "1000", "--burst", "1000"]);
    let url = format!("{}/v1/scans", served.url());
    let long = json!({ "collection": "x".repeat(256) }).to_string();
    let page_of = |page: &str| json!({ "collection": "c", "page": page }).to_string();
    for (body, code, part) in [
        ("", "Misuse", "not JSON"),
        ("[]", "Misuse", "not a JSON object"),
        ("{}", "Misuse", "\"collection\""),
        (&"[".repeat(10_000), "Misuse", "not JSON"),
        (r#"{"collection":7}"#, "Misuse", "\"collection\""),
        (r#"{"collection":""}"#, "Key", "empty"),
        (&long, "Key", "255"),
        (r#"{"collection":"c","min_lsn":"-1"}"#, "Misuse", "\"min_lsn\""),
        (r#"{"collection":"c","max_lsn":1e40}"#, "Misuse", "\"max_lsn\""),
        (r#"{"collection":"c","min_lsn":2,"max_lsn":1}"#, "Key", "ends before it begins"),
        (&page_of(""), "Misuse", "\"page\""),
        (&page_of("a b"), "Misuse", "\"page\""),
        (&page_of(&"x".repeat(2_000)), "Misuse", "\"page\""),
    ] {
        let message = post(&url, reads.reveal(), body).refused(400, code);
        assert!(message.contains(part), "{body}: {message}");
    }
    let authorization = format!("Bearer {}", reads.reveal());
    let headers = [("authorization", authorization.as_str())];
    request_with("POST", &url, &headers, b"\xff\xfe").refused(400, "Misuse");
    request_with("POST", &url, &headers, &vec![b' '; 70_000]).refused(413, "Limit");
    request_with("GET", &url, &headers, b"").refused(405, "Misuse");
    let metrics = get(&format!("{}/metrics", served.url())).text();
    for line in [
        "coldpress_scans_total{outcome=\"malformed\"} 11",
        "coldpress_scans_total{outcome=\"key\"} 3",
        "coldpress_scans_total{outcome=\"too_large\"} 1",
        "coldpress_scans_total{outcome=\"answered\"} 0",
        "coldpress_http_requests_in_flight 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line} in\n{metrics}");
    }
}

#[test]
fn only_allowed_pages_may_ask_and_a_busy_reader_waits() {
    let (reads, line) = token_that_may(Rights::READ, 7, &[]);
    let limits = ["--rate", "0.2", "--burst", "2", "--allow-origin", "https://app.example"];
    let served = Served::over_seaweed("busy-scans", &[line], &limits);
    let preflight = |origin: &str| served.preflight("/v1/scans", origin);
    let reply = preflight("https://app.example");
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    let allowed = reply.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
    assert_eq!(preflight("https://evil.example").header("access-control-allow-origin"), None);
    let asked = ReadGrantRequest::new("c");
    for _ in 0..2 {
        scan(&served, reads.reveal(), &asked).expect(200);
    }
    let reply = scan(&served, reads.reveal(), &asked);
    assert!(reply.header("retry-after").is_some());
    reply.refused(429, "Unavailable");
}

#[test]
fn grants_end_when_the_server_says_and_the_log_keeps_them_secret() {
    let (reads, line) = token_that_may(Rights::READ, 7, &[]);
    stored("ending/", 7, "people", &[(1, 2)]);
    let served = Served::over_seaweed("ending", &[line], &["--expires", "1s", "--log", "debug"]);
    let page = page(&served, reads.reveal(), &ReadGrantRequest::new("people"));
    let grant = &page.files()[0];
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(u128::from(grant.expires_ms()) <= now.as_millis() + 1_000, "{}", grant.expires_ms());
    assert!(grant.get().url().contains("X-Amz-Expires=1&"), "{}", grant.get().url());
    let (_, signature) = grant.get().url().split_once("X-Amz-Signature=").unwrap();
    let log = served.log();
    assert!(log.contains("tenant=7") && log.contains("Scans"), "{log}");
    for secret in [signature, "X-Amz-Signature", reads.reveal()] {
        assert!(!log.contains(secret), "{secret:?} in\n{log}");
    }
}

#[test]
fn a_store_that_is_not_there_is_the_servers_trouble() {
    let (reads, line) = token_that_may(Rights::READ, 7, &[]);
    let server = Seaweed::shared();
    let lines = std::slice::from_ref(&line);
    let asked = ReadGrantRequest::new("c");
    // A bucket that is not there, or keys that it does not take: the client sees neither.
    let served = Served::over_nothing(&server.endpoint, lines, &[]);
    let message = scan(&served, reads.reveal(), &asked).refused(500, "Internal");
    assert!(message.contains("its operator finds the reason in its log"), "{message}");
    assert!(!message.contains("AKEY"), "{message}");
    let served = Served::over_nothing("http://127.0.0.1:1", lines, &["--request-timeout", "1"]);
    let reply = scan(&served, reads.reveal(), &asked);
    assert!(reply.header("retry-after").is_some());
    reply.refused(503, "Unavailable");
}
