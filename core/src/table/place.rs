//! Where a table lies.

use crate::{KeyPrefix, KeyTarget, ObjectKey, Result};

/// Where a table lies: the folder of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePlace {
    prefix: KeyPrefix,
    tenant_id: u64,
    collection: String,
    folder: String,
}

impl TablePlace {
    /// The table of a collection. An error of kind `Key` if the collection can have no folder.
    pub fn new(prefix: &KeyPrefix, tenant_id: u64, collection: &str) -> Result<Self> {
        let folder = ObjectKey::collection_folder(prefix, tenant_id, collection)?;
        let (prefix, collection) = (prefix.clone(), collection.to_owned());
        Ok(TablePlace { prefix, tenant_id, collection, folder })
    }

    /// The tenant in whose folder it lies.
    pub fn tenant_id(&self) -> u64 {
        self.tenant_id
    }

    /// The name of the collection.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// What to call it in a message.
    pub(super) fn name(&self) -> String {
        format!("the table of collection {:?} of tenant {}", self.collection, self.tenant_id)
    }

    /// The folder of the files, with `/` at its end.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The folder of the log, with `/` at its end.
    pub fn log_folder(&self) -> String {
        format!("{}_delta_log/", self.folder)
    }

    /// The key of a file of the log, by its path there; `None` if it is no data file of ours.
    pub fn key_of(&self, path: &str) -> Option<ObjectKey> {
        let key = ObjectKey::parse(&self.prefix, &format!("{}{path}", self.folder)).ok()?;
        self.path_of(&key).is_some().then_some(key)
    }

    /// The path by which the log names this data file; `None` if it belongs to another table.
    pub fn path_of<'k>(&self, key: &'k ObjectKey) -> Option<&'k str> {
        match key.target() {
            KeyTarget::Data { .. } => key.as_str().strip_prefix(&self.folder),
            KeyTarget::Wal { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_keys_are_inverses() {
        let prefix = KeyPrefix::new("data/").unwrap();
        let place = TablePlace::new(&prefix, 7, "a b").unwrap();
        assert_eq!(place.folder(), "data/7/a%20b/");
        assert_eq!(place.log_folder(), "data/7/a%20b/_delta_log/");
        let key = place.key_of("lsn-0-9.parquet").unwrap();
        assert_eq!(key.as_str(), "data/7/a%20b/lsn-0-9.parquet");
        assert_eq!(place.path_of(&key), Some("lsn-0-9.parquet"));
        for other in ["part-0.parquet", "../c/lsn-0-9.parquet", "x/lsn-0-9.parquet", ""] {
            assert_eq!(place.key_of(other), None, "{other}");
        }
        let elsewhere = TablePlace::new(&prefix, 7, "a").unwrap();
        assert_eq!(elsewhere.path_of(&key), None);
    }
}
