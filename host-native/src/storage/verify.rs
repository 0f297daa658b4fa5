//! Verifies data files in the store.

use bytes::Bytes;
use coldpress_core::{KeyTarget, ObjectKey, ParquetFile};
use futures_util::{Stream, StreamExt, stream};
use object_store::ObjectStoreExt;

use crate::error::{Error, ErrorKind, Result};
use crate::quiet::quietly;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::key::ToKey;
use crate::storage::list::found::Leftover;
use crate::storage::list::walk;
use crate::store::path::store_path;
use crate::store::place::Store;
use crate::threads::{StopOnDrop, blocking};

/// The largest object that is read whole to explain a conflict. Of a larger one, only the footer.
const EXPLAINED_BYTES_MAX: u64 = 512 << 20;

/// A data file of which every byte was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedObject {
    /// Its size.
    pub bytes: u64,
    /// The rows it holds, counted in every column.
    pub rows: u64,
    /// Pages of all its columns.
    pub pages: u64,
    /// Whether it has a checksum of all its bytes. Files written before `coldpress version 1.1.0`
    /// have only checksums of their pages.
    pub whole: bool,
}

impl ColdStorage {
    /// Checks one whole data file: its footer, its rows against the footer, every checksum, and its
    /// tenant, collection and LSNs against its key. It finds one flipped bit anywhere.
    ///
    /// Holds the object in memory. Stops if the future is dropped. An error of kind
    /// [`ErrorKind::Corrupt`] says what is damaged and where; any other error means that the object
    /// could not be checked.
    pub async fn verify(&self, key: impl ToKey) -> Result<VerifiedObject> {
        let key = self.own_key(&key)?;
        if let KeyTarget::Wal { .. } = key.target() {
            let message = "this is a segment of a log, not a data file; use `coldpress wal verify` \
                to check segments";
            return Err(Error::new(ErrorKind::Key, message).at(key.as_str()));
        }
        let bytes = self.download_parquet(&*key).await?;
        let found = check(bytes, key.clone().into_owned()).await;
        let found = found.map_err(|error| error.at(key.as_str()))?;
        tracing::debug!(%key, bytes = found.bytes, rows = found.rows, "verified");
        Ok(found)
    }

    /// Verifies each of these keys, as [`ColdStorage::verify`] does, `parallel` at a time. Returns
    /// each key with its result, in order. At most `parallel` objects are in memory.
    pub fn verify_each<K: ToKey>(
        &self,
        keys: impl IntoIterator<Item = K>,
        parallel: usize,
    ) -> impl Stream<Item = (K, Result<VerifiedObject>)> {
        let check = move |key: K| async move {
            let found = self.verify(&key).await;
            (key, found)
        };
        stream::iter(keys).map(check).buffered(parallel.max(1))
    }

    /// The staged files in a local folder that crashed puts left, and those of puts that run now.
    /// No listing shows them, and they do no harm. You may delete a file that no put has written to
    /// for longer than a put can take. An S3 store has none.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let Store::Local(folder) = self.place() else { return Ok(Vec::new()) };
        Ok(walk(folder, self.prefix(), None, None, true).await?.leftovers)
    }

    /// For a put that found other content at its key: says if the object there is damaged. Then it
    /// may have held the same rows, and putting them elsewhere would store them twice. Other errors
    /// stay as they are.
    pub(crate) async fn explain_conflict(&self, error: Error) -> Error {
        let is_data =
            |key: &&str| ObjectKey::parse(self.prefix(), key).is_ok_and(|key| key.lsns().is_some());
        let key = error.path().filter(is_data).map(str::to_owned);
        let (ErrorKind::Conflict, Some(key)) = (error.kind(), key) else { return error };
        match self.damage(&key).await {
            Some(why) => error.of_damaged(why),
            None => error,
        }
    }

    /// What is damaged in the object at this key; `None` if it is whole or cannot be read.
    async fn damage(&self, key: &str) -> Option<coldpress_core::Error> {
        let path = store_path(key).ok()?;
        let store = self.object_store();
        let bytes = self.within("look at the object", key, store.head(&path)).await.ok()?.size;
        let verified = match bytes <= EXPLAINED_BYTES_MAX {
            true => self.verify(key).await.map(|_| ()),
            // A larger object would take too much memory.
            false => self.read_footer(key).await.map(|_| ()),
        };
        let error = verified.err().filter(|error| error.kind() == ErrorKind::Corrupt)?;
        Some(error.core().cloned().unwrap_or_else(|| error.into_core()))
    }
}

/// Checks a whole data file, and that it belongs to this key, on a blocking thread. Stops if the
/// caller is dropped.
pub(crate) async fn check(bytes: Bytes, key: ObjectKey) -> Result<VerifiedObject> {
    let size = bytes.len() as u64;
    let stop = StopOnDrop::new();
    let flag = stop.flag();
    let check = move || {
        let checked = || {
            let mut file = ParquetFile::open(bytes)?;
            file.stop_when(flag);
            file.footer().check_key(&key)?;
            file.verify()
        };
        Ok(quietly(checked)?)
    };
    let found = blocking(check).await?;
    Ok(VerifiedObject { bytes: size, rows: found.rows, pages: found.pages, whole: found.whole })
}
