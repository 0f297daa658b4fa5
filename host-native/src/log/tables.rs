//! Reads tables, and keeps the newest version of each that this process has seen.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use coldpress_core::table::{
    LogStep, Table, TablePlace, TableReader, TableVersion, entry_name, read_entry,
};
use futures_util::{StreamExt, stream};
use quick_cache::sync::Cache;

use crate::error::{Error, Result};
use crate::log::folder::LogStore;
use crate::log::queue::CommitQueues;
use crate::quiet::quietly;
use crate::threads::blocking;

/// The most bytes of one entry that core reads.
const ENTRY_BYTES_MAX: u64 = 64 << 20;

/// How many tables are kept in memory.
const TABLES_KEPT: usize = 64;

/// How long what is known of a table counts without being confirmed. A log keeps its old entries
/// for much longer, so the entry after a kept version is there if there ever was one.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The tables of one store. Each is kept as it was read last, so that the next reading is one
/// request: for the entry after the last one.
#[derive(Debug)]
pub(crate) struct Tables {
    store: LogStore,
    /// By the folders of the collections.
    kept: Cache<String, Kept>,
    pub(super) queues: CommitQueues,
}

/// A version of a table, and when it was known to be the newest one.
#[derive(Debug, Clone)]
struct Kept {
    table: Arc<Table>,
    at: SystemTime,
}

impl Tables {
    pub(crate) fn new(store: LogStore) -> Self {
        Tables { store, kept: Cache::new(TABLES_KEPT), queues: CommitQueues::default() }
    }

    pub(super) fn store(&self) -> &LogStore {
        &self.store
    }

    pub(super) fn now_ms(&self) -> i64 {
        i64::try_from(self.store.clock.now_ms()).unwrap_or(i64::MAX)
    }

    /// The table as it was read last, if it is kept.
    pub(crate) fn kept(&self, place: &TablePlace) -> Option<Arc<Table>> {
        let kept = self.kept.get(place.folder())?;
        // A clock that was set back says nothing about the age.
        let age = self.store.clock.now().duration_since(kept.at).ok()?;
        (age < KEPT_FOR).then_some(kept.table)
    }

    /// Forgets a table: its log is gone.
    pub(crate) fn forget(&self, place: &TablePlace) {
        self.kept.remove(place.folder());
    }

    /// The newest version of the table; `None` if the collection has no log. An error if the log is
    /// damaged, or if the table uses what we do not read.
    pub(crate) async fn open(&self, place: &TablePlace) -> Result<Option<Arc<Table>>> {
        let read = match self.kept(place) {
            Some(kept) => match self.news_of(place, &kept).await? {
                None => {
                    self.keep(&kept);
                    return Ok(Some(kept));
                }
                Some(reader) => self.read(place, reader).await?,
            },
            None => self.read(place, TableReader::new(place.clone())).await?,
        };
        let Some(table) = read else { return Ok(None) };
        check_readable(&table).await?;
        self.keep(&table);
        Ok(Some(table))
    }

    /// A reader that has the entry after the kept version; `None` if there is no such entry.
    async fn news_of(&self, place: &TablePlace, kept: &Arc<Table>) -> Result<Option<TableReader>> {
        let reader = TableReader::refresh(Arc::clone(kept));
        let LogStep::Get { name, bytes_max } = reader.poll().clone() else {
            return Ok(Some(reader));
        };
        let folder = self.store.folder(place);
        match folder.get(&name, bytes_max).await? {
            None => Ok(None),
            bytes => got(reader, bytes, folder.path_of(&name)).await.map(Some),
        }
    }

    /// The table as it was at this version.
    pub(crate) async fn at(&self, place: &TablePlace, version: u64) -> Result<Option<Arc<Table>>> {
        if let Some(kept) = self.kept(place).filter(|kept| kept.version() == Some(version)) {
            return Ok(Some(kept));
        }
        let table = self.read(place, TableReader::at(place.clone(), version)).await?;
        match &table {
            Some(table) => check_readable(table).await.map(|()| Some(Arc::clone(table))),
            None => Ok(None),
        }
    }

    /// The newest versions of a table, the newest first, at most so many; fewer, if the entries of
    /// older ones were removed.
    pub(crate) async fn history(&self, table: &Table, limit: usize) -> Result<Vec<TableVersion>> {
        let Some(newest) = table.version() else { return Ok(Vec::new()) };
        let folder = self.store.folder(table.place());
        let read = |version: u64| {
            let folder = folder.clone();
            async move {
                let name = entry_name(version);
                let Some(bytes) = folder.get(&name, ENTRY_BYTES_MAX).await? else {
                    return Ok::<_, Error>(None);
                };
                let parse = move || Ok(TableVersion::new(version, &read_entry(version, &bytes)?));
                blocking(parse).await.map(Some).map_err(|error| error.at(folder.path_of(&name)))
            }
        };
        let mut versions = stream::iter((0..=newest).rev().take(limit)).map(read).buffered(8);
        let mut history = Vec::new();
        while let Some(version) = versions.next().await {
            match version? {
                Some(version) => history.push(version),
                None => break,
            }
        }
        Ok(history)
    }

    /// Keeps this version, unless a newer one is kept.
    pub(crate) fn keep(&self, table: &Arc<Table>) {
        let is_newest = self.kept(table.place()).is_none_or(|k| k.version() <= table.version());
        if is_newest {
            let kept = Kept { table: Arc::clone(table), at: self.store.clock.now() };
            self.kept.insert(table.place().folder().to_owned(), kept);
        }
    }

    pub(super) async fn read(
        &self,
        place: &TablePlace,
        mut reader: TableReader,
    ) -> Result<Option<Arc<Table>>> {
        let folder = self.store.folder(place);
        loop {
            match reader.poll().clone() {
                LogStep::Get { name, bytes_max } => {
                    let bytes = folder.get(&name, bytes_max).await?;
                    reader = got(reader, bytes, folder.path_of(&name)).await?;
                }
                LogStep::List { after } => {
                    let listed = folder.list_after(&after).await?;
                    let taken = reader.listed(&listed);
                    taken.map_err(|error| Error::from(error).at(folder.path()))?;
                }
                LogStep::Done => return Ok(reader.table()),
            }
        }
    }
}

/// An error if the table uses what we do not read.
async fn check_readable(table: &Arc<Table>) -> Result<()> {
    let checked = Arc::clone(table);
    let checking = blocking(move || Ok(checked.check_readable()?));
    checking.await.map_err(|error| error.at(table.place().log_folder()))
}

/// Gives the reader an object. Parsing blocks.
async fn got(mut reader: TableReader, bytes: Option<Bytes>, path: String) -> Result<TableReader> {
    let taking = move || {
        quietly(|| reader.got(bytes))?;
        Ok(reader)
    };
    blocking(taking).await.map_err(|error| error.at(path))
}
