//! The grant server over a real S3 server: what is granted, to whom, and for which key.

use coldpress_core::{
    Grant, GrantedWrite, KeyPrefix, KeyTarget, ObjectKey, complete_multipart_body,
};
use serde_json::json;

use crate::harness::{Served, noise, put_of, wanted};
use crate::http::{get, post, request_with, send};
use crate::made::{encoded, sha256, token};

#[test]
fn a_device_without_credentials_stores_one_object() {
    let (token, line) = token(7, &[]);
    let served = Served::over_seaweed("loop", &[line], &[]);
    let file = encoded("loop/", 7, "people", (1, 2), b"{\"name\":\"Ada\"}{\"name\":\"Grace\"}");
    let request = wanted("people", (1, 2), &file.bytes);
    let grant = served.grant(token.reveal(), &request);
    assert_eq!(grant.key().as_str(), file.key.as_str());
    send(put_of(&grant), &file.bytes).expect(200);
    let there = send(grant.check(), b"").expect(200);
    assert_eq!(there.header("x-amz-meta-coldpress-sha256"), Some(sha256(&file.bytes).as_str()));
    assert_eq!(send(put_of(&grant), &file.bytes).status, 412);
    let said = json!({ "key": file.key.as_str(), "bytes": file.bytes.len(), "sha256": sha256(&file.bytes) });
    let receipt = served.receipt(token.reveal(), &said).expect(200).json();
    assert_eq!((&receipt["rows"], &receipt["sha256_checked"]), (&json!(2), &json!(true)));
}

#[test]
fn a_large_file_goes_up_in_parts() {
    let (token, line) = token(7, &[]);
    let served = Served::over_seaweed("parts", &[line], &["--part-size", "5MiB"]);
    let bytes = noise((5 << 20) + 100, 11);
    let grant = served.grant(token.reveal(), &wanted("big", (1, 2), &bytes));
    let GrantedWrite::Multipart(multipart) = grant.write() else { panic!("a grant of one put") };
    let pieces = bytes.chunks(5 << 20);
    let etags: Vec<String> = multipart
        .parts
        .iter()
        .zip(pieces)
        .map(|(part, piece)| send(part, piece).expect(200).header("etag").unwrap().to_owned())
        .collect();
    let body = complete_multipart_body(etags.iter().map(String::as_str));
    send(&multipart.complete, body.as_bytes()).expect(200);
    let there = send(grant.check(), b"").expect(200);
    assert_eq!(there.header("content-length"), Some(bytes.len().to_string().as_str()));
    let metrics = get(&format!("{}/metrics", served.url())).expect(200).text();
    assert!(metrics.contains("coldpress_grants_total{kind=\"multipart\"} 1"), "{metrics}");
    // It is no Parquet file, whatever its key says.
    let receipt = json!({ "key": grant.key().as_str(), "bytes": bytes.len() });
    let message = served.receipt(token.reveal(), &receipt).refused(409, "Conflict");
    assert!(message.contains("not a Parquet file"), "{message}");
}

#[test]
fn whatever_is_asked_the_key_lies_in_the_tokens_own_tenant() {
    let (token, line) = token(7, &[]);
    let served = Served::over_seaweed("keys", &[line], &["--rate", "1000", "--burst", "1000"]);
    let prefix = KeyPrefix::new("keys/").unwrap();
    let long = "x".repeat(255);
    for collection in [
        "people",
        "../8/people",
        "..",
        ".",
        "a/../../8",
        "/8/people",
        "8/people",
        "a\\b",
        "a\0b",
        "a\nb",
        "%2e%2e%2f8",
        "a%2Fb",
        "é",
        "\u{202e}x",
        "\u{0}",
        "lsn-1-2.parquet",
        "a?X-Amz-Signature=1",
        "a#b",
        " ",
        &long,
        "wal",
        "_delta_log",
        "{prefix}",
        "\u{FEFF}",
    ] {
        let request = json!({ "collection": collection, "min_lsn": "1", "max_lsn": "2" });
        let grant = served.grant(token.reveal(), &request);
        let key = ObjectKey::parse(&prefix, grant.key().as_str()).unwrap();
        let KeyTarget::Data { tenant_id, collection: named, .. } = key.target() else {
            panic!("{key}");
        };
        assert_eq!((*tenant_id, named.as_str()), (7, collection));
        assert!(
            key.as_str().starts_with("keys/7/") && key.as_str().matches('/').count() == 3,
            "{key}"
        );
        let path = put_of(&grant).url().split('?').next().unwrap().to_owned();
        assert!(path.contains("/data/keys/7/") && !path.contains("/../"), "{path}");
    }
    // Fields that name something else are passed over, not obeyed.
    let request = json!({ "collection": "c", "min_lsn": 1, "max_lsn": 2, "tenant": 8, "tenant_id": 8,
        "prefix": "keys/8/", "key": "keys/8/c/lsn-1-2.parquet", "bucket": "other", "expires_ms": 9e15 });
    assert_eq!(served.grant(token.reveal(), &request).key().as_str(), "keys/7/c/lsn-1-2.parquet");
}

#[test]
fn what_makes_no_sense_is_refused_with_its_name() {
    let (token, line) = token(7, &[]);
    let served = Served::over_seaweed(
        "senseless",
        &[line],
        &["--max-size", "1MiB", "--rate", "1000", "--burst", "1000"],
    );
    let good = |field: &str, value: serde_json::Value| {
        let mut request = json!({ "collection": "c", "min_lsn": "1", "max_lsn": "2" });
        request[field] = value;
        request.to_string()
    };
    for (body, code, part) in [
        (String::new(), "Misuse", "not JSON"),
        ("[]".to_owned(), "Misuse", "not a JSON object"),
        ("[".repeat(10_000), "Misuse", "not JSON"),
        ("\u{feff}{}".to_owned(), "Misuse", "not JSON"),
        (good("collection", json!("")), "Key", "empty"),
        (good("collection", json!("x".repeat(256))), "Key", "255"),
        (good("collection", json!("é".repeat(100))), "Key", "255"),
        (good("collection", json!(7)), "Misuse", "\"collection\""),
        (good("min_lsn", json!("3")), "Key", "ends before it begins"),
        (good("min_lsn", json!("-1")), "Misuse", "\"min_lsn\""),
        (good("min_lsn", json!("1e3")), "Misuse", "\"min_lsn\""),
        (good("min_lsn", json!(0.5)), "Misuse", "\"min_lsn\""),
        (good("max_lsn", json!("../2")), "Misuse", "\"max_lsn\""),
        (good("max_lsn", json!("18446744073709551616")), "Misuse", "\"max_lsn\""),
        (good("max_lsn", json!("٣")), "Misuse", "\"max_lsn\""),
        (good("max_lsn", json!(9_007_199_254_740_993_u64)), "Misuse", "\"max_lsn\""),
        (good("bytes", json!(0)), "Misuse", "0 bytes; give the file's size as \"bytes\""),
        (good("bytes", json!(-5)), "Misuse", "\"bytes\""),
        (good("sha256", json!("abc")), "Misuse", "SHA-256"),
        (good("upload_id", json!("a b\r\n")), "Misuse", "\"upload_id\""),
    ] {
        let message =
            post(&format!("{}/v1/grants", served.url()), token.reveal(), &body).refused(400, code);
        assert!(message.contains(part), "{body}: {message}");
    }
    let url = format!("{}/v1/grants", served.url());
    let authorization = format!("Bearer {}", token.reveal());
    let headers = [("authorization", authorization.as_str())];
    request_with("POST", &url, &headers, b"\xff\xfe").refused(400, "Misuse");
    request_with("POST", &url, &headers, &vec![b' '; 70_000]).refused(413, "Limit");
    served
        .ask(token.reveal(), &serde_json::from_str(&good("bytes", json!((1 << 20) + 1))).unwrap())
        .refused(413, "Limit");
    served
        .ask(token.reveal(), &serde_json::from_str(&good("bytes", json!(u64::MAX))).unwrap())
        .refused(413, "Limit");
    request_with("GET", &url, &headers, b"").refused(405, "Misuse");
    get(&format!("{}/v2/grants", served.url())).refused(404, "NotFound");
    get(&format!("{}/dev/config.json", served.url())).refused(404, "NotFound");

    let metrics = get(&format!("{}/metrics", served.url())).expect(200);
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = metrics.text();
    for line in [
        "coldpress_grants_refused_total{reason=\"key\"} 4",
        "coldpress_grants_refused_total{reason=\"too_large\"} 3",
        "coldpress_grants_refused_total{reason=\"unauthorized\"} 0",
        "coldpress_http_requests_in_flight 0",
        "coldpress_tokens 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
    assert_eq!(
        get(&format!("{}/healthz", served.url())).expect(200).json(),
        json!({ "status": "ok" })
    );
}

#[test]
fn only_allowed_pages_may_read_the_answer() {
    let (token, line) = token(7, &[]);
    let served = Served::over_seaweed(
        "cors",
        &[line],
        &["--allow-origin", "https://app.example", "--allow-origin", "http://localhost:5173"],
    );
    let url = format!("{}/v1/grants", served.url());
    let preflight = |origin: &str| served.preflight("/v1/grants", origin);
    for origin in ["https://app.example", "http://localhost:5173"] {
        let reply = preflight(origin);
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        let allowed = reply.header("access-control-allow-headers").unwrap();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
        assert!(reply.header("vary").unwrap().to_ascii_lowercase().contains("origin"));
    }
    for origin in [
        "https://app.example.evil",
        "http://app.example",
        "https://app.example:8443",
        "null",
        "https://APP.example",
    ] {
        assert_eq!(preflight(origin).header("access-control-allow-origin"), None, "{origin}");
    }
    // Refusals can be read too, and say how long to wait.
    let headers = [("origin", "https://app.example"), ("authorization", "Bearer wrong")];
    let reply = request_with("POST", &url, &headers, b"{}").expect(401);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(reply.header("access-control-expose-headers").unwrap().contains("retry-after"));
    let authorization = format!("Bearer {}", token.reveal());
    let headers = [("origin", "https://evil.example"), ("authorization", authorization.as_str())];
    let request = json!({ "collection": "c", "min_lsn": "1", "max_lsn": "2" }).to_string();
    let reply = request_with("POST", &url, &headers, request.as_bytes()).expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert!(Grant::from_json(&reply.text()).is_ok());
}
