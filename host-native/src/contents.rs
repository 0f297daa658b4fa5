//! What lies in a store, and whether the store is there at all.

use std::sync::Arc;

use crate::listing::Contents;
use crate::storage::Backend;
use crate::threads::blocking;
use crate::{ColdStorage, Result};

impl ColdStorage {
    /// What lies in the store: of one tenant, of one collection, of both, or all, segments of logs
    /// too.
    ///
    /// All that is ours, or an error. Names that are not ours are passed over, counted and named,
    /// whether they could be read or not. A folder that does not exist is empty:
    /// [`ColdStorage::require`] tells that apart.
    pub async fn contents(
        &self,
        tenant_id: Option<u64>,
        collection: Option<&str>,
    ) -> Result<Contents> {
        self.listing().contents(tenant_id, collection).await
    }

    /// An error of kind [`NotFound`](crate::ErrorKind::NotFound) where the folder or the bucket of
    /// this store is not there.
    ///
    /// The first put makes the folder, so a server may start without it, and its listings are empty
    /// until then. Whoever checks or reads asks first: a folder that is not mounted must not pass
    /// for a store in which all is well.
    pub async fn require(&self) -> Result<()> {
        match self.backend() {
            Backend::Local(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || folder.require()).await
            }
            Backend::Remote(_) => self.listing().first_page().await,
        }
    }
}
