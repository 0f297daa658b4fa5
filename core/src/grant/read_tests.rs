use serde_json::{Value, json};

use super::*;
use crate::{Error, ErrorKind};

fn grant(key: &str) -> Value {
    json!({
        "version": 1, "prefix": "data/", "key": key,
        "tenant_id": "7", "collection": "a/b", "min_lsn": "41", "max_lsn": "42",
        "bytes": 12_345, "etag": "\"9bb5-2\"", "expires_ms": 1_763_900_000_000_u64,
        "get": { "method": "GET", "url": "https://s3.example/b/k?Signature=abc", "headers": {} },
    })
}

fn one() -> Value {
    grant("data/7/a%2Fb/lsn-41-42.parquet")
}

fn read(value: &Value) -> ReadGrant {
    ReadGrant::from_json(&value.to_string()).unwrap()
}

fn error_of(value: &Value) -> Error {
    ReadGrant::from_json(&value.to_string()).unwrap_err()
}

/// A grant for another file of the same collection.
fn file(min: u64, max: u64) -> Value {
    let mut value = grant(&format!("data/7/a%2Fb/lsn-{min}-{max}.parquet"));
    (value["min_lsn"], value["max_lsn"]) = (json!(min.to_string()), json!(max.to_string()));
    value
}

#[test]
fn what_is_written_is_read_back() {
    let grant = read(&one());
    assert_eq!(serde_json::from_str::<Value>(&grant.to_json()).unwrap(), one());
    assert_eq!(ReadGrant::from_json(&grant.to_json()).unwrap(), grant);
    assert_eq!((grant.tenant_id(), grant.collection()), (7, "a/b"));
    assert_eq!((grant.lsns().min(), grant.lsns().max(), grant.bytes()), (41, 42, 12_345));
    assert_eq!((grant.etag(), grant.expires_ms()), (Some("\"9bb5-2\""), 1_763_900_000_000));
    assert!(grant.to_json().starts_with("{\"version\":1,\"prefix\":\"data/\",\"key\":"));

    let last = u64::MAX;
    let mut large = grant_of_all(last);
    assert_eq!(read(&large).lsns().max(), last);
    let text = read(&large).to_json();
    assert!(text.contains("\"max_lsn\":\"18446744073709551615\""), "{text}");
    large.as_object_mut().unwrap().remove("etag");
    let text = read(&large).to_json();
    assert!(!text.contains("etag"), "{text}");
    assert_eq!(ReadGrant::from_json(&text).unwrap().etag(), None);
}

fn grant_of_all(last: u64) -> Value {
    let mut value = grant(&format!("data/{last}/a%2Fb/lsn-0-{last}.parquet"));
    (value["tenant_id"], value["min_lsn"]) = (json!(last.to_string()), json!(0));
    value["max_lsn"] = json!(last.to_string());
    value
}

#[test]
fn fields_of_a_later_time_are_passed_over_and_the_key_says_enough() {
    let mut value = one();
    value["schema"] = json!({ "columns": [] });
    value["get"]["later"] = json!(1);
    for name in ["tenant_id", "collection", "min_lsn", "max_lsn"] {
        value.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(read(&value), read(&one()));
}

#[test]
fn a_grant_that_contradicts_its_key_is_refused() {
    for (name, wrong) in [
        ("tenant_id", json!("8")),
        ("tenant_id", json!(8)),
        ("collection", json!("a%2Fb")),
        ("min_lsn", json!("40")),
        ("max_lsn", json!(43)),
    ] {
        let mut value = one();
        value[name] = wrong;
        let error = error_of(&value);
        assert_eq!(error.kind(), ErrorKind::Key, "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn keys_of_others_are_refused() {
    for (prefix, key) in [
        ("other/", "data/7/c/lsn-1-2.parquet"),
        ("data/", "7/c/lsn-1-2.parquet"),
        ("data/", "data/7/../8/lsn-1-2.parquet"),
        ("data/", "data/7/c/notes.txt"),
        ("data/", "data/7/c/_claims/0"),
        ("data/", "data/wal/segment"),
        ("../", "../7/c/lsn-1-2.parquet"),
    ] {
        let mut value = one();
        (value["prefix"], value["key"]) = (json!(prefix), json!(key));
        assert_eq!(error_of(&value).kind(), ErrorKind::Key, "{prefix} {key}");
    }
}

#[test]
fn mistakes_are_named() {
    let long = format!("\"{}\"", "x".repeat(1_023));
    for (path, wrong, part) in [
        ("/version", json!(2), "has version 2"),
        ("/prefix", json!(1), "\"prefix\" that is not a string"),
        ("/expires_ms", json!(-1), "\"expires_ms\" that is not a whole number"),
        ("/bytes", json!("1"), "\"bytes\" that is not a whole number"),
        ("/bytes", json!(1e30), "\"bytes\" that is not a whole number"),
        ("/etag", json!(7), "\"etag\" that is not a string"),
        ("/etag", json!("abc"), "not a strong ETag"),
        ("/etag", json!("\"\""), "not a strong ETag"),
        ("/etag", json!("W/\"abc\""), "not a strong ETag"),
        ("/etag", json!("\"a\"b\""), "not a strong ETag"),
        ("/etag", json!("\"a\r\nb\""), "not a strong ETag"),
        ("/etag", json!("\"é\""), "not a strong ETag"),
        ("/etag", json!(long), "not a strong ETag"),
        ("/tenant_id", json!("x"), "\"tenant_id\" that is not a decimal string"),
        ("/min_lsn", json!(1e3), "\"min_lsn\" that is not a decimal string"),
        ("/collection", json!(7), "\"collection\" that is not a string"),
        ("/get", json!([]), "\"get\" of the read grant is not a JSON object"),
        ("/get/method", json!("HEAD"), "\"get\" of the read grant has the \"method\" HEAD"),
        ("/get/method", json!("PUT"), "\"get\" of the read grant has the \"method\" PUT"),
        ("/get/url", json!("file:///etc/passwd"), "a \"url\" that is not http"),
        ("/get/headers", json!({ "Range": "bytes=0-1" }), "the header \"range\""),
        ("/get/headers", json!({ "if-match": "*" }), "the header \"if-match\""),
        ("/get/headers", json!({ "host": "x" }), "only the HTTP client may set"),
    ] {
        let mut value = one();
        *value.pointer_mut(path).unwrap() = wrong;
        let error = error_of(&value);
        assert_eq!(error.kind(), ErrorKind::Settings, "{path}: {error}");
        assert!(error.to_string().contains(part), "{path}: {error}");
        assert!(!error.to_string().contains("Signature"), "{error}");
    }
    for text in ["", "null", "[]", "{", "\"x\"", &"[".repeat(100_000)] {
        assert_eq!(ReadGrant::from_json(text).unwrap_err().kind(), ErrorKind::Settings);
    }
    let mut writes = one();
    writes["put"] = writes["get"].take();
    assert!(error_of(&writes).to_string().contains("a grant to write"), "{}", error_of(&writes));
}

#[test]
fn debug_hides_what_was_signed() {
    let shown = format!("{:?}", read(&one()));
    assert!(!shown.contains("abc") && shown.contains("lsn-41-42"), "{shown}");
}

#[test]
fn a_request_for_a_page_is_read_back() {
    let range = |min, max| Some(crate::LsnRange::new(min, max).unwrap());
    for (text, lsns, page) in [
        (r#"{"collection":"a/b"}"#, None, None),
        (r#"{"collection":"a/b","min_lsn":null,"max_lsn":null,"page":null}"#, None, None),
        (r#"{"collection":"a/b","min_lsn":"5"}"#, range(5, u64::MAX), None),
        (r#"{"collection":"a/b","max_lsn":5,"x":[1]}"#, range(0, 5), None),
        (r#"{"collection":"a/b","min_lsn":"2","max_lsn":3,"page":"p"}"#, range(2, 3), Some("p")),
    ] {
        let asked = ReadGrantRequest::from_json(text).unwrap();
        let page = page.map(str::to_owned);
        assert_eq!(asked, ReadGrantRequest { lsns, page, ..ReadGrantRequest::new("a/b") });
        assert_eq!(ReadGrantRequest::from_json(&asked.to_json()).unwrap(), asked);
    }
    for (text, kind, part) in [
        ("[]", ErrorKind::Settings, "not a JSON object"),
        ("{}", ErrorKind::Settings, "no \"collection\""),
        (r#"{"collection":"c","min_lsn":"x"}"#, ErrorKind::Settings, "\"min_lsn\""),
        (r#"{"collection":"c","min_lsn":2,"max_lsn":1}"#, ErrorKind::Key, "before it begins"),
        (r#"{"collection":"c","page":""}"#, ErrorKind::Settings, "\"page\" that is empty"),
        (r#"{"collection":"c","page":"a b"}"#, ErrorKind::Settings, "\"page\""),
        (r#"{"collection":"c","page":7}"#, ErrorKind::Settings, "\"page\""),
    ] {
        let error = ReadGrantRequest::from_json(text).unwrap_err();
        assert_eq!(error.kind(), kind, "{text}");
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
}

#[test]
fn a_page_is_read_back_in_order_or_refused() {
    let page = |files: &[Value], next: Value| {
        ReadGrantPage::from_json(&json!({ "files": files, "next": next, "later": 1 }).to_string())
    };
    let read = page(&[file(1, 9), file(2, 3), file(10, 10)], json!("x~1")).unwrap();
    assert_eq!((read.files().len(), read.next()), (3, Some("x~1")));
    assert_eq!(ReadGrantPage::from_json(&read.to_json()).unwrap(), read);
    let last = page(&[], Value::Null).unwrap();
    assert_eq!((last.to_json().as_str(), last.next()), (r#"{"files":[]}"#, None));
    assert_eq!(last.into_files(), []);

    let mut other = file(10, 10);
    (other["key"], other["tenant_id"]) = (json!("data/8/a%2Fb/lsn-10-10.parquet"), json!("8"));
    let mut bad = file(3, 3);
    bad["bytes"] = json!(-1);
    for (files, next, part) in [
        (vec![file(2, 3), file(1, 9)], Value::Null, "out of the order"),
        (vec![file(2, 3), file(2, 3)], Value::Null, "out of the order"),
        (vec![file(2, 3), other], Value::Null, "two collections"),
        (vec![file(2, 3)], json!(""), "\"next\" that is empty"),
        (vec![file(2, 3)], json!("a\nb"), "\"next\""),
        (vec![file(2, 3)], json!("x".repeat(1_025)), "longer than 1,024"),
        (vec![file(2, 3), bad], Value::Null, "\"files\"[1] of the page of read grants has a"),
        (vec![file(1, 1), json!(7)], Value::Null, "\"files\"[1] of the page of read grants"),
        (vec![json!(0); READ_GRANTS_MAX + 1], Value::Null, "has 1001 \"files\""),
    ] {
        let error = page(&files, next).unwrap_err();
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    assert!(ReadGrantPage::from_json("{}").unwrap_err().to_string().contains("no \"files\""));
}
