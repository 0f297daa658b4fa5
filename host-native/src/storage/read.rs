//! Reads objects and rows.

use std::ops::Range;

use bytes::Bytes;
use coldpress_core::Projection;
use object_store::ObjectStoreExt;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::footer;
use crate::storage::key::ToKey;
use crate::store::path::store_path;

impl ColdStorage {
    /// All bytes of one object of ours. `key` is a key as [`ColdStorage::list`] gives it.
    pub async fn download_parquet(&self, key: impl ToKey) -> Result<Bytes> {
        let key = self.own_key(&key)?;
        let key = key.as_str();
        let path = store_path(key)?;
        let doing = "get the object";
        let download = async {
            let found = self.store.get(&path).await?;
            let size = found.meta.size;
            Ok((found.bytes().await?, size))
        };
        let limit = std::time::Duration::from_millis(self.limit_ms);
        let (bytes, size) = tokio::time::timeout(limit, download)
            .await
            .map_err(|_| self.errors.too_slow(doing, key, self.limit_ms))?
            .map_err(|error| self.errors.error(&error, doing, key))?;
        if bytes.len() as u64 != size {
            let message =
                format!("only {} of {size} bytes came; get the object again", bytes.len());
            return Err(Error::new(ErrorKind::Unavailable, message).at(key));
        }
        Ok(bytes)
    }

    /// These bytes of one object of ours: for query engines, which read parts of files.
    ///
    /// It is an error if the object ends before the range does.
    pub async fn read_range(&self, key: impl ToKey, range: Range<u64>) -> Result<Bytes> {
        let key = self.own_key(&key)?;
        let key = key.as_str();
        let path = store_path(key)?;
        let (from, length) = (range.start, range.end.saturating_sub(range.start));
        let get = async { self.store.get_range(&path, range).await };
        let bytes = self.within("read the object", key, get).await?;
        if bytes.len() as u64 == length {
            return Ok(bytes);
        }
        let message = format!(
            "only {} of {length} bytes from byte {from} came, so the object is shorter than its \
            listing or its footer says; check it with `coldpress verify {key}`",
            bytes.len()
        );
        Err(Error::new(ErrorKind::Corrupt, message).at(key))
    }

    /// The rows of one data file as (id, document), with the columns of `projection`.
    ///
    /// It is an error if the file does not have a column of the projection, or if
    /// [`serde_json::Value`] would round a number.
    pub async fn read_rows(
        &self,
        key: impl ToKey,
        projection: &Projection,
    ) -> Result<Vec<(String, Value)>> {
        let key = self.own_key(&key)?;
        let bytes = self.download_parquet(&*key).await?;
        footer::rows(bytes, projection.clone()).await.map_err(|error| error.at(key.as_str()))
    }
}
