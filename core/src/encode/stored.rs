//! Rows that were stored before, with ids that need not be in their documents.

use super::stream::StreamEncoder;
use crate::Result;

impl StreamEncoder {
    /// Keeps all ids in the column `_id`, also where the documents have them in a field of their
    /// own. Call it before the first row.
    ///
    /// Without it, the first rows of a file decide where the ids of all its rows are, and rows that
    /// have theirs elsewhere begin another file.
    pub(crate) fn keep_ids_apart(&mut self) {
        self.ids_apart = true;
    }

    /// Takes one row: its id, and its document as JSON text.
    pub(crate) fn push_stored(&mut self, id: &str, document: &[u8]) -> Result<()> {
        self.check()?;
        let room = self.intake.no_open_text().and_then(|()| self.make_room());
        let pushed = room.and_then(|()| self.intake.stored(id, document));
        self.intake.note(pushed)
    }
}
