//! `coldpress wal put` and `wal get`: one segment, as PostgreSQL asks for it.

use std::io;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use coldpress::PutOutcome;
use coldpress_core::{KeyPrefix, ObjectKey};
use serde_json::json;

use super::args::LogArgs;
use super::end;
use crate::failure::{Failure, one_line};
use crate::store::StoreArgs;

/// Archive one segment of a log, unchanged; for PostgreSQL's archive_command
///
/// Ends with exit code 0 only when the segment and its checksum are durable. If the archive already
/// has this segment with the same content, this is a success. Other content is an error.
#[derive(Debug, Args)]
pub struct PutArgs {
    /// The file of the segment
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The segment's name in the store [default: the file's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    log: LogArgs,
}

/// Fetch one segment into a file; for PostgreSQL's restore_command
///
/// Checks the segment's checksum, syncs the file, and renames it to FILE. An old FILE is replaced.
///
/// Exit code 1 has one meaning: the archive answered, it holds this log, and it has no such
/// segment. For PostgreSQL the log ends there. Every other failure ends with exit code 126, on
/// which PostgreSQL stops: the store is down or refuses access, a bucket or folder is missing, the
/// archive has no segment of this log, a segment is damaged, there is a gap, the arguments are
/// wrong. FILE is then left unchanged.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The segment's name
    #[arg(value_name = "NAME")]
    name: String,
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Treat an archive without any segment of this log as an empty archive, and not as the wrong
    /// place
    #[arg(long)]
    allow_empty_archive: bool,
    /// Treat a segment that is missing between two others as the end of the log. The same for a
    /// segment of which only the record is in the archive
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
                    "the name of {} cannot be the name of a segment; give one with --name",
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
        let done =
            format!("the segment is stored: {key}; it is safe to run the same command again");
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
        // If standard error is closed, the file is restored all the same.
        let _ = writeln!(
            io::stderr(),
            "warning: {name} has no record in the archive, so only its length was checked"
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
