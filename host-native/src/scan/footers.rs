//! Reads footers, through the ends of files that are kept.

use std::sync::Arc;

use coldpress_core::{Footer, LsnRange, ScanQuery, ScanSettings};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::Result;
use crate::scan::file::FileScan;
use crate::scan::report::SharedReport;
use crate::storage::{ColdStorage, StoredObject};

/// Footers that are read at once.
const FOOTERS_AT_ONCE: usize = 16;

impl ColdStorage {
    /// The footers of the files of a collection that have one of these LSNs, in the order of LSNs:
    /// what the collection's columns are. Their ends are kept for the next scan, and need not be
    /// read again.
    pub async fn read_footers(
        &self,
        tenant_id: u64,
        collection: &str,
        lsns: Option<LsnRange>,
    ) -> Result<Vec<(StoredObject, Footer)>> {
        let files = self.listing().collection(tenant_id, collection, lsns).await?;
        let footer = |object: StoredObject| async move {
            let footer = self.footer_kept(&object).await?;
            Ok((object, footer))
        };
        stream::iter(files).map(footer).buffered(FOOTERS_AT_ONCE).try_collect().await
    }

    /// The footer of a file that a listing has shown. Its end is kept for the next scan.
    pub async fn footer_kept(&self, object: &StoredObject) -> Result<Footer> {
        let file = FileScan {
            place: self.scan_place(),
            tails: Arc::clone(self.tails()),
            key: object.key.clone(),
            bytes: object.bytes,
            query: ScanQuery::default(),
            settings: ScanSettings::default(),
            report: SharedReport::default(),
        };
        file.footer().await
    }
}
