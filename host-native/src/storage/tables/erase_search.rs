//! Which rows are to be erased, and which files hold them.

use std::collections::BTreeSet;
use std::sync::Arc;

use coldpress_core::filter::{ColumnPath, Filter, FilterRow, PickedRow, Seen};
use coldpress_core::table::{Add, Table, TableColumns, can_have_id, can_match};
use coldpress_core::{ID_COLUMN, ScanQuery, StoredRow, json};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;
use crate::threads::blocking;
use crate::time::system_time;

/// Of so many ids, each is looked up by the file's bloom filter and indexes. With more, reading all
/// ids of the file is quicker.
const LOOKED_UP_MAX: usize = 16;

/// Which rows are erased.
#[derive(Debug, Clone, PartialEq)]
pub enum EraseRows {
    /// Those with these ids.
    Ids(BTreeSet<String>),
    /// Those that a filter takes. It sees each row as it was put, with its rescued values.
    Where(Filter),
}

impl EraseRows {
    /// Whether this row is one of them.
    pub(super) fn takes(&self, row: &StoredRow) -> Result<bool> {
        match self {
            EraseRows::Ids(ids) => Ok(ids.contains(row.id())),
            EraseRows::Where(filter) => {
                let mut text = Vec::new();
                row.write_json(&mut text);
                let mut picked = PickedRow::new(filter.columns());
                json::read(&text, &mut picked)?;
                let asks = filter.columns().iter().any(|path| path.names() == [ID_COLUMN]);
                let id = (asks && !has_own_id(&picked, &text)).then(|| row.id());
                Ok(filter.matches(&AsScanned { picked, id }))
            }
        }
    }
}

/// A row as a scan's filter sees it: where the document has no `_id`, the row's id is there.
struct AsScanned<'r> {
    picked: PickedRow,
    id: Option<&'r str>,
}

impl FilterRow for AsScanned<'_> {
    fn seen(&self, path: &ColumnPath) -> Seen<'_> {
        match self.id {
            Some(id) if path.names() == [ID_COLUMN] => Seen::String(id),
            _ => self.picked.seen(path),
        }
    }
}

/// Whether the document has an `_id`, which may be null.
fn has_own_id(picked: &PickedRow, text: &[u8]) -> bool {
    let Ok(path) = ColumnPath::new([ID_COLUMN]) else { return true };
    if !matches!(picked.seen(&path), Seen::Nothing) {
        return true;
    }
    let document: Option<Value> = serde_json::from_slice(text).ok();
    document.is_some_and(|document| document.get(ID_COLUMN).is_some())
}

impl ColdStorage {
    /// The files of a table that can hold such rows, by the statistics in its log.
    pub(super) async fn can_hold(
        &self,
        table: &Arc<Table>,
        rows: &EraseRows,
        files: Vec<StoredObject>,
    ) -> Result<Vec<StoredObject>> {
        let (table, rows) = (Arc::clone(table), rows.clone());
        blocking(move || {
            // Columns that we do not understand leave nothing out.
            let columns = table.metadata().and_then(|m| TableColumns::from_metadata(m).ok());
            let Some(columns) = columns else { return Ok(files) };
            let can_hold = |file: &StoredObject| {
                let add = table.place().path_of(&file.key).and_then(|path| table.add(path));
                add.is_none_or(|add| match &rows {
                    EraseRows::Ids(ids) => ids.iter().any(|id| can_have_id(&columns, add, id)),
                    EraseRows::Where(filter) => can_match(&columns, add, filter),
                })
            };
            Ok(files.into_iter().filter(can_hold).collect())
        })
        .await
    }

    /// How many such rows an object holds. Leaves out by its indexes what cannot hold them.
    pub(super) async fn rows_held(&self, object: &StoredObject, rows: &EraseRows) -> Result<u64> {
        match rows {
            EraseRows::Where(filter) => {
                let mut query = ScanQuery::default();
                query.filter = Some(filter.clone());
                self.count(object, query, None).await
            }
            EraseRows::Ids(ids) if ids.len() <= LOOKED_UP_MAX => {
                let mut held = 0;
                for id in ids {
                    let mut query = ScanQuery::default();
                    query.id = Some(id.clone());
                    held += self.count(object, query, None).await?;
                }
                Ok(held)
            }
            EraseRows::Ids(_) => self.rows_read(object, rows).await,
        }
    }

    /// The same, but every row is read: this proves that there are none. `None` if the object is
    /// gone.
    pub(super) async fn rows_proved(
        &self,
        object: &StoredObject,
        rows: &EraseRows,
    ) -> Result<Option<u64>> {
        match self.rows_read(object, rows).await {
            Ok(held) => Ok(Some(held)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn rows_read(&self, object: &StoredObject, rows: &EraseRows) -> Result<u64> {
        let mut query = ScanQuery::default();
        if let EraseRows::Ids(_) = rows {
            query.columns = Some(Vec::new());
        }
        self.count(object, query, Some(rows)).await
    }

    async fn count(
        &self,
        object: &StoredObject,
        query: ScanQuery,
        rows: Option<&EraseRows>,
    ) -> Result<u64> {
        let mut scan = self.scan_object(&object.key, query).await?;
        let mut held = 0;
        while let Some(row) = scan.next().await? {
            let takes = match rows {
                Some(rows) => rows.takes(&row)?,
                None => true,
            };
            held += u64::from(takes);
        }
        Ok(held)
    }
}

/// The files of a table. An error if one is not ours: nobody could say what it holds.
pub(super) fn own_files(table: &Table) -> Result<Vec<StoredObject>> {
    let place = table.place();
    let own = |add: &Add| match place.key_of(&add.path) {
        Some(key) => Ok(StoredObject { key, bytes: add.bytes, modified: system_time(0) }),
        None => {
            let message = format!(
                "the table has the file {:?}, which another engine wrote, and Coldpress erases only \
                 from files of its own; erase the rows with that engine",
                add.path
            );
            Err(Error::new(ErrorKind::Settings, message).at(place.log_folder()))
        }
    };
    table.adds().map(own).collect()
}
