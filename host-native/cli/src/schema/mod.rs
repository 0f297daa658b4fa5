//! `coldpress schema`: prints the columns that rows would have, or those of stored files.

mod args;
mod differences;
mod pretty;
mod rows;
mod stored;

use super::failure::Failure;
use super::store::StoreArgs;

pub use args::SchemaArgs;

/// Runs `coldpress schema`.
pub fn run(args: &SchemaArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    match &args.collection {
        Some(collection) => stored::run(args, collection, store_args),
        None => rows::run(args),
    }
}
