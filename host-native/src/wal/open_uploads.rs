//! Open multipart uploads of segments: a crashed archiver left them, or another one runs now.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use coldpress_core::{ArchivedSegment, ObjectKey};

use crate::store::place::Store;
use crate::store::s3::multipart;
use crate::store::s3::multipart::ABORT_PATIENCE;
use crate::wal::archive::Archive;

/// The keys that had open uploads in the last listing. Once a key has an object, nobody can
/// complete its uploads any more. Before that, another archiver may.
#[derive(Debug, Default)]
pub(super) struct OpenUploads(Mutex<HashSet<String>>);

impl OpenUploads {
    /// Lists them. Without the permission to do so, the log is archived even so.
    pub(super) async fn look(&self, archive: &Archive<'_>) {
        let Store::S3(s3) = archive.storage.place() else { return };
        let patience = s3.patience().min(ABORT_PATIENCE);
        let found = async { multipart::list(s3, &archive.folder()?, patience).await };
        match found.await {
            Ok(uploads) => *self.keys() = uploads.into_iter().map(|upload| upload.key).collect(),
            Err(error) => {
                tracing::warn!(%error, "could not list open uploads; parts may stay in the store");
            }
        }
    }

    /// Aborts the uploads of segments that are archived.
    pub(super) async fn sweep(&self, archive: &Archive<'_>, archived: &[ArchivedSegment]) {
        if self.keys().is_empty() {
            return;
        }
        for segment in archived.iter().filter(|segment| segment.bytes.is_some()) {
            if let Ok(key) = archive.key(&segment.name) {
                self.stored(archive, &key).await;
            }
        }
    }

    /// After an object was stored at this key: aborts the other uploads of the key.
    pub(super) async fn stored(&self, archive: &Archive<'_>, key: &ObjectKey) {
        let was_left = self.keys().remove(key.as_str());
        if let (true, Store::S3(s3)) = (was_left, archive.storage.place()) {
            multipart::abort_all_at(s3, key.as_str()).await;
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
