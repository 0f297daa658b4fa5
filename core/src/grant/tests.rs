use serde_json::{Value, json};

use super::*;
use crate::{Encodings, Error, ErrorKind, ObjectKey};

fn request(method: &str) -> Value {
    json!({ "method": method, "url": format!("https://s3.example/b/k?{method}"), "headers": {} })
}

fn single() -> Value {
    let mut put = request("PUT");
    put["headers"] =
        json!({ "content-type": "application/vnd.apache.parquet", "if-none-match": "*" });
    json!({
        "version": 1, "prefix": "data/", "key": "data/7/a%2Fb/lsn-41-42.parquet",
        "expires_ms": 1_763_900_000_000_u64, "bytes_max": 5_368_709_120_u64,
        "put": put, "check": request("HEAD"),
    })
}

fn multipart(parts: usize) -> Value {
    let mut grant = single();
    grant.as_object_mut().unwrap().remove("put");
    grant["multipart"] = json!({
        "upload_id": "an-id+/=", "part_bytes": 8_388_608, "parts": vec![request("PUT"); parts],
        "complete": request("POST"), "abort": request("DELETE"),
    });
    grant
}

fn error_of(grant: &Value) -> Error {
    Grant::from_json(&grant.to_string()).unwrap_err()
}

#[test]
fn what_is_written_is_read_back() {
    for value in [single(), multipart(1), multipart(3)] {
        let grant = Grant::from_json(&value.to_string()).unwrap();
        let written = grant.to_json();
        assert!(written.starts_with("{\"version\":1,\"prefix\":\"data/\",\"key\":"), "{written}");
        assert_eq!(Grant::from_json(&written).unwrap(), grant);
    }
    let grant = Grant::from_json(&single().to_string()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&grant.to_json()).unwrap(), single());
    assert_eq!((grant.expires_ms(), grant.bytes_max()), (1_763_900_000_000, 5 << 30));
}

#[test]
fn fields_of_a_later_time_are_passed_over() {
    let mut value = multipart(2);
    let plain = Grant::from_json(&value.to_string()).unwrap();
    value["schema"] = json!({ "columns": [] });
    value["check"]["later"] = json!(1);
    value["multipart"]["later"] = json!(null);
    value["multipart"]["parts"][0]["later"] = json!("x");
    assert_eq!(Grant::from_json(&value.to_string()).unwrap(), plain);
}

#[test]
fn a_grant_may_name_the_encodings_of_its_file() {
    let mut value = single();
    assert_eq!(Grant::from_json(&value.to_string()).unwrap().encodings(), None);
    for set in Encodings::ALL {
        value["encodings"] = json!(set.name());
        let grant = Grant::from_json(&value.to_string()).unwrap();
        assert_eq!(grant.encodings(), Some(set));
        assert_eq!(serde_json::from_str::<Value>(&grant.to_json()).unwrap(), value);
    }
    value["encodings"] = json!("newest");
    let error = error_of(&value);
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("\"newest\""), "{error}");
}

#[test]
fn the_target_makes_the_very_key() {
    for key in [
        "data/7/a%2Fb/lsn-41-42.parquet",
        "data/7/c/lsn-00000000000000000041-00000000000000000042.parquet",
    ] {
        let mut value = single();
        value["key"] = json!(key);
        let target = Grant::from_json(&value.to_string()).unwrap().target();
        let lsns = target.lsns.unwrap();
        let made = ObjectKey::data(
            &target.prefix,
            target.tenant_id,
            &target.collection,
            lsns,
            target.lsn_width,
        );
        assert_eq!(made.unwrap().as_str(), key);
    }
}

#[test]
fn parts_bound_the_size() {
    let grant = Grant::from_json(&multipart(3).to_string()).unwrap();
    assert_eq!(grant.bytes_max(), 3 * 8_388_608);
    assert!(Grant::from_json(&multipart(PARTS_MAX).to_string()).is_ok());
}

#[test]
fn keys_of_others_are_refused() {
    for (prefix, key) in [
        ("other/", "data/7/c/lsn-1-2.parquet"),
        ("data/", "7/c/lsn-1-2.parquet"),
        ("data/", "data/7/../8/lsn-1-2.parquet"),
        ("data/", "data/7/c/d/lsn-1-2.parquet"),
        ("data/", "data/7/c/lsn-2-1.parquet"),
        ("data/", "data/7/c/notes.txt"),
        ("data/", "data/wal/segment"),
        ("data/", ""),
        ("../", "../7/c/lsn-1-2.parquet"),
    ] {
        let mut value = single();
        (value["prefix"], value["key"]) = (json!(prefix), json!(key));
        assert_eq!(error_of(&value).kind(), ErrorKind::Key, "{prefix} {key}");
    }
}

#[test]
fn mistakes_are_named() {
    let cases: [(&str, Value, &str); 23] = [
        ("/version", json!(2), "has version 2"),
        ("/version", json!("1"), "\"version\" that is not a whole number"),
        ("/prefix", json!(1), "\"prefix\" that is not a string"),
        ("/expires_ms", json!(-1), "\"expires_ms\" that is not a whole number"),
        ("/expires_ms", json!(null), "no \"expires_ms\""),
        ("/bytes_max", json!(0), "\"bytes_max\" of 0"),
        ("/bytes_max", json!(1.5), "\"bytes_max\" that is not a whole number"),
        ("/check", json!([]), "\"check\" of the grant is not a JSON object"),
        ("/check/method", json!("get"), "\"check\" of the grant has the \"method\" \"get\""),
        ("/check/method", json!("GET"), "has the \"method\" GET; it must be HEAD"),
        (
            "/check/method",
            json!("PUT"),
            "\"check\" of the grant has the \"method\" PUT; it must be HEAD",
        ),
        ("/check/url", json!("ftp://h/"), "\"check\" of the grant has a \"url\" that is not http"),
        ("/check/headers", json!(null), "no \"headers\""),
        ("/multipart/upload_id", json!(""), "\"upload_id\" that is empty"),
        ("/multipart/upload_id", json!("a\nb"), "\"upload_id\" that has a character"),
        ("/multipart/part_bytes", json!(0), "\"part_bytes\" of 0"),
        ("/multipart/part_bytes", json!(PART_BYTES_MAX + 1), "\"part_bytes\" of 5368709121"),
        ("/multipart/parts", json!([]), "has 0 \"parts\""),
        ("/multipart/parts/1", json!(7), "\"parts\"[1] of \"multipart\" of the grant is not"),
        (
            "/multipart/parts/1/url",
            json!("x"),
            "\"parts\"[1] of \"multipart\" of the grant has a \"url\"",
        ),
        ("/multipart/parts/1/headers", json!({ "a": 1 }), "has a \"a\" that is not a string"),
        (
            "/multipart/complete/method",
            json!("PUT"),
            "\"complete\" of the grant has the \"method\" PUT",
        ),
        (
            "/multipart/abort/method",
            json!("POST"),
            "\"abort\" of the grant has the \"method\" POST",
        ),
    ];
    for (path, wrong, part) in cases {
        let mut value = multipart(2);
        *value.pointer_mut(path).unwrap() = wrong;
        let error = error_of(&value);
        assert_eq!(error.kind(), ErrorKind::Settings, "{path}");
        assert!(error.to_string().contains(part), "{path}: {error}");
    }
}

#[test]
fn a_grant_is_one_put_or_one_multipart_upload() {
    let mut both = multipart(1);
    both["put"] = request("PUT");
    assert!(error_of(&both).to_string().contains("both"));
    let mut neither = single();
    neither.as_object_mut().unwrap().remove("put");
    assert!(error_of(&neither).to_string().contains("neither"));
    neither["get"] = request("GET");
    assert!(error_of(&neither).to_string().contains("a grant to read an object"));
    let crowd = error_of(&multipart(PARTS_MAX + 1));
    assert!(crowd.to_string().contains("10001 \"parts\""), "{crowd}");
    for text in ["", "null", "[]", "{", "\"x\""] {
        assert_eq!(Grant::from_json(text).unwrap_err().kind(), ErrorKind::Settings, "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(Grant::from_json(&deep).is_err());
}

#[test]
fn debug_hides_what_was_signed() {
    let grant = Grant::from_json(&multipart(1).to_string()).unwrap();
    let shown = format!("{grant:?}");
    assert!(
        !shown.contains("?PUT") && !shown.contains("?HEAD") && shown.contains("an-id"),
        "{shown}"
    );
}
