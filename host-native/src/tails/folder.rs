//! The ends of data files, in a folder.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::tails::tail::Tail;

/// The end of the names of our files. Others in the folder are left alone.
const NAME_END: &str = ".tail";

/// A folder of files, each with the end of one data file. All its methods block.
#[derive(Debug)]
pub(super) struct TailFolder {
    folder: PathBuf,
    bytes_max: u64,
    store: String,
    /// How many bytes the files have, as far as this process knows; `None` before it has looked.
    bytes: Mutex<Option<u64>>,
}

impl TailFolder {
    pub(super) fn new(folder: PathBuf, bytes_max: u64, store: &str) -> Self {
        TailFolder { folder, bytes_max, store: store.to_owned(), bytes: Mutex::new(None) }
    }

    /// A file that is damaged, or that another program wrote, counts as none.
    pub(super) fn get(&self, key: &str, file_bytes: u64) -> Option<Tail> {
        let path = self.path(key, file_bytes);
        // Nothing that we write is larger. Whatever else lies there is not read.
        if fs::metadata(&path).ok()?.len() > self.bytes_max {
            return None;
        }
        let content = Bytes::from(fs::read(path).ok()?);
        let (checksum, rest) = content.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*checksum) != crc32c::crc32c(rest) {
            return None;
        }
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let etag = std::str::from_utf8(rest.get(..length)?).ok()?;
        Some(Tail {
            etag: (!etag.is_empty()).then(|| etag.to_owned()),
            bytes: content.slice(8 + length..),
        })
    }

    pub(super) fn put(&self, key: &str, file_bytes: u64, tail: &Tail) {
        let path = self.path(key, file_bytes);
        match self.write(&path, tail) {
            Ok(bytes) => self.make_room(bytes),
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "could not keep the end of a file");
            }
        }
    }

    pub(super) fn remove(&self, key: &str, file_bytes: u64) {
        let _ = fs::remove_file(self.path(key, file_bytes));
    }

    fn path(&self, key: &str, file_bytes: u64) -> PathBuf {
        let mut digest = Sha256::new();
        for part in [self.store.as_bytes(), key.as_bytes(), &file_bytes.to_le_bytes()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let hex: String = digest.finalize()[..16].iter().map(|b| format!("{b:02x}")).collect();
        self.folder.join(hex + NAME_END)
    }

    fn write(&self, path: &Path, tail: &Tail) -> std::io::Result<u64> {
        let etag = tail.etag.as_deref().unwrap_or_default();
        let mut content = vec![0; 4];
        content.extend_from_slice(&u32::try_from(etag.len()).unwrap_or(u32::MAX).to_le_bytes());
        content.extend_from_slice(etag.as_bytes());
        content.extend_from_slice(&tail.bytes);
        let checksum = crc32c::crc32c(&content[4..]);
        content[..4].copy_from_slice(&checksum.to_le_bytes());
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&content)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(content.len() as u64)
    }

    /// Deletes the oldest files if there are too many bytes.
    fn make_room(&self, more: u64) {
        let Ok(mut bytes) = self.bytes.lock() else { return };
        let known = bytes.map(|bytes| bytes.saturating_add(more));
        if known.is_some_and(|known| known <= self.bytes_max) {
            *bytes = known;
            return;
        }
        let mut files = self.files();
        let mut all: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        if all > self.bytes_max {
            files.sort();
            for (_, bytes, path) in files {
                // Some room for the next files, so that not each of them lists the folder.
                if all <= self.bytes_max / 4 * 3 {
                    break;
                }
                if fs::remove_file(path).is_ok() {
                    all -= bytes;
                }
            }
        }
        *bytes = Some(all);
    }

    /// Time, size and path of each file of ours.
    fn files(&self) -> Vec<(SystemTime, u64, PathBuf)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let file = |entry: fs::DirEntry| {
            let known = entry.metadata().ok()?;
            let ours = entry.file_name().to_str()?.ends_with(NAME_END) && known.is_file();
            ours.then_some((known.modified().ok()?, known.len(), entry.path()))
        };
        entries.filter_map(file).collect()
    }
}
