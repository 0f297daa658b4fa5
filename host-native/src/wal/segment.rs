//! Uploads one segment, without an archiver.

use std::path::Path;

use coldpress_core::ObjectKey;

use crate::error::Result;
use crate::storage::cold_storage::ColdStorage;
use crate::wal::archive::{Archive, Recorded};

impl ColdStorage {
    /// Stores one segment of a write-ahead log unchanged, with a record of its length and checksum
    /// beside it, and returns its key. [`WalArchiver`](crate::WalArchiver) archives a whole folder.
    ///
    /// A segment whose name is too long for a record is stored without one.
    pub async fn upload_wal_segment(
        &self,
        segment_path: &Path,
        segment_name: &str,
    ) -> Result<ObjectKey> {
        let key = ObjectKey::wal(self.prefix(), None, segment_name)?;
        let archive = Archive { storage: self, node: None };
        let put = archive.put(&key, segment_path, None, Recorded::WherePossible, None).await?;
        tracing::info!(%key, checksum = %put.checksum, outcome = ?put.outcome, "stored a segment");
        Ok(key)
    }
}
