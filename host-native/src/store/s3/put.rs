//! Puts whole objects, and compares them with objects that are already there.

use std::sync::Arc;

use bytes::Bytes;
use coldpress_core::{Found, Sha256Digest};
use futures_util::StreamExt;
use object_store::{Error as StoreError, ObjectStoreExt};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::store::outcome::PutOutcome;
use crate::store::path::store_path;
use crate::store::s3::client::S3Store;
use crate::store::s3::put_driver::PutDriver;

/// Completes "could not …".
const LOOKING: &str = "read the object that is already there";

impl S3Store {
    /// Stores a whole object at a free key.
    pub(crate) async fn put_new(self: &Arc<Self>, key: &str, bytes: &Bytes) -> Result<PutOutcome> {
        let limit_ms = Some(self.limit_ms);
        let mut driver = PutDriver::new(self, key, (u64::MAX, 1), limit_ms)?;
        driver.take_whole(bytes.clone()).await?;
        while driver.outcome().is_none() {
            driver.step().await;
        }
        driver.ended().await.into_outcome()
    }

    /// Compares the object at the key with a body of this size and content.
    pub(super) async fn compare(
        &self,
        key: &str,
        bytes: u64,
        digest: Sha256Digest,
    ) -> Result<Found> {
        let failed = |error: StoreError| self.errors.error(&error, LOOKING, key);
        let there = match self.store.get(&store_path(key)?).await {
            Ok(there) => there,
            Err(StoreError::NotFound { .. }) => return Ok(Found::Nothing),
            Err(error) => return Err(failed(error)),
        };
        let bytes_there = there.meta.size;
        if bytes_there == bytes {
            let mut found = Sha256::new();
            let mut stream = there.into_stream();
            while let Some(slice) = stream.next().await {
                found.update(&slice.map_err(failed)?);
            }
            if Sha256Digest(found.finalize().into()) == digest {
                return Ok(Found::Same);
            }
        }
        Ok(Found::Other { bytes_there })
    }

    /// Whether there is an object at the key. Used while the body, and so its hash, is not
    /// complete.
    pub(super) async fn is_taken(&self, key: &str) -> Result<Found> {
        match self.store.head(&store_path(key)?).await {
            Ok(_) => Ok(Found::Something),
            Err(StoreError::NotFound { .. }) => Ok(Found::Nothing),
            Err(error) => Err(self.errors.error(&error, LOOKING, key)),
        }
    }
}
