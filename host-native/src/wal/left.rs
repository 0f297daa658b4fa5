//! Multipart uploads of segments that nobody has ended: an archiver that was killed, or one that is at it just now.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use coldpress_core::{ArchivedSegment, ObjectKey};

use super::archive::Archive;
use crate::storage::Backend;
use crate::uploads::{self, ABORT_PATIENCE};

/// The keys that had such uploads when they were looked for last. Once an object lies at a key, none of its uploads is of
/// use to anybody, and not before.
#[derive(Debug, Default)]
pub(super) struct Left(Mutex<HashSet<String>>);

impl Left {
    /// Looks for them. Where that may not be done the log is archived all the same.
    pub(super) async fn look(&self, archive: &Archive<'_>) {
        let Backend::Remote(remote) = archive.storage.backend() else { return };
        let patience = remote.patience().min(ABORT_PATIENCE);
        let found = async { uploads::list(remote, &archive.folder()?, patience).await };
        match found.await {
            Ok(uploads) => *self.keys() = uploads.into_iter().map(|upload| upload.key).collect(),
            Err(error) => {
                tracing::warn!(%error, "parts that killed archivers left may stay in the store");
            }
        }
    }

    /// Takes away those of segments that are archived.
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

    /// An object lies at this key now.
    pub(super) async fn stored(&self, archive: &Archive<'_>, key: &ObjectKey) {
        let was_left = self.keys().remove(key.as_str());
        if let (true, Backend::Remote(remote)) = (was_left, archive.storage.backend()) {
            uploads::sweep(remote, key.as_str()).await;
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
