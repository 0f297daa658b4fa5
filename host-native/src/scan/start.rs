//! Begins scans.

use std::sync::Arc;

use coldpress_core::table::{Table, TableColumns, can_have_id, can_match};
use coldpress_core::{KeyTarget, ScanQuery, ScanSettings};
use object_store::ObjectStoreExt;

use crate::error::{Error, ErrorKind, Result};
use crate::scan::batch::Batch;
use crate::scan::fetch::Place;
use crate::scan::ordered::Ordered;
use crate::scan::report::SharedReport;
use crate::scan::rows::{JsonScan, RowScan};
use crate::storage::tables::live::CollectionFiles;
use crate::storage::{ColdStorage, StoredObject, ToKey};
use crate::store::path::store_path;
use crate::threads::blocking;

/// Files that are read at once.
const FILES_AT_ONCE: usize = 8;

impl ColdStorage {
    /// Begins to read the rows of a collection that a query takes, in the order of LSNs. The
    /// result is a stream.
    ///
    /// Lists the collection, as [`ColdStorage::list`] does. Files without one of the query's LSNs
    /// are left out, and, if the collection is a table, files that have no such row by the
    /// statistics in the log. Of each other file, the end is read, unless it is kept from an
    /// earlier scan ([`ColdStorageConfig::tails_bytes_max`](crate::ColdStorageConfig)), and then
    /// the pages that can hold such rows. A collection without files has no rows.
    ///
    /// An error of kind `Settings` if the table has a file that another engine wrote.
    pub async fn scan(
        &self,
        tenant_id: u64,
        collection: &str,
        query: ScanQuery,
    ) -> Result<RowScan> {
        self.scan_with(tenant_id, collection, query, ScanSettings::default()).await
    }

    /// [`ColdStorage::scan`] with other settings.
    pub async fn scan_with(
        &self,
        tenant_id: u64,
        collection: &str,
        query: ScanQuery,
        settings: ScanSettings,
    ) -> Result<RowScan> {
        Ok(RowScan::new(self.in_collection(tenant_id, collection, query, settings).await?))
    }

    /// [`ColdStorage::scan`], but the rows come as JSON, which takes a fraction of the time.
    pub async fn scan_json(
        &self,
        tenant_id: u64,
        collection: &str,
        query: ScanQuery,
    ) -> Result<JsonScan> {
        let settings = ScanSettings::default();
        Ok(JsonScan::new(self.in_collection(tenant_id, collection, query, settings).await?))
    }

    /// Begins to read the rows of one data file that a query takes.
    pub async fn scan_object(&self, key: impl ToKey, query: ScanQuery) -> Result<RowScan> {
        Ok(RowScan::new(self.in_object(key, query).await?))
    }

    /// [`ColdStorage::scan_object`], but the rows come as JSON.
    pub async fn scan_object_json(&self, key: impl ToKey, query: ScanQuery) -> Result<JsonScan> {
        Ok(JsonScan::new(self.in_object(key, query).await?))
    }

    async fn in_collection<B: Batch>(
        &self,
        tenant_id: u64,
        collection: &str,
        query: ScanQuery,
        settings: ScanSettings,
    ) -> Result<Ordered<B>> {
        let listed = self.files_of(tenant_id, collection).await?;
        listed.check_own()?;
        let CollectionFiles { table, mut files, .. } = listed;
        let report = SharedReport::default();
        report.update(|report| {
            report.files = files.len() as u64;
            report.file_bytes = files.iter().map(|file| file.object.bytes).sum();
        });
        if let Some(wanted) = query.lsns {
            files.retain(|file| file.overlaps(wanted));
        }
        report.update(|report| report.files_pruned_by_lsns = report.files - files.len() as u64);
        let mut files: Vec<StoredObject> = files.into_iter().map(|file| file.object).collect();
        let asks = query.filter.is_some() || query.id.is_some();
        if let (Some(table), true, true) = (table, asks, settings.use_statistics) {
            let before = files.len() as u64;
            files = by_statistics(table, &query, files).await?;
            let pruned = before - files.len() as u64;
            report.update(|report| report.files_pruned_by_statistics = pruned);
        }
        Ok(self.ordered(files, query, settings, report))
    }

    async fn in_object<B: Batch>(&self, key: impl ToKey, query: ScanQuery) -> Result<Ordered<B>> {
        let key = self.own_key(&key)?.into_owned();
        if let KeyTarget::Wal { .. } = key.target() {
            let message = "this is a segment of a log, which has no rows; use `coldpress wal get`";
            return Err(Error::new(ErrorKind::Key, message).at(key.as_str()));
        }
        let path = store_path(key.as_str())?;
        let store = self.object_store();
        let head = async { store.head(&path).await };
        let found = self.within("look at the object", key.as_str(), head).await?;
        let report = SharedReport::default();
        report.update(|report| (report.files, report.file_bytes) = (1, found.size));
        let modified = found.last_modified.into();
        let files = vec![StoredObject { key, bytes: found.size, modified }];
        Ok(self.ordered(files, query, ScanSettings::default(), report))
    }

    fn ordered<B: Batch>(
        &self,
        files: Vec<StoredObject>,
        query: ScanQuery,
        settings: ScanSettings,
        report: SharedReport,
    ) -> Ordered<B> {
        let tails = Arc::clone(self.tails());
        Ordered::new(self.scan_place(), tails, files, query, settings, FILES_AT_ONCE, report)
    }

    pub(super) fn scan_place(&self) -> Place {
        Place {
            store: self.object_store(),
            errors: self.errors().clone(),
            limit_ms: self.limit_ms(),
            is_folder: self.is_folder(),
        }
    }
}

/// The files that can have a row of the query, by the statistics in the log of their table.
async fn by_statistics(
    table: Arc<Table>,
    query: &ScanQuery,
    mut files: Vec<StoredObject>,
) -> Result<Vec<StoredObject>> {
    let (filter, id) = (query.filter.clone(), query.id.clone());
    blocking(move || {
        // Columns that we do not understand leave nothing out.
        let columns = table.metadata().and_then(|m| TableColumns::from_metadata(m).ok());
        let Some(columns) = columns else { return Ok(files) };
        files.retain(|file| {
            let add = table.place().path_of(&file.key).and_then(|path| table.add(path));
            add.is_none_or(|add| {
                filter.as_ref().is_none_or(|filter| can_match(&columns, add, filter))
                    && id.as_ref().is_none_or(|id| can_have_id(&columns, add, id))
            })
        });
        Ok(files)
    })
    .await
}
