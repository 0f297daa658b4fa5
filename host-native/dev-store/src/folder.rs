//! The objects in the folder, by keys that are safe as paths.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use axum::http::StatusCode;
use cap_std::fs::Metadata;
use sha2::{Digest as _, Sha256};

use super::beneath;
use super::beneath::{Root, Staged};
use super::error::S3Error;

/// S3's own limit for a key.
const KEY_BYTES_MAX: usize = 1_024;
/// The longest name that file systems take.
const PART_BYTES_MAX: usize = 255;
/// The most hashes to remember. When there are more, all are forgotten.
const HASHES_MAX: usize = 10_000;
const READ_BYTES: usize = 256 << 10;
const PUBLISH_TRIES_MAX: u32 = 5;

/// The start of the names of our own files, which are no objects.
const HIDDEN: &str = ".coldpress-";

/// A key whose parts are all plain file names, so that it stays within its folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SafeKey(String);

impl SafeKey {
    pub(super) fn new(key: &str) -> Result<Self, S3Error> {
        if key.len() > KEY_BYTES_MAX {
            let message = format!("the key is longer than {KEY_BYTES_MAX} bytes; shorten it");
            return Err(S3Error::invalid_argument(message));
        }
        match key.split('/').find_map(wrong_with_part) {
            Some(wrong) => Err(S3Error::invalid_argument(format!(
                "the key {key:?} has a part that {wrong}; in this store, objects are files in a \
                 folder"
            ))),
            None => Ok(SafeKey(key.to_owned())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Its folders, and its name in the last one.
    fn parts(&self) -> (impl Iterator<Item = &str> + Clone, &str) {
        let (above, name) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        (above.split('/').filter(|part| !part.is_empty()), name)
    }
}

fn wrong_with_part(part: &str) -> Option<&'static str> {
    // The local listing of object_store skips such a name.
    let digits = part.rsplit_once('#').map(|(_, digits)| digits);
    match part {
        "" => Some("is empty"),
        "." | ".." => Some("is `.` or `..`"),
        _ if part.len() > PART_BYTES_MAX => Some("is longer than 255 bytes"),
        _ if part.starts_with(HIDDEN) => {
            Some("begins with `.coldpress-`, like our own hidden files")
        }
        _ if digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit())) => {
            Some("ends with `#` and digits")
        }
        _ if part.chars().any(|c| c.is_control() || c == '\\') => {
            Some("has a control character or a backslash")
        }
        _ if cfg!(windows) && part.contains([':', '*', '?', '"', '<', '>', '|']) => {
            Some("has a character that Windows does not allow in file names")
        }
        _ => None,
    }
}

/// A stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

impl Entry {
    /// Objects never change. So size and time tell it from an earlier object of the same name.
    pub(super) fn etag(&self) -> String {
        let since = self.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("\"{:x}-{:x}\"", since.as_nanos(), self.bytes)
    }
}

/// Objects as files in a folder. All functions block.
#[derive(Debug)]
pub(super) struct Folder {
    root: Root,
    hashes: Mutex<HashMap<(String, String), [u8; 32]>>,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Folder { root: Root::new(root), hashes: Mutex::default() }
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// The object at the key, with its file opened for reading.
    pub(super) fn open(&self, key: &SafeKey) -> Result<(Entry, File), S3Error> {
        let (above, name) = key.parts();
        let opened = self.root.folder(above).and_then(|folder| beneath::open(&folder, name));
        let (file, facts) = opened.map_err(|error| match missing(&error) {
            true => S3Error::no_such_key(),
            false => disk_error(&error, "read the object"),
        })?;
        Ok((entry(key.as_str().to_owned(), &facts), file))
    }

    /// Makes a staged file outside the keys' folders, so that a refused put leaves no folder.
    pub(super) fn stage(&self) -> Result<Staged, S3Error> {
        self.root.stage([]).map_err(|error| disk_error(&error, "make a file"))
    }

    /// Publishes a staged file as the object of this key. False if the key has an object.
    pub(super) fn publish(&self, staged: &Staged, key: &SafeKey) -> Result<bool, S3Error> {
        let (above, name) = key.parts();
        let publish = || staged.publish(&self.root.make_folder(above.clone())?, name);
        let mut published = publish();
        for _ in 1..PUBLISH_TRIES_MAX {
            match published {
                // Another request deleted the folder's last object just now, and the folder with
                // it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => published = publish(),
                _ => break,
            }
        }
        published.map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => S3Error::invalid_argument(
                "a part of the key is a file or a link in the store's folder; choose another key",
            ),
            _ => disk_error(&error, "store the object"),
        })
    }

    /// Deletes an object, and the folders that become empty: an object store has no folders.
    pub(super) fn delete(&self, key: &SafeKey) -> Result<(), S3Error> {
        let (above, name) = key.parts();
        let mut above: Vec<&str> = above.collect();
        // Like S3, this succeeds if there is no object.
        let Ok(folder) = self.root.folder(above.iter().copied()) else { return Ok(()) };
        if folder.symlink_metadata(name).is_ok_and(|facts| facts.is_file()) {
            match folder.remove_file(name) {
                Err(error) if !missing(&error) => {
                    return Err(disk_error(&error, "delete the object"));
                }
                _ => {}
            }
        }
        while let Some(name) = above.pop() {
            let holding = self.root.folder(above.iter().copied());
            // A folder that is not empty stays, and so do its parents.
            if holding.and_then(|holding| holding.remove_dir(name)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// The SHA-256 of an object's content. It is computed once and remembered.
    pub(super) fn sha256(&self, key: &SafeKey) -> Result<[u8; 32], S3Error> {
        let (entry, mut file) = self.open(key)?;
        let name = (entry.key.clone(), entry.etag());
        let hashes = || self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hash) = hashes().get(&name) {
            return Ok(*hash);
        }
        let mut hash = Sha256::new();
        copy(&mut file, |bytes| {
            hash.update(bytes);
            Ok(())
        })
        .map_err(|error| disk_error(&error, "read the object"))?;
        let hash = hash.finalize().into();
        self.remember(name, hash);
        Ok(hash)
    }

    /// Remembers the hash of an object that was just written.
    pub(super) fn written(&self, key: &SafeKey, hash: [u8; 32]) -> Result<Entry, S3Error> {
        let (entry, _) = self.open(key)?;
        self.remember((entry.key.clone(), entry.etag()), hash);
        Ok(entry)
    }

    fn remember(&self, name: (String, String), hash: [u8; 32]) {
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if hashes.len() >= HASHES_MAX {
            hashes.clear();
        }
        hashes.insert(name, hash);
    }

    /// All objects whose keys begin with `prefix`, in the order of the keys' bytes.
    pub(super) fn list(&self, prefix: &str) -> Result<Vec<Entry>, S3Error> {
        // Walks only the folder that the prefix names, and only if it is a safe key.
        let above = prefix.rsplit_once('/').map_or("", |(above, _)| above);
        if !above.is_empty() && SafeKey::new(above).is_err() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let start = if above.is_empty() { String::new() } else { format!("{above}/") };
        let mut folders = vec![start];
        while let Some(folder) = folders.pop() {
            self.list_folder(&folder, prefix, &mut found, &mut folders)?;
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// `folder` is empty or ends with `/`.
    fn list_folder(
        &self,
        folder: &str,
        prefix: &str,
        found: &mut Vec<Entry>,
        folders: &mut Vec<String>,
    ) -> Result<(), S3Error> {
        let names = folder.split('/').filter(|name| !name.is_empty());
        let entries = self.root.folder(names).and_then(|open| beneath::entries(&open));
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) if missing(&error) => return Ok(()),
            Err(error) => return Err(disk_error(&error, "list a folder of the store")),
        };
        for (name, file) in entries {
            let key = format!("{folder}{name}");
            // A name that no request can have is no object.
            if wrong_with_part(&name).is_some() || key.len() > KEY_BYTES_MAX {
                continue;
            }
            // It may have been deleted since the folder was read.
            let Ok(metadata) = file.metadata() else { continue };
            if metadata.is_dir() {
                let below = format!("{key}/");
                if below.starts_with(prefix) || prefix.starts_with(&below) {
                    folders.push(below);
                }
            } else if metadata.is_file() && key.starts_with(prefix) {
                found.push(entry(key, &metadata));
            }
        }
        Ok(())
    }
}

/// Reads to the end in pieces.
pub(super) fn copy(
    from: &mut impl Read,
    mut to: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn entry(key: String, metadata: &Metadata) -> Entry {
    let modified = metadata.modified().map_or(SystemTime::UNIX_EPOCH, |at| at.into_std());
    Entry { key, bytes: metadata.len(), modified }
}

/// An error of the disk. It does not show the path, because clients know only keys.
pub(super) fn disk_error(error: &io::Error, doing: &str) -> S3Error {
    let message = format!("cannot {doing}: {error}; check the store's folder and try again");
    S3Error::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
}

/// Whether the error means that there is nothing at the key.
pub(super) fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_leaves_the_folder() {
        for key in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "a\\..\\b",
            "a\0b",
            "a\nb",
            ".coldpress-uploads/x",
            "a/.coldpress-1#0",
            "a#7",
            "a#",
        ] {
            assert!(SafeKey::new(key).is_err(), "{key:?}");
        }
        assert!(
            SafeKey::new(&"x/".repeat(600)).is_err() && SafeKey::new(&"x".repeat(256)).is_err()
        );
        for key in
            ["a", "7/people/lsn-1-2.parquet", "a%2F..", "..a/b..", "é/ü", "a#b", "_coldpress/p"]
        {
            assert_eq!(SafeKey::new(key).unwrap().as_str(), key);
        }
    }

    #[test]
    fn listings_are_in_order_and_show_objects_alone() {
        let root = tempfile::tempdir().unwrap();
        for name in
            ["b/2", "b/1", "a-b", "a/b", "a/.coldpress-x#0", ".coldpress-uploads/1/p", "c#3"]
        {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            std::os::unix::fs::symlink(".", root.path().join("circle")).unwrap();
            let strange = std::ffi::OsStr::from_bytes(b"b/\xff");
            std::fs::write(root.path().join(strange), "x").unwrap();
            std::fs::write(root.path().join("b/new\nline"), "x").unwrap();
        }
        let folder = Folder::new(root.path());
        let keys = |prefix: &str| -> Vec<String> {
            folder.list(prefix).unwrap().into_iter().map(|entry| entry.key).collect()
        };
        assert_eq!(keys(""), ["a-b", "a/b", "b/1", "b/2"]);
        assert_eq!(keys("a"), ["a-b", "a/b"]);
        assert_eq!(keys("b/"), ["b/1", "b/2"]);
        assert_eq!(keys("b/2"), ["b/2"]);
        for nothing in ["x/", "../", "b/1/", "..", "/", "circle/"] {
            assert!(keys(nothing).is_empty(), "{nothing}");
        }
    }
}
