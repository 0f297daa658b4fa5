//! Rows whose own types clash with those of a table.

use std::collections::HashSet;
use std::sync::Arc;

use coldpress_core::table::{Table, TablePlace};
use coldpress_core::{EncodedFile, NewFields, Schema, Settings};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::tables::columns::columns_of;

/// How many rows are looked at before other tasks run.
const ROWS_AT_ONCE: usize = 1_024;

impl ColdStorage {
    /// The settings that give these rows the types of their table, if that is why a put of their
    /// file was refused.
    ///
    /// Only the table's columns that the rows have are given. So the same rows make the same file
    /// again, whatever columns the table gets from others in the meantime.
    pub(in crate::storage) async fn settings_of_table(
        &self,
        place: &TablePlace,
        file: &EncodedFile,
        rows: &[(String, Value)],
        refused: &Error,
    ) -> Result<Option<Settings>> {
        let (true, Some(table)) =
            (refused.kind() == ErrorKind::Conflict, self.tables().kept(place))
        else {
            return Ok(None);
        };
        if !self.clashes(&table, file).await? {
            return Ok(None);
        }
        let names = names_of(rows).await;
        let columns = columns_of(&table)?;
        let is_there = |name: &str| names.contains(name.to_lowercase().as_str());
        let columns = columns.schema().columns().iter().filter(|column| is_there(&column.name));
        // As inferred: then a file has `_rescued_data` only if it needs it.
        let schema = Schema::new(columns.cloned().collect())?.with_inferred(true);
        let given = self.settings.clone();
        Ok(Some(Settings { schema: Some(schema), new_fields: NewFields::Column, ..given }))
    }

    async fn clashes(&self, table: &Arc<Table>, file: &EncodedFile) -> Result<bool> {
        let (key, bytes) = (&file.key, file.bytes.clone());
        let length = bytes.len() as u64;
        let file = self.new_file(table.place(), key, bytes, length, 0).await?;
        Ok(columns_of(table)?.with_file(&file).is_err())
    }
}

/// The names of all fields of these rows, in lower case: names that differ only in case are one
/// column.
async fn names_of(rows: &[(String, Value)]) -> HashSet<String> {
    let mut names = HashSet::new();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let fields = rows.iter().filter_map(|(_, document)| document.as_object());
        for name in fields.flat_map(|fields| fields.keys()) {
            let name = name.to_lowercase();
            if !names.contains(&name) {
                names.insert(name);
            }
        }
        tokio::task::yield_now().await;
    }
    names
}
