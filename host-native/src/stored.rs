//! What lies at a key, without reading all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{Footer, ObjectKey, ReadLimits};
use object_store::{Error as StoreError, ObjectStoreExt};

use crate::quiet::quietly;
use crate::remote::store_path;
use crate::storage::blocking;
use crate::{ColdStorage, Error, ErrorKind, Result};

/// What is read of a file's end at first: almost every footer.
const TAIL_BYTES: u64 = 64 << 10;

/// Stops the work on a blocking thread once whoever waits for it has gone: it ends by itself no more than any
/// other thread does.
pub(crate) struct StopOnDrop(Arc<AtomicBool>);

impl StopOnDrop {
    pub(crate) fn new() -> Self {
        StopOnDrop(Arc::default())
    }

    /// What the work looks at.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl ColdStorage {
    /// The footer of one data file and the file's size, its rows unread.
    pub async fn read_footer(&self, key: &str) -> Result<(Footer, u64)> {
        self.read_footer_within(key, &ReadLimits::default()).await
    }

    /// [`ColdStorage::read_footer`] within other limits: an error of kind [`ErrorKind::Limit`] where the footer
    /// is longer than [`ReadLimits::footer_bytes_max`], and then no more than the file's end is fetched.
    ///
    /// The footer is decoded on a blocking thread. The work and the memory that takes grow with its bytes,
    /// whatever they say: about 30 bytes of memory for each at worst.
    pub async fn read_footer_within(
        &self,
        key: &str,
        limits: &ReadLimits,
    ) -> Result<(Footer, u64)> {
        ObjectKey::parse(self.prefix(), key)?;
        let path = store_path(key)?;
        let doing = "read the footer";
        let store = self.object_store();
        let bytes = self.within(doing, key, async { store.head(&path).await }).await?.size;
        let end = async |length: u64| {
            let range = bytes.saturating_sub(length)..bytes;
            let tail =
                self.within(doing, key, async { store.get_range(&path, range).await }).await?;
            match tail.len() as u64 == length.min(bytes) {
                true => Ok::<Bytes, Error>(tail),
                false => {
                    let message = "the store gave another range than was asked for; try again";
                    Err(Error::new(ErrorKind::Unavailable, message).at(key))
                }
            }
        };
        if bytes == 0 {
            let message = "the object is empty, and no Parquet file is; store it again";
            return Err(Error::new(ErrorKind::Corrupt, message).at(key));
        }
        let corrupt = |error: coldpress_core::Error| Error::from(error).at(key);
        let mut tail = end(TAIL_BYTES).await?;
        let needed = Footer::bytes_needed(&tail).map_err(corrupt)?;
        if needed > bytes {
            let message =
                "the file is damaged: its footer says to be longer than the file; store it again";
            return Err(Error::new(ErrorKind::Corrupt, message).at(key));
        }
        let most = limits.footer_bytes_max;
        if needed > most {
            let message = format!(
                "the footer says to be {needed} bytes long, and at most {most} are read; store smaller files"
            );
            return Err(Error::new(ErrorKind::Limit, message).at(key));
        }
        if needed > tail.len() as u64 {
            tail = end(needed).await?;
        }
        let limits = limits.clone();
        let decode = move || Ok(quietly(|| Footer::read_within(&tail, bytes, &limits))?);
        Ok((blocking(decode).await.map_err(|error| error.at(key))?, bytes))
    }

    pub(crate) async fn within<T>(
        &self,
        doing: &str,
        key: &str,
        work: impl Future<Output = std::result::Result<T, StoreError>>,
    ) -> Result<T> {
        tokio::time::timeout(Duration::from_millis(self.limit_ms()), work)
            .await
            .map_err(|_| self.answers().too_slow(doing, key, self.limit_ms()))?
            .map_err(|error| self.answers().error(&error, doing, key))
    }
}
