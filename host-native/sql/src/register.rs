//! Brings a store into a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coldpress::ColdStorage;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::execution::FunctionRegistry;
use datafusion::prelude::SessionContext;

use crate::catalog::Collections;
use crate::exact::ExactComparisons;
use crate::files::Files;
use crate::read_only::ReadOnly;

/// The schema of [`RegisterColdpress::register_coldpress`].
const SCHEMA: &str = "coldpress";

/// How many stores have been registered: each has a URL of its own.
static REGISTERED: AtomicU64 = AtomicU64::new(0);

/// Brings stores of Coldpress into a DataFusion session.
pub trait RegisterColdpress {
    /// Makes the collections of this tenant the tables of the schema `coldpress`, and makes it the
    /// default schema: `select * from events` and `coldpress.events` are the same. Sends no
    /// request.
    ///
    /// It is an error if the session has a schema of this name.
    fn register_coldpress(&self, storage: Arc<ColdStorage>, tenant: u64) -> Result<()>;

    /// Makes the collections of this tenant the tables of a schema of another name, such as one for
    /// each tenant. The default schema stays.
    fn register_coldpress_as(
        &self,
        schema: &str,
        storage: Arc<ColdStorage>,
        tenant: u64,
    ) -> Result<()>;
}

impl RegisterColdpress for SessionContext {
    fn register_coldpress(&self, storage: Arc<ColdStorage>, tenant: u64) -> Result<()> {
        self.register_coldpress_as(SCHEMA, storage, tenant)?;
        let state = self.state_ref();
        state.write().config_mut().options_mut().catalog.default_schema = SCHEMA.to_owned();
        Ok(())
    }

    fn register_coldpress_as(
        &self,
        schema: &str,
        storage: Arc<ColdStorage>,
        tenant: u64,
    ) -> Result<()> {
        let name = self.copied_config().options().catalog.default_catalog.clone();
        let catalog = self.catalog(&name).ok_or_else(|| {
            DataFusionError::Plan(format!(
                "the session has no catalog {name:?} to put the collections into; make one, or \
                 begin with SessionContext::new()"
            ))
        })?;
        if catalog.schema(schema).is_some() {
            return Err(DataFusionError::Plan(format!(
                "the session has a schema {schema:?} already; choose another name for this one \
                 with register_coldpress_as"
            )));
        }
        // A second time it changes nothing: what it has written is of the column's type already.
        self.state_ref().write().register_function_rewrite(Arc::new(ExactComparisons))?;
        let number = REGISTERED.fetch_add(1, Ordering::Relaxed);
        let url = ObjectStoreUrl::parse(format!("coldpress://store-{number}"))?;
        self.register_object_store(url.as_ref(), Arc::new(ReadOnly::all(storage.object_store())));
        let machine = ObjectStoreUrl::local_filesystem();
        if let (Some(folder), Ok(files)) =
            (storage.folder(), self.runtime_env().object_store(&machine))
        {
            let files = ReadOnly::below(folder, files);
            self.register_object_store(machine.as_ref(), Arc::new(files));
        }
        let files = Arc::new(Files::new(storage, tenant));
        let collections = Collections { files, url, own: Default::default() };
        catalog.register_schema(schema, Arc::new(collections))?;
        Ok(())
    }
}
