//! Object keys, by the cases that the npm package is held to as well: `tests/keys.json`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use coldpress_core::{KeyPrefix, KeyTarget, LsnRange, LsnWidth, ObjectKey, Result};
use serde_json::Value;

#[test]
fn keys_are_built_and_read_as_on_every_host() {
    let cases: Value = serde_json::from_str(include_str!("../keys.json")).unwrap();
    for case in cases["good"].as_array().unwrap() {
        let key = text(case, "key");
        let tenant_id = number(case, "tenant");
        let built = build(case, tenant_id).unwrap();
        assert_eq!(built.as_str(), key);
        let read = ObjectKey::parse(&KeyPrefix::new(text(case, "prefix")).unwrap(), key).unwrap();
        let KeyTarget::Data { tenant_id: tenant, collection, lsns } = read.target() else {
            panic!("{key} is read as something else");
        };
        assert_eq!((*tenant, collection.as_str()), (tenant_id, text(case, "collection")));
        let range = LsnRange::new(number(case, "min"), number(case, "max")).unwrap();
        assert_eq!(*lsns, range);
    }
    for case in cases["unbuildable"].as_array().unwrap() {
        assert!(build(case, 0).is_err(), "{case} was built");
    }
    for case in cases["unreadable"].as_array().unwrap() {
        let prefix = KeyPrefix::new(text(case, "prefix")).unwrap();
        assert!(ObjectKey::parse(&prefix, text(case, "key")).is_err(), "{case} was read");
    }
}

fn build(case: &Value, tenant_id: u64) -> Result<ObjectKey> {
    let lsns = LsnRange::new(number(case, "min"), number(case, "max"))?;
    let width = if case["padded"] == true { LsnWidth::Padded } else { LsnWidth::Unpadded };
    let prefix = KeyPrefix::new(text(case, "prefix"))?;
    ObjectKey::data(&prefix, tenant_id, text(case, "collection"), lsns, width)
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("{case} has no {field}"))
}

fn number(case: &Value, field: &str) -> u64 {
    text(case, field).parse().unwrap()
}
