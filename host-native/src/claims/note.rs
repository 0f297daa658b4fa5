//! The object of a claim.

use std::sync::Arc;

use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt};

use crate::ColdStorage;
use crate::remote::store_path;

/// The object of a claim.
#[derive(Debug)]
pub(super) struct Note {
    store: Arc<dyn ObjectStore>,
    pub(super) path: String,
    /// Whether it is deleted when dropped.
    is_loose: bool,
}

impl Note {
    pub(super) fn new(storage: &ColdStorage, path: String) -> Self {
        Note { store: storage.object_store(), path, is_loose: true }
    }

    /// From here on it stays when it is dropped.
    pub(super) fn keep(&mut self) {
        self.is_loose = false;
    }

    /// The same, by value.
    pub(super) fn kept(mut self) -> Self {
        self.keep();
        self
    }

    pub(super) async fn delete(mut self) {
        self.is_loose = false;
        delete(&*self.store, &self.path).await;
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if let (true, Ok(runtime)) = (self.is_loose, tokio::runtime::Handle::try_current()) {
            let (store, path) = (Arc::clone(&self.store), std::mem::take(&mut self.path));
            runtime.spawn(async move { delete(&*store, &path).await });
        }
    }
}

/// One that stays is taken for dead after a while.
async fn delete(store: &dyn ObjectStore, path: &str) {
    let Ok(key) = store_path(path) else { return };
    match store.delete(&key).await {
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => tracing::warn!(path, %error, "a claim stays behind; delete it by hand"),
    }
}
