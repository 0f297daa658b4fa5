//! Vacuum: deletes the objects of a table that no version within the retention needs. Core says
//! which these are.

use std::sync::Arc;
use std::time::Duration;

use coldpress_core::ObjectKey;
use coldpress_core::table::{
    ListedObject, LogName, NeedlessBecause, NeedlessFile, Retention, Table, TableChange,
    TablePlace, Uncommitted, forgettable_before_ms, history_begin, needless_files, needless_log,
    removals,
};

use crate::error::Result;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list;
use crate::storage::tables::no_log;
use crate::threads::blocking;
use crate::time::whole_ms;

/// How many objects one request deletes.
const BATCH_OBJECTS: usize = 1_000;

/// How [`ColdStorage::vacuum_table`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VacuumOptions {
    /// How long each version stays readable after a later one has replaced it. A reader that takes
    /// longer for a version misses objects. Default: 7 days.
    pub retain: Duration,
    /// Only say what would be deleted.
    pub dry_run: bool,
    /// Also delete data files without a commit that are older than the retention, and older than 24
    /// hours.
    pub uncommitted: bool,
}

impl Default for VacuumOptions {
    fn default() -> Self {
        let retain = Duration::from_secs(7 * 24 * 60 * 60);
        VacuumOptions { retain, dry_run: false, uncommitted: false }
    }
}

/// What [`ColdStorage::vacuum_table`] has deleted, or would delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Vacuumed {
    /// The data files.
    pub files: Vec<VacuumedFile>,
    /// The entries and checkpoints of the log, by their names.
    pub log: Vec<String>,
    /// How many claims of rewrites that have ended.
    pub claims: u64,
    /// How many files without a commit stay: they are too young, or nobody asked for them.
    pub uncommitted_kept: u64,
}

/// A data file that was deleted, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VacuumedFile {
    /// Its key.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// Whether no commit has it. Otherwise the table has removed it.
    pub is_uncommitted: bool,
}

/// What a vacuum goes by.
struct Seen {
    table: Arc<Table>,
    retention: Retention,
    /// The objects in the collection's folder, and in that of its log.
    listed: Vec<ListedObject>,
    log: Vec<ListedObject>,
}

impl ColdStorage {
    /// Deletes the data files that a collection's table has removed, the old entries and checkpoints
    /// of its log, and what interrupted rewrites have left: all that no version needs that was the
    /// newest one within the retention.
    ///
    /// Reads and writes go on meanwhile. A vacuum that ends early leaves the table whole.
    ///
    /// # Errors
    ///
    /// `NotFound` if the collection has no log. `Settings` if files without a commit cannot be told
    /// from files that old versions need, because the log does not reach back far enough.
    pub async fn vacuum_table(
        &self,
        tenant_id: u64,
        collection: &str,
        options: &VacuumOptions,
    ) -> Result<Vacuumed> {
        let place = self.table_place(tenant_id, collection)?;
        let mut vacuumed = Vacuumed::default();
        if !options.dry_run {
            vacuumed.claims = self.delete_dead_rewrite_claims(&place).await?;
        }
        let retention = Retention { now_ms: self.now_ms(), retention_ms: whole_ms(options.retain) };
        let seen = self.seen_by_vacuum(&place, retention).await?;
        vacuumed.uncommitted_kept = seen.uncommitted();
        let (seen, mut needless) = needless_of(seen, options.uncommitted).await?;
        if options.dry_run {
            vacuumed.log = needless_log_of(&seen);
        } else {
            needless = self.discarded(&place, needless).await?;
            let keys: Vec<ObjectKey> = needless.iter().map(|file| file.key.clone()).collect();
            for batch in keys.chunks(BATCH_OBJECTS) {
                self.delete_objects(batch, &mut |_| {}).await?;
            }
            vacuumed.log = self.vacuum_log(&place, &seen.retention).await?;
        }
        vacuumed.files = needless.into_iter().map(VacuumedFile::from).collect();
        let uncommitted = vacuumed.files.iter().filter(|file| file.is_uncommitted).count() as u64;
        vacuumed.uncommitted_kept = vacuumed.uncommitted_kept.saturating_sub(uncommitted);
        Ok(vacuumed)
    }

    /// Lists, then reads the log: so no file of a later commit is in the listing.
    async fn seen_by_vacuum(&self, place: &TablePlace, retention: Retention) -> Result<Seen> {
        let listed = self.listed_in(place.folder()).await?;
        let log = self.listed_in(&place.log_folder()).await?;
        let table = match history_begin(&log) {
            Some(begin) => self.tables().with_history(place, begin).await?,
            None => self.tables().open(place).await?,
        };
        match table {
            Some(table) => Ok(Seen { table, retention, listed, log }),
            None => Err(no_log(place)),
        }
    }

    /// Says in the log that files without a commit are never to be committed. Gives the files that
    /// may go then: what another writer has committed meanwhile stays.
    async fn discarded(
        &self,
        place: &TablePlace,
        mut needless: Vec<NeedlessFile>,
    ) -> Result<Vec<NeedlessFile>> {
        let uncommitted =
            needless.iter().filter(|file| file.because == NeedlessBecause::Uncommitted);
        let paths = uncommitted.filter_map(|file| place.path_of(&file.key).map(str::to_owned));
        let paths: Vec<String> = paths.collect();
        if paths.is_empty() {
            return Ok(needless);
        }
        let done = self.tables().commit(place, TableChange::discard(paths)).await?;
        let discarded = done.outcome.removed;
        needless.retain(|file| match file.because {
            NeedlessBecause::Removed => true,
            NeedlessBecause::Uncommitted => {
                let path = place.path_of(&file.key);
                path.is_some_and(|path| discarded.iter().any(|gone| gone == path))
            }
        });
        Ok(needless)
    }

    /// Deletes what is old in the log. Makes a checkpoint first, if that lets something go.
    async fn vacuum_log(&self, place: &TablePlace, retention: &Retention) -> Result<Vec<String>> {
        let listed = self.listed_in(place.folder()).await?;
        let log = self.listed_in(&place.log_folder()).await?;
        let Some(table) = self.tables().open(place).await? else { return Ok(Vec::new()) };
        let Some(version) = table.version() else { return Ok(Vec::new()) };
        if needless_log(&log, version, retention).is_empty() {
            return Ok(Vec::new());
        }
        let before_ms = forgettable_before_ms(&table, &listed, retention);
        let checkpoint = self.tables().checked_checkpoint(&table, before_ms).await?;
        let log = self.listed_in(&place.log_folder()).await?;
        self.tables().delete_needless(place, &log, checkpoint, retention).await
    }
}

impl Seen {
    /// How many data files no commit has.
    fn uncommitted(&self) -> u64 {
        let place = self.table.place();
        let is_unknown = |object: &&ListedObject| {
            place.key_of(&object.name).is_some()
                && self.table.add(&object.name).is_none()
                && self.table.removal(&object.name).is_none()
        };
        self.listed.iter().filter(is_unknown).count() as u64
    }

    /// Since when the log tells of all removals: since its first version, or since the checkpoint
    /// with which what is left of it begins.
    fn removals_known_since_ms(&self) -> i64 {
        let Some(checkpoint) = self.table.checkpoint() else { return i64::MIN };
        let times = self.log.iter().filter(|object| match LogName::parse(&object.name) {
            LogName::Checkpoint(version) | LogName::CheckpointPart { version, .. } => {
                version == checkpoint
            }
            _ => false,
        });
        times.map(|object| object.modified_ms).max().unwrap_or(i64::MAX)
    }
}

/// The data files that may go.
async fn needless_of(seen: Seen, uncommitted: bool) -> Result<(Seen, Vec<NeedlessFile>)> {
    let log = seen.table.place().log_folder();
    let judging = blocking(move || {
        let since = seen.removals_known_since_ms();
        let uncommitted = uncommitted.then_some(Uncommitted { removals_known_since_ms: since });
        let live = seen.table.adds().map(|add| add.path.as_str());
        let gone = removals(&seen.table, &seen.log);
        let (place, retention) = (seen.table.place(), &seen.retention);
        let mut needless =
            needless_files(place, &seen.listed, live, &gone, retention, uncommitted.as_ref())?;
        needless.sort_by(|one, other| list::compare(&one.key, &other.key));
        Ok((seen, needless))
    });
    judging.await.map_err(|error| error.at(log))
}

/// What a vacuum would delete of the log, with a checkpoint of the newest version.
fn needless_log_of(seen: &Seen) -> Vec<String> {
    let version = seen.table.version();
    version.map(|version| needless_log(&seen.log, version, &seen.retention)).unwrap_or_default()
}

impl From<NeedlessFile> for VacuumedFile {
    fn from(file: NeedlessFile) -> Self {
        let NeedlessFile { key, bytes, because } = file;
        VacuumedFile { key, bytes, is_uncommitted: because == NeedlessBecause::Uncommitted }
    }
}
