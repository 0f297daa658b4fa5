//! The columns that an append keeps.

use coldpress_core::ReadLimits;

use crate::error::{ErrorKind, Result};
use crate::storage::list::found::StoredObject;
use crate::storage::stream::row_stream::RowStream;

impl RowStream<'_> {
    /// Keeps the columns of the last of these files, or of the last one whose LSNs are all lower
    /// than `before`. One read of its end: its size is known.
    pub(super) async fn keep_columns(
        &mut self,
        files: &[StoredObject],
        before: Option<u64>,
    ) -> Result<()> {
        let highest = |file: &&StoredObject| {
            let lsns = file.key.lsns()?;
            before.is_none_or(|before| lsns.max() < before).then_some(lsns.max())
        };
        let last = files.iter().filter(|file| highest(file).is_some()).max_by_key(highest);
        let Some(last) = last.filter(|_| self.keeps_columns) else { return Ok(()) };
        let read = self.storage.footer_of(&last.key, last.bytes, &ReadLimits::default()).await;
        let footer = read.map_err(|error| match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Limit => error.with_note(
                "an append keeps the columns of this file, the last one of its collection; restore \
                 it, or give a schema, or have the columns inferred anew (new_schema)",
            ),
            _ => error,
        })?;
        let schema = footer.schema().clone();
        self.encode(move |encoder| encoder.keep_columns(&schema)).await
    }
}
