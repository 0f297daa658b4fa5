//! Data that is no longer wanted, out of the store.

use coldpress_core::{KeyTarget, ObjectKey};

use crate::storage::{Backend, blocking};
use crate::{ColdStorage, Error, ErrorKind, Result};

/// Objects deleted with one request: as many as S3 takes.
const BATCH_OBJECTS: usize = 1_000;

impl ColdStorage {
    /// Deletes one data file of this store, for good. `key` is as [`ColdStorage::list`] gives it.
    ///
    /// Segments of logs, other prefixes and strangers' objects are refused. An object that is not there is
    /// gone already: success. In a local folder the deletion is on the disk before this returns.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.delete_all(&[ObjectKey::parse(self.prefix(), key)?], |_| {}).await
    }

    /// Deletes these data files, in their order, as [`ColdStorage::delete`] does, a thousand with each request.
    ///
    /// `deleted` is told of each that is gone, so that after an error, which names where it stopped, it is known
    /// what went before. All keys are checked before anything is deleted.
    pub async fn delete_all(
        &self,
        keys: &[ObjectKey],
        mut deleted: impl FnMut(&ObjectKey),
    ) -> Result<()> {
        keys.iter().try_for_each(|key| self.check_deletable(key))?;
        for batch in keys.chunks(BATCH_OBJECTS) {
            let outcomes = match self.backend() {
                Backend::Local(folder) => {
                    let (folder, batch) = (folder.clone(), batch.to_vec());
                    blocking(move || Ok(folder.delete(&batch))).await?
                }
                Backend::Remote(remote) => {
                    let keys: Vec<&str> = batch.iter().map(ObjectKey::as_str).collect();
                    remote.delete_many(&keys).await?
                }
            };
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

    /// Nothing but our own data is ever deleted.
    fn check_deletable(&self, key: &ObjectKey) -> Result<()> {
        let ours = ObjectKey::parse(self.prefix(), key.as_str())?;
        match ours.target() {
            KeyTarget::Data { .. } => Ok(()),
            KeyTarget::Wal { .. } => {
                let message = "this is a segment of a log, and only data files are deleted; if it must go, delete it with the store's own tools";
                Err(Error::new(ErrorKind::Key, message).at(key.as_str()))
            }
        }
    }
}
