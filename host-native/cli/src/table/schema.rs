//! `coldpress table schema`: the columns of a table.

use std::io;
use std::io::Write;

use clap::Args;

use super::Named;
use crate::failure::Failure;
use crate::schema::pretty;
use crate::store::StoreArgs;

/// Print the columns of the table, ready for `coldpress put --schema`
#[derive(Debug, Args)]
pub struct SchemaArgs {
    #[command(flatten)]
    named: Named,
    /// Print the columns as Delta has them: the schemaString of the log
    #[arg(long)]
    delta: bool,
}

/// Runs `coldpress table schema`.
pub fn run(args: &SchemaArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let store = args.named.open(store_args)?;
    let Named { tenant, collection } = &args.named;
    let text = if args.delta {
        let table = args.named.table(&store)?;
        table.metadata().map(|metadata| metadata.schema_string.clone()).unwrap_or_default()
    } else {
        match store.ask(store.storage().table_columns(*tenant, collection))? {
            Some(schema) => pretty(&schema),
            None => return Err(args.named.absent(&store)?),
        }
    };
    writeln!(io::stdout(), "{text}").map_err(Failure::output)
}
