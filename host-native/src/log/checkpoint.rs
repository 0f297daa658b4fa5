//! Writes checkpoints, so that the next reader needs few entries.

use std::sync::Arc;

use bytes::Bytes;
use coldpress_core::table::{
    LAST_CHECKPOINT, PutAnswer, Table, checkpoint_name, write_checkpoint, write_last_checkpoint,
};

use crate::error::{Error, ErrorKind, Result};
use crate::log::tables::Tables;
use crate::quiet::quietly;
use crate::threads::blocking;

impl Tables {
    /// Writes the checkpoint of this version of a table, and names it as the newest one. If that
    /// fails, readers need more entries, and nothing is lost: so a failure is only a warning.
    pub(super) async fn write_checkpoint(&self, table: Arc<Table>) {
        let log = table.place().log_folder();
        // It keeps all tombstones: they are all that says of an object that it was removed.
        match self.checkpoint(table, i64::MIN).await {
            Ok(version) => tracing::info!(log, version, "wrote a checkpoint"),
            Err(error) => tracing::warn!(
                log,
                %error,
                "could not write a checkpoint; the table is whole, and reading it takes longer"
            ),
        }
    }

    /// The same, without the tombstones of files that were removed before this time, in milliseconds
    /// since 1970.
    pub(super) async fn checkpoint(
        &self,
        table: Arc<Table>,
        keep_removed_since_ms: i64,
    ) -> Result<u64> {
        let folder = self.store().folder(table.place());
        let written = Arc::clone(&table);
        let making = move || Ok(quietly(|| write_checkpoint(&written, keep_removed_since_ms))?);
        let made = blocking(making).await?;
        let name = checkpoint_name(made.version);
        // Another writer's checkpoint of the same version is as good.
        if folder.put_new(&name, &made.bytes).await? == PutAnswer::Unknown {
            let message = "the store did not say whether it has stored the checkpoint";
            return Err(Error::new(ErrorKind::Unavailable, message).at(folder.path_of(&name)));
        }
        let hint = Bytes::from(write_last_checkpoint(&made.hint()));
        folder.put_over(LAST_CHECKPOINT, &hint).await?;
        Ok(made.version)
    }
}
