//! Deletes data files.

use coldpress_core::{KeyTarget, ObjectKey};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::key::ToKey;

/// How many objects one request deletes: as many as S3 allows.
const BATCH_OBJECTS: usize = 1_000;

impl ColdStorage {
    /// Deletes one data file of this store for ever. `key` is a key as [`ColdStorage::list`] gives
    /// it.
    ///
    /// Refuses segments of logs, other prefixes and foreign objects. If the object does not exist,
    /// that is success. In a local folder, the deletion is durable before this returns.
    pub async fn delete(&self, key: impl ToKey) -> Result<()> {
        self.delete_all(&[self.own_key(&key)?.into_owned()], |_| {}).await
    }

    /// Deletes these data files in order, as [`ColdStorage::delete`] does, a thousand with each
    /// request.
    ///
    /// Calls `deleted` for each file that is gone. So after an error, which names the key where it
    /// stopped, the caller knows which files are deleted. All keys are checked before anything is
    /// deleted.
    pub async fn delete_all(
        &self,
        keys: &[ObjectKey],
        mut deleted: impl FnMut(&ObjectKey),
    ) -> Result<()> {
        keys.iter().try_for_each(|key| self.check_deletable(key))?;
        for batch in keys.chunks(BATCH_OBJECTS) {
            let outcomes = self.place().delete(batch).await?;
            let mut first_error = None;
            for (key, outcome) in batch.iter().zip(outcomes) {
                match outcome {
                    Ok(()) => {
                        tracing::info!(%key, "deleted");
                        deleted(key);
                    }
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
            first_error.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Checks that this is a data file of our own: nothing else is ever deleted.
    fn check_deletable(&self, key: &ObjectKey) -> Result<()> {
        let ours = ObjectKey::parse(self.prefix(), key.as_str())?;
        match ours.target() {
            KeyTarget::Data { .. } => Ok(()),
            KeyTarget::Wal { .. } => {
                let message = "this is a segment of a log, and this call deletes only data files; \
                    use `coldpress wal rm` (WalArchiver::remove) for segments";
                Err(Error::new(ErrorKind::Key, message).at(key.as_str()))
            }
        }
    }
}
