//! Reads footers and rows of data files.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use coldpress_core::{Footer, ObjectKey, ParquetFile, Projection, ReadLimits};
use object_store::ObjectStoreExt;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::quiet::quietly;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::key::ToKey;
use crate::store::path::store_path;
use crate::threads::{StopOnDrop, blocking};

/// How much of a file's end is read first. Almost every footer fits into it.
const TAIL_BYTES: u64 = 64 << 10;

/// What a failed request was for.
const DOING: &str = "read the footer";

/// The rows of a file, decoded on a blocking thread. Decoding stops if the caller is dropped.
pub(crate) async fn rows(bytes: Bytes, projection: Projection) -> Result<Vec<(String, Value)>> {
    let stop = StopOnDrop::new();
    let flag = stop.flag();
    blocking(move || Ok(quietly(|| decode(bytes, &projection, flag))?)).await
}

fn decode(
    bytes: Bytes,
    projection: &Projection,
    stop: Arc<AtomicBool>,
) -> coldpress_core::Result<Vec<(String, Value)>> {
    let mut file = ParquetFile::open(bytes)?;
    file.stop_when(stop);
    file.rows(projection)?
        .map(|row| {
            let row = row?;
            Ok((row.id().to_owned(), row.to_value()?))
        })
        .collect()
}

impl ColdStorage {
    /// The footer of one data file, and the file's size. Reads no rows.
    pub async fn read_footer(&self, key: impl ToKey) -> Result<(Footer, u64)> {
        self.read_footer_within(key, &ReadLimits::default()).await
    }

    /// [`ColdStorage::read_footer`] with other limits. If the footer is longer than
    /// [`ReadLimits::footer_bytes_max`], that is an error of kind [`ErrorKind::Limit`], and no more
    /// than the file's end is fetched.
    ///
    /// Decodes the footer on a blocking thread. Work and memory grow only with the footer's length,
    /// whatever it claims: at worst about 30 bytes of memory for each byte.
    pub async fn read_footer_within(
        &self,
        key: impl ToKey,
        limits: &ReadLimits,
    ) -> Result<(Footer, u64)> {
        let key = self.own_key(&key)?;
        let path = store_path(key.as_str())?;
        let store = self.object_store();
        let head = async { store.head(&path).await };
        let bytes = self.within(DOING, key.as_str(), head).await?.size;
        Ok((self.footer_of(&key, bytes, limits).await?, bytes))
    }

    /// The footer of a data file whose size is known.
    pub(crate) async fn footer_of(
        &self,
        key: &ObjectKey,
        bytes: u64,
        limits: &ReadLimits,
    ) -> Result<Footer> {
        let tail = self.tail_of(key, bytes, limits).await?;
        let limits = limits.clone();
        let decode = move || Ok(quietly(|| Footer::read_within(&tail, bytes, &limits))?);
        blocking(decode).await.map_err(|error| error.at(key.as_str()))
    }

    /// The end of a data file whose size is known, with its whole footer.
    pub(crate) async fn tail_of(
        &self,
        key: &ObjectKey,
        bytes: u64,
        limits: &ReadLimits,
    ) -> Result<Bytes> {
        let key = key.as_str();
        let path = store_path(key)?;
        let store = self.object_store();
        let end = async |length: u64| {
            let range = bytes.saturating_sub(length)..bytes;
            let tail =
                self.within(DOING, key, async { store.get_range(&path, range).await }).await?;
            match tail.len() as u64 == length.min(bytes) {
                true => Ok::<Bytes, Error>(tail),
                false => {
                    let message =
                        "the store returned another range than the requested one; try again";
                    Err(Error::new(ErrorKind::Unavailable, message).at(key))
                }
            }
        };
        if bytes == 0 {
            let message = "the object is empty, so it is no Parquet file; store it again";
            return Err(Error::new(ErrorKind::Corrupt, message).at(key));
        }
        let corrupt = |error: coldpress_core::Error| Error::from(error).at(key);
        let tail = end(TAIL_BYTES).await?;
        let needed = Footer::bytes_needed(&tail).map_err(corrupt)?;
        if needed > bytes {
            let message =
                "the file is damaged: its footer claims to be longer than the file; store it again";
            return Err(Error::new(ErrorKind::Corrupt, message).at(key));
        }
        let most = limits.footer_bytes_max;
        if needed > most {
            let message = format!(
                "the footer claims to be {needed} bytes long, and the limit is {most} bytes; store \
                smaller files, or raise the limit"
            );
            return Err(Error::new(ErrorKind::Limit, message).at(key));
        }
        if needed > tail.len() as u64 { end(needed).await } else { Ok(tail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ColdStorageConfig;

    #[tokio::test]
    async fn a_footer_is_read_within_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let local_dir = Some(folder.path().to_owned());
        let storage =
            ColdStorage::new(ColdStorageConfig { local_dir, ..Default::default() }).unwrap();
        let rows = [("a".to_owned(), serde_json::json!({ "n": 1 }))];
        let key = storage.encode_and_upload("events", 7, &rows, 1, 1).await.unwrap();
        let (footer, bytes) = storage.read_footer(&key).await.unwrap();
        assert_eq!(footer.rows_count(), 1);
        let mut limits = ReadLimits::default();
        limits.footer_bytes_max = bytes;
        storage.read_footer_within(&key, &limits).await.unwrap();
        limits.footer_bytes_max = 100;
        let error = storage.read_footer_within(&key, &limits).await.unwrap_err();
        assert_eq!((error.kind(), error.path()), (ErrorKind::Limit, Some(key.as_str())));
    }
}
