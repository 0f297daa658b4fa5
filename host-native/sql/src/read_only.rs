//! A store that statements can only read: `copy … to` must not overwrite an archived object.

use std::fmt;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use coldpress::bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A store, without what changes it: all of it, or what lies below a folder of this machine.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    store: Arc<dyn ObjectStore>,
    folder: Option<PathBuf>,
}

impl ReadOnly {
    pub(crate) fn all(store: Arc<dyn ObjectStore>) -> Self {
        ReadOnly { store, folder: None }
    }

    /// `store` is that of this machine's files, and `folder` an absolute path without links.
    pub(crate) fn below(folder: &FilePath, store: Arc<dyn ObjectStore>) -> Self {
        ReadOnly { store, folder: Some(folder.to_owned()) }
    }

    fn check(&self, location: &Path) -> Result<()> {
        check(self.folder.as_deref(), location)
    }
}

impl fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read-only {}", self.store)
    }
}

/// An error if the place may not be changed.
fn check(folder: Option<&FilePath>, location: &Path) -> Result<()> {
    if let Some(folder) = folder {
        let file = LocalFileSystem::new().path_to_filesystem(location)?;
        // What does not exist yet will be where its folder is, whatever links lead there.
        let there = file.ancestors().find_map(|path| path.canonicalize().ok());
        if there.is_some_and(|there| !there.starts_with(folder)) {
            return Ok(());
        }
    }
    let source = "SQL only reads a store of coldpress; put rows with `coldpress put`, or write \
        into another place";
    Err(Error::PermissionDenied { path: location.to_string(), source: source.into() })
}

#[async_trait]
impl ObjectStore for ReadOnly {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.check(location)?;
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.check(location)?;
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.store.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.store.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let folder = self.folder.clone();
        let checked = move |location: Result<Path>| {
            let location = location?;
            check(folder.as_deref(), &location).map(|()| location)
        };
        self.store.delete_stream(locations.map(checked).boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.check(to)?;
        self.store.copy_opts(from, to, options).await
    }
}
