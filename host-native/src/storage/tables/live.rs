//! Which files a collection has: those of its table, if it has a log.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use coldpress_core::table::{Table, TablePlace, lsns_of};
use coldpress_core::{KeyTarget, LsnRange, ObjectKey};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list;
use crate::storage::list::found::{Contents, Found, StoredObject};
use crate::threads::blocking;
use crate::time::system_time;

/// How many logs are read at a time.
const LOGS_AT_ONCE: usize = 8;

/// The data files of a collection, in the order of their LSNs.
#[derive(Debug)]
pub(crate) struct CollectionFiles {
    /// Its table, if it has one.
    pub(crate) table: Option<Arc<Table>>,
    pub(crate) files: Vec<LiveFile>,
    /// A file of the table that another engine wrote, if there is one.
    foreign: Option<String>,
}

/// A data file that belongs to a collection.
#[derive(Debug, Clone)]
pub(crate) struct LiveFile {
    pub(crate) object: StoredObject,
    /// The LSNs of its rows.
    pub(crate) lsns: Vec<LsnRange>,
}

impl LiveFile {
    fn of_object(object: StoredObject) -> Option<Self> {
        let lsns = vec![object.key.lsns()?];
        Some(LiveFile { object, lsns })
    }

    /// Whether it holds one of these LSNs.
    pub(crate) fn overlaps(&self, wanted: LsnRange) -> bool {
        self.lsns.iter().any(|held| held.overlaps(wanted))
    }
}

impl CollectionFiles {
    /// An error if the table has a file that another engine wrote: who reads all rows would miss
    /// its rows.
    pub(crate) fn check_own(&self) -> Result<()> {
        match (&self.foreign, &self.table) {
            (Some(path), Some(table)) => {
                let message = format!(
                    "the table has the file {path:?}, which another engine wrote; Coldpress reads \
                    only files of its own, so read this table with an engine that reads Delta \
                    tables"
                );
                Err(Error::new(ErrorKind::Settings, message).at(table.place().log_folder()))
            }
            _ => Ok(()),
        }
    }

    /// The files that hold one of these LSNs; all, if that is `None`.
    pub(crate) fn objects(self, lsns: Option<LsnRange>) -> Vec<StoredObject> {
        let wanted = |file: &LiveFile| lsns.is_none_or(|lsns| file.overlaps(lsns));
        self.files.into_iter().filter(wanted).map(|file| file.object).collect()
    }
}

impl ColdStorage {
    /// Where the table of a collection lies, whether it exists or not.
    pub(crate) fn table_place(&self, tenant_id: u64, collection: &str) -> Result<TablePlace> {
        Ok(TablePlace::new(self.prefix(), tenant_id, collection)?)
    }

    /// The data files of a collection. Of a collection that had a log already, one request: for the
    /// next entry of the log. Of any other, a listing, which shows whether there is a log.
    pub(crate) async fn files_of(
        &self,
        tenant_id: u64,
        collection: &str,
    ) -> Result<CollectionFiles> {
        let place = self.table_place(tenant_id, collection)?;
        if self.tables().kept(&place).is_some()
            && let Some(table) = self.tables().open(&place).await?
        {
            return files_of_table(table).await;
        }
        let found = self.listing().found(Some(tenant_id), Some(collection)).await?;
        match self.table_found(&place, &found.logs).await? {
            Some(table) => files_of_table(table).await,
            None => {
                let objects = found.contents.objects.into_iter();
                let files = objects.filter_map(LiveFile::of_object).collect();
                Ok(CollectionFiles { table: None, files, foreign: None })
            }
        }
    }

    /// The table of a collection in whose listing `logs` were found.
    pub(crate) async fn table_found(
        &self,
        place: &TablePlace,
        logs: &BTreeSet<String>,
    ) -> Result<Option<Arc<Table>>> {
        match logs.contains(place.folder()) {
            true => self.tables().open(place).await,
            false => Ok(None),
        }
    }

    /// The same contents, but with the files of a table in place of the objects of its collection.
    pub(crate) async fn by_logs(&self, found: Found) -> Result<Contents> {
        let Found { mut contents, logs } = found;
        let open = |folder: String| async move {
            match self.place_of_folder(&folder)? {
                Some(place) => self.tables().open(&place).await,
                None => Ok(None),
            }
        };
        let opened: Vec<Option<Arc<Table>>> =
            stream::iter(logs).map(open).buffered(LOGS_AT_ONCE).try_collect().await?;
        let tables: Vec<Arc<Table>> = opened.into_iter().flatten().collect();
        if tables.is_empty() {
            return Ok(contents);
        }
        blocking(move || {
            let folders: HashSet<&str> =
                tables.iter().map(|table| table.place().folder()).collect();
            contents.objects.retain(|object| {
                let key = object.key.as_str();
                let folder = key.rfind('/').and_then(|end| key.get(..=end)).unwrap_or_default();
                !folders.contains(folder)
            });
            for table in &tables {
                contents.objects.extend(live_files(table)?.0.into_iter().map(|file| file.object));
            }
            list::sort(&mut contents.objects);
            Ok(contents)
        })
        .await
    }

    /// The place of the table whose collection has this folder.
    fn place_of_folder(&self, folder: &str) -> Result<Option<TablePlace>> {
        let any = ObjectKey::parse(self.prefix(), &format!("{folder}lsn-0-0.parquet"));
        match any.as_ref().map(ObjectKey::target) {
            Ok(KeyTarget::Data { tenant_id, collection, .. }) => {
                self.table_place(*tenant_id, collection).map(Some)
            }
            _ => Ok(None),
        }
    }
}

async fn files_of_table(table: Arc<Table>) -> Result<CollectionFiles> {
    blocking(move || {
        let (files, foreign) = live_files(&table)?;
        Ok(CollectionFiles { table: Some(table), files, foreign })
    })
    .await
}

/// The files of a table, in the order of their LSNs, and the first one that is not ours.
fn live_files(table: &Table) -> Result<(Vec<LiveFile>, Option<String>)> {
    let place = table.place();
    let (mut files, mut foreign) = (Vec::new(), None);
    for add in table.adds() {
        let Some(key) = place.key_of(&add.path) else {
            foreign = foreign.or_else(|| Some(add.path.clone()));
            continue;
        };
        let lsns = lsns_of(place, add).map_err(|e| Error::from(e).at(place.log_folder()))?;
        let modified = system_time(u64::try_from(add.modified_ms).unwrap_or(0));
        let object = StoredObject { key, bytes: add.bytes, modified };
        files.push(LiveFile { object, lsns });
    }
    files.sort_by(|a, b| list::compare(&a.object.key, &b.object.key));
    Ok((files, foreign))
}
