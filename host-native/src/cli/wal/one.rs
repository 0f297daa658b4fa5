//! `coldpress wal put` and `wal get`: one segment, as PostgreSQL asks for it.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use coldpress::PutOutcome;
use coldpress_core::{KeyPrefix, ObjectKey};
use serde_json::json;

use super::{LogArgs, end};
use crate::cli::failure::{Failure, one_line};
use crate::cli::store::StoreArgs;

/// Put one segment of a log into the store, as it is; for PostgreSQL's archive_command
///
/// Ends with 0 only once segment and checksum are durable. The same content again is success, other content is not.
#[derive(Debug, Args)]
pub struct PutArgs {
    /// The segment
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its name in the store [default: the file's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    log: LogArgs,
}

/// Fetch one segment into a file; for PostgreSQL's restore_command
///
/// The file is verified by the segment's checksum, synced, and renamed into place, over the file
/// that lies there.
///
/// It ends with 1 only where the archive was reached, holds this log, and has no such segment: for
/// PostgreSQL the log ends there. Every other failure (a store that is away or refuses, a missing
/// bucket or folder, an archive without any segment of this log, damage, a gap, a wrong call) ends
/// it with 126, on which PostgreSQL stops. FILE is then left alone.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The segment's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Where to
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take an archive without any segment of this log for one that is empty yet, not for a wrong
    /// place
    #[arg(long)]
    allow_empty_archive: bool,
    /// Take a segment that is missing between two others, or of which only the record is there, for
    /// the end of the log
    #[arg(long)]
    past_gap: bool,
    #[command(flatten)]
    log: LogArgs,
}

/// Runs `coldpress wal put`.
pub fn put(args: &PutArgs, store_args: &StoreArgs) -> Result<(), Failure> {
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
    let node = args.log.node.as_deref();
    ObjectKey::wal(&KeyPrefix::default(), node, &name).map_err(Failure::usage)?;
    let (store, archiver) = args.log.open(store_args)?;
    let put = store.ask(archiver.put(&args.file, &name))?;
    let key = ObjectKey::wal(store.storage().prefix(), node, &name).map_err(Failure::run)?;
    let line = match args.log.json {
        true => json!({
            "key": key.as_str(),
            "segment": name,
            "node": node,
            "bytes": put.checksum.bytes,
            "crc32c": format!("{:08x}", put.checksum.crc32c),
            "already_there": put.outcome == PutOutcome::AlreadyThere,
            "store": store.name(),
        })
        .to_string(),
        false => key.to_string(),
    };
    writeln!(io::stdout(), "{line}").map_err(|error| {
        let done = format!("the segment is stored: {key}; the same command again is success");
        Failure::output_after(error, done)
    })
}

/// Runs `coldpress wal get`.
pub fn get(args: &GetArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let node = args.log.node.as_deref();
    ObjectKey::wal(&KeyPrefix::default(), node, &args.name).map_err(Failure::usage)?;
    let (store, archiver) = args.log.open(store_args)?;
    let archiver = archiver.allow_empty(args.allow_empty_archive).past_gap(args.past_gap);
    let got = store.run(archiver.get(&args.name, &args.file))?;
    let got = got.map_err(|error| end::not_fetched(&error))?;
    if got.is_none() {
        let name = one_line(&args.name);
        // Where nobody can be told, the file is there all the same.
        let _ = writeln!(
            io::stderr(),
            "warning: {name} has no record in the archive, so that only its length was checked"
        );
    }
    if !args.log.json {
        return Ok(());
    }
    let report = json!({
        "segment": args.name,
        "node": node,
        "file": args.file.display().to_string(),
        "bytes": got.map(|checksum| checksum.bytes),
        "crc32c": got.map(|checksum| format!("{:08x}", checksum.crc32c)),
        "verified": got.is_some(),
    });
    writeln!(io::stdout(), "{report}").map_err(|error| {
        let done = format!("the segment is in {}", args.file.display());
        Failure::output_after(error, done)
    })
}
