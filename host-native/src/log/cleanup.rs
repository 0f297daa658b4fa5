//! Reads the whole history that a log still has, and deletes what nobody needs of it. Core says what
//! that is.

use std::sync::Arc;

use coldpress_core::table::{
    ListedObject, Retention, Table, TablePlace, TableReader, checkpoint_name, needless_log,
    read_checkpoint,
};
use object_store::{Error as StoreError, ObjectStoreExt};

use crate::error::{Error, ErrorKind, Result};
use crate::log::folder::LogFolder;
use crate::log::tables::Tables;
use crate::quiet::quietly;
use crate::store::path::store_path;
use crate::threads::blocking;

/// The most bytes of a checkpoint, as core reads it.
const CHECKPOINT_BYTES_MAX: u64 = 1 << 30;

impl Tables {
    /// The newest version of a table, read from this version on entry by entry. So it knows of each
    /// removal since then in which version it was.
    pub(crate) async fn with_history(
        &self,
        place: &TablePlace,
        begin: u64,
    ) -> Result<Option<Arc<Table>>> {
        let Some(table) = self.at(place, begin).await? else { return Ok(None) };
        let newest = self.read(place, TableReader::replay(table)).await?;
        if let Some(table) = &newest {
            self.keep(table);
        }
        Ok(newest)
    }

    /// The newest version of a table, read as by somebody who knows nothing of it.
    pub(crate) async fn fresh(&self, place: &TablePlace) -> Result<Option<Arc<Table>>> {
        self.read(place, TableReader::new(place.clone())).await
    }

    /// Writes a checkpoint of this version that forgets what was removed before this time, in
    /// milliseconds since 1970, and reads it back.
    pub(crate) async fn checked_checkpoint(
        &self,
        table: &Arc<Table>,
        keep_removed_since_ms: i64,
    ) -> Result<u64> {
        let version = self.checkpoint(Arc::clone(table), keep_removed_since_ms).await?;
        let folder = self.store().folder(table.place());
        let name = checkpoint_name(version);
        let Some(bytes) = folder.get(&name, CHECKPOINT_BYTES_MAX).await? else {
            let message = "this checkpoint was just written, and it is not there; try again";
            return Err(Error::new(ErrorKind::Unavailable, message).at(folder.path_of(&name)));
        };
        let reading = blocking(move || Ok(quietly(|| read_checkpoint(bytes)).map(drop)?));
        reading.await.map_err(|error| error.at(folder.path_of(&name)))?;
        Ok(version)
    }

    /// Deletes the entries and checkpoints that are needless with this checkpoint, in their order.
    /// Gives their names.
    pub(crate) async fn delete_needless(
        &self,
        place: &TablePlace,
        listed: &[ListedObject],
        checkpoint: u64,
        retention: &Retention,
    ) -> Result<Vec<String>> {
        let folder = self.store().folder(place);
        let names = needless_log(listed, checkpoint, retention);
        for name in &names {
            self.delete_one(&folder, name).await?;
        }
        Ok(names)
    }

    async fn delete_one(&self, folder: &LogFolder<'_>, name: &str) -> Result<()> {
        let path = folder.path_of(name);
        let location = store_path(&path)?;
        let deleting = self.store().store.delete(&location);
        let limit = std::time::Duration::from_millis(self.store().limit_ms);
        let doing = "delete an old part of the table's log";
        let errors = &self.store().errors;
        match tokio::time::timeout(limit, deleting).await {
            Ok(Ok(()) | Err(StoreError::NotFound { .. })) => Ok(()),
            Ok(Err(error)) => Err(errors.error(&error, doing, &path)),
            Err(_) => Err(errors.too_slow(doing, &path, self.store().limit_ms)),
        }
    }
}
