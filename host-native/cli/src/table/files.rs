//! `coldpress table files`: the files of a table, as its log has them.

use std::io;
use std::io::{BufWriter, Write};

use clap::Args;
use coldpress::{LsnRange, Table};
use coldpress_core::table::lsns_of;
use serde_json::{Value, json};

use super::Named;
use crate::failure::Failure;
use crate::store::StoreArgs;
use crate::text::{Column, Table as Sheet, human_bytes, human_count};

/// List the files of the table, as its log has them
#[derive(Debug, Args)]
pub struct FilesArgs {
    #[command(flatten)]
    named: Named,
    /// Print a JSON object for each file, with its statistics
    #[arg(long)]
    json: bool,
}

/// A file as the log has it.
struct File {
    path: String,
    rows: Option<u64>,
    bytes: u64,
    lsns: Vec<LsnRange>,
    stats: Option<Value>,
}

/// Runs `coldpress table files`.
pub fn run(args: &FilesArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let store = args.named.open(store_args)?;
    let table = args.named.table(&store)?;
    let files = files(&table)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.json {
        true => files.iter().try_for_each(|file| writeln!(out, "{}", file.to_json())),
        false => sheet(&files).write(&mut out, "", usize::MAX),
    };
    written.and_then(|()| out.flush()).map_err(Failure::output)
}

/// In the order of their LSNs; those of other writers, which have none, come last.
fn files(table: &Table) -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    for add in table.adds() {
        let lsns = lsns_of(table.place(), add).map_err(Failure::run)?;
        let stats: Option<Value> =
            add.stats.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let rows = stats.as_ref().and_then(|stats| stats["numRecords"].as_u64());
        files.push(File { path: add.path.clone(), rows, bytes: add.bytes, lsns, stats });
    }
    files.sort_by_key(|file| file.lsns.first().map_or(u64::MAX, |lsns| LsnRange::min(*lsns)));
    Ok(files)
}

fn sheet(files: &[File]) -> Sheet {
    let mut sheet = Sheet::new([
        Column::words("file"),
        Column::numbers("rows"),
        Column::numbers("size"),
        Column::words("LSNs"),
    ]);
    for file in files {
        sheet.push([
            file.path.clone(),
            file.rows.map_or_else(|| "?".to_owned(), human_count),
            human_bytes(file.bytes),
            file.lsns_text(),
        ]);
    }
    sheet
}

impl File {
    fn lsns_text(&self) -> String {
        let ranges: Vec<String> = self.lsns.iter().map(LsnRange::to_string).collect();
        ranges.join(", ")
    }

    fn to_json(&self) -> Value {
        json!({
            "path": self.path,
            "rows": self.rows,
            "bytes": self.bytes,
            "lsns": self.lsns.iter().map(LsnRange::to_string).collect::<Vec<_>>(),
            "stats": self.stats,
        })
    }
}
