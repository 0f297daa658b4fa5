//! Whether what lies in the store is whole.

use std::time::SystemTime;

use coldpress_core::{KeyTarget, ObjectKey, ParquetFile};
use futures_util::{Stream, StreamExt, stream};

use crate::quiet::quietly;
use crate::storage::{Backend, blocking};
use crate::stored::StopOnDrop;
use crate::{ColdStorage, Error, ErrorKind, Result};

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

/// A file that a put left behind when its process was killed, or one that a put is writing just now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Where it lies in the store's folder, its parts joined by `/` as in a key.
    pub path: String,
    /// Its size so far.
    pub bytes: u64,
    /// When it was written to last.
    pub modified: SystemTime,
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
        let size = bytes.len() as u64;
        // Where nobody waits for the answer any more, the work ends too.
        let stop = StopOnDrop::new();
        let flag = stop.flag();
        let check = move || {
            let checked = || {
                let mut file = ParquetFile::open(bytes)?;
                file.stop_when(flag);
                file.footer().check_key(&parsed)?;
                file.verify()
            };
            Ok(quietly(checked)?)
        };
        let found = blocking(check).await.map_err(|error| error.at(key))?;
        tracing::debug!(key, bytes = size, rows = found.rows, "verified");
        Ok(VerifiedObject { bytes: size, rows: found.rows, pages: found.pages, whole: found.whole })
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
        let (folder, prefix) = (folder.clone(), self.prefix().clone());
        blocking(move || folder.leftovers(prefix.as_str())).await
    }
}
