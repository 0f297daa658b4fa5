//! The hash of what a store has, for receipts.

use coldpress_core::Sha256Digest;
use futures_util::TryStreamExt;
use object_store::{Attribute, GetOptions, ObjectStoreExt};
use sha2::{Digest as _, Sha256};

use crate::remote::store_path;
use crate::{ColdStorage, Result};

/// The metadata that a grant signs where the client named the hash.
const META_SHA256: &str = "coldpress-sha256";

impl ColdStorage {
    /// The SHA-256 of an object's content, read whole and never held whole.
    pub(super) async fn sha256(&self, key: &str) -> Result<Sha256Digest> {
        let path = store_path(key)?;
        let store = self.object_store();
        let hashing = async {
            let mut hash = Sha256::new();
            let mut pieces = store.get(&path).await?.into_stream();
            while let Some(piece) = pieces.try_next().await? {
                hash.update(&piece);
            }
            Ok(Sha256Digest(hash.finalize().into()))
        };
        self.within("read the object", key, hashing).await
    }

    /// The SHA-256 that an object was stored with, where it was.
    pub(super) async fn stored_sha256(&self, key: &str) -> Result<Option<Sha256Digest>> {
        let path = store_path(key)?;
        let store = self.object_store();
        let head = GetOptions { head: true, ..GetOptions::default() };
        let looking = async { store.get_opts(&path, head).await };
        let found = self.within("look at the object", key, looking).await?;
        let said = found.attributes.get(&Attribute::Metadata(META_SHA256.into()));
        Ok(said.and_then(|said| Sha256Digest::from_hex(said).ok()))
    }
}
