//! The folder of a log: finds its segments, and deletes them once they are archived.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use coldpress_core::{ArchiveMark, LocalSegment, SealedRule};

use crate::error::{Error, ErrorKind, Result};
use crate::store::local::folder::sync_folder;
use crate::wal::segment_file::ms;

/// The folder in which PostgreSQL marks the segments that wait to be archived.
const STATUS: &str = "archive_status";

/// Every segment in the folder, in no order. Blocks.
///
/// Folders, links, hidden files, `*.tmp` and PostgreSQL's temporary files are not segments.
pub(super) fn scan(folder: &Path, rule: SealedRule) -> Result<Vec<LocalSegment>> {
    let failed = |e: io::Error| Error::from_io(&e, "read the folder of the log", folder);
    // The marks first: a segment exists before its mark does.
    let marks = marks(folder, rule)?;
    let now = SystemTime::now();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let gone = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
        let metadata = match entry.metadata() {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => continue,
            Err(error) if gone(&error) => continue,
            Err(error) => return Err(failed(error)),
        };
        let name = entry.file_name().into_string().map_err(|name| {
            let message = "a segment's name must be UTF-8; rename the file, or move it away";
            Error::new(ErrorKind::Key, message).at(folder.join(name).display().to_string())
        })?;
        if is_passed_over(&name) {
            continue;
        }
        let modified = metadata.modified().map_err(failed)?;
        let age = now.duration_since(modified).unwrap_or_default();
        found.push(LocalSegment {
            bytes: metadata.len(),
            modified_ms: ms(modified),
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            mark: marks.get(&name).copied().unwrap_or_default(),
            name,
        });
    }
    Ok(found)
}

/// Deletes the segment durably, unless it has changed. Blocks.
pub(super) fn delete(folder: &Path, segment: &LocalSegment) -> Result<()> {
    let path = folder.join(&segment.name);
    let failed = |e: io::Error| Error::from_io(&e, "delete the archived segment", &path);
    let metadata = match fs::symlink_metadata(&path) {
        // Another archiver of this folder deleted it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed)?,
    };
    let modified = metadata.modified().map_err(failed)?;
    if (metadata.len(), ms(modified)) != (segment.bytes, segment.modified_ms) {
        let message = "the segment was written to after it was archived, so it is kept; find out \
            what writes to it";
        return Err(Error::new(ErrorKind::Unavailable, message).at(path.display().to_string()));
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
        Ok(()) => sync_folder(folder),
    }
}

/// Renames the mark of a segment from `.ready` to `.done`. Blocks.
pub(super) fn mark_done(folder: &Path, name: &str) -> Result<()> {
    let status = folder.join(STATUS);
    let (ready, done) = (mark(&status, name, "ready"), mark(&status, name, "done"));
    match fs::rename(&ready, &done) {
        // It is marked already, or has no mark any more: PostgreSQL does not wait for it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::from_io(&error, "mark the segment as archived", &ready)),
        Ok(()) => sync_folder(&status),
    }
}

fn mark(status: &Path, name: &str, mark: &str) -> PathBuf {
    status.join(format!("{name}.{mark}"))
}

/// PostgreSQL's marks of segments. Under any rule but `ready` there are none, and a folder of
/// PostgreSQL is an error.
fn marks(folder: &Path, rule: SealedRule) -> Result<HashMap<String, ArchiveMark>> {
    let status = folder.join(STATUS);
    if rule != SealedRule::Ready {
        if status.is_dir() {
            return Err(Error::settings(
                "this is a folder of PostgreSQL (it holds archive_status), which keeps old files \
                under the names of future segments; archive it with the rule `ready` (for the \
                command: --sealed ready), or with archive_command",
            )
            .at(folder.display().to_string()));
        }
        return Ok(HashMap::new());
    }
    let entries = match fs::read_dir(&status) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_dir() => {
            return Err(Error::settings(
                "the rule `ready` needs the folder archive_status, in which PostgreSQL marks \
                finished segments; give the folder pg_wal, or choose another rule",
            )
            .at(status.display().to_string()));
        }
        other => other,
    };
    let failed = |e: io::Error| Error::from_io(&e, "read archive_status", &status);
    let mut marks = HashMap::new();
    for entry in entries.map_err(failed)? {
        let Ok(name) = entry.map_err(failed)?.file_name().into_string() else { continue };
        match name.rsplit_once('.') {
            // If both are there, `.done` counts: the mark was renamed while we read the folder.
            Some((segment, "done")) => drop(marks.insert(segment.to_owned(), ArchiveMark::Done)),
            Some((segment, "ready")) => {
                marks.entry(segment.to_owned()).or_insert(ArchiveMark::Ready);
            }
            _ => {}
        }
    }
    Ok(marks)
}

fn is_passed_over(name: &str) -> bool {
    name.starts_with('.')
        || name.ends_with(".tmp")
        || name.starts_with("xlogtemp.")
        || matches!(name, "RECOVERYXLOG" | "RECOVERYHISTORY")
}
