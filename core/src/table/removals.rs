//! Since when files are gone, and when the log may forget them.

use std::collections::{BTreeMap, BTreeSet};

use super::name::LogName;
use super::state::Table;
use super::vacuum::{ListedObject, Removal, Retention, UNCOMMITTED_MS};

/// The version at which a vacuum begins to read the log, so that it learns when each file was
/// removed: the oldest one behind which the log has all entries. `listed` are all objects in the
/// folder of the log. `None` if there is none.
///
/// Read that version ([`TableReader::at`](super::TableReader::at)), then the entries after it
/// ([`TableReader::replay`](super::TableReader::replay)): the newest checkpoint tells of removals,
/// but not of their times.
pub fn history_begin(listed: &[ListedObject]) -> Option<u64> {
    let (mut entries, mut checkpoints) = (BTreeSet::new(), BTreeSet::new());
    let mut parts: BTreeMap<(u64, u32), BTreeSet<u32>> = BTreeMap::new();
    for object in listed {
        match LogName::parse(&object.name) {
            LogName::Entry(version) => drop(entries.insert(version)),
            LogName::Checkpoint(version) => drop(checkpoints.insert(version)),
            LogName::CheckpointPart { version, part, parts: all } => {
                let found = parts.entry((version, all)).or_default();
                found.insert(part);
                if found.len() as u64 == u64::from(all) {
                    checkpoints.insert(version);
                }
            }
            LogName::CheckpointV2(_) | LogName::LastCheckpoint | LogName::Other => {}
        }
    }
    let newest = entries.iter().next_back().max(checkpoints.iter().next_back()).copied()?;
    let mut first = newest.saturating_add(1);
    while first.checked_sub(1).is_some_and(|before| entries.contains(&before)) {
        first = first.saturating_sub(1);
    }
    match first {
        0 => Some(0),
        _ => checkpoints.range(first.saturating_sub(1)..).next().copied(),
    }
}

/// Since when each removed file is gone, for [`needless_files`](super::needless_files): since the
/// store has had the entry that removed it. The times in the entries are no good for that: a writer
/// takes the time first, and may put the entry much later.
///
/// `table` was read as [`history_begin`] says, and `listed` are the objects in the folder of its
/// log. What the first version tells of was gone when its checkpoint was stored.
pub fn removals(table: &Table, listed: &[ListedObject]) -> Vec<Removal> {
    let (mut entries, mut checkpoint_ms) = (BTreeMap::new(), None);
    for object in listed {
        match LogName::parse(&object.name) {
            LogName::Entry(version) => drop(entries.insert(version, object.modified_ms)),
            LogName::Checkpoint(version) | LogName::CheckpointPart { version, .. }
                if Some(version) == table.checkpoint() =>
            {
                checkpoint_ms = checkpoint_ms.max(Some(object.modified_ms));
            }
            _ => {}
        }
    }
    let removal = |tombstone: &super::state::Tombstone| {
        let landed_ms = match tombstone.version {
            Some(version) => entries.get(&version).copied(),
            None => checkpoint_ms,
        };
        Removal {
            path: tombstone.remove.path.clone(),
            deleted_ms: tombstone.remove.deleted_ms,
            // What is not known counts as now: the file stays.
            committed_ms: landed_ms.unwrap_or(i64::MAX),
        }
    };
    table.removals().map(removal).collect()
}

/// From when on a checkpoint must tell of removals
/// ([`write_checkpoint`](super::write_checkpoint)), in milliseconds since 1970. `listed` are the
/// objects of the table's folder, named relative to it, and listed before the table was read.
///
/// Nobody could tell a removed file from a file without a commit once its tombstone is gone. So the
/// tombstone stays while the object is there, and for the retention, or a day more than
/// [`UNCOMMITTED_MS`], whichever is longer: a writer may be about to commit the file.
pub fn forgettable_before_ms(table: &Table, listed: &[ListedObject], retention: &Retention) -> i64 {
    let there: BTreeSet<&str> = listed.iter().map(|object| object.name.as_str()).collect();
    let kept_ms = retention.retention_ms.max(2 * UNCOMMITTED_MS);
    let by_age = retention.now_ms.saturating_sub_unsigned(kept_ms);
    let held = table.tombstones().filter(|remove| there.contains(remove.path.as_str()));
    held.map(|remove| remove.deleted_ms.unwrap_or(0)).fold(by_age, i64::min)
}

#[cfg(test)]
mod tests {
    use super::super::action::{Add, CommitInfo, LogAction, Protocol, Remove};
    use super::super::name::{checkpoint_name, entry_name};
    use super::*;
    use crate::KeyPrefix;
    use crate::table::TablePlace;

    fn listed(names: &[(String, i64)]) -> Vec<ListedObject> {
        let object = |(name, modified_ms): &(String, i64)| ListedObject {
            name: name.clone(),
            bytes: 1,
            modified_ms: *modified_ms,
        };
        names.iter().map(object).collect()
    }

    fn begin(entries: &[u64], checkpoints: &[u64]) -> Option<u64> {
        let entries = entries.iter().map(|version| (entry_name(*version), 0));
        let checkpoints = checkpoints.iter().map(|version| (checkpoint_name(*version), 0));
        history_begin(&listed(&entries.chain(checkpoints).collect::<Vec<_>>()))
    }

    #[test]
    fn the_history_begins_behind_the_oldest_gap() {
        assert_eq!(begin(&[0, 1, 2], &[1]), Some(0));
        assert_eq!(begin(&[3, 4, 5, 6], &[4, 5]), Some(4));
        assert_eq!(begin(&[3, 4, 5], &[2, 4]), Some(2));
        assert_eq!(begin(&[1, 5, 6], &[3, 4, 5]), Some(4), "an entry alone below a gap");
        assert_eq!(begin(&[], &[3]), Some(3));
        assert_eq!(begin(&[3], &[]), None);
        assert_eq!(begin(&[], &[]), None);
    }

    fn table() -> Table {
        let info = |timestamp: i64| {
            let fields = serde_json::json!({ "timestamp": timestamp });
            LogAction::CommitInfo(CommitInfo(fields.as_object().cloned().unwrap()))
        };
        let path = |name: &str| Add { path: name.to_owned(), ..Add::default() };
        let remove = |name: &str, deleted_ms| {
            let remove = Remove { path: name.to_owned(), deleted_ms, ..Remove::default() };
            LogAction::Remove(Box::new(remove))
        };
        let protocol = Protocol {
            reader_version: 1,
            writer_version: 2,
            reader_features: vec![],
            writer_features: vec![],
        };
        let mut table = Table::new(TablePlace::new(&KeyPrefix::default(), 7, "c").unwrap());
        let begin = vec![
            LogAction::Protocol(protocol),
            LogAction::Metadata(Box::default()),
            LogAction::Add(Box::new(path("a"))),
            remove("old", Some(5)),
        ];
        table.apply_checkpoint(3, begin).unwrap();
        table.apply(4, vec![info(10), remove("a", Some(10))]).unwrap();
        table
    }

    #[test]
    fn a_removal_counts_from_when_its_entry_was_stored() {
        let objects = listed(&[(checkpoint_name(3), 50), (entry_name(4), 90_000)]);
        let removal = |path: &str, deleted_ms, committed_ms| Removal {
            path: path.to_owned(),
            deleted_ms: Some(deleted_ms),
            committed_ms,
        };
        let expected = [removal("a", 10, 90_000), removal("old", 5, 50)];
        assert_eq!(removals(&table(), &objects), expected);
        let unknown = removals(&table(), &[]);
        assert!(unknown.iter().all(|removal| removal.committed_ms == i64::MAX));
    }

    #[test]
    fn a_tombstone_stays_while_its_object_is_there() {
        let retention = Retention { now_ms: 1_000_000_000, retention_ms: 1 };
        let by_age = 1_000_000_000 - 2 * UNCOMMITTED_MS as i64;
        assert_eq!(forgettable_before_ms(&table(), &[], &retention), by_age);
        let there = listed(&[("old".to_owned(), 0), ("other".to_owned(), 0)]);
        assert_eq!(forgettable_before_ms(&table(), &there, &retention), 5);
    }
}
