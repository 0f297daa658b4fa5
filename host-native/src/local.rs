//! A local folder as a store: create-only like S3, and on the disk before a put returns.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use coldpress_core::{KeyPrefix, ObjectKey};
use object_store::ObjectStore;

use crate::answer::{conflict, io_error};
use crate::local_store::{GuardedStore, STAGED_END, STAGED_START, Ways, in_the_way, odd};
use crate::random::random_name;
use crate::{Error, ErrorKind, PutOutcome, Result};

/// How much of two files is compared at a time.
const COMPARED_BYTES: usize = 1 << 20;

/// What is told where a damaged object is deleted and its replacement is not stored.
pub(crate) const CUT_OFF: &str =
    "the damaged object is deleted and its replacement is not stored: run the same repair again";

/// Writes into one folder. Reading goes through [`LocalFolder::object_store`].
#[derive(Debug)]
pub(crate) struct LocalFolder {
    ways: Ways,
    /// Folders whose whole way down from the root this process has made durable.
    durable: Mutex<HashSet<PathBuf>>,
}

impl LocalFolder {
    /// Nothing is made on disk until the first put, so that looking leaves no trace.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let root = resolve(folder)?;
        if root.exists() && !root.is_dir() {
            return Err(Error::settings("local_dir is a file; give a folder").at(shown(&root)));
        }
        let ways = Ways::new(root, KeyPrefix::default());
        Ok(LocalFolder { ways, durable: Mutex::default() })
    }

    /// The same, for keys that begin with `prefix`: links on the way to its folder are followed,
    /// and none below.
    pub(crate) fn below(self, prefix: KeyPrefix) -> Self {
        LocalFolder { ways: Ways::new(self.ways.root().to_owned(), prefix), ..self }
    }

    /// An error where the folder is not there. Blocks.
    pub(crate) fn require(&self) -> Result<()> {
        match std::fs::read_dir(self.root()) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = "there is no such folder; check that local_dir is spelled right and that its disk is mounted (the first put makes a new folder)";
                Err(Error::new(ErrorKind::NotFound, message).at(shown(self.root())))
            }
            Err(error) => Err(io_error(&error, "open the folder", self.root())),
        }
    }

    pub(crate) fn object_store(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(GuardedStore::new(self.ways.clone())?))
    }

    /// Blocks: file and folder are synced before this returns.
    pub(crate) fn put_new(&self, key: &ObjectKey, bytes: &[u8]) -> Result<PutOutcome> {
        let mut staged = self.stage(key.as_str())?;
        staged.write(bytes)?;
        self.publish_new(staged, key.as_str())
    }

    /// Gives a file of [`LocalFolder::stage`] this name, durably, or compares it with what has the name. Blocks.
    pub(crate) fn publish_new(&self, staged: Staged, key: &str) -> Result<PutOutcome> {
        if self.publish(&staged, key)? {
            return Ok(PutOutcome::Created);
        }
        let path = self.path_of(key);
        let (same, there, staged_bytes) = compare(&path, &staged.path)?;
        if !same {
            return Err(conflict(key, there, staged_bytes));
        }
        // Its writer may have been cut off before it came to this.
        sync_folder(self.folder_of(&path))?;
        Ok(PutOutcome::AlreadyThere)
    }

    /// Puts a file in place of the damaged one of that key: it is whole on the disk before the
    /// damaged one goes. Blocks.
    pub(crate) fn replace(&self, key: &ObjectKey, bytes: &[u8]) -> Result<PutOutcome> {
        let mut staged = self.stage(key.as_str())?;
        staged.write(bytes)?;
        staged.seal()?;
        self.remove(key, &mut HashSet::new())?;
        self.publish_new(staged, key.as_str()).map_err(|error| error.with_note(CUT_OFF))
    }

    /// Deletes the files of these keys, and what became of each. Blocks: every folder is synced before this
    /// returns; folders stay, since another put may be on its way into them.
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

    /// Removes one file, and notes its folder, which is to be synced.
    fn remove(&self, key: &ObjectKey, folders: &mut HashSet<PathBuf>) -> Result<()> {
        self.ways.check_way(key.as_str())?;
        let path = self.path_of(key.as_str());
        match std::fs::remove_file(&path) {
            Ok(()) => {
                folders.insert(self.folder_of(&path).to_owned());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io_error(&error, "delete the file", &path)),
        }
    }

    /// Opens an empty file, which no listing shows, in the folder of `key`. No part of the key may
    /// be empty, `.` or `..`. Blocks.
    pub(crate) fn stage(&self, key: &str) -> Result<Staged> {
        self.ways.check_way(key)?;
        let path = self.path_of(key);
        let folder = self.folder_of(&path);
        self.make_durable(folder)?;
        Staged::open(folder)
    }

    /// Syncs a file of [`LocalFolder::stage`] and gives it this name too; false where another has
    /// the name already. Blocks.
    pub(crate) fn publish(&self, staged: &Staged, key: &str) -> Result<bool> {
        staged.sync()?;
        let path = self.path_of(key);
        match std::fs::hard_link(&staged.path, &path) {
            Ok(()) => {
                sync_folder(self.folder_of(&path))?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(io_error(
                &error,
                "link the finished file into place (the file system must have hard links)",
                &path,
            )),
        }
    }

    /// The folder itself, absolute. It may not exist yet.
    pub(crate) fn root(&self) -> &Path {
        self.ways.root()
    }

    /// Where objects lie in it.
    pub(crate) fn ways(&self) -> &Ways {
        &self.ways
    }

    /// Syncs the folder of `key`. Blocks.
    pub(crate) fn sync_folder_of(&self, key: &str) -> Result<()> {
        sync_folder(self.folder_of(&self.path_of(key)))
    }

    /// The paths of what lies beside the object of that key, under names that begin with its own. Blocks.
    pub(crate) fn names_beside(&self, key: &str) -> Result<Vec<String>> {
        let path = self.path_of(key);
        let folder = self.folder_of(&path);
        let failed = |e: io::Error| io_error(&e, "look beside the object", folder);
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

    /// Where the object of that key lies. No part of the key may be empty, `.` or `..`.
    pub(crate) fn path_of(&self, key: &str) -> PathBuf {
        self.ways.path_of(key)
    }

    fn folder_of<'p>(&'p self, path: &'p Path) -> &'p Path {
        path.parent().unwrap_or(self.root())
    }

    /// Makes the folder and syncs every folder that names another on the way to it.
    fn make_durable(&self, folder: &Path) -> Result<()> {
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.contains(folder) && folder.is_dir() {
            return Ok(());
        }
        let above_root_missing = self.root().ancestors().take_while(|a| !a.exists()).count();
        std::fs::create_dir_all(folder).map_err(|e| io_error(&e, "make the folder", folder))?;
        // Within the root another process may have made a folder and not yet synced it; above the
        // root only what was made just now is ours to sync.
        let within = folder.strip_prefix(self.root()).map_or(0, |rest| rest.components().count());
        for naming in folder.ancestors().skip(1).take(within + above_root_missing) {
            sync_folder(naming)?;
        }
        durable.insert(folder.to_owned());
        Ok(())
    }
}

/// A file being written, under a name that no listing shows; gone when dropped.
#[derive(Debug)]
pub(crate) struct Staged {
    path: PathBuf,
    /// None once it is sealed.
    file: Option<File>,
}

impl Staged {
    fn open(folder: &Path) -> Result<Self> {
        // A `#` and digits at the end is what object_store's local listing passes over, and a dot
        // in front what engines that scan folders pass over.
        let path = folder.join(format!("{STAGED_START}{}{STAGED_END}", random_name()));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|e| io_error(&e, "make a file", &path))?;
        Ok(Staged { path, file: Some(file) })
    }

    /// Appends. Blocks.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.file {
            Some(file) => {
                file.write_all(bytes).map_err(|e| io_error(&e, "write the file", &self.path))
            }
            None => Err(Error::new(
                ErrorKind::Misuse,
                "this object is ready, and takes no more bytes; begin another one",
            )),
        }
    }

    /// Makes it durable and closes it: many may wait to be published, and a process has but so many handles. Blocks.
    pub(crate) fn seal(&mut self) -> Result<()> {
        self.sync()?;
        self.file = None;
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        match &self.file {
            Some(file) => file.sync_all().map_err(|e| io_error(&e, "write the file", &self.path)),
            None => Ok(()),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a staged file could not be removed; remove it by hand");
        }
    }
}

/// Whether the file there holds the same bytes as ours, and how many bytes each has.
fn compare(path: &Path, ours: &Path) -> Result<(bool, u64, u64)> {
    let read = |e: io::Error| io_error(&e, "read the file that already lies there", path);
    let read_ours = |e: io::Error| io_error(&e, "read the staged file", ours);
    let bytes = std::fs::metadata(ours).map_err(read_ours)?.len();
    let facts = std::fs::symlink_metadata(path).map_err(read)?;
    // To open a pipe would wait for ever, and a link may lead anywhere.
    if let Some(what) = odd(facts.file_type()) {
        return Err(in_the_way(what, path));
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
        // File systems without a sync for folders (some network ones) say so in these two ways.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        other => other.map_err(|e| io_error(&e, "sync the folder", folder)),
    }
}

/// The folder's absolute path, its links followed as far as it exists.
fn resolve(folder: &Path) -> Result<PathBuf> {
    let absolute =
        std::path::absolute(folder).map_err(|e| io_error(&e, "find the folder", folder))?;
    for ancestor in absolute.ancestors() {
        match std::fs::canonicalize(ancestor) {
            Ok(known) => {
                let rest = absolute.strip_prefix(ancestor).unwrap_or(Path::new(""));
                if rest.components().any(|c| c == std::path::Component::ParentDir) {
                    let message =
                        "local_dir has a `..` after a folder that does not exist; write it without";
                    return Err(Error::settings(message).at(shown(folder)));
                }
                // Component by component: joining an empty path would end it in a `/`.
                return Ok(rest.components().fold(known, |path, part| path.join(part)));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(io_error(&e, "find the folder", ancestor)),
        }
    }
    Ok(absolute)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
