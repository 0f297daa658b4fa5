//! Receipts: confirmed from what the store has, and from nothing that is said.

use coldpress::{ColdStorage, ColdStorageConfig};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::json;

use crate::common::seaweed::Seaweed;
use crate::harness::Served;
use crate::made::token;
use crate::made::{encoded, sha256};

fn config(prefix: &str) -> ColdStorageConfig {
    let server = Seaweed::shared();
    ColdStorageConfig {
        endpoint: server.endpoint.clone(),
        bucket: server.bucket.clone(),
        region: server.region.clone(),
        access_key: server.access_key.clone(),
        secret_key: server.secret_key.clone(),
        prefix: prefix.to_owned(),
        allow_http: true,
        ..ColdStorageConfig::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_said_is_believed() {
    let (mine, line) = token(7, &["people", "a b"]);
    let (theirs, other) = token(8, &[]);
    let served =
        Served::over_seaweed("receipts", &[line, other], &["--rate", "1000", "--burst", "1000"]);
    let store = ColdStorage::new(config("receipts/")).unwrap().object_store();
    let rows = b"{\"n\":1}{\"n\":2}{\"n\":3}";
    let file = encoded("receipts/", 7, "people", (5, 9), rows);
    let put = async |key: &str, bytes: &[u8]| {
        store.put(&Path::parse(key).unwrap(), bytes.to_vec().into()).await.unwrap();
    };
    put(file.key.as_str(), &file.bytes).await;
    let key = file.key.as_str();
    let said = json!({ "key": key, "bytes": file.bytes.len(), "sha256": sha256(&file.bytes) });
    let confirmed = served.receipt(mine.reveal(), &said).expect(200).json();
    let facts = json!({ "key": key, "bytes": file.bytes.len(), "rows": 3, "min_lsn": "5", "max_lsn": "9",
        "columns": 2, "sha256_checked": true });
    assert_eq!(confirmed, facts);
    let bare = served.receipt(mine.reveal(), &json!({ "key": key })).expect(200).json();
    assert_eq!((&bare["bytes"], &bare["sha256_checked"]), (&facts["bytes"], &json!(false)));

    let refused = |receipt: serde_json::Value, status, code| {
        served.receipt(mine.reveal(), &receipt).refused(status, code)
    };
    refused(json!({ "key": key, "bytes": file.bytes.len() + 1 }), 409, "Conflict");
    refused(json!({ "key": key, "sha256": sha256(b"other") }), 409, "Conflict");
    refused(json!({ "key": key, "sha256": "abc" }), 400, "Misuse");
    refused(json!({ "key": 7 }), 400, "Misuse");
    refused(json!({ "bytes": 7 }), 400, "Misuse");
    refused(json!({ "key": "receipts/7/people/lsn-6-9.parquet" }), 404, "NotFound");
    for key in [
        "",
        "receipts/7/people/../people/lsn-5-9.parquet",
        "7/people/lsn-5-9.parquet",
        "receipts/7/people/lsn-9-5.parquet",
        "receipts/7/people/lsn-5-9.parquet?x",
        "/receipts/7/people/lsn-5-9.parquet",
    ] {
        refused(json!({ "key": key }), 400, "Key");
    }
    // Of other tenants and collections not even whether they are there is told.
    refused(json!({ "key": "receipts/8/people/lsn-1-1.parquet" }), 403, "Denied");
    refused(json!({ "key": "receipts/7/secret/lsn-1-1.parquet" }), 403, "Denied");
    refused(json!({ "key": "receipts/wal/000" }), 403, "Denied");
    served.receipt(theirs.reveal(), &said).refused(403, "Denied");

    // A file at a key it was not made for; no file at all; half of one; one that is empty.
    for (lsns, bytes, part) in [
        (
            (1, 1),
            encoded("receipts/", 8, "people", (1, 1), rows).bytes.to_vec(),
            "made for tenant 8",
        ),
        ((2, 2), encoded("receipts/", 7, "a b", (2, 2), rows).bytes.to_vec(), "collection \"a b\""),
        ((3, 3), encoded("receipts/", 7, "people", (3, 4), rows).bytes.to_vec(), "LSNs 3..4"),
        (
            (4, 4),
            b"PAR1 no parquet at all, but long enough to be one PAR1".to_vec(),
            "longer than the file",
        ),
        ((6, 6), file.bytes[file.bytes.len() / 2..].to_vec(), "damaged"),
        ((8, 8), file.bytes[..file.bytes.len() - 3].to_vec(), "not a Parquet file"),
    ] {
        let key = format!("receipts/7/people/lsn-{}-{}.parquet", lsns.0, lsns.1);
        put(&key, &bytes).await;
        let message = refused(
            json!({ "key": key, "bytes": bytes.len(), "sha256": sha256(&bytes) }),
            409,
            "Conflict",
        );
        assert!(message.contains(part), "{message}");
    }
    let text = crate::http::get(&format!("{}/metrics", served.url())).text();
    for line in [
        "coldpress_receipts_total{outcome=\"confirmed\"} 2",
        "coldpress_receipts_total{outcome=\"conflict\"} 8",
        "coldpress_receipts_total{outcome=\"forbidden\"} 4",
        "coldpress_receipts_total{outcome=\"not_found\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
}

#[test]
fn a_store_that_does_not_answer_is_said_to_be_away() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let (token, line) = token(7, &[]);
    let served = Served::over_nothing(&endpoint, &[line], &["--request-timeout", "2"]);
    let reply = served.receipt(token.reveal(), &json!({ "key": "7/people/lsn-1-1.parquet" }));
    assert!(reply.header("retry-after").is_some());
    reply.refused(503, "Unavailable");
    let reply =
        served.ask(token.reveal(), &json!({ "collection": "c", "min_lsn": 1, "max_lsn": 1 }));
    let message = reply.refused(503, "Unavailable");
    assert!(!message.contains("127.0.0.1") && !message.contains("AKEY"), "{message}");
    assert!(!served.log().contains("SECRETKEY"));
}
