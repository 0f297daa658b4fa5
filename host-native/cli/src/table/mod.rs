//! `coldpress table`: the Delta table that a collection is.

mod adopt;
mod compact;
mod files;
mod history;
mod schema;
mod vacuum;
mod verify;

use std::sync::Arc;

use clap::{Args, Subcommand};
use coldpress::Table;
use coldpress_core::LsnWidth;

use super::choice::Choice;
use super::failure::Failure;
use super::store::{Store, StoreArgs};

const EXAMPLES: &str = "Examples:
  coldpress table adopt --collection movies --store s3://cold/app
  coldpress table files --collection movies --store s3://cold/app
  duckdb -c \"select count(*) from delta_scan('s3://cold/app/0/movies')\"";

/// Make a collection a Delta table that every engine reads, and look at it
///
/// docs/tables.md says what a table is, and docs/engines.md how each engine reads it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TableArgs {
    #[command(subcommand)]
    command: TableCommand,
}

#[derive(Debug, Subcommand)]
enum TableCommand {
    Adopt(adopt::AdoptArgs),
    Compact(compact::CompactArgs),
    Files(files::FilesArgs),
    Schema(schema::SchemaArgs),
    History(history::HistoryArgs),
    Vacuum(vacuum::VacuumArgs),
    Verify(verify::VerifyArgs),
}

/// The collection whose table it is.
#[derive(Debug, Args)]
struct Named {
    /// The collection
    #[arg(long, short, value_name = "NAME")]
    collection: String,
    /// The tenant of the collection
    #[arg(long, value_name = "N", default_value_t = 0)]
    tenant: u64,
}

/// Runs `coldpress table`.
pub fn run(args: &TableArgs, store: &StoreArgs) -> Result<(), Failure> {
    match &args.command {
        TableCommand::Adopt(args) => adopt::run(args, store),
        TableCommand::Compact(args) => compact::run(args, store),
        TableCommand::Files(args) => files::run(args, store),
        TableCommand::Schema(args) => schema::run(args, store),
        TableCommand::History(args) => history::run(args, store),
        TableCommand::Vacuum(args) => vacuum::run(args, store),
        TableCommand::Verify(args) => verify::run(args, store),
    }
}

impl Named {
    /// Opens the store. A failure if no collection can have the name.
    fn open(&self, store_args: &StoreArgs) -> Result<Store, Failure> {
        Choice::new(Some(self.tenant), Some(&self.collection))?;
        Store::open(store_args, LsnWidth::default())
    }

    /// The newest version of the table. A failure if the collection has no log.
    fn table(&self, store: &Store) -> Result<Arc<Table>, Failure> {
        let storage = store.storage();
        match store.ask(storage.table(self.tenant, &self.collection))? {
            Some(table) => Ok(table),
            None => Err(self.absent(store)?),
        }
    }

    /// The failure that the collection has no log; that of a store that does not exist is another.
    fn absent(&self, store: &Store) -> Result<Failure, Failure> {
        store.ask(store.storage().require())?;
        let Named { collection, tenant } = self;
        Ok(Failure::run(format_args!(
            "the collection {collection} of tenant {tenant} is no table: it has no log; `coldpress \
             table adopt` makes one"
        )))
    }
}
