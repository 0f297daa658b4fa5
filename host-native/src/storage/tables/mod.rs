//! Collections as tables: what their logs say, and commits to them.

mod adopt;
mod clash;
pub(crate) mod columns;
mod compact;
pub(crate) mod enter;
mod erase;
mod erase_search;
pub(crate) mod live;
mod purge;
mod rewrite;
mod rewrite_claims;
mod vacuum;
mod verify;

use std::sync::Arc;

use coldpress_core::Schema;
use coldpress_core::table::{Table, TablePlace, TableVersion};

pub use adopt::{Adopted, Entered, NotAdopted};
pub use compact::{CompactOptions, Compacted, CompactedFile, NotCompacted};
pub use erase::{EraseOptions, Erased, ErasedFile};
pub use erase_search::EraseRows;
pub use purge::EraseProof;
pub use vacuum::{VacuumOptions, Vacuumed, VacuumedFile};
pub use verify::{TableDamage, TableVerified};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::tables::columns::columns_of;

impl ColdStorage {
    /// The newest version of a collection's table; `None` if the collection has no log.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the log is damaged; the error names the object. `Settings` if another engine
    /// gave the table a feature that we do not read.
    pub async fn table(&self, tenant_id: u64, collection: &str) -> Result<Option<Arc<Table>>> {
        self.tables().open(&self.table_place(tenant_id, collection)?).await
    }

    /// The table as it was at this version; `None` if the collection has no log. An error of kind
    /// `NotFound` if the log does not reach back so far, or has no such version yet.
    pub async fn table_at(
        &self,
        tenant_id: u64,
        collection: &str,
        version: u64,
    ) -> Result<Option<Arc<Table>>> {
        let place = self.table_place(tenant_id, collection)?;
        self.tables().at(&place, version).await
    }

    /// The newest versions of a collection's table, the newest first, at most `limit`. Versions
    /// whose entries were removed from the log are left out. Empty if there is no log.
    pub async fn table_history(
        &self,
        tenant_id: u64,
        collection: &str,
        limit: usize,
    ) -> Result<Vec<TableVersion>> {
        match self.table(tenant_id, collection).await? {
            Some(table) => self.tables().history(&table, limit).await,
            None => Ok(Vec::new()),
        }
    }

    /// The columns of a collection's table; `None` if the collection has no log.
    ///
    /// With them as [`Settings::schema`](coldpress_core::Settings::schema), and with
    /// [`NewFields::Column`](coldpress_core::NewFields::Column), a file fits the table: values of
    /// other types are rescued.
    pub async fn table_columns(&self, tenant_id: u64, collection: &str) -> Result<Option<Schema>> {
        match self.table(tenant_id, collection).await? {
            Some(table) => Ok(Some(columns_of(&table)?.schema().clone())),
            None => Ok(None),
        }
    }
}

/// The error that a collection is no table.
fn no_log(place: &TablePlace) -> Error {
    let message = "the collection is no table: it has no log; `coldpress table adopt` \
        (ColdStorage::adopt_table) makes one";
    Error::new(ErrorKind::NotFound, message).at(place.log_folder())
}
