//! Puts into tables: a file is checked before it is stored, and committed after.

use std::sync::Arc;

use bytes::Bytes;
use coldpress_core::table::{NewFile, Table, TableChange, TablePlace};
use coldpress_core::{KeyTarget, ObjectKey};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::claims::Claim;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::tables::columns::columns_of;
use crate::threads::blocking;

/// Added to the error of a commit whose files are stored.
const STORED: &str = "the rows are stored, and they are not in the table yet: run the same put \
    again, or adopt the file (`coldpress table adopt`, ColdStorage::adopt_table)";

/// The table that the files of a put go into.
#[derive(Debug)]
pub(crate) struct Entering<'s> {
    storage: &'s ColdStorage,
    place: TablePlace,
    /// As it was when the LSNs were claimed; `None`: the put makes it.
    table: Option<Arc<Table>>,
}

impl ColdStorage {
    /// Where this store makes tables: makes the table of a collection that has files and no log.
    /// Call it before a put claims its LSNs.
    pub(crate) async fn prepare_table(&self, tenant_id: u64, collection: &str) -> Result<()> {
        let place = self.table_place(tenant_id, collection)?;
        if !self.makes_tables() || self.tables().kept(&place).is_some() {
            return Ok(());
        }
        let found = self.listing().found(Some(tenant_id), Some(collection)).await?;
        let has_files = !found.contents.objects.is_empty();
        if has_files && self.table_found(&place, &found.logs).await?.is_none() {
            self.adopt_table(tenant_id, collection).await?;
        }
        Ok(())
    }

    /// The table that the files of a claim go into, if there is one, or if this store makes one.
    pub(crate) fn entering(&self, key: &ObjectKey, claim: &Claim) -> Result<Option<Entering<'_>>> {
        let table = claim.table.clone();
        match key.target() {
            KeyTarget::Data { tenant_id, collection, .. }
                if table.is_some() || self.makes_tables() =>
            {
                let place = self.table_place(*tenant_id, collection)?;
                Ok(Some(Entering { storage: self, place, table }))
            }
            _ => Ok(None),
        }
    }

    /// What the log is to say of a file that this process is about to store: its end, and its size.
    pub(crate) async fn new_file(
        &self,
        place: &TablePlace,
        key: &ObjectKey,
        tail: Bytes,
        bytes: u64,
        modified_ms: u64,
    ) -> Result<NewFile> {
        let (place, file) = (place.clone(), key.clone());
        let modified_ms = i64::try_from(modified_ms).unwrap_or(i64::MAX);
        let read = move || Ok(NewFile::read(&place, &file, &tail, bytes, modified_ms)?);
        blocking(read).await.map_err(|error| error.at(key.as_str()))
    }
}

impl Entering<'_> {
    /// What the log is to say of a file that is about to be stored, with this end and size.
    pub(crate) async fn file(&self, key: &ObjectKey, tail: Bytes, bytes: u64) -> Result<NewFile> {
        let now_ms = self.storage.clock().now_ms();
        self.storage.new_file(&self.place, key, tail, bytes, now_ms).await
    }

    /// Checks that these files fit into the table, before they are stored. A commit checks it again:
    /// other writers may be faster.
    pub(crate) async fn check(&self, files: Vec<NewFile>) -> Result<Vec<NewFile>> {
        let Some(table) = self.table.clone() else { return Ok(files) };
        let folder = self.place.folder().to_owned();
        blocking(move || {
            let log = table.place().log_folder();
            table.check_writable().map_err(|error| Error::from(error).at(log))?;
            let mut columns = columns_of(&table)?;
            for file in &files {
                let key = format!("{folder}{}", file.path());
                if let Some(removal) = table.removal(file.path()) {
                    return Err(was_removed(removal.version).at(key));
                }
                let grown = columns.with_file(file).map_err(|e| Error::from(e).at(key))?;
                columns = grown.unwrap_or(columns);
            }
            Ok(files)
        })
        .await
    }

    /// Commits files that are stored now.
    pub(crate) async fn commit(&self, files: Vec<NewFile>) -> Result<()> {
        let done = self.storage.tables().commit(&self.place, TableChange::append(files)).await;
        done.map(|_| ()).map_err(|error| error.with_note(STORED))
    }
}

fn was_removed(version: Option<u64>) -> Error {
    let by = version.map(|version| format!(", by version {version} of its log"));
    let message = format!(
        "the table has removed this file{}, and what was removed never comes back under its key; \
        give these rows other LSNs",
        by.unwrap_or_default()
    );
    Error::new(ErrorKind::Conflict, message)
}
