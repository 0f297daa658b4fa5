//! `coldpress wal put`: a segment of a write-ahead log into the store.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use coldpress_core::{KeyPrefix, LsnWidth, ObjectKey};
use serde_json::json;

use super::failure::Failure;
use super::store::{Store, StoreArgs};

/// Archive segments of a write-ahead log
#[derive(Debug, Args)]
pub struct WalArgs {
    #[command(subcommand)]
    command: WalCommand,
}

#[derive(Debug, Subcommand)]
enum WalCommand {
    Put(WalPutArgs),
}

/// Put one segment of a log into the store, as it is
#[derive(Debug, Args)]
struct WalPutArgs {
    /// The segment
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its name in the store [default: the file's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print one JSON object instead of the key
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress wal`.
pub fn run(args: &WalArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let WalCommand::Put(args) = &args.command;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => {
            let name = args.file.file_name().and_then(|name| name.to_str());
            name.map(str::to_owned).ok_or_else(|| {
                Failure::usage(format_args!(
                    "{} has no name that can be a segment's; give one with --name",
                    args.file.display()
                ))
            })?
        }
    };
    ObjectKey::wal(&KeyPrefix::default(), None, &name).map_err(Failure::usage)?;
    let store = Store::open(store_args, LsnWidth::default())?;
    let key = store.ask(store.storage().upload_wal_segment(&args.file, &name))?;
    let line = match args.json {
        true => json!({ "key": key, "segment": name, "store": store.name() }).to_string(),
        false => key,
    };
    writeln!(io::stdout(), "{line}").map_err(Failure::output)
}
