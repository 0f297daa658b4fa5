//! Deletes data files.

use coldpress_core::table::{TableChange, TablePlace};
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
    ///
    /// If the collection has a log, this commits that the file is removed from the table, and the
    /// object stays: readers of an older version may still need it, and a vacuum deletes it later.
    pub async fn delete(&self, key: impl ToKey) -> Result<()> {
        self.delete_all(&[self.own_key(&key)?.into_owned()], |_| {}).await
    }

    /// Deletes these data files in order, as [`ColdStorage::delete`] does, a thousand with each
    /// request or commit.
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
        for batch in keys.chunk_by(|a, b| folder_of(a) == folder_of(b)) {
            let Some(first) = batch.first() else { continue };
            let here = self.place_of(first)?;
            let has_log = self.tables().open(&here).await?.is_some();
            for batch in batch.chunks(BATCH_OBJECTS) {
                match has_log {
                    true => self.remove(&here, batch, &mut deleted).await?,
                    false => self.delete_objects(batch, &mut deleted).await?,
                }
            }
        }
        Ok(())
    }

    /// Deletes objects, whatever the log of their table says.
    pub(super) async fn delete_objects(
        &self,
        keys: &[ObjectKey],
        deleted: &mut impl FnMut(&ObjectKey),
    ) -> Result<()> {
        let outcomes = self.place().delete(keys).await?;
        let mut first_error = None;
        for (key, outcome) in keys.iter().zip(outcomes) {
            match outcome {
                Ok(()) => {
                    tracing::info!(%key, "deleted");
                    deleted(key);
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Commits that files are removed from their table.
    async fn remove(
        &self,
        place: &TablePlace,
        keys: &[ObjectKey],
        deleted: &mut impl FnMut(&ObjectKey),
    ) -> Result<()> {
        let paths = keys.iter().filter_map(|key| place.path_of(key)).map(str::to_owned);
        self.tables().commit(place, TableChange::remove(paths.collect())).await?;
        for key in keys {
            tracing::info!(%key, "removed from the table");
            deleted(key);
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

/// The folder of a key.
fn folder_of(key: &ObjectKey) -> &str {
    key.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}
