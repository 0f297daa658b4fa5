//! Erases rows: the files that hold them are rewritten without them.

use std::collections::BTreeSet;
use std::sync::Arc;

use coldpress_core::ObjectKey;
use coldpress_core::table::{Add, RewriteOrder, Table, TableChange, TablePlace, lsns_of};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;
use crate::storage::tables::columns_of;
use crate::storage::tables::erase_search::{EraseRows, own_files};
use crate::storage::tables::purge::EraseProof;
use crate::storage::tables::rewrite::{Made, Rewrite};
use crate::storage::tables::rewrite_claims::HeldRewrite;

/// How [`ColdStorage::erase_rows`] works.
#[derive(Debug, Clone, PartialEq)]
pub struct EraseOptions {
    /// Which rows go.
    pub rows: EraseRows,
    /// Also delete at once every object that still holds such rows: old versions of the rewritten
    /// files, and files without a commit.
    pub purge: bool,
    /// Only say which files hold such rows.
    pub dry_run: bool,
}

/// What [`ColdStorage::erase_rows`] has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// The version of the table that has no such row any more; `None` if nothing was committed.
    pub version: Option<u64>,
    /// The files that held such rows.
    pub files: Vec<ErasedFile>,
    /// The objects that a purge has deleted.
    pub deleted: Vec<ObjectKey>,
    /// What was searched at the end; `None` after a dry run.
    pub proof: Option<EraseProof>,
}

/// A file that held rows to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErasedFile {
    /// Its key.
    pub key: ObjectKey,
    /// How many such rows it held.
    pub rows: u64,
    /// The file in its place; `None` if no row was left, or after a dry run.
    pub new: Option<ObjectKey>,
}

/// A file to rewrite, and its claim.
struct Claimed {
    object: StoredObject,
    key: ObjectKey,
    held: HeldRewrite,
}

impl ColdStorage {
    /// Erases rows of a collection's table: rewrites exactly the files that hold such rows, and
    /// commits all new files at once. The other rows, and all LSNs, stay.
    ///
    /// Without [`EraseOptions::purge`], the old objects stay for readers of older versions, until a
    /// vacuum deletes them. With it, every object that holds such a row is deleted at once. At the
    /// end every row of what is left is read: [`Erased::proof`].
    ///
    /// Erasing again what is erased is success; after an error, erase again.
    ///
    /// # Errors
    ///
    /// `NotFound` if the collection has no log. `Conflict` if another commit has removed or replaced
    /// one of the files meanwhile, or if a compaction works on one of them. `Settings` if the table
    /// has files of another engine, or if rows may not be removed from it.
    pub async fn erase_rows(
        &self,
        tenant_id: u64,
        collection: &str,
        options: &EraseOptions,
    ) -> Result<Erased> {
        let place = self.table_place(tenant_id, collection)?;
        let mut erased = Erased::default();
        let (table, objects) = self.table_and_objects(&place).await?;
        let holding = self.holding(&table, &options.rows).await?;
        erased.files = holding
            .iter()
            .map(|(object, rows)| ErasedFile { key: object.key.clone(), rows: *rows, new: None })
            .collect();
        if options.dry_run {
            return Ok(erased);
        }
        self.delete_dead_rewrite_claims(&place).await?;
        let mut known = Arc::clone(&table);
        if !holding.is_empty() {
            let files = holding.into_iter().map(|(object, _)| object).collect();
            let claimed = self.claim_all(&place, &table, files, objects).await?;
            known = self.erase_claimed(&place, &options.rows, claimed, &mut erased).await?;
        }
        if options.purge {
            erased.deleted = self.purge(&place, &options.rows).await?;
        }
        let searches_old = options.purge;
        erased.proof = Some(self.prove(&place, &known, &options.rows, searches_old).await?);
        Ok(erased)
    }

    /// The files of the table that hold such rows, and how many.
    async fn holding(
        &self,
        table: &Arc<Table>,
        rows: &EraseRows,
    ) -> Result<Vec<(StoredObject, u64)>> {
        let files = own_files(table)?;
        let mut holding = Vec::new();
        for object in self.can_hold(table, rows, files).await? {
            let held = self.rows_held(&object, rows).await?;
            if held > 0 {
                holding.push((object, held));
            }
        }
        Ok(holding)
    }

    /// Claims the new file of each of these files.
    async fn claim_all(
        &self,
        place: &TablePlace,
        table: &Table,
        files: Vec<StoredObject>,
        objects: Vec<StoredObject>,
    ) -> Result<Vec<Claimed>> {
        let removed = table.tombstones().filter_map(|remove| place.key_of(&remove.path));
        let taken = objects.into_iter().map(|object| object.key).chain(removed);
        let taken: BTreeSet<String> = taken.map(String::from).collect();
        let mut claimed: Vec<Claimed> = Vec::new();
        for object in files {
            let key = match next_generation(&object.key, &taken) {
                Ok(key) => self.claim_rewrite(place, &key).await.map(|held| (key, held)),
                Err(error) => Err(error),
            };
            let error = match key {
                Ok((key, Some(held))) => {
                    claimed.push(Claimed { object, key, held });
                    continue;
                }
                Ok((_, None)) => {
                    let message = "another rewrite of this file is under way, such as a compaction; \
                        erase again when it has ended";
                    Error::new(ErrorKind::Conflict, message).at(object.key.as_str())
                }
                Err(error) => error,
            };
            end_all(claimed, Some(&error)).await;
            return Err(error);
        }
        Ok(claimed)
    }

    /// Rewrites the claimed files, and commits them. Gives the table then.
    async fn erase_claimed(
        &self,
        place: &TablePlace,
        rows: &EraseRows,
        mut claimed: Vec<Claimed>,
        erased: &mut Erased,
    ) -> Result<Arc<Table>> {
        let mut made = Vec::new();
        let ended = self.erase_all(place, rows, &mut claimed, &mut made).await;
        if let Err(error) = &ended
            && !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal)
        {
            for (made, claimed) in made.iter().zip(&claimed) {
                if let Err(error) = self.take_back(place, made, &claimed.held).await {
                    tracing::warn!(key = %made.key, %error, "an object without a commit is left");
                }
            }
        }
        end_all(claimed, ended.as_ref().err()).await;
        let table = ended?;
        erased.version = table.version();
        for (file, made) in erased.files.iter_mut().zip(made) {
            file.rows = made.rows_left_out;
            file.new = made.file.is_some().then_some(made.key);
        }
        Ok(table)
    }

    async fn erase_all(
        &self,
        place: &TablePlace,
        rows: &EraseRows,
        claimed: &mut [Claimed],
        made: &mut Vec<Made>,
    ) -> Result<Arc<Table>> {
        let mut replaced: Vec<Add> = Vec::new();
        for Claimed { object, key, held } in claimed {
            let sources = vec![object.clone()];
            let conflict = |why: String| {
                let message = format!("{why}; nothing was erased, so erase again");
                Error::new(ErrorKind::Conflict, message).at(object.key.as_str())
            };
            let table = self.fitting(place, key, &sources).await?.map_err(conflict)?;
            let path = place.path_of(&object.key).unwrap_or_default();
            let Some(add) = table.add(path) else { continue };
            let rows = rows.clone();
            let rewrite = Rewrite {
                place,
                key: key.clone(),
                sources,
                lsns: lsns_of(place, add)?,
                settings: self.rewrite_settings(&columns_of(&table)?, RewriteOrder::AsStored),
                keep: Arc::new(move |row| rows.takes(row).map(|takes| !takes)),
            };
            replaced.push(add.clone());
            let prepared = self.prepare(&rewrite).await?;
            made.push(self.publish(&rewrite, prepared, held).await?);
        }
        let files = made.iter().filter_map(|made| made.file.clone()).collect();
        let change = TableChange::erase(&replaced, files);
        let done = self.tables().commit(place, change).await?;
        done.table.ok_or_else(|| {
            let message = "a commit ended without a table; report this";
            Error::new(ErrorKind::Internal, message).at(place.log_folder())
        })
    }
}

/// The key for the file in the place of this one.
fn next_generation(key: &ObjectKey, taken: &BTreeSet<String>) -> Result<ObjectKey> {
    let none_left = || {
        let message = "this file was rewritten as often as is possible";
        Error::new(ErrorKind::Limit, message).at(key.as_str())
    };
    let lsns = key.lsns().ok_or_else(none_left)?;
    let mut generation = key.generation().unwrap_or(0);
    loop {
        generation = generation.checked_add(1).ok_or_else(none_left)?;
        let new = key.rewritten(lsns, generation)?;
        if !taken.contains(new.as_str()) {
            return Ok(new);
        }
    }
}

async fn end_all(claimed: Vec<Claimed>, failed: Option<&Error>) {
    for Claimed { held, .. } in claimed {
        held.end(failed).await;
    }
}
