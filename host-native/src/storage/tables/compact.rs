//! Compaction: small files of a table become few large ones.

use std::collections::BTreeSet;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;

use coldpress_core::ObjectKey;
use coldpress_core::table::{
    CompactFile, CompactGroup, CompactPlan, CompactSettings, RewriteOrder, Table, TableChange,
    TablePlace, lsns_of,
};
use futures_util::future::{Either, select};

use crate::error::{ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;
use crate::storage::tables::rewrite::{Made, Rewrite};
use crate::storage::tables::rewrite_claims::HeldRewrite;
use crate::storage::tables::{columns_of, no_log};
use crate::threads::blocking;
use crate::time::system_time;

/// The most files that become one file.
const FILES_MAX: usize = 1_000;

/// How [`ColdStorage::compact_table`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactOptions {
    /// The most bytes of the files that become one file. Files of half of it and more stay.
    /// Default: 256 MiB.
    pub target_bytes: u64,
    /// The order of the rows in new files. Files that stay are not sorted. To sort, all rows of a
    /// new file are in memory. Default: as they are stored.
    pub order: RewriteOrder,
}

impl Default for CompactOptions {
    fn default() -> Self {
        let target_bytes = CompactSettings::default().target_bytes;
        CompactOptions { target_bytes, order: RewriteOrder::default() }
    }
}

/// What [`ColdStorage::compact_table`] has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compacted {
    /// The version of the table now.
    pub version: Option<u64>,
    /// The files that the table had when the compaction began.
    pub files_before: u64,
    /// The new files.
    pub files: Vec<CompactedFile>,
    /// New files that were planned and not made.
    pub passed_over: Vec<NotCompacted>,
    /// Files of other engines. They stay as they are.
    pub foreign: u64,
    /// Whether it was stopped before its end.
    pub is_stopped: bool,
}

/// A file that has taken the place of others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactedFile {
    /// Its key.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// The files that it replaces.
    pub replaced: Vec<ObjectKey>,
    /// The sum of their sizes.
    pub replaced_bytes: u64,
}

/// A new file that was not made. The old files stay.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotCompacted {
    /// The key that it would have had.
    pub key: ObjectKey,
    /// Why, for people.
    pub why: String,
}

impl ColdStorage {
    /// Rewrites the small files of a collection's table into larger ones, and commits each new file
    /// in place of the old ones. The rows and their LSNs stay the same, and so do the columns of
    /// the table. The old objects stay for readers of older versions, until a vacuum deletes them.
    ///
    /// Reads and writes go on meanwhile. Another compaction may run at the same time: a file that
    /// another commit has removed or replaced is passed over, and [`Compacted::passed_over`] says
    /// so. Each new file is one commit, so a compaction that ends early keeps what it has done.
    ///
    /// At most one old file and a row group of the new one are in memory; to sort, also all rows of
    /// the new file.
    ///
    /// # Errors
    ///
    /// `NotFound` if the collection has no log. `Settings` if the target size is too small, or if
    /// the files have their ids in a field that the table does not name.
    pub async fn compact_table(
        &self,
        tenant_id: u64,
        collection: &str,
        options: &CompactOptions,
    ) -> Result<Compacted> {
        self.compact_table_until(tenant_id, collection, options, pending()).await
    }

    /// As [`ColdStorage::compact_table`], and ends when `stop` does: what is being written is
    /// removed, and a commit that has begun is ended.
    pub async fn compact_table_until(
        &self,
        tenant_id: u64,
        collection: &str,
        options: &CompactOptions,
        stop: impl Future<Output = ()>,
    ) -> Result<Compacted> {
        let mut stop = pin!(stop);
        let place = self.table_place(tenant_id, collection)?;
        self.delete_dead_rewrite_claims(&place).await?;
        let (table, objects) = self.table_and_objects(&place).await?;
        let (version, files_before) = (table.version(), table.adds().len() as u64);
        let (plan, foreign) = plan_of(table, objects, options.target_bytes).await?;
        let mut compacted = Compacted { version, files_before, foreign, ..Compacted::default() };
        for group in plan.groups() {
            match self.compact_group(&place, group, options, stop.as_mut()).await? {
                Ended::Done(file, version) => {
                    tracing::info!(key = %file.key, replaced = file.replaced.len(), "compacted");
                    compacted.version = version.or(compacted.version);
                    compacted.files.push(file);
                }
                Ended::Not(why) => {
                    tracing::info!(key = %group.key, why, "not compacted");
                    compacted.passed_over.push(NotCompacted { key: group.key.clone(), why });
                }
                Ended::Stopped => {
                    compacted.is_stopped = true;
                    break;
                }
            }
        }
        Ok(compacted)
    }

    /// The table of a collection, and the keys of all data objects that lie in its folder, listed
    /// before the log was read.
    pub(super) async fn table_and_objects(
        &self,
        place: &TablePlace,
    ) -> Result<(Arc<Table>, Vec<StoredObject>)> {
        let found = self.listing().found(Some(place.tenant_id()), Some(place.collection())).await?;
        match self.tables().open(place).await? {
            Some(table) => Ok((table, found.contents.objects)),
            None => Err(no_log(place)),
        }
    }

    async fn compact_group(
        &self,
        place: &TablePlace,
        group: &CompactGroup,
        options: &CompactOptions,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Ended> {
        let Some(mut held) = self.claim_rewrite(place, &group.key).await? else {
            return Ok(Ended::Not("another rewrite of these files is under way".to_owned()));
        };
        let ended = self.compact_claimed(place, group, options, &mut held, stop).await;
        held.end(ended.as_ref().err()).await;
        ended
    }

    async fn compact_claimed(
        &self,
        place: &TablePlace,
        group: &CompactGroup,
        options: &CompactOptions,
        held: &mut HeldRewrite,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Ended> {
        let object = |file: &CompactFile| StoredObject {
            key: file.key.clone(),
            bytes: file.bytes,
            modified: system_time(0),
        };
        let sources: Vec<StoredObject> = group.files.iter().map(object).collect();
        let table = match self.fitting(place, &group.key, &sources).await? {
            Ok(table) => table,
            Err(why) => return Ok(Ended::Not(why)),
        };
        let rewrite = Rewrite {
            place,
            key: group.key.clone(),
            sources,
            lsns: group.lsns.clone(),
            settings: self.rewrite_settings(&columns_of(&table)?, options.order.clone()),
            keep: Arc::new(|_| Ok(true)),
        };
        let prepared = match select(stop, pin!(self.prepare(&rewrite))).await {
            Either::Left(_) => None,
            Either::Right((prepared, _)) => Some(prepared),
        };
        match prepared {
            Some(Ok(prepared)) => {
                let made = self.publish(&rewrite, prepared, held).await?;
                self.commit_compacted(&table, &rewrite, made, held).await
            }
            // What was taken away under it is missing.
            Some(Err(error)) => {
                let why = self.was_overtaken(place, &rewrite.sources).await?;
                why.map_or(Err(error), |why| Ok(Ended::Not(why)))
            }
            None => {
                self.place().cleanups_ended().await;
                Ok(Ended::Stopped)
            }
        }
    }

    async fn commit_compacted(
        &self,
        table: &Table,
        rewrite: &Rewrite<'_>,
        made: Made,
        held: &HeldRewrite,
    ) -> Result<Ended> {
        let place = rewrite.place;
        let Some(file) = made.file.clone() else {
            return Ok(Ended::Not("these files have no rows".to_owned()));
        };
        let (bytes, rows) = (file.bytes(), file.rows());
        let paths = rewrite.sources.iter().filter_map(|source| place.path_of(&source.key));
        let change = TableChange::compact(paths.filter_map(|path| table.add(path)), vec![file]);
        match self.tables().commit(place, change).await {
            Ok(done) => {
                let replaced_bytes = rewrite.sources.iter().map(|source| source.bytes).sum();
                let replaced = rewrite.sources.iter().map(|source| source.key.clone()).collect();
                let file = CompactedFile { key: made.key, bytes, rows, replaced, replaced_bytes };
                Ok(Ended::Done(file, done.table.and_then(|table| table.version())))
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                self.take_back(place, &made, held).await?;
                Ok(Ended::Not(error.message().to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

/// How the rewrite of a group has ended.
enum Ended {
    /// It is committed, in this version.
    Done(CompactedFile, Option<u64>),
    /// It is not, for this reason, and the old files stay.
    Not(String),
    Stopped,
}

/// The plan for the files of a table, and how many files are not ours.
async fn plan_of(
    table: Arc<Table>,
    objects: Vec<StoredObject>,
    target_bytes: u64,
) -> Result<(CompactPlan, u64)> {
    let log = table.place().log_folder();
    let planning = blocking(move || {
        let place = table.place();
        let (mut files, mut foreign) = (Vec::new(), 0);
        for add in table.adds() {
            let Some(key) = place.key_of(&add.path) else {
                foreign += 1;
                continue;
            };
            let (lsns, rows) = (lsns_of(place, add)?, rows_of(add.stats.as_deref()));
            let rows = rows.unwrap_or(0);
            files.push(CompactFile { key, bytes: add.bytes, rows, lsns, must_rewrite: false });
        }
        let removed = table.tombstones().filter_map(|remove| place.key_of(&remove.path));
        let taken = objects.into_iter().map(|object| object.key).chain(removed);
        let taken: BTreeSet<String> = taken.map(String::from).collect();
        let settings = CompactSettings { target_bytes, files_max: FILES_MAX };
        Ok((CompactPlan::new(files, &taken, &settings)?, foreign))
    });
    planning.await.map_err(|error| error.at(log))
}

/// The rows of a file, by its statistics in the log.
pub(super) fn rows_of(stats: Option<&str>) -> Option<u64> {
    let stats: serde_json::Value = serde_json::from_str(stats?).ok()?;
    stats.get("numRecords")?.as_u64()
}
