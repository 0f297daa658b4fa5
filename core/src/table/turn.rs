//! One turn of a commit: the entry for the version after a known one.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::action::{CommitInfo, LogAction, Protocol, Remove};
use super::change::{ChangeKind, ChangeOutcome, TableChange};
use super::draft::{Draft, Taken};
use super::entry::{ENTRY_BYTES_MAX, write_entry};
use super::state::Table;
use crate::{Error, ErrorKind, Result};

/// The most files of one entry, if they come of several changes.
const ENTRY_FILES_MAX: usize = 10_000;

/// By which a writer knows its own entries, and what it names a new table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMark {
    /// 32 lower-case hexadecimal digits at random, which no other commit has.
    pub own_id: String,
    /// A UUID at random, in its text form: the id of the table, if this commit makes it.
    pub table_id: String,
}

/// An entry to put.
#[derive(Debug, Clone)]
pub(super) struct NextEntry {
    pub(super) version: u64,
    pub(super) actions: Vec<LogAction>,
    pub(super) bytes: Bytes,
    /// What becomes of each change that is in it, once it is put; by the number of the change.
    pub(super) outcomes: Vec<(usize, ChangeOutcome)>,
}

/// What a turn has found out.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// `None` if there is nothing to commit.
    pub(super) entry: Option<NextEntry>,
    /// The changes that need no entry, or that cannot be committed.
    pub(super) settled: Vec<(usize, Result<ChangeOutcome>)>,
}

/// Makes the entry that follows this version of the table, of as many changes as fit into one.
/// A change that is neither settled nor in the entry is to be tried again after it.
///
/// An error if nothing can be committed to the table.
pub(super) fn next_entry(
    table: Option<&Table>,
    changes: &[(usize, TableChange)],
    mark: &CommitMark,
    now_ms: i64,
) -> Result<Turn> {
    if let Some(table) = table {
        table.check_writable()?;
    }
    let mut most = changes.len();
    loop {
        let mut turn = turn(table, changes.get(..most).unwrap_or(changes), mark, now_ms)?;
        let Some(entry) = turn.entry.take_if(|entry| entry.bytes.len() as u64 > ENTRY_BYTES_MAX)
        else {
            return Ok(turn);
        };
        if let [(number, _)] = entry.outcomes.as_slice() {
            turn.settled.push((*number, Err(too_large(&entry))));
            return Ok(turn);
        }
        most = (most / 2).max(1);
    }
}

fn turn(
    table: Option<&Table>,
    changes: &[(usize, TableChange)],
    mark: &CommitMark,
    now_ms: i64,
) -> Result<Turn> {
    let mut draft = Draft::new(table);
    let (mut taken, mut settled, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    for (number, change) in changes {
        if draft.files_count() >= ENTRY_FILES_MAX {
            break;
        }
        match draft.take(change) {
            Ok(Taken::Later) => {}
            Ok(Taken::Now(outcome)) if outcome.added.is_empty() && outcome.removed.is_empty() => {
                settled.push((*number, Ok(outcome)));
            }
            Ok(Taken::Now(outcome)) => {
                taken.push(change);
                outcomes.push((*number, outcome));
            }
            Err(error) => settled.push((*number, Err(error))),
        }
    }
    if draft.is_empty() {
        return Ok(Turn { entry: None, settled });
    }
    let version = match table.and_then(Table::version) {
        None => 0,
        Some(version) => version.checked_add(1).ok_or_else(no_version_left)?,
    };
    let actions = actions(&draft, &taken, mark, now_ms)?;
    let bytes = Bytes::from(write_entry(&actions));
    for (_, outcome) in &mut outcomes {
        outcome.version = Some(version);
    }
    Ok(Turn { entry: Some(NextEntry { version, actions, bytes, outcomes }), settled })
}

/// The actions in the order in which other writers have them.
fn actions(
    draft: &Draft<'_>,
    changes: &[&TableChange],
    mark: &CommitMark,
    now_ms: i64,
) -> Result<Vec<LogAction>> {
    // The times of one log climb, also where the clocks of its writers differ.
    let before_ms = draft.table.and_then(Table::committed_ms).map(|ms| ms.saturating_add(1));
    let now_ms = before_ms.map_or(now_ms, |before_ms| before_ms.max(now_ms));
    let mut actions = vec![LogAction::CommitInfo(commit_info(draft, changes, mark, now_ms))];
    if draft.table.is_none() {
        actions.push(LogAction::Protocol(Protocol {
            reader_version: 1,
            writer_version: 2,
            reader_features: Vec::new(),
            writer_features: Vec::new(),
        }));
    }
    if draft.has_new_columns {
        let metadata = draft.columns()?.to_metadata(mark.table_id.clone(), now_ms);
        actions.push(LogAction::Metadata(Box::new(metadata)));
    }
    for (path, data_change) in &draft.removes {
        let bytes = draft.table.and_then(|table| table.add(path)).map(|add| add.bytes);
        actions.push(LogAction::Remove(Box::new(Remove {
            path: (*path).to_owned(),
            deleted_ms: Some(now_ms),
            data_change: *data_change,
            bytes,
            ..Remove::default()
        })));
    }
    for (file, data_change) in draft.files.values() {
        let add = file.to_add(draft.columns()?, *data_change);
        actions.push(LogAction::Add(Box::new(add)));
    }
    Ok(actions)
}

/// Who commits, and what. Parameters and metrics are texts, because Spark reads only texts there.
fn commit_info(
    draft: &Draft<'_>,
    changes: &[&TableChange],
    mark: &CommitMark,
    now_ms: i64,
) -> CommitInfo {
    let operations: BTreeSet<&str> = changes.iter().map(|change| change.operation()).collect();
    let only_adds =
        |change: &&TableChange| matches!(change.kind(), ChangeKind::Append | ChangeKind::Adopt);
    let (operation, parameters) = match changes {
        [first, ..] if operations.len() == 1 => (first.operation(), first.parameters()),
        _ => ("WRITE", Map::new()),
    };
    let files = || draft.files.values().map(|(file, _)| file);
    let sum = |numbers: &mut dyn Iterator<Item = u64>| {
        numbers.fold(0_u64, u64::saturating_add).to_string()
    };
    let metrics = json!({
        "numFiles": draft.files.len().to_string(),
        "numRemovedFiles": draft.removes.len().to_string(),
        "numOutputRows": sum(&mut files().map(|file| file.rows())),
        "numOutputBytes": sum(&mut files().map(|file| file.bytes())),
    });
    let fields = [
        ("timestamp", Value::from(now_ms)),
        ("operation", operation.into()),
        ("operationParameters", Value::Object(parameters)),
        ("operationMetrics", metrics),
        ("engineInfo", concat!("coldpress/", env!("CARGO_PKG_VERSION")).into()),
        ("isBlindAppend", changes.iter().all(only_adds).into()),
        (CommitInfo::OWN_ID, mark.own_id.as_str().into()),
    ];
    CommitInfo(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn too_large(entry: &NextEntry) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!(
            "one log entry for the change would have {} bytes, more than {ENTRY_BYTES_MAX}; commit \
             fewer files at a time",
            entry.bytes.len()
        ),
    )
}

fn no_version_left() -> Error {
    Error::new(ErrorKind::Limit, "the log has its last possible version; make the table anew")
}
