//! Whether what lies in the store is whole.

use bytes::Bytes;
use coldpress_core::{KeyTarget, ObjectKey, ParquetFile};
use futures_util::{Stream, StreamExt, stream};
use object_store::ObjectStoreExt;

use crate::listing::{Leftover, walk};
use crate::quiet::quietly;
use crate::remote::store_path;
use crate::storage::Backend;
use crate::stored::StopOnDrop;
use crate::threads::blocking;
use crate::{ColdStorage, Error, ErrorKind, Result};

/// The largest object that is read whole to explain a conflict.
const EXPLAINED_BYTES_MAX: u64 = 512 << 20;

/// A data file that was checked, every byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedObject {
    /// Its size.
    pub bytes: u64,
    /// The rows it holds, counted in every column.
    pub rows: u64,
    /// Pages of all its columns.
    pub pages: u64,
    /// Whether it has a checksum of all its bytes. Files written before `coldpress version 1.1.0` have those
    /// of their pages alone.
    pub whole: bool,
}

impl ColdStorage {
    /// Checks one data file whole: its footer, its rows against it, every checksum, and its own tenant,
    /// collection and LSNs against its key. One flipped bit anywhere is found.
    ///
    /// The object is held in memory while it is checked. The work ends once the future is dropped.
    /// An error of kind [`ErrorKind::Corrupt`] says what is damaged and where; any other means that
    /// the object could not be checked.
    pub async fn verify(&self, key: &str) -> Result<VerifiedObject> {
        let parsed = ObjectKey::parse(self.prefix(), key)?;
        if let KeyTarget::Wal { .. } = parsed.target() {
            let message = "this is a segment of a log, not a data file; `coldpress wal verify` checks segments";
            return Err(Error::new(ErrorKind::Key, message).at(key));
        }
        let bytes = self.download_parquet(key).await?;
        let found = check(bytes, parsed).await.map_err(|error| error.at(key))?;
        tracing::debug!(key, bytes = found.bytes, rows = found.rows, "verified");
        Ok(found)
    }

    /// [`ColdStorage::verify`] of each of these keys, in their order, so many at a time; each with its key.
    /// As many objects are in memory.
    pub fn verify_each(
        &self,
        keys: impl IntoIterator<Item = String>,
        parallel: usize,
    ) -> impl Stream<Item = (String, Result<VerifiedObject>)> {
        let check = move |key: String| async move {
            let found = self.verify(&key).await;
            (key, found)
        };
        stream::iter(keys).map(check).buffered(parallel.max(1))
    }

    /// What killed puts left in a local folder, which no listing shows. It harms nothing, and whatever has
    /// not been written to for longer than a put can take may be removed by hand. An S3 store has none.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let Backend::Local(folder) = self.backend() else { return Ok(Vec::new()) };
        Ok(walk(folder, self.prefix(), None, None, true).await?.leftovers)
    }

    /// Says of a put that found other content at its key whether the object there is damaged: then
    /// the same rows may have been stored, and to put them a second time elsewhere would double
    /// them. Other errors stay as they are.
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

    /// What is damaged in the object at this key; none where it is whole, or could not be read.
    async fn damage(&self, key: &str) -> Option<coldpress_core::Error> {
        let path = store_path(key).ok()?;
        let store = self.object_store();
        let bytes = self.within("look at the object", key, store.head(&path)).await.ok()?.size;
        let verified = match bytes <= EXPLAINED_BYTES_MAX {
            true => self.verify(key).await.map(|_| ()),
            // Its footer alone, for what would take too much memory.
            false => self.read_footer(key).await.map(|_| ()),
        };
        let error = verified.err().filter(|error| error.kind() == ErrorKind::Corrupt)?;
        Some(error.core().cloned().unwrap_or_else(|| error.into_core()))
    }
}

/// Checks a data file whole, and that it is the one of this key, on a blocking thread. The work
/// ends where its caller gives it up.
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
