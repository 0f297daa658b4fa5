//! The content of an object, for receipts: its size, its ETag and its SHA-256.

use std::mem::take;

use bytes::Bytes;
use coldpress_core::{ObjectKey, Sha256Digest};
use futures_util::TryStreamExt;
use object_store::{Attribute, Error as StoreError, GetOptions};
use sha2::{Digest as _, Sha256};

use crate::error::Result;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::key::ToKey;
use crate::store::path::store_path;

/// The object's metadata in which a grant signs the hash, if the client named one.
const META_SHA256: &str = "coldpress-sha256";

/// How much is hashed at a time: enough to be worth a blocking thread.
const HASHED_BYTES: usize = 1 << 20;

/// One content of one object. An object has another content only after somebody replaced it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoredContent {
    /// The key of the object.
    pub key: ObjectKey,
    /// The store's ETag of this content; `None` if the store has no ETags.
    pub etag: Option<String>,
    /// Its size.
    pub bytes: u64,
}

impl ColdStorage {
    /// The content at the key now, and the SHA-256 that it was stored with, if it was.
    pub async fn content_at(
        &self,
        key: impl ToKey,
    ) -> Result<(StoredContent, Option<Sha256Digest>)> {
        let key = self.own_key(&key)?.into_owned();
        let path = store_path(key.as_str())?;
        let store = self.object_store();
        let head = GetOptions { head: true, ..GetOptions::default() };
        let looking = async { store.get_opts(&path, head).await };
        let found = self.within("look at the object", key.as_str(), looking).await?;
        let said = found.attributes.get(&Attribute::Metadata(META_SHA256.into()));
        let said = said.and_then(|said| Sha256Digest::from_hex(said).ok());
        let (etag, bytes) = (found.meta.e_tag.clone(), found.meta.size);
        Ok((StoredContent { key, etag, bytes }, said))
    }

    /// The SHA-256 of exactly this content. Reads it whole, in memory that does not grow with it.
    pub async fn sha256_of(&self, content: &StoredContent) -> Result<Sha256Digest> {
        let path = store_path(content.key.as_str())?;
        let store = self.object_store();
        let exactly = GetOptions { if_match: content.etag.clone(), ..GetOptions::default() };
        let hashing = async {
            let mut hash = Sha256::new();
            let mut pieces = store.get_opts(&path, exactly).await?.into_stream();
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while let Some(piece) = pieces.try_next().await? {
                bytes += piece.len();
                batch.push(piece);
                if bytes >= HASHED_BYTES {
                    hash = update(hash, take(&mut batch)).await?;
                    bytes = 0;
                }
            }
            Ok(Sha256Digest(update(hash, batch).await?.finalize().into()))
        };
        self.within("read the object", content.key.as_str(), hashing).await
    }
}

/// Hashes on a blocking thread, so that other tasks of the async executor do not wait.
async fn update(mut hash: Sha256, batch: Vec<Bytes>) -> std::result::Result<Sha256, StoreError> {
    let hashing = tokio::task::spawn_blocking(move || {
        batch.iter().for_each(|piece| hash.update(piece));
        hash
    });
    hashing.await.map_err(|error| StoreError::Generic { store: "hash", source: Box::new(error) })
}
