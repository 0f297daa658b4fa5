//! `coldpress wal restore`: restores the log into a folder.

use std::io;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use coldpress::{WalRange, WalRestored};
use serde_json::json;

use super::args::{LogArgs, NamesArgs};
use crate::failure::{Failure, one_line};
use crate::store::StoreArgs;
use crate::text::{counted, human_bytes};

/// Restore segments into a folder, in order, each verified
///
/// A segment gets its name only when it is complete and synced. A gap in the range is an error
/// before anything is written. Segments that are in the folder already, with the same content, are
/// kept. So it is safe to run this again.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The folder to restore into. It is created if it does not exist
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The first segment to restore [default: the first one in the archive]
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// The last segment to restore [default: the last one in the archive]
    #[arg(long, value_name = "NAME")]
    until: Option<String>,
    #[command(flatten)]
    names: NamesArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Runs `coldpress wal restore`.
pub fn run(args: &RestoreArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let (store, archiver) = args.log.open(store_args)?;
    let archiver = archiver.named(args.names.names);
    let range = WalRange { from: args.from.clone(), until: args.until.clone() };
    let restored = store.ask(archiver.restore(&args.to, &range, |_| ()))?;
    for segment in restored.iter().filter(|segment| segment.unrecorded) {
        // If standard error is closed, the files are restored all the same.
        let _ = writeln!(
            io::stderr(),
            "warning: {} has no record in the archive, so only its length was checked",
            one_line(&segment.name)
        );
    }
    let mut out = io::stdout().lock();
    match args.log.json {
        true => writeln!(out, "{}", report(&restored)),
        false => writeln!(out, "{}", text(args, &restored)),
    }
    .map_err(|error| {
        let done = format!("all is restored: {}", text(args, &restored));
        Failure::output_after(error, done)
    })
}

fn text(args: &RestoreArgs, restored: &[WalRestored]) -> String {
    let bytes = restored.iter().map(|segment| segment.checksum.bytes).sum();
    let mut text = format!(
        "{} in {}, {}",
        counted(restored.len() as u64, "segment"),
        args.to.display(),
        human_bytes(bytes)
    );
    if let [first, .., last] = restored {
        text.push_str(&format!(": {} to {}", first.name, last.name));
    }
    one_line(&text)
}

fn report(restored: &[WalRestored]) -> serde_json::Value {
    let segment = |segment: &WalRestored| {
        json!({
            "segment": segment.name,
            "bytes": segment.checksum.bytes,
            "crc32c": format!("{:08x}", segment.checksum.crc32c),
            "already_there": segment.already_there,
            "verified": !segment.unrecorded,
        })
    };
    restored.iter().map(segment).collect()
}
