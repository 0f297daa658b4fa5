//! What a store has at a key, for receipts: its size, its ETag, and the hash of its content.

use std::mem::take;

use bytes::Bytes;
use coldpress_core::Sha256Digest;
use futures_util::TryStreamExt;
use object_store::{Attribute, Error as StoreError, GetOptions};
use sha2::{Digest as _, Sha256};

use super::hashes::Content;
use crate::remote::store_path;
use crate::{ColdStorage, Result};

/// The metadata that a grant signs where the client named the hash.
const META_SHA256: &str = "coldpress-sha256";

/// What is hashed in one go: enough to be worth a blocking thread.
const HASHED_BYTES: usize = 1 << 20;

impl ColdStorage {
    /// What lies at the key now, and the SHA-256 that it was stored with, where it was.
    pub(super) async fn content_at(&self, key: &str) -> Result<(Content, Option<Sha256Digest>)> {
        let path = store_path(key)?;
        let store = self.object_store();
        let head = GetOptions { head: true, ..GetOptions::default() };
        let looking = async { store.get_opts(&path, head).await };
        let found = self.within("look at the object", key, looking).await?;
        let said = found.attributes.get(&Attribute::Metadata(META_SHA256.into()));
        let said = said.and_then(|said| Sha256Digest::from_hex(said).ok());
        let (etag, bytes) = (found.meta.e_tag.clone(), found.meta.size);
        Ok((Content { key: key.to_owned(), etag, bytes }, said))
    }

    /// The SHA-256 of exactly this content, read whole and never held whole.
    pub(super) async fn sha256(&self, content: &Content) -> Result<Sha256Digest> {
        let path = store_path(&content.key)?;
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
        self.within("read the object", &content.key, hashing).await
    }
}

/// Hashes on a blocking thread: 58 MB take longer than others should wait for an async worker.
async fn update(mut hash: Sha256, batch: Vec<Bytes>) -> std::result::Result<Sha256, StoreError> {
    let hashing = tokio::task::spawn_blocking(move || {
        batch.iter().for_each(|piece| hash.update(piece));
        hash
    });
    hashing.await.map_err(|error| StoreError::Generic { store: "hash", source: Box::new(error) })
}
