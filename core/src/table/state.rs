//! One version of a table: what the log says up to there.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::{Add, LogAction, Metadata, Protocol, Remove, Transaction};
use super::entry_actions::EntryActions;
use super::lsn_index::{LsnIndex, lsns_held};
use super::place::TablePlace;
use crate::{Error, LsnRange, Result};

/// One version of a table: its files, its columns and its properties.
///
/// A clone shares the files with the original, so that a later version costs little more.
#[derive(Debug, Clone)]
pub struct Table {
    place: TablePlace,
    version: Option<u64>,
    checkpoint: Option<u64>,
    protocol: Option<Protocol>,
    metadata: Option<Arc<Metadata>>,
    adds: BTreeSet<Live>,
    lsns: LsnIndex<Live>,
    tombstones: BTreeSet<Gone>,
    transactions: BTreeMap<String, Transaction>,
    committed_ms: Option<i64>,
}

/// A file that the table has no longer, and the commit that removed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// What the log says about it.
    pub remove: Remove,
    /// The version that removed it. `None` if a checkpoint says that it is gone: that version was
    /// an earlier one.
    pub version: Option<u64>,
    /// When that version was committed, in milliseconds since 1970, if it is known.
    pub committed_ms: Option<i64>,
}

impl Table {
    /// A table before its first version.
    pub fn new(place: TablePlace) -> Self {
        Table {
            place,
            version: None,
            checkpoint: None,
            protocol: None,
            metadata: None,
            adds: BTreeSet::new(),
            lsns: LsnIndex::new(),
            tombstones: BTreeSet::new(),
            transactions: BTreeMap::new(),
            committed_ms: None,
        }
    }

    /// Goes on to the next version, by the actions of its entry.
    ///
    /// The newest action about a file counts. The removals of an entry are applied before its
    /// additions, because its actions have no order (Delta protocol, "Add File and Remove File").
    ///
    /// # Errors
    ///
    /// `Misuse` if the version is not the next one. `Corrupt` if the first entry lacks the columns
    /// of the table, or if two actions of an entry contradict each other. The table is then as it
    /// was before.
    pub fn apply(&mut self, version: u64, actions: Vec<LogAction>) -> Result<()> {
        let next = self.version.map_or(Some(0), |version| version.checked_add(1));
        if next != Some(version) {
            return Err(Error::misuse(format!(
                "version {version} of {} does not follow the version before, {}",
                self.place.name(),
                self.version.map_or("none".to_owned(), |version| version.to_string()),
            )));
        }
        let actions = EntryActions::new(&self.place, version, actions)?;
        if version == 0 {
            actions.check_complete()?;
        }
        self.committed_ms = actions.committed_ms;
        self.take(version, actions, Some(version));
        Ok(())
    }

    /// Begins with a checkpoint: the actions that make up this version. The actions of all parts of
    /// the checkpoint come together.
    ///
    /// # Errors
    ///
    /// `Misuse` if the table has a version already. `Corrupt` if the checkpoint lacks the protocol
    /// or the columns of the table, or if two actions contradict each other.
    pub fn apply_checkpoint(&mut self, version: u64, actions: Vec<LogAction>) -> Result<()> {
        if let Some(known) = self.version {
            return Err(Error::misuse(format!(
                "the checkpoint of version {version} of {} comes after version {known}; a \
                 checkpoint is where a table begins",
                self.place.name()
            )));
        }
        let actions = EntryActions::new(&self.place, version, actions)?;
        actions.check_complete()?;
        self.checkpoint = Some(version);
        self.take(version, actions, None);
        Ok(())
    }

    /// Where the table lies.
    pub fn place(&self) -> &TablePlace {
        &self.place
    }

    /// Its version; `None` before the first one.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The version of the checkpoint that it was begun with; `None` if all its entries were read.
    pub fn checkpoint(&self) -> Option<u64> {
        self.checkpoint
    }

    /// Which versions and features a reader and a writer must know.
    pub fn protocol(&self) -> Option<&Protocol> {
        self.protocol.as_ref()
    }

    /// Its columns and properties.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }

    /// Its files, sorted by path.
    pub fn adds(&self) -> impl ExactSizeIterator<Item = &Add> {
        self.adds.iter().map(|live| &*live.0)
    }

    /// Its file with this path.
    pub fn add(&self, path: &str) -> Option<&Add> {
        self.adds.get(path).map(|live| &*live.0)
    }

    /// A file of the table that has some of these LSNs, and which ones it has there.
    pub fn overlapping(&self, lsns: &[LsnRange]) -> Option<(&Add, LsnRange)> {
        self.lsns.find(lsns).map(|(live, lsns)| (&*live.0, lsns))
    }

    /// Whether files of the table have all of these LSNs.
    pub(super) fn covers(&self, lsns: &[LsnRange]) -> bool {
        self.lsns.covers(lsns)
    }

    /// What the log says about the files that are gone, sorted by path.
    pub fn tombstones(&self) -> impl ExactSizeIterator<Item = &Remove> {
        self.removals().map(|tombstone| &tombstone.remove)
    }

    /// The files that are gone, with the commits that removed them, sorted by path.
    pub fn removals(&self) -> impl ExactSizeIterator<Item = &Tombstone> {
        self.tombstones.iter().map(|gone| &*gone.0)
    }

    /// The file with this path that is gone; the one without a deletion vector, if several are.
    pub fn removal(&self, path: &str) -> Option<&Tombstone> {
        let remove = Remove { path: path.to_owned(), ..Remove::default() };
        let first = Gone(Arc::new(Tombstone { remove, version: None, committed_ms: None }));
        let found = &*self.tombstones.range(first..).next()?.0;
        (found.remove.path == path).then_some(found)
    }

    /// How far each application has come, sorted by its id.
    pub fn transactions(&self) -> impl ExactSizeIterator<Item = &Transaction> {
        self.transactions.values()
    }

    /// When its newest entry was committed, in milliseconds since 1970: by the writer's clock, or
    /// by the store's where a checkpoint stands for an entry that is damaged. `None` if neither is
    /// known.
    pub fn committed_ms(&self) -> Option<i64> {
        self.committed_ms
    }

    /// When the newest entry was committed, where the entry itself was not read.
    pub(super) fn set_committed_ms(&mut self, committed_ms: i64) {
        self.committed_ms = Some(committed_ms);
    }

    fn take(&mut self, version: u64, actions: EntryActions, removed_by: Option<u64>) {
        let committed_ms = actions.committed_ms;
        for remove in actions.removes {
            let is_it = |live: &Live| live.0.deletion_vector == remove.deletion_vector;
            if self.adds.get(remove.path.as_str()).is_some_and(is_it) {
                self.take_away(&remove.path);
            }
            let tombstone = Tombstone { remove, version: removed_by, committed_ms };
            self.tombstones.replace(Gone(Arc::new(tombstone)));
        }
        for add in actions.adds {
            self.forget_removal(&add);
            self.take_away(&add.path);
            let live = Live(Arc::new(add));
            self.lsns.insert(&lsns_held(&self.place, &live.0), &live);
            self.adds.insert(live);
        }
        for transaction in actions.transactions {
            self.transactions.insert(transaction.app_id.clone(), transaction);
        }
        self.protocol = actions.protocol.or(self.protocol.take());
        self.metadata = actions.metadata.map(Arc::new).or(self.metadata.take());
        self.version = Some(version);
    }

    fn take_away(&mut self, path: &str) {
        if let Some(live) = self.adds.take(path) {
            self.lsns.remove(&lsns_held(&self.place, &live.0), &live);
        }
    }

    /// A file that is there again has no tombstone.
    fn forget_removal(&mut self, add: &Add) {
        let remove = Remove {
            path: add.path.clone(),
            deletion_vector: add.deletion_vector.clone(),
            ..Remove::default()
        };
        let tombstone = Tombstone { remove, version: None, committed_ms: None };
        self.tombstones.remove(&Gone(Arc::new(tombstone)));
    }
}

/// A file of the table. There is one of each path.
#[derive(Debug, Clone)]
struct Live(Arc<Add>);

impl Borrow<str> for Live {
    fn borrow(&self) -> &str {
        &self.0.path
    }
}

impl PartialEq for Live {
    fn eq(&self, other: &Self) -> bool {
        self.0.path == other.0.path
    }
}

impl Eq for Live {}

impl PartialOrd for Live {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Live {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.path.cmp(&other.0.path)
    }
}

/// A file that is gone. There is one of each path and deletion vector.
#[derive(Debug, Clone)]
struct Gone(Arc<Tombstone>);

impl Gone {
    fn id(&self) -> (&str, Option<&str>) {
        let Remove { path, deletion_vector, .. } = &self.0.remove;
        (path, deletion_vector.as_ref().map(|vector| vector.unique_id.as_str()))
    }
}

impl PartialEq for Gone {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Gone {}

impl PartialOrd for Gone {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Gone {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(&other.id())
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
