//! Scans, in every store.

use coldpress::filter::Filter;
use coldpress::{ColdStorage, ColdStorageConfig, LsnRange, Query};
use serde_json::{Value, json};

/// Four files of fifty rows. Their LSNs are 0 to 199.
async fn stored(config: ColdStorageConfig) -> ColdStorage {
    let storage = ColdStorage::new(config).unwrap();
    for file in 0..4_u64 {
        let row = |n: u64| (format!("id {n}"), json!({"n": n, "part": {"half": n as f64 / 2.0}}));
        let rows: Vec<(String, Value)> = (file * 50..file * 50 + 50).map(row).collect();
        let (min, max) = (file * 50, file * 50 + 49);
        storage.encode_and_upload("c", 1, &rows, min, max).await.unwrap();
    }
    storage
}

async fn found(storage: &ColdStorage, query: Query) -> Vec<(String, Value)> {
    let mut scan = storage.scan(1, "c", query).await.unwrap();
    let mut found = Vec::new();
    while let Some(row) = scan.next().await.unwrap() {
        found.push((row.id().to_owned(), row.to_value().unwrap()));
    }
    found
}

pub async fn a_scan_gives_rows_in_order_by_what_is_asked(config: ColdStorageConfig) {
    let storage = stored(config).await;
    let all = found(&storage, Query::default()).await;
    let ids: Vec<String> = (0..200).map(|n| format!("id {n}")).collect();
    assert_eq!(all.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), ids);

    let mut query = Query::default();
    query.filter = Some(Filter::parse("part.half >= 49.5 and n <= 100").unwrap());
    query.columns = Some(vec!["part.half".parse().unwrap()]);
    let half = |n: u64| (format!("id {n}"), json!({"part": {"half": n as f64 / 2.0}}));
    assert_eq!(found(&storage, query).await, [half(99), half(100)]);

    let mut query = Query::default();
    query.lsns = Some(LsnRange::new(60, 60).unwrap());
    query.limit = Some(2);
    assert_eq!(found(&storage, query).await, all[50..52]);

    let mut query = Query::default();
    query.id = Some("id 123".to_owned());
    assert_eq!(found(&storage, query.clone()).await, all[123..124]);
    let key = storage.list(1, "c", None).await.unwrap()[2].key.clone();
    let mut scan = storage.scan_object(&key, query.clone()).await.unwrap();
    assert_eq!(scan.next().await.unwrap().unwrap().id(), "id 123");
    query.id = Some("id 1".to_owned());
    let mut scan = storage.scan_object(&key, query).await.unwrap();
    assert!(scan.next().await.unwrap().is_none());
}

pub async fn a_scan_that_is_dropped_stops(config: ColdStorageConfig) {
    let storage = stored(config).await;
    for rows in [0, 1, 51] {
        let mut scan = storage.scan(1, "c", Query::default()).await.unwrap();
        for _ in 0..rows {
            scan.next().await.unwrap().unwrap();
        }
    }
    assert_eq!(found(&storage, Query::default()).await.len(), 200);
}
