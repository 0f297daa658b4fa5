//! A write-ahead log into the archive, and back after the machine is lost.
//!
//! `cargo run -p coldpress-examples --bin wal_archive`

use std::fs;
use std::path::Path;
use std::sync::Arc;

use coldpress::{ColdStorage, ColdStorageConfig, SealedRule, WalArchiver, WalRange, WalSettings};
use coldpress_examples::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let place = tempfile::tempdir()?;
    let (log, store) = (place.path().join("wal"), place.path().join("store"));
    fs::create_dir(&log)?;
    for segment in ["000001.log", "000002.log", "000003.log"] {
        fs::write(log.join(segment), format!("records of {segment}\n").repeat(1_000))?;
    }
    let config = ColdStorageConfig { local_dir: Some(store), ..ColdStorageConfig::default() };
    let storage = Arc::new(ColdStorage::new(config)?);
    let archiver = WalArchiver::new(storage, Some("db-1"))?;

    // The newest segment is still written to; this rule archives those before it. `watch` does the
    // same as the log grows, until it is told to stop.
    let told = |event: coldpress::WalEvent<'_>| println!("{event}");
    let settings = WalSettings::default();
    let summary = archiver.archive(&log, &settings, told).await?;
    assert_eq!((summary.segments, summary.created), (2, 2));

    // All state lies in the folder and the store: run it again at any time.
    let summary = archiver.archive(&log, &settings, told).await?;
    assert_eq!((summary.segments, summary.created), (2, 0));

    // Is every archived segment whole, and the same as in the folder?
    let checks = archiver.verify(Some((&log, SealedRule::Last)), |_| ()).await?;
    assert!(checks.iter().all(|check| !check.state.is_bad()), "{checks:?}");

    // The machine is lost. Another one brings the log back, each segment verified.
    let restored = place.path().join("restored");
    fs::create_dir(&restored)?;
    let segments = archiver.restore(&restored, &WalRange::default(), |_| ()).await?;
    assert_eq!(segments.len(), 2);
    for segment in &segments {
        assert_eq!(bytes_of(&restored, &segment.name)?, bytes_of(&log, &segment.name)?);
    }
    println!("{} segments are back", segments.len());
    Ok(())
}

fn bytes_of(folder: &Path, name: &str) -> Result<Vec<u8>, Error> {
    Ok(fs::read(folder.join(name))?)
}
