//! Shared by the test programs. Each uses a part of it.
#![allow(dead_code)]

pub mod bare;
pub mod child;
pub mod client;
pub mod conformance;
pub mod fake_aws;
pub mod gate;
pub mod lifecycle;
pub mod proxy;
pub mod s3;
pub mod scan;
pub mod seaweed;
pub mod signed;
pub mod stub;
pub mod wal;
pub mod wal_more;

#[path = "../../../bench/src/prng.rs"]
pub mod prng;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use std::time::Duration;

use coldpress::{ColdStorage, ColdStorageConfig};
use coldpress_core::{EncodedFile, Encoder, LsnRange, Settings};
use serde_json::{Value, json};

/// What takes longer than this hangs. No test may depend on the speed of a machine, so no time
/// limit is shorter.
pub const HANG: Duration = Duration::from_secs(300);

/// A configuration for a store on this machine. Its timeouts are long, because the machine may be
/// busy with other work.
pub fn s3_config(endpoint: &str, prefix: &str) -> ColdStorageConfig {
    ColdStorageConfig {
        endpoint: endpoint.to_owned(),
        bucket: "data".to_owned(),
        prefix: prefix.to_owned(),
        access_key: "AK-in-the-clear".to_owned(),
        secret_key: "SK-in-the-clear".to_owned(),
        session_token: "ST-in-the-clear".to_owned(),
        allow_http: true,
        connect_timeout: Duration::from_millis(20_000),
        timeout: Duration::from_millis(20_000),
        retry_timeout: Duration::from_millis(20_000),
        ..ColdStorageConfig::default()
    }
}

/// The same with short timeouts, for tests that wait for them.
pub fn hasty_config(endpoint: &str, prefix: &str) -> ColdStorageConfig {
    ColdStorageConfig {
        connect_timeout: Duration::from_millis(1_000),
        timeout: Duration::from_millis(2_000),
        retry_timeout: Duration::from_millis(1_000),
        ..s3_config(endpoint, prefix)
    }
}

/// A configuration for a real S3 server.
pub fn seaweed_config(server: &seaweed::Seaweed, prefix: &str) -> ColdStorageConfig {
    ColdStorageConfig {
        bucket: server.bucket.clone(),
        access_key: server.access_key.clone(),
        secret_key: server.secret_key.clone(),
        session_token: String::new(),
        region: server.region.clone(),
        ..s3_config(&server.endpoint, prefix)
    }
}

pub fn local_config(folder: &std::path::Path) -> ColdStorageConfig {
    ColdStorageConfig { local_dir: Some(folder.to_owned()), ..ColdStorageConfig::default() }
}

/// `count` rows that differ with `seed`.
pub fn rows(count: usize, seed: u64) -> Vec<(String, Value)> {
    (0..count)
        .map(|n| (format!("row-{n}"), json!({ "n": n, "seed": seed, "text": format!("t{n}") })))
        .collect()
}

pub fn encoded(
    storage: &ColdStorage,
    collection: &str,
    lsns: LsnRange,
    rows: &[(String, Value)],
) -> EncodedFile {
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    for (id, document) in rows {
        encoder.push_row(id, document).unwrap();
    }
    encoder.finish(&storage.target(1, collection, Some(lsns))).unwrap()
}

/// The whole text of an error, with its sources.
pub fn shown(error: &coldpress::Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

/// Collects traced events.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Vec<u8>>>);

impl Trace {
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
