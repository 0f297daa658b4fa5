//! Begins scans.

use std::sync::Arc;

use coldpress_core::{KeyTarget, ScanQuery, ScanSettings};
use object_store::ObjectStoreExt;

use crate::error::{Error, ErrorKind, Result};
use crate::scan::batch::Batch;
use crate::scan::fetch::Place;
use crate::scan::ordered::Ordered;
use crate::scan::report::SharedReport;
use crate::scan::rows::{JsonScan, RowScan};
use crate::storage::{ColdStorage, StoredObject, ToKey};
use crate::store::path::store_path;

/// Files that are read at once.
const FILES_AT_ONCE: usize = 8;

impl ColdStorage {
    /// Begins to read the rows of a collection that a query takes, in the order of LSNs. The
    /// result is a stream.
    ///
    /// Lists the collection; files without one of the query's LSNs are left out by their keys. Of
    /// each other file, the end is read, unless it is kept from an earlier scan
    /// ([`ColdStorageConfig::tails_bytes_max`](crate::ColdStorageConfig)), and then the pages that
    /// can hold such rows. A collection without files has no rows.
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
        let mut files = self.listing().collection(tenant_id, collection, None).await?;
        let report = SharedReport::default();
        report.update(|report| {
            report.files = files.len() as u64;
            report.file_bytes = files.iter().map(|file| file.bytes).sum();
        });
        if let Some(wanted) = query.lsns {
            files.retain(|file| file.key.lsns().is_none_or(|lsns| lsns.overlaps(wanted)));
        }
        report.update(|report| report.files_pruned_by_lsns = report.files - files.len() as u64);
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
