//! The objects of one log: read, listed and put.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::table::{LogObject, PutAnswer, TablePlace};
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt};

use crate::error::{Error, ErrorKind, Result};
use crate::store::error::StoreErrors;
use crate::store::listed::Listed;
use crate::store::path::store_path;
use crate::store::place::Store;
use crate::time::{TimeOfDay, since_1970_ms};

/// Completes "could not …".
const READING: &str = "read the table's log";

/// The most names of one log that are listed: more are an error of core's reader.
const NAMES_MAX: usize = 1_000_001;

/// The store in which the logs lie.
#[derive(Debug, Clone)]
pub(crate) struct LogStore {
    pub(crate) place: Store,
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) errors: StoreErrors,
    /// The longest time for one request, retries included.
    pub(crate) limit_ms: u64,
    /// For the times of commits, and the age of what is kept.
    pub(crate) clock: TimeOfDay,
}

/// The folder of one log.
#[derive(Debug, Clone)]
pub(super) struct LogFolder<'s> {
    store: &'s LogStore,
    /// With `/` at its end.
    folder: String,
}

impl LogStore {
    /// An error if the store can overwrite objects: two commits at the same moment would lose one.
    pub(super) async fn check_conditional(&self) -> Result<()> {
        match &self.place {
            Store::Local(_) => Ok(()),
            Store::S3(s3) => s3.require_create_only().await,
        }
    }

    pub(super) fn folder(&self, place: &TablePlace) -> LogFolder<'_> {
        LogFolder { store: self, folder: place.log_folder() }
    }
}

impl LogFolder<'_> {
    /// The whole path of an object of the log.
    pub(super) fn path_of(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// The path of the folder.
    pub(super) fn path(&self) -> &str {
        &self.folder
    }

    /// The object of this name; `None` if there is none. A larger one than `bytes_max` is an error
    /// of kind `Limit`, and its bytes are not fetched.
    pub(super) async fn get(&self, name: &str, bytes_max: u64) -> Result<Option<Bytes>> {
        let path = self.path_of(name);
        let LogStore { store, errors, limit_ms, .. } = self.store;
        let location = store_path(&path)?;
        let get = async {
            let found = match store.get(&location).await {
                Err(StoreError::NotFound { .. }) => return Ok(None),
                found => found?,
            };
            match found.meta.size {
                size if size > bytes_max => Ok(Some((size, Bytes::new()))),
                size => Ok(Some((size, found.bytes().await?))),
            }
        };
        let found = tokio::time::timeout(Duration::from_millis(*limit_ms), get)
            .await
            .map_err(|_| errors.too_slow(READING, &path, *limit_ms))?
            .map_err(|error| errors.error(&error, READING, &path))?;
        let Some((size, bytes)) = found else { return Ok(None) };
        if size > bytes_max {
            let message = format!(
                "this object of a table's log has {size} bytes, and at most {bytes_max} are read; \
                is it really a part of the log?"
            );
            return Err(Error::new(ErrorKind::Limit, message).at(path));
        }
        if bytes.len() as u64 != size {
            let message = format!("only {} of {size} bytes came; try again", bytes.len());
            return Err(Error::new(ErrorKind::Unavailable, message).at(path));
        }
        Ok(Some(bytes))
    }

    /// The objects of the log whose names come after this one, in their order.
    pub(super) async fn list_after(&self, name: &str) -> Result<Vec<LogObject>> {
        let listed = self.store.place.files_after(&self.folder, name, NAMES_MAX).await?;
        let object = |listed: Listed| {
            let name = listed.name.strip_prefix(&self.folder)?.to_owned();
            let modified_ms = i64::try_from(since_1970_ms(listed.modified)).unwrap_or(i64::MAX);
            Some(LogObject { name, bytes: listed.bytes, modified_ms })
        };
        Ok(listed.into_iter().filter_map(object).collect())
    }

    /// Puts an entry, or a checkpoint, at a free name. What the store said is the answer; an error
    /// means that it was not put and never will be.
    pub(super) async fn put_new(&self, name: &str, bytes: &Bytes) -> Result<PutAnswer> {
        match self.store.place.put_new(&self.path_of(name), bytes).await {
            Ok(_) => Ok(PutAnswer::Created),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(PutAnswer::Exists),
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tracing::debug!(name, %error, "no answer says whether an entry was put");
                Ok(PutAnswer::Unknown)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts an object in place of the one that may be there.
    pub(super) async fn put_over(&self, name: &str, bytes: &Bytes) -> Result<()> {
        self.store.place.put_over(&self.path_of(name), bytes).await
    }
}
