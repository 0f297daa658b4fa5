//! `coldpress table verify`: the log against the store.

use std::io;
use std::io::Write;

use clap::Args;
use coldpress::{TableDamage, TableVerified};
use serde_json::{Value, json};

use super::Named;
use crate::failure::{Failure, one_line};
use crate::store::StoreArgs;
use crate::text::{counted, human_count};

/// Check the log of the table against the store, both ways
///
/// Each file of the table must be there, with the size, rows, LSNs and columns that the log says,
/// and no LSN may be in two files. `coldpress verify` reads the rows too. Files without a commit are
/// no damage. Exit code 1 says that something is damaged.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    named: Named,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress table verify`.
pub fn run(args: &VerifyArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let store = args.named.open(store_args)?;
    let storage = store.storage();
    store.ask(storage.require())?;
    let Named { tenant, collection } = &args.named;
    let found = store.ask(storage.verify_table(*tenant, collection))?;
    let mut out = io::stdout().lock();
    let written = match args.json {
        true => writeln!(out, "{}", to_json(&found)),
        false => tell(&found, &mut out),
    };
    written.map_err(Failure::output)?;
    match found.damage.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Failure::run(format_args!(
            "{} in the table; the first: {}: {}",
            counted(found.damage.len() as u64, "fault"),
            first.path,
            first.why
        ))),
    }
}

fn tell(found: &TableVerified, out: &mut dyn Write) -> io::Result<()> {
    for TableDamage { path, why, .. } in &found.damage {
        writeln!(out, "damaged {}: {}", one_line(path), one_line(why))?;
    }
    for key in &found.uncommitted {
        writeln!(out, "no commit has {key}; `coldpress table adopt` commits it")?;
    }
    if found.foreign > 0 {
        let files = counted(found.foreign, "file");
        writeln!(out, "{files} of other engines were not checked")?;
    }
    let removed = match found.removed {
        0 => String::new(),
        removed => format!("; {} of old versions until a vacuum", counted(removed, "object")),
    };
    writeln!(
        out,
        "checked {} with {} rows{removed}",
        counted(found.files, "file"),
        human_count(found.rows)
    )
}

fn to_json(found: &TableVerified) -> Value {
    let damage = |damage: &TableDamage| json!({ "path": damage.path, "why": damage.why });
    json!({
        "version": found.version,
        "files": found.files,
        "rows": found.rows,
        "foreign": found.foreign,
        "damage": found.damage.iter().map(damage).collect::<Vec<_>>(),
        "uncommitted": found.uncommitted.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
        "removed": found.removed,
    })
}
