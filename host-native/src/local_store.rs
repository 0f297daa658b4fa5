//! The ways into a local folder: no link is followed, and nothing but a regular file is read as an
//! object.

use std::fmt;
use std::fs::FileType;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

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

use crate::answer::{Refusal, io_error};
use crate::{Error, ErrorKind, Result};

/// How names of staged files begin and end: a `#` and digits is what object_store's local listing
/// passes over.
pub(crate) const STAGED_START: &str = ".coldpress-";
pub(crate) const STAGED_END: &str = "#0";

/// How many bytes of a name an error shows.
const SHOWN_CHARS_MAX: usize = 300;

/// Where objects lie in a local folder. Links on the way to the folder of the prefix are followed,
/// below it none is: a link could lead out of the store, in a circle, or to the same object under a
/// second key.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    root: PathBuf,
    prefix: KeyPrefix,
}

impl Ways {
    pub(crate) fn new(root: PathBuf, prefix: KeyPrefix) -> Self {
        Ways { root, prefix }
    }

    /// The folder itself, absolute. It may not exist yet.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the object of that key lies. No part of the key may be empty, `.` or `..`; a `/` at
    /// its end does no harm.
    pub(crate) fn path_of(&self, key: &str) -> PathBuf {
        let parts = key.split('/').filter(|part| !part.is_empty());
        parts.fold(self.root.clone(), |path, part| path.join(part))
    }

    /// An error where a link stands for a folder on the way to `key`, or for the folder that ends
    /// with `/`. What does not exist is no error. Blocks.
    pub(crate) fn check_way(&self, key: &str) -> Result<()> {
        let (above, below) = match key.strip_prefix(self.prefix.as_str()) {
            Some(below) => (self.prefix.as_str(), below),
            None => ("", key),
        };
        let mut path = self.path_of(above);
        let Some((folders, _)) = below.rsplit_once('/') else { return Ok(()) };
        for part in folders.split('/') {
            path.push(part);
            match std::fs::symlink_metadata(&path) {
                Ok(facts) if facts.is_symlink() => return Err(link(&path)),
                Ok(_) => {}
                Err(error) if is_absent(&error) => return Ok(()),
                Err(error) => return Err(io_error(&error, "look at the folder", &path)),
            }
        }
        Ok(())
    }

    /// As [`check_way`](Self::check_way), and an error where something else than a file lies at
    /// `key`: opening a pipe would wait for ever. Blocks.
    pub(crate) fn check_object(&self, key: &str) -> Result<()> {
        self.check_way(key)?;
        let path = self.path_of(key);
        match std::fs::symlink_metadata(&path) {
            Ok(facts) => match odd(facts.file_type()).filter(|_| !facts.is_dir()) {
                Some(what) => Err(in_the_way(what, &path)),
                None => Ok(()),
            },
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(io_error(&error, "look at the file", &path)),
        }
    }
}

/// What something is that is no regular file.
pub(crate) fn odd(kind: FileType) -> Option<&'static str> {
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

/// The error for what lies where an object should.
pub(crate) fn in_the_way(what: &str, path: &Path) -> Error {
    let message = format!(
        "this is {what}, and only a regular file is an object of the store; move it out of the store"
    );
    Error::new(ErrorKind::Conflict, message).at(shown(path))
}

fn link(path: &Path) -> Error {
    let message = "this is a symbolic link, and the store follows none below its own folder; put the real folder here (a mount will do), or let --store name the folder that the link leads to";
    Error::new(ErrorKind::Conflict, message).at(shown(path))
}

fn shown(path: &Path) -> String {
    path.display().to_string().chars().take(SHOWN_CHARS_MAX).collect()
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A local folder for readers, which goes only where [`Ways`] lead.
#[derive(Debug)]
pub(crate) struct GuardedStore {
    inner: PrefixStore<LocalFileSystem>,
    ways: Ways,
}

impl GuardedStore {
    /// An error where the path of the folder cannot be one of object_store's.
    pub(crate) fn new(ways: Ways) -> Result<Self> {
        // `LocalFileSystem::new_with_prefix` would want the folder to exist already.
        let prefix = StorePath::from_absolute_path(ways.root()).map_err(|error| {
            Error::settings(format!("local_dir cannot be used ({error}); give another folder"))
                .at(shown(ways.root()))
        })?;
        Ok(GuardedStore { inner: PrefixStore::new(LocalFileSystem::new(), prefix), ways })
    }

    async fn check(
        &self,
        location: &StorePath,
        check: fn(&Ways, &str) -> Result<()>,
    ) -> object_store::Result<()> {
        let (ways, key) = (self.ways.clone(), location.as_ref().to_owned());
        let checked = tokio::task::spawn_blocking(move || check(&ways, &key)).await?;
        checked.map_err(|error| StoreError::Generic {
            store: "folder",
            source: Box::new(Refusal::Unreadable {
                kind: ErrorKind::Key,
                message: error.to_string().into(),
            }),
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
        self.check(location, Ways::check_way).await?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.check(location, Ways::check_way).await?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &StorePath,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        self.check(location, Ways::check_object).await?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &StorePath,
        ranges: &[Range<u64>],
    ) -> object_store::Result<Vec<Bytes>> {
        self.check(location, Ways::check_object).await?;
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
        self.check(from, Ways::check_object).await?;
        self.check(to, Ways::check_way).await?;
        self.inner.copy_opts(from, to, options).await
    }
}
