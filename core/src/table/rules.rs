//! What a change must keep to.

use std::collections::BTreeSet;

use super::change::{ChangeOutcome, TableChange};
use super::columns::TableColumns;
use super::file::NewFile;
use super::lsn_index::lsns_held;
use super::lsns;
use super::state::Table;
use crate::{Error, ErrorKind, LsnRange, Result};

/// The columns of a table once it has this file; `None` if they stay as they are.
pub(super) fn join(columns: Option<&TableColumns>, file: &NewFile) -> Result<Option<TableColumns>> {
    match columns {
        None => TableColumns::of_file(file).map(Some),
        Some(columns) => columns.with_file(file),
    }
}

/// A file that was removed never comes back under its path.
pub(super) fn check_path_is_new(table: &Table, file: &NewFile) -> Result<()> {
    let path = file.path();
    if let Some(removal) = table.removal(path) {
        let by =
            removal.version.map_or("an earlier version".to_owned(), |by| format!("version {by}"));
        return Err(conflict(format!(
            "the file {path:?} was removed by {by} of {}, and a removed file does not come back; \
             put the rows under other LSNs",
            table.place().name()
        )));
    }
    Ok(())
}

/// A rewritten file without a commit is what is left of a rewrite that did not end. Its rows were
/// in other files, and some of them may be erased since.
pub(super) fn check_adoptable(table: &Table, file: &NewFile) -> Result<()> {
    let path = file.path();
    let key = table.place().key_of(path);
    if key.and_then(|key| key.generation()).is_none_or(|generation| generation == 0) {
        return Ok(());
    }
    Err(conflict(format!(
        "the file {path:?} was made by a rewrite that did not end, and its rows are in other files \
         of {}, or erased; vacuum the table, which deletes it",
        table.place().name()
    )))
}

/// What became of a rewrite that an earlier try has committed.
pub(super) fn already_rewritten(table: &Table, change: &TableChange) -> Option<ChangeOutcome> {
    let is_live = |path: &str, bytes| table.add(path).is_some_and(|add| add.bytes == bytes);
    let mut files = change.files().iter();
    let is_done = !change.files().is_empty()
        && files.all(|file| is_live(file.path(), file.bytes()))
        && change.removes().iter().all(|(path, _)| table.add(path).is_none());
    is_done.then(|| ChangeOutcome {
        known: change.files().iter().map(|file| file.path().to_owned()).collect(),
        ..ChangeOutcome::default()
    })
}

/// Checks that a rewrite still fits the table: what it has read is still there, and its new files
/// have the LSNs of the old ones.
pub(super) fn check_rewrite(
    table: &Table,
    change: &TableChange,
    leaves_rows_out: bool,
) -> Result<()> {
    let mut held = Vec::new();
    for (path, bytes) in change.removes() {
        match table.add(path).filter(|add| bytes.is_none_or(|bytes| bytes == add.bytes)) {
            Some(add) => held.extend(lsns_held(table.place(), add)),
            None => {
                return Err(conflict(format!(
                    "the file {path:?} cannot be rewritten: another commit has removed or replaced \
                     it meanwhile; plan again with the newest version of {}",
                    table.place().name()
                )));
            }
        }
    }
    if leaves_rows_out {
        table.check_rows_removable()?;
    }
    let mut paths = BTreeSet::new();
    for file in change.files() {
        check_path_is_new(table, file)?;
        if table.add(file.path()).is_some() || !paths.insert(file.path()) {
            return Err(conflict(format!(
                "the rewritten file {:?} is in {} already; write it under the next generation",
                file.path(),
                table.place().name()
            )));
        }
    }
    check_lsns(change, held, leaves_rows_out)
}

/// The new files share out the LSNs of the old ones, and have no others.
fn check_lsns(change: &TableChange, held: Vec<LsnRange>, leaves_rows_out: bool) -> Result<()> {
    let added = change.files().iter().flat_map(|file| file.lsns().iter().copied()).collect();
    let (held, added) = (joined(held), joined(added));
    let is_right = match (&held, &added) {
        (Some(held), Some(added)) if !leaves_rows_out => held == added,
        (Some(held), Some(added)) => added.iter().all(|range| is_within(*range, held)),
        _ => false,
    };
    match is_right {
        true => Ok(()),
        false => Err(Error::misuse(format!(
            "a rewrite must keep the LSNs of its rows: the old files have {}, the new ones {}",
            held.map_or("some twice".to_owned(), |held| shown(&held)),
            added.map_or("some twice".to_owned(), |added| shown(&added))
        ))),
    }
}

/// The ranges in order, those that touch as one; `None` if two of them overlap.
fn joined(mut ranges: Vec<LsnRange>) -> Option<Vec<LsnRange>> {
    ranges.sort_by_key(|range| (*range).min());
    let mut joined: Vec<LsnRange> = Vec::new();
    for range in ranges {
        match joined.last().copied() {
            Some(last) if last.max() >= range.min() => return None,
            Some(last) if last.max().checked_add(1) == Some(range.min()) => {
                joined.pop();
                joined.push(LsnRange::new(last.min(), range.max()).ok()?);
            }
            _ => joined.push(range),
        }
    }
    Some(joined)
}

fn is_within(range: LsnRange, held: &[LsnRange]) -> bool {
    let mut held = held.iter().copied();
    held.any(|there| there.min() <= range.min() && range.max() <= there.max())
}

/// LSNs for a message.
fn shown(lsns: &[LsnRange]) -> String {
    match lsns.get(..5) {
        Some(first) if lsns.len() > 5 => format!("{}, …", lsns::write(first)),
        _ if lsns.is_empty() => "none".to_owned(),
        _ => lsns::write(lsns),
    }
}

/// The table has the file with another size.
pub(super) fn other_size(file: &NewFile, bytes: u64) -> Error {
    conflict(format!(
        "the file {:?} has {} bytes, and the table has it with {bytes}; restore the object from a \
         backup, or put the rows under other LSNs",
        file.path(),
        file.bytes()
    ))
}

/// The file has an LSN that another file has.
pub(super) fn taken(file: &NewFile, other: &str, lsns: LsnRange) -> Error {
    conflict(format!(
        "the file {:?} has LSNs that the file {other:?} of the table has: that one has {}-{}; put \
         the rows under other LSNs",
        file.path(),
        lsns.min(),
        lsns.max()
    ))
}

fn conflict(message: String) -> Error {
    Error::new(ErrorKind::Conflict, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let ranges = |pairs: &[(u64, u64)]| -> Vec<LsnRange> {
            pairs.iter().map(|(min, max)| LsnRange::new(*min, *max).unwrap()).collect()
        };
        let of = |pairs: &[(u64, u64)]| joined(ranges(pairs));
        assert_eq!(of(&[(5, 9), (0, 4), (11, 12)]), Some(ranges(&[(0, 9), (11, 12)])));
        assert_eq!(of(&[(0, 4), (4, 5)]), None);
        let last = u64::MAX;
        assert_eq!(of(&[(last, last), (0, last - 1)]), Some(ranges(&[(0, last)])));
        assert_eq!(of(&[]), Some(vec![]));
    }
}
