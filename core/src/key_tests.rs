use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

fn data(collection: &str) -> Result<ObjectKey> {
    ObjectKey::data(&KeyPrefix::default(), 3, collection, LsnRange::new(1, 2)?, LsnWidth::Unpadded)
}

#[test]
fn fault_names_with_percent_hash_dots_and_slashes_stay_one_part() {
    for (name, part) in [
        ("%", "%25"),
        ("#", "%23"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("...", "..."),
        ("a/b", "a%2Fb"),
        ("../../etc", "..%2F..%2Fetc"),
        ("é", "%C3%A9"),
        ("a%2Fb", "a%252Fb"),
        ("a b\\c\0", "a%20b%5Cc%00"),
    ] {
        let key = data(name).unwrap();
        assert_eq!(key.as_str(), format!("3/{part}/lsn-1-2.parquet"));
        assert_eq!(ObjectKey::parse(&KeyPrefix::default(), key.as_str()).unwrap(), key);
        let segment = ObjectKey::wal(&KeyPrefix::default(), None, name).unwrap();
        assert_eq!(segment.as_str(), format!("wal/{part}"));
    }
}

#[test]
fn fault_an_empty_name_is_an_error() {
    assert_eq!(data("").unwrap_err().kind(), ErrorKind::Key);
    let prefix = KeyPrefix::default();
    assert!(ObjectKey::wal(&prefix, None, "").is_err());
    assert!(ObjectKey::wal(&prefix, Some(""), "s").is_err());
}

#[test]
fn fault_min_above_max_is_an_error() {
    let error = LsnRange::new(2, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
    assert!(error.to_string().contains("2..1"));
}

#[test]
fn a_name_longer_than_a_file_name_is_an_error() {
    assert!(data(&"a".repeat(255)).is_ok());
    assert!(data(&"a".repeat(256)).is_err());
    assert!(data(&"é".repeat(43)).is_err(), "six bytes each once encoded");
}

#[test]
fn padded_keys_sort_as_their_lsns_do() {
    let prefix = KeyPrefix::new("x/y").unwrap();
    let key = |min, max| {
        ObjectKey::data(&prefix, 0, "c", LsnRange::new(min, max).unwrap(), LsnWidth::Padded)
            .unwrap()
    };
    assert_eq!(
        key(9, 10).as_str(),
        "x/y/0/c/lsn-00000000000000000009-00000000000000000010.parquet"
    );
    assert!(key(9, 10).as_str() < key(10, 11).as_str());
    assert_eq!(ObjectKey::parse(&prefix, key(9, u64::MAX).as_str()).unwrap(), key(9, u64::MAX));
}

#[test]
fn paths_that_building_never_makes_are_refused() {
    let prefix = KeyPrefix::new("p/").unwrap();
    for path in [
        "",
        "p/",
        "q/0/c/lsn-1-2.parquet",
        "p/00/c/lsn-1-2.parquet",
        "p/+1/c/lsn-1-2.parquet",
        "p/0/c/lsn-01-2.parquet",
        "p/0/c/lsn-2-1.parquet",
        "p/0/c/lsn-1-2.parquet/x",
        "p/0/%2f/lsn-1-2.parquet",
        "p/0/%41/lsn-1-2.parquet",
        "p/0/../lsn-1-2.parquet",
        "p/0//lsn-1-2.parquet",
        "p/0/%/lsn-1-2.parquet",
        "p/0/%FF/lsn-1-2.parquet",
        "p/0/c/lsn-1-18446744073709551616.parquet",
        "p/wal",
        "p/wal/",
        "p/wal/a/b/c",
        "p/0/c/lsn-00000000000000000009-10.parquet",
        "p/0/c/lsn-1-2.PARQUET",
    ] {
        assert!(ObjectKey::parse(&prefix, path).is_err(), "{path:?} was taken");
    }
}

#[test]
fn prefixes_cannot_climb() {
    for prefix in ["/", "/a", "a//b", "..", "a/../b", "a\\b", "a\n", "./a"] {
        assert!(KeyPrefix::new(prefix).is_err(), "{prefix:?} was taken");
    }
    assert_eq!(KeyPrefix::new("a/b").unwrap().as_str(), "a/b/");
}

proptest! {
    #[test]
    fn keys_round_trip(
        tenant in any::<u64>(), name in ".{1,20}", a in any::<u64>(), b in any::<u64>(),
        padded in any::<bool>(), node in proptest::option::of(".{1,20}"),
    ) {
        let prefix = KeyPrefix::new("some/prefix/").unwrap();
        let width = if padded { LsnWidth::Padded } else { LsnWidth::Unpadded };
        let lsns = LsnRange::new(a.min(b), a.max(b)).unwrap();
        let key = ObjectKey::data(&prefix, tenant, &name, lsns, width).unwrap();
        prop_assert_eq!(ObjectKey::parse(&prefix, key.as_str()).unwrap(), key.clone());
        prop_assert_eq!(key.as_str().matches('/').count(), 4, "one part for each name");
        let wal = ObjectKey::wal(&prefix, node.as_deref(), &name).unwrap();
        prop_assert_eq!(ObjectKey::parse(&prefix, wal.as_str()).unwrap(), wal);
    }

    #[test]
    fn what_parses_is_built_the_same(path in "[0-9a-z%./#A-F-]{0,40}") {
        let prefix = KeyPrefix::default();
        if let Ok(key) = ObjectKey::parse(&prefix, &path) {
            let built = match key.target() {
                KeyTarget::Wal { node, segment } => {
                    ObjectKey::wal(&prefix, node.as_deref(), segment).unwrap()
                }
                KeyTarget::Data { tenant_id, collection, lsns } => {
                    let width = LsnWidth::Unpadded;
                    ObjectKey::data(&prefix, *tenant_id, collection, *lsns, width).unwrap()
                }
            };
            prop_assert_eq!(built, key);
        }
    }
}

#[test]
fn notes_of_a_collection_are_ours_and_no_keys() {
    let prefix = KeyPrefix::new("p/").unwrap();
    let claims = ObjectKey::claims_folder(&prefix, 7, "a b").unwrap();
    assert_eq!(claims, "p/7/a%20b/_claims/");
    let record = ObjectKey::append_record(&prefix, 7, "a b", "x/y").unwrap();
    assert_eq!(record, "p/7/a%20b/_appends/x%2Fy");
    for path in [format!("{claims}lsn-0-9-append-00"), record] {
        assert!(ObjectKey::is_note(&prefix, &path), "{path}");
        assert!(ObjectKey::parse(&prefix, &path).is_err(), "{path}");
    }
    for path in [
        "p/7/c/_claims/",
        "p/7/c/_claims/a/b",
        "p/7/c/_other/a",
        "p/x/c/_claims/a",
        "7/c/_claims/a",
    ] {
        assert!(!ObjectKey::is_note(&prefix, path), "{path}");
    }
    assert!(ObjectKey::append_record(&prefix, 7, "c", "").is_err());
}
