//! Guards a local folder: no link below it is followed, and only regular files are objects.

use std::fs::FileType;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use async_trait::async_trait;
use bytes::Bytes;
use coldpress_core::KeyPrefix;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::prefix::PrefixStore;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

use crate::error::{Error, ErrorKind, Result};
use crate::store::error::Refusal;

/// How many characters of a path an error shows.
const SHOWN_CHARS_MAX: usize = 300;

/// The paths of objects in a local folder, checked for links. Links above the folder of the prefix
/// are followed. Below it a link is an error, because it could lead out of the store, into a
/// circle, or to the same object under a second key.
#[derive(Debug, Clone)]
pub(crate) struct SafePaths {
    root: PathBuf,
    prefix: KeyPrefix,
}

impl SafePaths {
    pub(crate) fn new(root: PathBuf, prefix: KeyPrefix) -> Self {
        SafePaths { root, prefix }
    }

    /// The absolute path of the folder, which may not exist yet.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of the object of this key. No part of the key may be empty, `.` or `..`; a `/` at
    /// its end does no harm.
    pub(crate) fn path_of(&self, key: &str) -> PathBuf {
        let parts = key.split('/').filter(|part| !part.is_empty());
        parts.fold(self.root.clone(), |path, part| path.join(part))
    }

    /// An error if any folder of `key` below the prefix is a link. A `key` that ends with `/` is a
    /// folder. A folder that does not exist is no error. Blocks.
    pub(crate) fn check_parents(&self, key: &str) -> Result<()> {
        let (above, below) = match key.strip_prefix(self.prefix.as_str()) {
            Some(below) => (self.prefix.as_str(), below),
            None => ("", key),
        };
        let mut path = self.path_of(above);
        let Some((folders, _)) = below.rsplit_once('/') else { return Ok(()) };
        for part in folders.split('/') {
            path.push(part);
            match std::fs::symlink_metadata(&path) {
                Ok(facts) if facts.is_symlink() => return Err(link_error(&path)),
                Ok(_) => {}
                Err(error) if is_absent(&error) => return Ok(()),
                Err(error) => return Err(Error::from_io(&error, "look at the folder", &path)),
            }
        }
        Ok(())
    }

    /// As [`check_parents`](Self::check_parents), and an error if something other than a file or a
    /// folder is at `key`: opening a pipe would wait for ever. Blocks.
    pub(crate) fn check_object(&self, key: &str) -> Result<()> {
        self.check_parents(key)?;
        let path = self.path_of(key);
        match std::fs::symlink_metadata(&path) {
            Ok(facts) => match special_kind(facts.file_type()).filter(|_| !facts.is_dir()) {
                Some(what) => Err(not_a_regular_file(what, &path)),
                None => Ok(()),
            },
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(Error::from_io(&error, "look at the file", &path)),
        }
    }
}

/// What kind of thing this is, in words; `None` for a regular file.
pub(crate) fn special_kind(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a named pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Some("a device");
        }
    }
    Some(match (kind.is_symlink(), kind.is_dir()) {
        (true, _) => "a symbolic link",
        (_, true) => "a folder",
        _ => "no regular file",
    })
}

/// The error for something at the path of an object that is not a regular file.
pub(crate) fn not_a_regular_file(what: &str, path: &Path) -> Error {
    let message = format!(
        "this is {what}, and only a regular file can be an object; move it out of the store"
    );
    Error::new(ErrorKind::Conflict, message).at(shown(path))
}

fn link_error(path: &Path) -> Error {
    let message = "this is a symbolic link, and the store does not follow links below its own \
        folder; put the real folder here (a mount is also fine), or name the folder that the link \
        leads to (for the command: --store)";
    Error::new(ErrorKind::Conflict, message).at(shown(path))
}

fn shown(path: &Path) -> String {
    path.display().to_string().chars().take(SHOWN_CHARS_MAX).collect()
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A local folder as object_store sees it: every call first checks its path by [`SafePaths`].
#[derive(Debug)]
pub(crate) struct GuardedStore {
    inner: PrefixStore<LocalFileSystem>,
    paths: SafePaths,
}

impl GuardedStore {
    /// An error if object_store cannot use the path of the folder.
    pub(crate) fn new(paths: SafePaths) -> Result<Self> {
        // `LocalFileSystem::new_with_prefix` would want the folder to exist already.
        let prefix = StorePath::from_absolute_path(paths.root()).map_err(|error| {
            Error::settings(format!("local_dir cannot be used ({error}); give another folder"))
                .at(shown(paths.root()))
        })?;
        Ok(GuardedStore { inner: PrefixStore::new(LocalFileSystem::new(), prefix), paths })
    }

    async fn check(
        &self,
        location: &StorePath,
        check: fn(&SafePaths, &str) -> Result<()>,
    ) -> object_store::Result<()> {
        let (paths, key) = (self.paths.clone(), location.as_ref().to_owned());
        let checked = tokio::task::spawn_blocking(move || check(&paths, &key)).await?;
        checked.map_err(|error| {
            // A link or a pipe at this path: the key cannot be one of ours. Other errors, such as a
            // missing permission, keep their kind.
            let kind = match error.kind() {
                ErrorKind::Conflict => ErrorKind::Key,
                kind => kind,
            };
            let refusal = Refusal::UnsafePath { kind, message: error.to_string() };
            StoreError::Generic { store: "folder", source: Box::new(refusal) }
        })
    }
}

impl fmt::Display for GuardedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

#[async_trait]
impl ObjectStore for GuardedStore {
    async fn put_opts(
        &self,
        location: &StorePath,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.check(location, SafePaths::check_parents).await?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.check(location, SafePaths::check_parents).await?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &StorePath,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        self.check(location, SafePaths::check_object).await?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &StorePath,
        ranges: &[Range<u64>],
    ) -> object_store::Result<Vec<Bytes>> {
        self.check(location, SafePaths::check_object).await?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<StorePath>>,
    ) -> BoxStream<'static, object_store::Result<StorePath>> {
        self.inner.delete_stream(locations)
    }

    fn list(
        &self,
        prefix: Option<&StorePath>,
    ) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(
        &self,
        prefix: Option<&StorePath>,
    ) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &StorePath,
        to: &StorePath,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.check(from, SafePaths::check_object).await?;
        self.check(to, SafePaths::check_parents).await?;
        self.inner.copy_opts(from, to, options).await
    }
}
