//! `coldpress serve --dev`: page, grant, upload, object, on one machine.

use std::time::{Duration, SystemTime};

use coldpress::{
    ColdStorage, ColdStorageConfig, Grant, GrantLimits, GrantRequest, LsnRange, TimeOfDay,
};
use serde_json::json;

use crate::harness::{Served, people, put_of, wanted};
use crate::http::{get, request_with, send};
use crate::made::sha256;

#[test]
fn the_whole_loop_leaves_what_coldpress_put_would_have_left() {
    let served = Served::dev(&["--tenant", "7"]);
    let config = get(&format!("{}/dev/config.json", served.url())).expect(200).json();
    assert_eq!(
        (&config["token"], &config["s3"]),
        (&served.ready["token"], &served.ready["s3"]["endpoint"])
    );
    let asked_at = format!("{}{}", served.url(), config["grants"].as_str().unwrap());

    let file = people(7, (41, 42));
    let request = wanted("people", (41, 42), &file.bytes);
    let reply = crate::http::post(&asked_at, served.token(), &request.to_string()).expect(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let grant = Grant::from_json(&reply.text()).unwrap();
    assert_eq!(grant.key().as_str(), file.key.as_str());
    send(grant.check(), b"").expect(404);
    let put = send(put_of(&grant), &file.bytes).expect(200);
    assert!(put.header("etag").is_some());
    let there = send(grant.check(), b"").expect(200);
    assert_eq!(there.header("x-amz-meta-coldpress-sha256"), Some(sha256(&file.bytes).as_str()));
    assert_eq!(there.header("content-length"), Some(file.bytes.len().to_string().as_str()));
    assert_eq!((there.header("etag"), there.body.len()), (put.header("etag"), 0));

    let said = json!({ "key": file.key.as_str(), "bytes": file.bytes.len(), "sha256": sha256(&file.bytes) });
    let receipt = served.receipt(served.token(), &said).expect(200).json();
    assert_eq!(
        receipt,
        json!({ "key": file.key.as_str(), "bytes": file.bytes.len(), "rows": 2, "min_lsn": "41",
            "max_lsn": "42", "columns": 3, "sha256_checked": true })
    );

    let stored = served.path("coldpress-data").join(file.key.as_str());
    assert_eq!(std::fs::read(stored).unwrap(), file.bytes);
    assert!(served.run(&["ls"]).contains("7/people"));
    let rows = served.run(&["cat", file.key.as_str()]);
    assert_eq!(rows, "{\"name\":\"Ada\",\"born\":1815}\n{\"name\":\"Grace\"}\n");
}

#[test]
fn a_second_upload_learns_what_lies_there() {
    let served = Served::dev(&[]);
    let (file, other) = (people(0, (1, 2)), people(0, (1, 2)).bytes.to_vec());
    let grant = served.grant(served.token(), &wanted("people", (1, 2), &file.bytes));
    send(put_of(&grant), &file.bytes).expect(200);
    send(put_of(&grant), &file.bytes).s3_refused(412, "PreconditionFailed");
    let check = send(grant.check(), b"").expect(200);
    assert_eq!(check.header("x-amz-meta-coldpress-sha256"), Some(sha256(&file.bytes).as_str()));
    let other = [&other[..], b"x"].concat();
    let again = served.grant(served.token(), &wanted("people", (1, 2), &other));
    send(put_of(&again), &other).s3_refused(412, "PreconditionFailed");
    assert_eq!(
        std::fs::read(served.path("coldpress-data").join(file.key.as_str())).unwrap(),
        file.bytes
    );
}

#[test]
fn the_store_refuses_whatever_the_grant_did_not_sign() {
    let served = Served::dev(&[]);
    let file = people(0, (1, 2));
    let grant = served.grant(served.token(), &wanted("people", (1, 2), &file.bytes));
    let put = put_of(&grant);
    let headers: Vec<_> = put.headers().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let send = |method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]| {
        request_with(method, url, headers, body)
    };
    let mut flipped = file.bytes.to_vec();
    flipped[9] ^= 1;
    send("PUT", put.url(), &headers, &flipped).s3_refused(400, "BadDigest");
    let url = put.url();
    send("PUT", &url.replace("lsn-1-2", "lsn-1-3"), &headers, &file.bytes)
        .s3_refused(403, "SignatureDoesNotMatch");
    send("PUT", &url.replace("/0/people", "/1/people"), &headers, &file.bytes)
        .s3_refused(403, "SignatureDoesNotMatch");
    send("PUT", &url.replace("/0/people", "/0/../1/people"), &headers, &file.bytes)
        .s3_refused(403, "SignatureDoesNotMatch");
    send("GET", url, &headers, &file.bytes).s3_refused(403, "SignatureDoesNotMatch");
    send("DELETE", url, &headers, &file.bytes).s3_refused(403, "SignatureDoesNotMatch");
    for left_out in ["if-none-match", "x-amz-checksum-sha256", "x-amz-meta-coldpress-sha256"] {
        let some: Vec<_> = headers.iter().copied().filter(|(name, _)| *name != left_out).collect();
        assert_eq!(some.len() + 1, headers.len(), "{left_out}");
        send("PUT", url, &some, &file.bytes).s3_refused(403, "AccessDenied");
    }
    let more = [&headers[..], &[("x-amz-acl", "public-read")]].concat();
    send("PUT", url, &more, &file.bytes).s3_refused(403, "AccessDenied");
    // A longer body than was signed, by an honest length.
    let longer: Vec<_> =
        headers.iter().copied().filter(|(name, _)| *name != "content-length").collect();
    send("PUT", url, &longer, &[&file.bytes[..], b"x"].concat())
        .s3_refused(403, "SignatureDoesNotMatch");
    assert!(!served.path("coldpress-data/0/people").exists(), "nothing may be left");
    send("PUT", url, &headers, &file.bytes).expect(200);
}

/// A grant of 15 minutes for the object of `people(0, (1, 2))`.
fn granted_an_hour_ago(served: &Served) -> Grant {
    let clock = TimeOfDay::new(|| SystemTime::now() - Duration::from_secs(3_600));
    let storage = ColdStorage::new(ColdStorageConfig { clock, ..served.config("") }).unwrap();
    let asked = GrantRequest::new("people", LsnRange::new(1, 2).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(storage.grant(0, &asked, &GrantLimits::default())).unwrap()
}

#[test]
fn a_grant_ends() {
    let served = Served::dev(&["--expires", "1s"]);
    let file = people(0, (1, 2));
    let grant = served.grant(served.token(), &wanted("people", (1, 2), &file.bytes));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(u128::from(grant.expires_ms()) <= now.as_millis() + 1_000, "{}", grant.expires_ms());
    let grant = granted_an_hour_ago(&served);
    send(put_of(&grant), &file.bytes).s3_refused(403, "AccessDenied");
    // A slow machine may need more than one try to use a grant within its second.
    let mut status = 403;
    while status == 403 {
        let fresh = served.grant(served.token(), &wanted("people", (1, 2), &file.bytes));
        status = send(put_of(&fresh), &file.bytes).status;
    }
    assert_eq!(status, 200);
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let served = Served::dev(&[]);
    let file = people(0, (1, 2));
    let grant = served.grant(served.token(), &wanted("people", (1, 2), &file.bytes));
    let put = put_of(&grant);
    let headers: Vec<_> = put.headers().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut stream = crate::http::begin_heard("PUT", put.url(), &headers, file.bytes.len());
    std::io::Write::write_all(&mut stream, &file.bytes[..100]).unwrap();
    drop(stream);
    let folder = served.path("coldpress-data/0/people");
    let left = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
    for _ in 0..15_000 {
        if left() == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(left(), 0);
    send(put, &file.bytes).expect(200);
    assert_eq!(left(), 1);
}

#[test]
fn a_page_comes_with_its_types_and_its_policy_and_nothing_beside_it() {
    let www = tempfile::tempdir().unwrap();
    for (name, text) in
        [("index.html", "<!doctype html>"), ("coldpress/a.wasm", "\0asm"), ("a.js", "1")]
    {
        let path = www.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let served = Served::dev(&["--www", www.path().to_str().unwrap()]);
    let page = get(&format!("{}/", served.url())).expect(200);
    assert_eq!(page.text(), "<!doctype html>");
    let policy = page.header("content-security-policy").unwrap();
    for part in
        ["default-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", served.s3("endpoint")]
    {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains(" *"), "{policy}");
    let wasm = get(&format!("{}/coldpress/a.wasm", served.url())).expect(200);
    assert_eq!(wasm.header("content-type"), Some("application/wasm"));
    assert_eq!(wasm.header("x-content-type-options"), Some("nosniff"));
    let (url, etag) = (format!("{}/a.js", served.url()), page.header("etag").unwrap());
    assert_ne!(request_with("GET", &url, &[("if-none-match", etag)], b"").status, 304);
    let script = get(&url).expect(200);
    let etag = script.header("etag").unwrap();
    request_with("GET", &url, &[("if-none-match", etag)], b"").expect(304);
    assert!(request_with("HEAD", &url, &[], b"").expect(200).body.is_empty());
    request_with("POST", &url, &[], b"").expect(405);
    let moved = get(&format!("{}/coldpress", served.url())).expect(308);
    assert_eq!(moved.header("location"), Some("/coldpress/"));
    for path in ["/../log", "/%2e%2e/log", "/..%2flog", "/coldpress/", "/none"] {
        get(&format!("{}{path}", served.url())).expect(404);
    }
}

#[test]
fn another_name_that_leads_here_is_not_served() {
    let served = Served::dev(&[]);
    let url = format!("{}/dev/config.json", served.url());
    let port = served.url().rsplit_once(':').unwrap().1;
    for host in
        [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("LOCALHOST:{port}")]
    {
        request_with("GET", &url, &[("host", &host)], b"").expect(200);
    }
    for host in
        [format!("evil.example:{port}"), "127.0.0.1".to_owned(), format!("127.0.0.1.evil:{port}")]
    {
        let reply = request_with("GET", &url, &[("host", &host)], b"").expect(421);
        assert!(!reply.text().contains(served.token()));
    }
}

#[test]
fn pages_of_this_server_alone_may_use_the_store() {
    let served = Served::dev(&["--allow-origin", "https://app.example"]);
    let store = format!("{}/coldpress/0/c/lsn-1-1.parquet", served.s3("endpoint"));
    let asks = |origin: &str, url: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "content-type,if-none-match,x-amz-checksum-sha256"),
        ];
        request_with("OPTIONS", url, &headers, b"")
    };
    let local = served.url().replace("127.0.0.1", "localhost");
    for origin in [served.url(), local.as_str(), "https://app.example"] {
        let reply = asks(origin, &store);
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
        assert!(reply.header("access-control-allow-methods").unwrap().contains("PUT"));
        let allowed = reply.header("access-control-allow-headers").unwrap();
        assert!(allowed.contains("if-none-match") && allowed.contains("x-amz-checksum-sha256"));
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(asks(origin, &store).header("access-control-allow-origin"), None, "{origin}");
    }
    let file = people(0, (1, 2));
    let grant = served.grant(served.token(), &wanted("people", (1, 2), &file.bytes));
    send(put_of(&grant), &file.bytes).expect(200);
    let check =
        request_with("HEAD", grant.check().url(), &[("origin", served.url())], b"").expect(200);
    assert_eq!(check.header("access-control-allow-origin"), Some(served.url()));
    let exposed = check.header("access-control-expose-headers").unwrap();
    assert!(
        exposed.contains("etag") && exposed.contains("x-amz-meta-coldpress-sha256"),
        "{exposed}"
    );
    // A refusal can be read by the page too.
    let gone = request_with(
        "HEAD",
        &grant.check().url().replace("lsn-1-2", "x"),
        &[("origin", served.url())],
        b"",
    );
    assert_eq!(gone.expect(403).header("access-control-allow-origin"), Some(served.url()));
}
