//! `coldpress wal rm`: deletes segments from the archive, after a dry run.

use std::io;
use std::io::{BufWriter, Write};

use clap::Args;
use coldpress::{WalRemoval, WalRemoved};
use coldpress_core::{KeyPrefix, ObjectKey};
use serde_json::json;

use super::args::{LogArgs, NamesArgs};
use crate::failure::{Failure, one_line};
use crate::store::StoreArgs;
use crate::text::{Column, Table, counted, human_bytes};

/// Delete segments and their records from the archive. Without --yes, only list them
///
/// Use this for a segment with a foreign name that blocks `wal archive`, or for a damaged segment
/// that is to be archived again. Touches only segments of this log. Refuses to make a gap between
/// other segments, unless --past-gap is given.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// The names of the segments, as `wal verify` prints them
    #[arg(value_name = "NAME", required = true)]
    segments: Vec<String>,
    /// Delete even if this makes a gap between other segments
    #[arg(long)]
    past_gap: bool,
    /// Delete the segments
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    names: NamesArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Runs `coldpress wal rm`.
pub fn run(args: &RmArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    for name in &args.segments {
        ObjectKey::wal(&KeyPrefix::default(), args.log.node.as_deref(), name)
            .map_err(Failure::usage)?;
    }
    let (store, archiver) = args.log.open(store_args)?;
    let archiver = archiver.named(args.names.names);
    let rules = WalRemoval::new().delete(args.yes).past_gap(args.past_gap);
    let mut removed = Vec::new();
    let outcome =
        store.ask(archiver.remove(&args.segments, rules, |one| removed.push(one.clone())));
    if removed.is_empty() {
        return outcome.map(drop);
    }
    // A failure does not hide which segments are deleted.
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.log.json {
        true => lines_json(args, &removed, &mut out),
        false => lines_text(args, &removed, &mut out),
    };
    written.and_then(|()| out.flush()).map_err(|error| match args.yes {
        true => Failure::output_after(error, deleted(&removed)),
        false => Failure::output(error),
    })?;
    outcome.map(drop)
}

/// The deleted segments, in one line.
fn deleted(removed: &[WalRemoved]) -> String {
    let names: Vec<_> = removed.iter().map(|segment| segment.name.as_str()).collect();
    format!("{}: deleted: {}", counted(removed.len() as u64, "segment"), names.join(", "))
}

fn lines_text(args: &RmArgs, removed: &[WalRemoved], out: &mut dyn Write) -> io::Result<()> {
    let mut table =
        Table::new([Column::words("segment"), Column::numbers("size"), Column::words("")]);
    for segment in removed {
        table.push([
            one_line(&segment.name),
            segment.bytes.map(human_bytes).unwrap_or_default(),
            if segment.leaves_gap { "leaves a gap" } else { "" }.to_owned(),
        ]);
    }
    table.write(out, "", usize::MAX)?;
    let count = counted(removed.len() as u64, "segment");
    match args.yes {
        true => writeln!(out, "{count}: deleted"),
        false => writeln!(out, "{count}; nothing was deleted; add --yes to delete"),
    }
}

fn lines_json(args: &RmArgs, removed: &[WalRemoved], out: &mut dyn Write) -> io::Result<()> {
    for segment in removed {
        let line = json!({
            "segment": segment.name,
            "bytes": segment.bytes,
            "records": segment.records,
            "leaves_gap": segment.leaves_gap,
            "deleted": args.yes,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
