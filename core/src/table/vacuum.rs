//! Which objects in the folder of a table nobody needs any more.

use std::collections::{BTreeMap, BTreeSet};

use super::name::LogName;
use super::place::TablePlace;
use crate::sort::sort_by;
use crate::{Error, ObjectKey, Result};

/// How long an object without a commit stays at least, in milliseconds after it was made: its
/// writer may be about to commit it.
pub const UNCOMMITTED_MS: u64 = 24 * 60 * 60 * 1_000;

/// How long an entry of a log stays at least, in milliseconds after it was made.
///
/// A commit puts the entry after the newest one that it knows, and only while no object lies there.
/// So an entry that another commit has put must not go while some commit may still take it for
/// missing: a commit knows a table that is at most a day old, and takes at most a day itself.
pub const LOG_KEPT_MS: u64 = 2 * 24 * 60 * 60 * 1_000;

/// An object in a folder, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its name, without the folder.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was made, in milliseconds since 1970.
    pub modified_ms: i64,
}

/// A removal that the log tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The file, as in [`Remove::path`](super::Remove::path).
    pub path: String,
    /// When the writer says that it was removed: [`Remove::deleted_ms`](super::Remove::deleted_ms).
    pub deleted_ms: Option<i64>,
    /// When the commit landed, in milliseconds since 1970. Where only a later time is known, such
    /// as that of the checkpoint that tells of it, that time.
    pub committed_ms: i64,
}

/// How old must be what goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
    /// How long every version stays readable after a later one has replaced it, in milliseconds.
    pub retention_ms: u64,
}

/// Objects without a commit go too, under this condition.
///
/// Commit [`TableChange::discard`](super::TableChange::discard) of them first, and delete only
/// those that it has discarded: a writer may commit one of them at the same moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncommitted {
    /// Since when the log tells of every removal, in milliseconds since 1970. A file that was
    /// removed before that may look as if it had never been committed.
    pub removals_known_since_ms: i64,
}

/// Why an object is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeedlessBecause {
    /// The table has removed it, and no version within the retention has it.
    Removed,
    /// The log does not tell of it.
    Uncommitted,
}

/// An object that may be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedlessFile {
    /// Where it lies.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why.
    pub because: NeedlessBecause,
}

/// The data files that may be deleted: those that neither the newest version has, nor any version
/// that was the newest one within the retention.
///
/// `listed` are objects of the table's folder, named relative to it, and listed before the newest
/// version was read: so no file of a later commit is among them. `live` are the paths of the files
/// of the newest version. `removals` are all removals of the last `retention_ms`; older ones may be
/// among them. A removal counts from the time of its commit, or from the time that its writer gave,
/// if that is later: the writer takes the time first, and commits then.
///
/// Objects that the log does not tell of go only with `uncommitted`, and if they are older than
/// [`UNCOMMITTED_MS`] and the retention.
///
/// Only keys of data files of this table are in the answer. Names below `_claims/`, `_appends/` and
/// `_delta_log/` are none, and neither are files of other writers.
///
/// # Errors
///
/// `Settings` if `uncommitted` says that the log does not tell of every removal within the
/// retention.
pub fn needless_files<'l>(
    place: &TablePlace,
    listed: &[ListedObject],
    live: impl IntoIterator<Item = &'l str>,
    removals: &[Removal],
    retention: &Retention,
    uncommitted: Option<&Uncommitted>,
) -> Result<Vec<NeedlessFile>> {
    if let Some(Uncommitted { removals_known_since_ms }) = uncommitted
        && !retention.is_over(*removals_known_since_ms)
    {
        return Err(Error::settings(format!(
            "the log of {} no longer tells of all removals of the last {} ms, so files that old \
             versions need cannot be told from files without a commit; choose a shorter \
             retention, or keep files without a commit",
            place.folder(),
            retention.retention_ms
        )));
    }
    let live: BTreeSet<&str> = live.into_iter().collect();
    let mut removed_ms: BTreeMap<&str, i64> = BTreeMap::new();
    for Removal { path, deleted_ms, committed_ms } in removals {
        let at = deleted_ms.map_or(*committed_ms, |deleted| deleted.max(*committed_ms));
        removed_ms.entry(path).and_modify(|last| *last = at.max(*last)).or_insert(at);
    }
    let mut needless = Vec::new();
    for ListedObject { name, bytes, modified_ms } in listed {
        let Some(key) = place.key_of(name) else { continue };
        if live.contains(name.as_str()) {
            continue;
        }
        let because = match removed_ms.get(name.as_str()) {
            Some(at) if retention.is_over(*at) => NeedlessBecause::Removed,
            None if uncommitted.is_some() && retention.is_over_uncommitted(*modified_ms) => {
                NeedlessBecause::Uncommitted
            }
            _ => continue,
        };
        needless.push(NeedlessFile { key, bytes: *bytes, because });
    }
    Ok(needless)
}

/// The names in the folder of a log that may be deleted, in the order in which to delete them:
/// entries and checkpoints that no version within the retention needs.
///
/// A version stays readable while it is the newest one, and for the retention after that. To read
/// it takes a checkpoint of it or of an earlier version, and all entries behind that. So the
/// newest such checkpoint stays, and so does all behind it. The entry of the checkpoint's own
/// version stays too: it tells when that version was committed.
///
/// `checkpoint` is the version of a checkpoint that the caller has read to its end. Nothing of that
/// version or behind it goes. Earlier checkpoints count as complete if all their parts are listed.
/// Objects of other writers, such as checksums and checkpoints named by a UUID, stay.
///
/// Nothing goes before it is [`LOG_KEPT_MS`] old, however short the retention is.
pub fn needless_log(
    listed: &[ListedObject],
    checkpoint: u64,
    retention: &Retention,
) -> Vec<String> {
    let retention_ms = retention.retention_ms.max(LOG_KEPT_MS);
    let retention = &Retention { retention_ms, ..retention.clone() };
    let names: Vec<(LogName, &ListedObject)> =
        listed.iter().map(|object| (LogName::parse(&object.name), object)).collect();
    let Some(kept) = checkpoint_to_keep(&names, checkpoint, retention) else { return Vec::new() };
    let mut needless: Vec<(u64, &str)> = Vec::new();
    for (name, object) in &names {
        let version = match *name {
            LogName::Entry(version)
            | LogName::Checkpoint(version)
            | LogName::CheckpointPart { version, .. } => version,
            LogName::CheckpointV2(_) | LogName::LastCheckpoint | LogName::Other => continue,
        };
        if version < kept && retention.is_over(object.modified_ms) {
            needless.push((version, &object.name));
        }
    }
    sort_by(&mut needless, |one, other| one.cmp(other));
    needless.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// The newest complete checkpoint from which all versions within the retention can be read.
fn checkpoint_to_keep(
    names: &[(LogName, &ListedObject)],
    checkpoint: u64,
    retention: &Retention,
) -> Option<u64> {
    // A version stays for the retention after the next one was committed.
    let oldest_needed = names.iter().filter_map(|(name, object)| match name {
        LogName::Entry(next) if !retention.is_over(object.modified_ms) => next.checked_sub(1),
        _ => None,
    });
    let most = oldest_needed.min().map_or(checkpoint, |version| version.min(checkpoint));
    let mut parts: BTreeMap<(u64, u32), BTreeSet<u32>> = BTreeMap::new();
    let mut kept = (most == checkpoint).then_some(checkpoint);
    for (name, _) in names {
        let complete = match *name {
            LogName::Checkpoint(version) => version,
            LogName::CheckpointPart { version, part, parts: count } => {
                let found = parts.entry((version, count)).or_default();
                found.insert(part);
                match u32::try_from(found.len()) {
                    Ok(all) if all == count => version,
                    _ => continue,
                }
            }
            _ => continue,
        };
        if complete <= most {
            kept = kept.max(Some(complete));
        }
    }
    kept
}

impl Retention {
    /// Whether what was replaced at this time may go.
    fn is_over(&self, replaced_ms: i64) -> bool {
        replaced_ms.saturating_add_unsigned(self.retention_ms) <= self.now_ms
    }

    /// The same for an object without a commit that was made at this time.
    fn is_over_uncommitted(&self, made_ms: i64) -> bool {
        made_ms.saturating_add_unsigned(UNCOMMITTED_MS.max(self.retention_ms)) <= self.now_ms
    }
}

#[cfg(test)]
#[path = "vacuum_tests.rs"]
mod tests;
