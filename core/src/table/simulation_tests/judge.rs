//! The judge knows all that happened, and says what must not be. It reads the log by itself, from
//! the JSON text, as well as by the code under test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::super::*;
use super::content::{RowSet, key, place};
use super::store::{LOG, Store};

/// What an operation found wrong ends the day.
pub(super) type Outcome<T> = Result<T, String>;

/// One version of the table.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) landed_ms: i64,
    pub(super) timestamp_ms: i64,
    pub(super) files: BTreeSet<String>,
    pub(super) rows: RowSet,
    /// By the code under test, from version 0 on.
    pub(super) table: Arc<Table>,
}

#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) retention_ms: u64,
    pub(super) versions: Vec<Version>,
    /// The rows of each object that was ever put, by its newest content.
    pub(super) contents: BTreeMap<String, RowSet>,
    /// The files that were ever part of the table, or discarded.
    ever: BTreeSet<String>,
    /// The files that were ever part of the table.
    added: BTreeSet<String>,
    /// Which rows a commit erases, by its mark.
    pub(super) erases: BTreeMap<String, RowSet>,
    pub(super) erased: RowSet,
    /// The rows of purges that have begun, and of those that have ended.
    pub(super) purging: RowSet,
    purged: RowSet,
    /// Files that a writer has put again.
    put_again: BTreeSet<String>,
    /// Entries that landed where a deleted one was.
    pub(super) strays: u64,
}

/// Why a file is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Vacuum,
    Purge,
    /// By the rewrite that made it.
    Own,
}

impl Judge {
    pub(super) fn new(retention_ms: u64) -> Self {
        Judge { retention_ms, ..Judge::default() }
    }

    pub(super) fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// Whether a file was part of the table, or was discarded.
    pub(super) fn is_known(&self, path: &str) -> bool {
        self.ever.contains(path)
    }

    /// Whether a version is the newest one, or was so within the retention.
    pub(super) fn is_retained(&self, version: u64, now_ms: i64) -> bool {
        let next = self.versions.get(version as usize + 1);
        next.is_none_or(|next| next.landed_ms.saturating_add_unsigned(self.retention_ms) > now_ms)
    }

    /// Whether a reader may miss this file.
    pub(super) fn may_be_gone(&self, path: &str, version: u64, now_ms: i64) -> bool {
        let rows = self.contents.get(path);
        let is_purged = rows.is_some_and(|rows| !rows.is_disjoint(&self.purging));
        is_purged || !self.is_retained(version, now_ms)
    }

    /// An entry was stored.
    pub(super) fn landed(
        &mut self,
        version: u64,
        bytes: &Bytes,
        store: &Store,
        now_ms: i64,
    ) -> Outcome<()> {
        if version < self.versions.len() as u64 {
            // A writer slept for days. It must find out, and the entry must never count.
            self.strays += 1;
            return Ok(());
        }
        check(version == self.versions.len() as u64, || format!("version {version} leaves a gap"))?;
        let entry = Entry::read(bytes)?;
        let before = self.newest().cloned();
        let before = before.as_ref();
        let mut files = before.map(|before| before.files.clone()).unwrap_or_default();
        let mut rows = before.map(|before| before.rows.clone()).unwrap_or_default();
        let climbs = before.is_none_or(|before| before.timestamp_ms < entry.timestamp_ms);
        check(climbs, || format!("the time of version {version} does not climb"))?;
        for (path, data_change) in &entry.removes {
            let was_there = files.remove(path);
            // To discard a file again that the log has forgotten is no matter.
            check(was_there || !data_change, || {
                format!("version {version} removes {path}, which is not there")
            })?;
            self.ever.insert(path.clone());
        }
        for (path, bytes) in &entry.adds {
            let object = store.get(path);
            check(object.is_some_and(|object| object.content.bytes() == *bytes), || {
                format!("version {version} adds {path} of {bytes} bytes, which does not lie there")
            })?;
            check(self.ever.insert(path.clone()), || format!("{path} is added a second time"))?;
            files.insert(path.clone());
            self.added.insert(path.clone());
            if key(path).generation() == Some(0) {
                rows.extend(self.contents.get(path).into_iter().flatten());
            }
        }
        if let Some(erased) = self.erases.get(&entry.own_id) {
            rows.retain(|row| !erased.contains(row));
            self.erased.extend(erased);
        }
        self.check_rows(version, &files, &rows)?;
        let mut table = match before {
            Some(before) => Arc::clone(&before.table),
            None => Arc::new(Table::new(place())),
        };
        let actions = read_entry(version, bytes).map_err(|error| error.to_string())?;
        Arc::make_mut(&mut table).apply(version, actions).map_err(|error| error.to_string())?;
        let timestamp_ms = entry.timestamp_ms;
        self.versions.push(Version { landed_ms: now_ms, timestamp_ms, files, rows, table });
        Ok(())
    }

    /// Each row of the table is in exactly one of its files.
    fn check_rows(&self, version: u64, files: &BTreeSet<String>, rows: &RowSet) -> Outcome<()> {
        let mut found = RowSet::new();
        for path in files {
            for row in self.contents.get(path).into_iter().flatten() {
                check(found.insert(*row), || {
                    format!("version {version} has row {row} twice, once in {path}")
                })?;
            }
        }
        check(found == *rows, || {
            let (lost, extra) = (rows - &found, &found - rows);
            format!("version {version} lacks the rows {lost:?} and has {extra:?} too many")
        })
    }

    /// A checkpoint was stored.
    pub(super) fn checkpoint(&self, version: u64, bytes: &Bytes, store: &Store) -> Outcome<()> {
        let actions = read_checkpoint(bytes.clone()).map_err(|error| error.to_string())?;
        let mut table = Table::new(place());
        table.apply_checkpoint(version, actions).map_err(|error| error.to_string())?;
        self.same_table(&table, store)
    }

    /// A table that was read by a checkpoint is that of all entries from 0 on.
    pub(super) fn same_table(&self, table: &Table, store: &Store) -> Outcome<()> {
        let version = table.version().ok_or("a table without a version")?;
        let replayed = &self.versions.get(version as usize).ok_or("a version to come")?.table;
        let adds = |table: &Table| -> Vec<Add> {
            table.adds().map(|add| Add { data_change: false, ..add.clone() }).collect()
        };
        let is_same = table.protocol() == replayed.protocol()
            && table.metadata() == replayed.metadata()
            && adds(table) == adds(replayed);
        check(is_same, || format!("version {version} is another one by its checkpoint"))?;
        let known: BTreeSet<&str> = table.tombstones().map(|it| it.path.as_str()).collect();
        let all: BTreeSet<&str> = replayed.tombstones().map(|it| it.path.as_str()).collect();
        check(known.is_subset(&all), || format!("version {version} has removals too many"))?;
        let forgotten = all.difference(&known).find(|path| store.get(path).is_some());
        check(forgotten.is_none(), || {
            format!("version {version} forgets the removal of {forgotten:?}, whose object is there")
        })
    }

    /// A file of rows was stored; by a writer, or by a rewrite.
    pub(super) fn put_file(&mut self, path: &str, rows: RowSet, by_writer: bool) -> Outcome<()> {
        let purged: Vec<&u64> = rows.intersection(&self.purged).collect();
        check(by_writer || purged.is_empty(), || {
            format!("a rewrite puts {path} with the rows {purged:?}, which are purged")
        })?;
        if self.contents.insert(path.to_owned(), rows).is_some() && by_writer {
            self.put_again.insert(path.to_owned());
        }
        Ok(())
    }

    /// A file of rows was deleted.
    pub(super) fn deleted_file(&self, path: &str, why: Why, now_ms: i64) -> Outcome<()> {
        let newest = self.versions.len().saturating_sub(1);
        let rows = self.contents.get(path);
        let is_purged = rows.is_some_and(|rows| !rows.is_disjoint(&self.purging));
        for (number, version) in self.versions.iter().enumerate() {
            if !version.files.contains(path) || !self.is_retained(number as u64, now_ms) {
                continue;
            }
            check(why == Why::Purge && is_purged && number != newest, || {
                format!("{why:?} deletes {path}, which version {number} needs")
            })?;
        }
        check(why != Why::Own || !self.added.contains(path), || {
            format!("a rewrite deletes {path} as its own, which was part of the table")
        })
    }

    /// An object of the log was deleted: all retained versions can be read from what is left.
    pub(super) fn deleted_log(&self, store: &Store, now_ms: i64) -> Outcome<()> {
        let (mut entries, mut checkpoints) = (BTreeSet::new(), BTreeSet::new());
        for object in store.list(LOG, "") {
            match LogName::parse(&object.name) {
                LogName::Entry(version) => drop(entries.insert(version)),
                LogName::Checkpoint(version) => drop(checkpoints.insert(version)),
                _ => {}
            }
        }
        for version in 0..self.versions.len() as u64 {
            if !self.is_retained(version, now_ms) {
                continue;
            }
            let from = checkpoints.range(..=version).next_back().map_or(0, |from| from + 1);
            check((from..=version).all(|entry| entries.contains(&entry)), || {
                format!("version {version} is retained, and cannot be read any more")
            })?;
        }
        Ok(())
    }

    /// A purge of these rows has ended.
    pub(super) fn purge_ended(&mut self, rows: &RowSet, store: &Store) -> Outcome<()> {
        for (path, object) in store.files() {
            let held = object.content.rows();
            let found = held.iter().find(|row| rows.contains(row));
            check(found.is_none() || self.put_again.contains(path), || {
                format!("a purge has ended, and {path} has the row {found:?}")
            })?;
        }
        self.purged.extend(rows);
        Ok(())
    }
}

/// What the text of an entry says.
#[derive(Debug, Default)]
struct Entry {
    own_id: String,
    timestamp_ms: i64,
    adds: Vec<(String, u64)>,
    removes: Vec<(String, bool)>,
}

impl Entry {
    fn read(bytes: &[u8]) -> Outcome<Self> {
        let mut entry = Entry::default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let action: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            let path = |of: &Value| of["path"].as_str().unwrap_or_default().to_owned();
            if let Some(info) = action.get("commitInfo") {
                entry.own_id = info["coldpressCommit"].as_str().unwrap_or_default().to_owned();
                entry.timestamp_ms = info["timestamp"].as_i64().unwrap_or_default();
            } else if let Some(add) = action.get("add") {
                entry.adds.push((path(add), add["size"].as_u64().unwrap_or_default()));
            } else if let Some(remove) = action.get("remove") {
                entry.removes.push((path(remove), remove["dataChange"] == true));
            }
        }
        Ok(entry)
    }
}

pub(super) fn check(holds: bool, violation: impl FnOnce() -> String) -> Outcome<()> {
    if holds { Ok(()) } else { Err(violation()) }
}
