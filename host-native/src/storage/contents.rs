//! Lists the objects of a store, and checks that the store exists.

use coldpress_core::LsnRange;

use crate::error::Result;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::{Contents, StoredObject};

impl ColdStorage {
    /// The data files of a collection that hold any LSN of `lsns` (`None`: all), in the order of
    /// their LSNs.
    ///
    /// Returns all of them, or an error. Ignores names in the folder that are not our keys (a
    /// table's log, a foreign file). A folder that does not exist is empty.
    pub async fn list(
        &self,
        tenant_id: u64,
        collection: &str,
        lsns: Option<LsnRange>,
    ) -> Result<Vec<StoredObject>> {
        self.listing().collection(tenant_id, collection, lsns).await
    }

    /// Every object of ours: data in the order of tenant, collection and LSN, then segments of
    /// logs. With a tenant, only that tenant's data.
    pub async fn list_all(&self, tenant_id: Option<u64>) -> Result<Vec<StoredObject>> {
        self.listing().all(tenant_id).await
    }

    /// The contents of the store: of one tenant, of one collection, of both, or everything,
    /// segments of logs included.
    ///
    /// Returns all objects of ours, or an error. Foreign names are counted and listed, but not
    /// read. A folder that does not exist is empty; [`ColdStorage::require`] tells the two apart.
    pub async fn contents(
        &self,
        tenant_id: Option<u64>,
        collection: Option<&str>,
    ) -> Result<Contents> {
        self.listing().contents(tenant_id, collection).await
    }

    /// An error of kind [`NotFound`](crate::ErrorKind::NotFound) if the folder or the bucket of
    /// this store does not exist.
    ///
    /// The first put creates the folder, so a server may start without it, and its listings are
    /// empty until then. Call this before you check or read a store: a folder that is not mounted
    /// must not look like a store without problems.
    pub async fn require(&self) -> Result<()> {
        self.place().require(self.prefix().as_str()).await
    }
}
