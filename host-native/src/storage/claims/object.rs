//! The object in the store that is a claim.

use std::sync::Arc;

use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt};

use crate::storage::cold_storage::ColdStorage;
use crate::store::path::store_path;

/// The object in the store that is a claim.
#[derive(Debug)]
pub(super) struct ClaimObject {
    store: Arc<dyn ObjectStore>,
    pub(super) path: String,
    /// Whether dropping this value deletes the object.
    deletes_on_drop: bool,
}

impl ClaimObject {
    pub(super) fn new(storage: &ColdStorage, path: String) -> Self {
        ClaimObject { store: storage.object_store(), path, deletes_on_drop: true }
    }

    /// From now on, dropping this value does not delete the object.
    pub(super) fn keep(&mut self) {
        self.deletes_on_drop = false;
    }

    /// As [`keep`](Self::keep), by value.
    pub(super) fn kept(mut self) -> Self {
        self.keep();
        self
    }

    pub(super) async fn delete(mut self) {
        self.deletes_on_drop = false;
        delete(&*self.store, &self.path).await;
    }
}

impl Drop for ClaimObject {
    fn drop(&mut self) {
        if let (true, Ok(runtime)) = (self.deletes_on_drop, tokio::runtime::Handle::try_current()) {
            let (store, path) = (Arc::clone(&self.store), std::mem::take(&mut self.path));
            runtime.spawn(async move { delete(&*store, &path).await });
        }
    }
}

/// Deletes the object of a claim. If that fails, the claim counts as dead after an hour.
async fn delete(store: &dyn ObjectStore, path: &str) {
    let Ok(key) = store_path(path) else { return };
    match store.delete(&key).await {
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => tracing::warn!(
            path,
            %error,
            "could not delete a claim; it counts for an hour, unless you delete it by hand"
        ),
    }
}
