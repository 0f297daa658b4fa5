//! A store of either kind, and what both kinds can do.

use std::sync::Arc;

use bytes::Bytes;
use coldpress_core::ObjectKey;

use crate::error::Result;
use crate::store::listed::Listed;
use crate::store::local::folder::LocalFolder;
use crate::store::local::list::files_in;
use crate::store::outcome::PutOutcome;
use crate::store::s3::client::S3Store;
use crate::store::s3::list::{ListingPages, objects};
use crate::threads::blocking;

/// A local folder, or a bucket of an S3 store. A caller that needs what only one kind can do
/// matches on it.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    Local(Arc<LocalFolder>),
    S3(Arc<S3Store>),
}

impl Store {
    /// An error of kind `NotFound` if the folder or the bucket does not exist. For a bucket, this
    /// lists the first page below `prefix`.
    pub(crate) async fn require(&self, prefix: &str) -> Result<()> {
        match self {
            Store::Local(folder) => {
                let folder = Arc::clone(folder);
                blocking(move || folder.require()).await
            }
            Store::S3(s3) => ListingPages::new(s3, prefix, Some("/")).next().await.map(|_| ()),
        }
    }

    /// Stores an object durably at a free key. If the same content is already there, that is
    /// success; other content is `Conflict`.
    pub(crate) async fn put_new(&self, path: &str, bytes: &Bytes) -> Result<PutOutcome> {
        match self {
            Store::Local(folder) => {
                let (folder, path, bytes) = (Arc::clone(folder), path.to_owned(), bytes.clone());
                blocking(move || folder.put_new(&path, &bytes)).await
            }
            Store::S3(s3) => s3.put_new(path, bytes).await,
        }
    }

    /// Deletes these objects, a thousand at most. Returns the outcome of each, in order; an object
    /// that is not there counts as deleted. After the first failure, outcomes may be missing.
    ///
    /// An error means that the outcome of no object is known.
    pub(crate) async fn delete(&self, keys: &[ObjectKey]) -> Result<Vec<Result<()>>> {
        match self {
            Store::Local(folder) => {
                let (folder, keys) = (Arc::clone(folder), keys.to_vec());
                blocking(move || Ok(folder.delete(&keys))).await
            }
            Store::S3(s3) => {
                let keys: Vec<&str> = keys.iter().map(ObjectKey::as_str).collect();
                s3.delete_many(&keys).await
            }
        }
    }

    /// Every object directly in this folder, in no order, without staged files. `folder` ends with
    /// `/`.
    pub(crate) async fn files_in(&self, folder: &str) -> Result<Vec<Listed>> {
        match self {
            Store::Local(local) => {
                let (local, name) = (Arc::clone(local), folder.to_owned());
                blocking(move || files_in(local.paths(), &name)).await
            }
            Store::S3(s3) => objects(s3, folder, Some("/")).await,
        }
    }

    /// Names in the folder of `key`: of a bucket, those that begin with `start`, in its order; of a
    /// folder, those that begin with the key, because a folder cannot list from the middle and
    /// reading all its names is quick.
    pub(crate) async fn names_beside(&self, key: &ObjectKey, start: &str) -> Result<Vec<String>> {
        match self {
            Store::Local(folder) => {
                let (folder, of) = (Arc::clone(folder), key.as_str().to_owned());
                blocking(move || folder.names_beside(&of)).await
            }
            Store::S3(s3) => {
                let listed = objects(s3, start, None).await?;
                let names = listed.into_iter().map(|listed| listed.name);
                Ok(names.filter(|name| name.starts_with(start)).collect())
            }
        }
    }

    /// Makes the object at this key durable. A listing can show an object whose writer crashed
    /// before it synced the folder.
    pub(crate) async fn make_durable(&self, key: &ObjectKey) -> Result<()> {
        match self {
            Store::Local(folder) => {
                let (folder, key) = (Arc::clone(folder), key.as_str().to_owned());
                blocking(move || folder.sync_folder_of(&key)).await
            }
            // A bucket shows only what is durable.
            Store::S3(_) => Ok(()),
        }
    }

    /// Waits a short time for cleanups that run in the background.
    pub(crate) async fn cleanups_ended(&self) {
        match self {
            // A folder has none: dropping a staged file removes it.
            Store::Local(_) => {}
            Store::S3(s3) => s3.cleanups_ended().await,
        }
    }
}
