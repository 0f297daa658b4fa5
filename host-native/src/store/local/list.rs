//! Listings of one local folder.

use std::fs::DirEntry;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::staged::{STAGED_END, STAGED_START};
use crate::store::listed::Listed;
use crate::store::local::guarded::SafePaths;

/// Every regular file directly in this folder, without staged files. Blocks.
pub(crate) fn files_in(paths: &SafePaths, name: &str) -> Result<Vec<Listed>> {
    paths.check_parents(name)?;
    let path = paths.path_of(name);
    let failed = |e: io::Error| Error::from_io(&e, "list the folder", &path);
    let mut found = Vec::new();
    for entry in entries(&path)? {
        let entry = entry.map_err(failed)?;
        let is_file =
            present(entry.file_type()).map_err(failed)?.is_some_and(|kind| kind.is_file());
        let Ok(own) = entry.file_name().into_string() else { continue };
        if !is_file || is_staged(&own) {
            continue;
        }
        let Some(facts) = present(entry.metadata()).map_err(failed)? else { continue };
        let modified = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let (name, bytes) = (format!("{name}{own}"), facts.len());
        found.push(Listed { name, bytes, modified, etag: None });
    }
    Ok(found)
}

/// Whether this is the name of a staged file: one that is being written, or that a crashed process
/// left.
pub(crate) fn is_staged(name: &str) -> bool {
    name.starts_with(STAGED_START) && name.ends_with(STAGED_END)
}

/// The entries of the folder; none if it does not exist.
pub(crate) fn entries(path: &Path) -> Result<impl Iterator<Item = io::Result<DirEntry>>> {
    let read = present(std::fs::read_dir(path));
    let read = read.map_err(|error| Error::from_io(&error, "list the folder", path))?;
    Ok(read.into_iter().flatten())
}

/// `None` if it does not exist.
pub(crate) fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
