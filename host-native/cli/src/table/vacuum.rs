//! `coldpress table vacuum`: deletes what no version needs.

use std::io;
use std::io::Write;
use std::time::Duration;

use clap::Args;
use coldpress::{VacuumOptions, Vacuumed, VacuumedFile};
use serde_json::{Value, json};

use super::Named;
use crate::failure::Failure;
use crate::store::StoreArgs;
use crate::text::{counted, human_bytes};
use crate::wal::args::duration_or_none;

/// Delete the files that the table has removed, and old parts of its log
///
/// Versions of the table stay readable for the time of --retain after a later one has replaced
/// them. A reader that works longer on one version misses files.
#[derive(Debug, Args)]
pub struct VacuumArgs {
    #[command(flatten)]
    named: Named,
    /// How long the versions of the table stay readable
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration_or_none)]
    retain: Duration,
    /// Only list what would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Also delete files without a commit that are older than --retain and 24 h
    #[arg(long)]
    uncommitted: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress table vacuum`.
pub fn run(args: &VacuumArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let store = args.named.open(store_args)?;
    let storage = store.storage();
    store.ask(storage.require())?;
    let options =
        VacuumOptions { retain: args.retain, dry_run: args.dry_run, uncommitted: args.uncommitted };
    let Named { tenant, collection } = &args.named;
    let vacuumed = store.ask(storage.vacuum_table(*tenant, collection, &options))?;
    let mut out = io::stdout().lock();
    let written = match args.json {
        true => writeln!(out, "{}", to_json(args, &vacuumed)),
        false => tell(args, &vacuumed, &mut out),
    };
    written.map_err(|error| Failure::output_after(error, last_line(args, &vacuumed)))
}

fn tell(args: &VacuumArgs, vacuumed: &Vacuumed, out: &mut dyn Write) -> io::Result<()> {
    for VacuumedFile { key, bytes, is_uncommitted, .. } in &vacuumed.files {
        let why = if *is_uncommitted { "no commit has it" } else { "removed" };
        writeln!(out, "{key}: {}, {why}", human_bytes(*bytes))?;
    }
    if vacuumed.uncommitted_kept > 0 {
        let files = counted(vacuumed.uncommitted_kept, "file");
        writeln!(
            out,
            "{files} without a commit: `coldpress table adopt` commits them, and --uncommitted \
             deletes those older than --retain and 24 h"
        )?;
    }
    writeln!(out, "{}", last_line(args, vacuumed))
}

fn last_line(args: &VacuumArgs, vacuumed: &Vacuumed) -> String {
    let bytes = vacuumed.files.iter().map(|file| file.bytes).sum();
    let files = counted(vacuumed.files.len() as u64, "file");
    let log = counted(vacuumed.log.len() as u64, "object");
    let what = format!("{files} of {}, and {log} of the log", human_bytes(bytes));
    match args.dry_run {
        true => format!("would delete {what}"),
        false => format!("deleted {what}"),
    }
}

fn to_json(args: &VacuumArgs, vacuumed: &Vacuumed) -> Value {
    let file = |file: &VacuumedFile| {
        json!({
            "key": file.key.as_str(),
            "bytes": file.bytes,
            "uncommitted": file.is_uncommitted,
        })
    };
    json!({
        "dry_run": args.dry_run,
        "files": vacuumed.files.iter().map(file).collect::<Vec<_>>(),
        "log": vacuumed.log,
        "claims": vacuumed.claims,
        "uncommitted_kept": vacuumed.uncommitted_kept,
    })
}
