//! A table as strangers' engines read it, in a folder and on a real S3 server: eight ways to read
//! Delta tables, each against the rows that were put.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use coldpress::{ColdStorage, ColdStorageConfig, NewFields, Settings};
use coldpress_tests::tools;
use common::seaweed::Seaweed;
use common::seaweed_config;
use serde_json::{Value, json};

const COLLECTION: &str = "films & more";
const TENANT: u64 = 7;

#[tokio::test]
async fn every_engine_reads_a_table_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let config = ColdStorageConfig { local_dir: Some(store.clone()), ..Default::default() };
    let storage = table_of(config).await;
    let place = store.join("data/7/films%20%26%20more");
    ask(&storage, place.to_str().unwrap(), folder.path(), |_| {}).await;
}

#[tokio::test]
async fn every_engine_reads_a_table_in_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let server = Seaweed::shared();
    let storage = table_of(seaweed_config(server, "engines/")).await;
    let place = format!("s3://{}/engines/7/films%20%26%20more", server.bucket);
    ask(&storage, &place, folder.path(), |python| {
        python
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", &server.region)
            .env("AWS_ACCESS_KEY_ID", &server.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &server.secret_key);
    })
    .await;
}

/// A table that has grown: columns came later and went missing, a value was rescued, and a file was
/// removed.
async fn table_of(config: ColdStorageConfig) -> ColdStorage {
    let storage = ColdStorage::new(ColdStorageConfig { table: true, ..config }).unwrap();
    let mut lsn = 0;
    for rows in [first(), gone(), second(), third()] {
        put(&storage, &rows, &mut lsn).await;
    }
    let gone = storage.list(TENANT, COLLECTION, None).await.unwrap().remove(1);
    storage.delete(&gone.key).await.unwrap();
    storage
}

/// Puts rows with the table's columns, as an append does.
async fn put(storage: &ColdStorage, rows: &[(&str, Value)], lsn: &mut u64) {
    let schema = storage.table_columns(TENANT, COLLECTION).await.unwrap();
    let settings = Settings { schema, new_fields: NewFields::Column, ..Settings::default() };
    let lsns = coldpress::LsnRange::new(*lsn, *lsn + rows.len() as u64 - 1).unwrap();
    let mut encoder = coldpress::Encoder::new(settings).unwrap();
    for (id, row) in rows {
        encoder.push_row(id, row).unwrap();
    }
    let file = encoder.finish(&storage.target(TENANT, COLLECTION, Some(lsns))).unwrap();
    storage.put_file(&file).await.unwrap();
    *lsn = lsns.max() + 1;
}

fn first() -> Vec<(&'static str, Value)> {
    vec![
        (
            "a",
            json!({"n": 1, "big": 9_007_199_254_740_993_i64, "x": 1.5, "title": "Ä b",
                "ok": true, "at": "2026-01-02T03:04:05.678Z", "day": "2026-01-02",
                "where": {"lat": 48.2, "city": "Wien"}, "tags": ["x", "y"]}),
        ),
        (
            "b",
            json!({"n": -5, "big": 2, "x": -0.25, "title": "", "ok": false,
                "at": "1999-12-31T23:59:59.000Z", "day": "1970-01-01",
                "where": {"lat": -1.0}, "tags": []}),
        ),
        ("c", json!({"n": 40, "title": "long text that statistics may cut somewhere".repeat(3)})),
    ]
}

fn gone() -> Vec<(&'static str, Value)> {
    vec![("gone", json!({"n": 77, "title": "removed"}))]
}

/// Columns that are new, with odd names; a text where the table has numbers.
fn second() -> Vec<(&'static str, Value)> {
    vec![
        ("d", json!({"n": "many", "title": "d", "neu, mit Komma": 5, "a.b": "dot"})),
        ("e", json!({"n": 3, "neu, mit Komma": -7, "where": {"zip": "1010"}, "日本": 2.5})),
    ]
}

fn third() -> Vec<(&'static str, Value)> {
    vec![
        ("f", json!({"title": "f"})),
        ("g", json!({"日本": -3.5, "neu, mit Komma": 1, "ok": true})),
    ]
}

/// Lets each engine compare the table with the rows.
async fn ask(storage: &ColdStorage, place: &str, folder: &Path, settle: impl Fn(&mut Command)) {
    let table = storage.table(TENANT, COLLECTION).await.unwrap().unwrap();
    let columns: Value = serde_json::from_str(&table.metadata().unwrap().schema_string).unwrap();
    let columns: Vec<&Value> =
        columns["fields"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    let schema = storage.table_columns(TENANT, COLLECTION).await.unwrap().unwrap();
    let types: Value = serde_json::from_str(&schema.to_json()).unwrap();
    // The files' rows follow one another, so that the bounds of each file are asked for.
    let files: Vec<usize> = [first(), second(), third()].iter().map(Vec::len).collect();
    let mut expected = json!({ "columns": columns, "types": types, "files": files }).to_string();
    for (id, mut row) in [first(), second(), third()].concat() {
        row["_id"] = json!(id);
        if id == "d" {
            row.as_object_mut().unwrap().remove("n");
            row["_rescued_data"] = json!(r#"{"n":"many"}"#);
        }
        expected.push('\n');
        expected.push_str(&row.to_string());
    }
    let file = folder.join("expected.ndjson");
    fs::write(&file, expected).unwrap();
    for (python, engines) in [
        (tools::tables(), "dataset,deltalake,polars,daft,datafusion,duckdb,sail"),
        (tools::python(), "chdb"),
    ] {
        let mut python = Command::new(python.unwrap_or_else(|wrong| panic!("{wrong}")));
        // Compiled scripts would be written beside the sources. chdb writes where it runs.
        python.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder);
        python.arg(tools::root().join("tests/interop/tables.py")).arg(place).arg(&file);
        settle(python.args(["--engines", engines]));
        let output = tokio::task::spawn_blocking(move || tools::run(&mut python)).await.unwrap();
        let output = output.unwrap_or_else(|wrong| panic!("{wrong}"));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let answers = said.as_object().unwrap();
        assert_eq!(answers.len(), engines.split(',').count(), "{said}");
        assert!(answers.values().all(|answer| answer == "ok"), "{said}");
    }
}
