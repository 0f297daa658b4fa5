//! Rows into an S3 store and out again, as a server does it.
//!
//! `cargo run -p coldpress-examples --bin rows`

use coldpress::{ColdStorage, ColdStorageConfig, ErrorKind, Projection};
use coldpress_examples::{DevStore, Error};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let store = DevStore::start(folder.path()).await?;
    let (access_key, secret_key) = (store.credentials.access_key, store.credentials.secret_key);

    // The lines between `README` marks stand in README.md too.
    // README
    let config = ColdStorageConfig {
        endpoint: "https://s3.eu-central-1.amazonaws.com".into(),
        bucket: "cold".into(),
        region: "eu-central-1".into(),
        access_key,
        secret_key,
        ..ColdStorageConfig::default()
    };
    // END

    // No bucket of Amazon's for an example: the store on this machine, without TLS.
    let config = ColdStorageConfig { endpoint: store.endpoint, allow_http: true, ..config };

    let (tenant_id, min_lsn, max_lsn) = (7, 100, 102);
    let rows: &[(String, Value)] = &[
        ("u1".to_owned(), json!({ "name": "Ada", "born": 1815 })),
        ("u2".to_owned(), json!({ "name": "Grace", "langs": ["COBOL", "FLOW-MATIC"] })),
        // A stray value: it stays a string, and `born` stays a column of integers.
        ("u3".to_owned(), json!({ "name": "Alan", "born": "1912?" })),
    ];

    // README
    let storage = ColdStorage::new(config)?;
    // rows: &[(String, serde_json::Value)], or a Vec, which is not copied
    let key = storage.encode_and_upload("users", tenant_id, rows, min_lsn, max_lsn).await?;
    let names = storage.read_rows(&key, &Projection::Columns(vec!["name".into()])).await?;
    // END

    assert_eq!(key.to_string(), "data/7/users/lsn-100-102.parquet");
    assert_eq!(names[1], ("u2".to_owned(), json!({ "name": "Grace" })));
    println!("{} rows in {key}", names.len());

    // Every value comes back as it was, the stray one too.
    assert_eq!(storage.read_rows(&key, &Projection::All).await?, rows);

    // The same rows again are success, so that a retry is safe. Other rows are a conflict.
    let again = storage.encode_and_upload("users", tenant_id, rows, min_lsn, max_lsn).await?;
    assert_eq!(again, key);
    let other: &[(String, Value)] = &[("u1".to_owned(), json!({ "name": "Mallory" }))];
    let refused = storage.encode_and_upload("users", tenant_id, other, min_lsn, max_lsn).await;
    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Conflict));
    Ok(())
}
