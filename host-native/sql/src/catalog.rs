//! The collections of a tenant as the tables of a schema.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::datasource::object_store::ObjectStoreUrl;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::files::Files;
use crate::table::Table;

/// The schema. It has no list of its tables: each statement looks into the store.
#[derive(Debug)]
pub(crate) struct Collections {
    pub(crate) files: Arc<Files>,
    pub(crate) url: ObjectStoreUrl,
    /// Views and tables of the session.
    pub(crate) own: Mutex<BTreeMap<String, Arc<dyn TableProvider>>>,
}

impl Collections {
    fn own(&self) -> MutexGuard<'_, BTreeMap<String, Arc<dyn TableProvider>>> {
        // It is whole after each statement.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of all collections. DataFusion asks for them without `async`, so a thread of the
    /// runtime waits. A runtime of one thread cannot: there, these are the names that were seen.
    fn collections(&self) -> BTreeSet<String> {
        let listed = match Handle::try_current() {
            Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
                let list = self.files.collections();
                tokio::task::block_in_place(|| handle.block_on(list)).ok()
            }
            _ => None,
        };
        listed.unwrap_or_else(|| self.files.known_collections())
    }
}

#[async_trait]
impl SchemaProvider for Collections {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.collections();
        names.extend(self.own().keys().cloned());
        names.into_iter().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let own = self.own().get(name).cloned();
        if own.is_some() {
            return Ok(own);
        }
        let external = |error| DataFusionError::External(Box::new(error));
        let data = self.files.of(name).await.map_err(external)?;
        if data.is_empty() {
            return Ok(None);
        }
        Ok(Some(Arc::new(Table::new(Arc::clone(&self.files), self.url.clone(), data)?)))
    }

    /// Known without the files: so a list of all tables needs none of them to be undamaged.
    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        let own = self.own().get(name).map(|table| table.table_type());
        Ok(own.or_else(|| self.table_exist(name).then_some(TableType::Base)))
    }

    fn register_table(
        &self,
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.own().insert(name, table))
    }

    /// An error for a collection: only `coldpress rm` deletes rows.
    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let removed = self.own().remove(name);
        if removed.is_none() && self.files.known_collections().contains(name) {
            return Err(DataFusionError::Plan(format!(
                "{name:?} is a collection, and SQL only reads a store; `coldpress rm` deletes files"
            )));
        }
        Ok(removed)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.own().contains_key(name) || self.files.known_collections().contains(name)
    }
}
