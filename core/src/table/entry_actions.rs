//! The actions of one entry, or of one checkpoint, sorted by kind and checked against each other.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Add, DeletionVector, LogAction, Metadata, Protocol, Remove, Transaction};
use super::place::TablePlace;
use crate::{Error, Result};

/// What an entry says.
#[derive(Debug)]
pub(super) struct EntryActions {
    pub(super) protocol: Option<Protocol>,
    pub(super) metadata: Option<Metadata>,
    pub(super) adds: Vec<Add>,
    pub(super) removes: Vec<Remove>,
    pub(super) transactions: Vec<Transaction>,
    /// When it was committed, as it says.
    pub(super) committed_ms: Option<i64>,
    /// What it is, for messages.
    name: String,
}

impl EntryActions {
    /// Sorts the actions of the entry of this version, or of its checkpoint.
    ///
    /// An error of kind `Corrupt` if two of them contradict each other: the order of the actions of
    /// an entry means nothing, so none of the two is the right one (Delta protocol, "Add File and
    /// Remove File" and "Delta Log Entries").
    pub(super) fn new(place: &TablePlace, version: u64, actions: Vec<LogAction>) -> Result<Self> {
        let mut sorted = EntryActions {
            protocol: None,
            metadata: None,
            adds: Vec::new(),
            removes: Vec::new(),
            transactions: Vec::new(),
            committed_ms: None,
            name: format!("version {version} of {}", place.name()),
        };
        for action in actions {
            sorted.push(action)?;
        }
        sorted.check_files()?;
        Ok(sorted)
    }

    /// An error of kind `Corrupt` if the protocol or the columns are missing, with which a table
    /// begins.
    pub(super) fn check_complete(&self) -> Result<()> {
        let missing = match (&self.protocol, &self.metadata) {
            (Some(_), Some(_)) => return Ok(()),
            (None, _) => "protocol",
            (_, None) => "metaData",
        };
        Err(Error::corrupt(format!(
            "the log is damaged: {} has no action {missing:?}, with which a table must begin; \
             restore the log from a backup",
            self.name
        )))
    }

    fn push(&mut self, action: LogAction) -> Result<()> {
        match action {
            LogAction::Protocol(protocol) => match &self.protocol {
                Some(before) if *before != protocol => return Err(self.contradicts("protocol")),
                _ => self.protocol = Some(protocol),
            },
            LogAction::Metadata(metadata) => match &self.metadata {
                Some(before) if *before != *metadata => return Err(self.contradicts("metaData")),
                _ => self.metadata = Some(*metadata),
            },
            LogAction::Add(add) => self.adds.push(*add),
            LogAction::Remove(remove) => self.removes.push(*remove),
            LogAction::Transaction(transaction) => self.transactions.push(transaction),
            LogAction::CommitInfo(info) => {
                self.committed_ms = info.timestamp_ms().or(self.committed_ms);
            }
            LogAction::Other(_) => {}
        }
        Ok(())
    }

    /// Each file is added once at most. A file that is both added and removed is another one by its
    /// deletion vector.
    fn check_files(&self) -> Result<()> {
        let mut added: BTreeMap<&str, &Add> = BTreeMap::new();
        for add in &self.adds {
            if added.insert(&add.path, add).is_some_and(|before| before != add) {
                return Err(self.contradicts(&format!("add of {:?}", add.path)));
            }
        }
        let vector = |it: &Option<DeletionVector>| it.as_ref().map(|it| it.unique_id.clone());
        let mut removed = BTreeSet::new();
        for remove in &self.removes {
            let is_same = |add: &&Add| add.deletion_vector == remove.deletion_vector;
            let is_added = added.get(remove.path.as_str()).is_some_and(is_same);
            let is_new = removed.insert((&remove.path, vector(&remove.deletion_vector)));
            if is_added || !is_new {
                return Err(self.contradicts(&format!("remove of {:?}", remove.path)));
            }
        }
        Ok(())
    }

    fn contradicts(&self, action: &str) -> Error {
        let action: String = action.chars().take(300).collect();
        Error::corrupt(format!(
            "the log is damaged: two actions of {} contradict each other: {action}; restore its \
             entry from a backup, or read the table at the version before",
            self.name
        ))
    }
}
