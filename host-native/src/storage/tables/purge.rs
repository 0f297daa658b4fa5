//! Deletes every object that holds erased rows, and proves that none is left.

use std::collections::BTreeSet;

use coldpress_core::table::{Table, TableChange, TablePlace, rewrites_of};
use coldpress_core::{LsnRange, ObjectKey};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::claims::pause;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;
use crate::storage::tables::erase_search::{EraseRows, own_files};

/// How often a purge looks whether other rewrites have ended: for about a minute.
const LOOKS: u32 = 60;
/// How many objects one request deletes.
const BATCH_OBJECTS: usize = 1_000;

/// What was searched after an erase: every row was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EraseProof {
    /// The version of the table that was searched.
    pub version: Option<u64>,
    /// How many files of the table.
    pub files_searched: u64,
    /// How many objects that are not in the table. Only after a purge.
    pub old_files_searched: u64,
    /// How many such rows were found, but not those put meanwhile.
    pub rows_found: u64,
    /// How many such rows are in files that were committed after the erase: somebody has put them
    /// again.
    pub rows_put_meanwhile: u64,
    /// The objects that such rows were found in.
    pub found_in: Vec<ObjectKey>,
    /// The objects that could not be read, so that nobody knows what they hold.
    pub unreadable: Vec<ObjectKey>,
}

impl EraseProof {
    /// Whether no such row is left, in no object that was to be searched.
    pub fn holds(&self) -> bool {
        self.found_in.is_empty() && self.unreadable.is_empty()
    }
}

impl ColdStorage {
    /// Deletes every object beside the table that holds such rows.
    pub(super) async fn purge(
        &self,
        place: &TablePlace,
        rows: &EraseRows,
    ) -> Result<Vec<ObjectKey>> {
        self.wait_for_rewrites(place).await?;
        let (table, objects) = self.table_and_objects(place).await?;
        let mut found = Vec::new();
        for object in beside(&table, objects) {
            match self.rows_held(&object, rows).await {
                Ok(0) => {}
                Ok(_) => found.push(object),
                Err(error) if is_of_object(&error) => {
                    tracing::warn!(key = %object.key, %error, "could not be searched");
                }
                Err(error) => return Err(error),
            }
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let paths = found.iter().filter_map(|object| place.path_of(&object.key));
        let discard = TableChange::discard(paths.map(str::to_owned).collect());
        let done = self.tables().commit(place, discard).await?;
        if let Some(passed) = done.outcome.passed_over.first() {
            let message = "this file came into the table while it was to be deleted; erase again";
            let key = format!("{}{}", place.folder(), passed.path);
            return Err(Error::new(ErrorKind::Conflict, message).at(key));
        }
        let keys: Vec<ObjectKey> = found.iter().map(|object| object.key.clone()).collect();
        for batch in keys.chunks(BATCH_OBJECTS) {
            self.delete_objects(batch, &mut |_| {}).await?;
        }
        for object in &found {
            // Its end says the smallest and the largest values.
            self.tails().remove(object.key.as_str(), object.bytes).await;
        }
        Ok(keys)
    }

    /// Reads every row of the table, and with `old` of what lies beside it. `known` is the table
    /// right after the erase.
    pub(super) async fn prove(
        &self,
        place: &TablePlace,
        known: &Table,
        rows: &EraseRows,
        old: bool,
    ) -> Result<EraseProof> {
        let (table, objects) = self.table_and_objects(place).await?;
        let mut proof = EraseProof { version: table.version(), ..EraseProof::default() };
        let live = own_files(&table)?;
        for object in &live {
            let is_new = place.path_of(&object.key).is_some_and(|path| known.add(path).is_none());
            proof.files_searched += 1;
            self.search(object, rows, is_new, &mut proof).await?;
        }
        let beside = if old { beside(&table, objects) } else { Vec::new() };
        for object in &beside {
            proof.old_files_searched += 1;
            self.search(object, rows, false, &mut proof).await?;
        }
        Ok(proof)
    }

    async fn search(
        &self,
        object: &StoredObject,
        rows: &EraseRows,
        is_new: bool,
        proof: &mut EraseProof,
    ) -> Result<()> {
        match self.rows_proved(object, rows).await {
            Ok(None | Some(0)) => {}
            Ok(Some(held)) => {
                match is_new {
                    true => proof.rows_put_meanwhile += held,
                    false => proof.rows_found += held,
                }
                proof.found_in.push(object.key.clone());
            }
            Err(error) if is_of_object(&error) => proof.unreadable.push(object.key.clone()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits until no other rewrite may hold a row that was erased: one that began before the erase
    /// may still store an object.
    async fn wait_for_rewrites(&self, place: &TablePlace) -> Result<()> {
        let all = [LsnRange::new(0, u64::MAX)?];
        for times in 1..=LOOKS {
            let listed = self.rewrite_claims(place).await?;
            if rewrites_of(place, &listed, &all, self.now_ms()).is_empty() {
                return Ok(());
            }
            pause(times).await;
        }
        let message = "other rewrites of the table are under way, such as a compaction, and may hold \
            the erased rows; erase again when they have ended";
        Err(Error::new(ErrorKind::Unavailable, message).at(place.folder()))
    }
}

/// The data objects that are not in the table.
fn beside(table: &Table, objects: Vec<StoredObject>) -> Vec<StoredObject> {
    let live: BTreeSet<&str> = table.adds().map(|add| add.path.as_str()).collect();
    let is_beside = |object: &StoredObject| {
        table.place().path_of(&object.key).is_some_and(|path| !live.contains(path))
    };
    objects.into_iter().filter(is_beside).collect()
}

/// Whether only this one object is at fault.
fn is_of_object(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Limit)
}
