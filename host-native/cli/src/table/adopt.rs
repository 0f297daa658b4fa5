//! `coldpress table adopt`: commits the files that have no commit.

use std::io;
use std::io::Write;

use clap::Args;
use coldpress::{Adopted, NotAdopted};
use serde_json::json;

use super::Named;
use crate::failure::{Failure, one_line};
use crate::store::StoreArgs;
use crate::text::counted;

/// Commit the files of a collection that no commit has; make the table if there is none
///
/// Reads the footer of each such file. A file that cannot be in the table is passed over and named:
/// its columns have other types, or its rows are in the table already.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    #[command(flatten)]
    named: Named,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress table adopt`.
pub fn run(args: &AdoptArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let store = args.named.open(store_args)?;
    let storage = store.storage();
    store.ask(storage.require())?;
    let adopted = store.ask(storage.adopt_table(args.named.tenant, &args.named.collection))?;
    let mut out = io::stdout().lock();
    let written = match args.json {
        true => writeln!(out, "{}", to_json(&adopted)),
        false => tell(&adopted, &mut out),
    };
    written.map_err(Failure::output)?;
    match adopted.passed_over.len() as u64 {
        0 => Ok(()),
        count => Err(Failure::run(format_args!(
            "{} cannot be in the table, and no reader of the table sees {}; the lines above say \
             why",
            counted(count, "file"),
            if count == 1 { "it" } else { "them" }
        ))),
    }
}

fn tell(adopted: &Adopted, out: &mut dyn Write) -> io::Result<()> {
    let files = counted(adopted.adopted.len() as u64, "file");
    match adopted.version {
        Some(version) => writeln!(out, "adopted {files}; the table has version {version}")?,
        None => writeln!(out, "the collection has no file, so there is no table")?,
    }
    for NotAdopted { key, why, .. } in &adopted.passed_over {
        writeln!(out, "passed over {key}: {}", one_line(why))?;
    }
    match adopted.running {
        0 => Ok(()),
        running => writeln!(
            out,
            "{} began before the table was made and still run; adopt once more when they have \
             ended",
            counted(running, "put")
        ),
    }
}

fn to_json(adopted: &Adopted) -> serde_json::Value {
    let passed_over = adopted.passed_over.iter();
    let passed_over = passed_over.map(|file| json!({ "key": file.key.as_str(), "why": file.why }));
    json!({
        "version": adopted.version,
        "adopted": adopted.adopted.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
        "known": adopted.known,
        "passed_over": passed_over.collect::<Vec<_>>(),
        "running": adopted.running,
    })
}
