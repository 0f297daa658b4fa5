//! A local folder as a store: create-only like S3, and durable before a put returns.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use coldpress_core::{KeyPrefix, ObjectKey};
use object_store::ObjectStore;

use crate::error::{Error, ErrorKind, Result};
use crate::random::random_name;
use crate::staged::{STAGED_END, STAGED_START};
use crate::store::error::conflict;
use crate::store::local::guarded::{GuardedStore, SafePaths, not_a_regular_file, special_kind};
use crate::store::outcome::PutOutcome;

/// How much of two files is compared at a time.
const COMPARED_BYTES: usize = 1 << 20;

/// The note of a repair that deleted a damaged object and could not store its replacement.
pub(crate) const REPAIR_INTERRUPTED: &str =
    "the damaged object is deleted and its replacement is not stored: run the same repair again";

/// Writes into one folder. Reading goes through [`LocalFolder::object_store`].
#[derive(Debug)]
pub(crate) struct LocalFolder {
    paths: SafePaths,
    /// Folders that this process has made durable, with all folders between them and the root.
    durable: Mutex<HashSet<PathBuf>>,
}

impl LocalFolder {
    /// Creates nothing on disk: only the first put does, so that reading leaves no trace.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let root = resolve(folder)?;
        if root.exists() && !root.is_dir() {
            return Err(Error::settings("local_dir is a file; give a folder").at(shown(&root)));
        }
        let paths = SafePaths::new(root, KeyPrefix::default());
        Ok(LocalFolder { paths, durable: Mutex::default() })
    }

    /// The same folder, for keys that begin with `prefix`. Links above the folder of the prefix are
    /// followed; links below it are not.
    pub(crate) fn below(self, prefix: KeyPrefix) -> Self {
        LocalFolder { paths: SafePaths::new(self.paths.root().to_owned(), prefix), ..self }
    }

    /// An error if the folder does not exist. Blocks.
    pub(crate) fn require(&self) -> Result<()> {
        match std::fs::read_dir(self.root()) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = "there is no such folder; check that local_dir is spelled right \
                    and that its disk is mounted (the first put creates a new folder)";
                Err(Error::new(ErrorKind::NotFound, message).at(shown(self.root())))
            }
            Err(error) => Err(Error::from_io(&error, "open the folder", self.root())),
        }
    }

    pub(crate) fn object_store(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(GuardedStore::new(self.paths.clone())?))
    }

    /// Stores an object at a free key. Blocks: file and folder are synced before this returns.
    pub(crate) fn put_new(&self, path: &str, bytes: &[u8]) -> Result<PutOutcome> {
        let mut staged = self.stage(path)?;
        staged.write(bytes)?;
        self.publish_new(staged, path)
    }

    /// Publishes a staged file durably under this key. If the key is taken, compares the two files.
    /// Blocks.
    pub(crate) fn publish_new(&self, staged: Staged, key: &str) -> Result<PutOutcome> {
        if self.publish(&staged, key)? {
            return Ok(PutOutcome::Created);
        }
        let path = self.path_of(key);
        let (same, there, staged_bytes) = compare(&path, &staged.path)?;
        if !same {
            return Err(conflict(key, there, staged_bytes));
        }
        // The writer of that file may have crashed before it synced the folder.
        sync_folder(self.folder_of(&path))?;
        Ok(PutOutcome::AlreadyThere)
    }

    /// Replaces the damaged file of this key. The new file is whole on the disk before the damaged
    /// one is removed. Blocks.
    pub(crate) fn replace(&self, key: &ObjectKey, bytes: &[u8]) -> Result<PutOutcome> {
        let mut staged = self.stage(key.as_str())?;
        staged.write(bytes)?;
        staged.seal()?;
        self.remove(key, &mut HashSet::new())?;
        self.publish_new(staged, key.as_str()).map_err(|error| error.with_note(REPAIR_INTERRUPTED))
    }

    /// Deletes the files of these keys, and returns the outcome of each. Blocks: every folder is
    /// synced before this returns. Empty folders stay, because another put may be about to use
    /// them.
    pub(crate) fn delete(&self, keys: &[ObjectKey]) -> Vec<Result<()>> {
        let mut outcomes = Vec::with_capacity(keys.len());
        let mut folders = HashSet::new();
        for key in keys {
            outcomes.push(self.remove(key, &mut folders));
            if outcomes.last().is_some_and(Result::is_err) {
                break;
            }
        }
        let synced = folders.iter().try_for_each(|folder| sync_folder(folder));
        if let (Err(error), Some(first)) = (synced, outcomes.first_mut()) {
            *first = Err(error);
        }
        outcomes
    }

    /// Removes one file, and adds its folder to those that must be synced.
    fn remove(&self, key: &ObjectKey, folders: &mut HashSet<PathBuf>) -> Result<()> {
        self.paths.check_parents(key.as_str())?;
        let path = self.path_of(key.as_str());
        match std::fs::remove_file(&path) {
            Ok(()) => {
                folders.insert(self.folder_of(&path).to_owned());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::from_io(&error, "delete the file", &path)),
        }
    }

    /// Opens an empty staged file, which no listing shows, in the folder of `key`. No part of the
    /// key may be empty, `.` or `..`. Blocks.
    pub(crate) fn stage(&self, key: &str) -> Result<Staged> {
        self.paths.check_parents(key)?;
        let path = self.path_of(key);
        let folder = self.folder_of(&path);
        self.make_durable(folder)?;
        Staged::open(folder)
    }

    /// Syncs a staged file and links it to the name of `key`; false if the name is taken. Blocks.
    pub(crate) fn publish(&self, staged: &Staged, key: &str) -> Result<bool> {
        staged.sync()?;
        let path = self.path_of(key);
        match std::fs::hard_link(&staged.path, &path) {
            Ok(()) => {
                sync_folder(self.folder_of(&path))?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::from_io(
                &error,
                "link the finished file into place (the file system must have hard links)",
                &path,
            )),
        }
    }

    /// The absolute path of the folder, which may not exist yet.
    pub(crate) fn root(&self) -> &Path {
        self.paths.root()
    }

    /// The paths of objects in it.
    pub(crate) fn paths(&self) -> &SafePaths {
        &self.paths
    }

    /// Syncs the folder of `key`. Blocks.
    pub(crate) fn sync_folder_of(&self, key: &str) -> Result<()> {
        sync_folder(self.folder_of(&self.path_of(key)))
    }

    /// The names in the folder of this key that begin with the key, as keys. Blocks.
    pub(crate) fn names_beside(&self, key: &str) -> Result<Vec<String>> {
        let path = self.path_of(key);
        let folder = self.folder_of(&path);
        let failed = |e: io::Error| Error::from_io(&e, "look beside the object", folder);
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let (above, name) = key.rsplit_once('/').unwrap_or(("", key));
        let mut found = Vec::new();
        for entry in entries {
            let beside = entry.map_err(failed)?.file_name();
            if let Some(beside) = beside.to_str().filter(|beside| beside.starts_with(name)) {
                found.push(format!("{above}/{beside}"));
            }
        }
        Ok(found)
    }

    /// The path of the object of this key. No part of the key may be empty, `.` or `..`.
    pub(crate) fn path_of(&self, key: &str) -> PathBuf {
        self.paths.path_of(key)
    }

    fn folder_of<'p>(&'p self, path: &'p Path) -> &'p Path {
        path.parent().unwrap_or(self.root())
    }

    /// Creates the folder, and syncs every folder above it whose entry may be new.
    fn make_durable(&self, folder: &Path) -> Result<()> {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.contains(folder) && folder.is_dir() {
            return Ok(());
        }
        let above_root_missing = self.root().ancestors().take_while(|a| !a.exists()).count();
        std::fs::create_dir_all(folder)
            .map_err(|e| Error::from_io(&e, "make the folder", folder))?;
        // Within the root, another process may have created a folder and not yet synced it. Above
        // the root, only folders that this call created need a sync.
        let within = folder.strip_prefix(self.root()).map_or(0, |rest| rest.components().count());
        for naming in folder.ancestors().skip(1).take(within + above_root_missing) {
            sync_folder(naming)?;
        }
        durable.insert(folder.to_owned());
        Ok(())
    }
}

/// A file that is being written, under a name that no listing shows. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Staged {
    path: PathBuf,
    /// `None` once it is sealed.
    file: Option<File>,
}

impl Staged {
    fn open(folder: &Path) -> Result<Self> {
        // object_store's local listing ignores names that end with `#` and digits; engines that
        // scan folders ignore names that begin with a dot.
        let path = folder.join(format!("{STAGED_START}{}{STAGED_END}", random_name()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|e| Error::from_io(&e, "make a file", &path))?;
        Ok(Staged { path, file: Some(file) })
    }

    /// Appends. Blocks.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.file {
            Some(file) => {
                file.write_all(bytes).map_err(|e| Error::from_io(&e, "write the file", &self.path))
            }
            None => Err(Error::new(
                ErrorKind::Misuse,
                "this object is complete and takes no more bytes; begin another one",
            )),
        }
    }

    /// Makes it durable and closes it. Many files may wait to be published, and a process has a
    /// limited number of file handles. Blocks.
    pub(crate) fn seal(&mut self) -> Result<()> {
        self.sync()?;
        self.file = None;
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        match &self.file {
            Some(file) => {
                file.sync_all().map_err(|e| Error::from_io(&e, "write the file", &self.path))
            }
            None => Ok(()),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(
                path = %self.path.display(),
                %error,
                "could not remove a staged file; remove it by hand"
            );
        }
    }
}

/// Whether both files hold the same bytes, and how many bytes each has.
fn compare(path: &Path, ours: &Path) -> Result<(bool, u64, u64)> {
    let read = |e: io::Error| Error::from_io(&e, "read the file that is already there", path);
    let read_ours = |e: io::Error| Error::from_io(&e, "read the staged file", ours);
    let bytes = std::fs::metadata(ours).map_err(read_ours)?.len();
    let facts = std::fs::symlink_metadata(path).map_err(read)?;
    // Opening a pipe would wait for ever, and a link may lead anywhere.
    if let Some(what) = special_kind(facts.file_type()) {
        return Err(not_a_regular_file(what, path));
    }
    if facts.len() != bytes {
        return Ok((false, facts.len(), bytes));
    }
    let mut there = BufReader::with_capacity(COMPARED_BYTES, File::open(path).map_err(read)?);
    let mut ours = BufReader::with_capacity(COMPARED_BYTES, File::open(ours).map_err(read_ours)?);
    loop {
        let (a, b) = (there.fill_buf().map_err(read)?, ours.fill_buf().map_err(read_ours)?);
        let length = a.len().min(b.len());
        if length == 0 {
            return Ok((a.len() == b.len(), facts.len(), bytes));
        }
        if a[..length] != b[..length] {
            return Ok((false, facts.len(), bytes));
        }
        there.consume(length);
        ours.consume(length);
    }
}

pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    // Windows cannot open a folder as a file, and its file system needs no such sync.
    if cfg!(windows) {
        return Ok(());
    }
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    match synced {
        // A file system that cannot sync folders (some network ones) says so in these two ways.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        other => other.map_err(|e| Error::from_io(&e, "sync the folder", folder)),
    }
}

/// The folder's absolute path. Links are followed as far as the path exists.
fn resolve(folder: &Path) -> Result<PathBuf> {
    let absolute =
        std::path::absolute(folder).map_err(|e| Error::from_io(&e, "find the folder", folder))?;
    for ancestor in absolute.ancestors() {
        match std::fs::canonicalize(ancestor) {
            Ok(known) => {
                let rest = absolute.strip_prefix(ancestor).unwrap_or(Path::new(""));
                if rest.components().any(|c| c == std::path::Component::ParentDir) {
                    let message = "local_dir has a `..` after a folder that does not exist; write \
                        the path without it";
                    return Err(Error::settings(message).at(shown(folder)));
                }
                // Component by component: joining an empty path would add a `/` at the end.
                return Ok(rest.components().fold(known, |path, part| path.join(part)));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::from_io(&e, "find the folder", ancestor)),
        }
    }
    Ok(absolute)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
