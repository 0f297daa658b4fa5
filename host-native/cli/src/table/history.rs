//! `coldpress table history`: the versions of a table.

use std::io;
use std::io::{BufWriter, Write};
use std::time::{Duration, SystemTime};

use clap::Args;
use coldpress::TableVersion;
use serde_json::{Value, json};

use super::Named;
use crate::failure::Failure;
use crate::ls::date;
use crate::store::StoreArgs;
use crate::text::{Column, Table as Sheet, human_count};

/// List the versions of the table, the newest first: who committed what, and when
#[derive(Debug, Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    named: Named,
    /// At most this many versions
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    /// Print a JSON object for each version
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress table history`.
pub fn run(args: &HistoryArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let store = args.named.open(store_args)?;
    let Named { tenant, collection } = &args.named;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let versions = store.ask(store.storage().table_history(*tenant, collection, limit))?;
    if versions.is_empty() && args.limit > 0 {
        return Err(args.named.absent(&store)?);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.json {
        true => versions.iter().try_for_each(|version| writeln!(out, "{}", to_json(version))),
        false => sheet(&versions).write(&mut out, "", usize::MAX),
    };
    written.and_then(|()| out.flush()).map_err(Failure::output)
}

fn sheet(versions: &[TableVersion]) -> Sheet {
    let mut sheet = Sheet::new([
        Column::numbers("version"),
        Column::words("committed"),
        Column::words("operation"),
        Column::words("by"),
        Column::numbers("files"),
        Column::numbers("rows"),
    ]);
    for version in versions {
        let when = version.committed_ms.and_then(time_of);
        let when = when.map(|time| date(time).format("%Y-%m-%d %H:%M:%S UTC").to_string());
        let files = match version.files_removed {
            0 => format!("+{}", human_count(version.files_added)),
            removes => format!("+{} -{}", human_count(version.files_added), human_count(removes)),
        };
        sheet.push([
            version.version.to_string(),
            when.unwrap_or_default(),
            version.operation.clone().unwrap_or_default(),
            version.engine.clone().unwrap_or_default(),
            files,
            version.rows_added.map_or_else(|| "?".to_owned(), human_count),
        ]);
    }
    sheet
}

fn to_json(version: &TableVersion) -> Value {
    json!({
        "version": version.version,
        "committed_ms": version.committed_ms,
        "operation": version.operation,
        "engine": version.engine,
        "files_added": version.files_added,
        "files_removed": version.files_removed,
        "rows_added": version.rows_added,
        "bytes_added": version.bytes_added,
        "bytes_removed": version.bytes_removed,
        "changes_rows": version.changes_rows,
    })
}

fn time_of(ms: i64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(u64::try_from(ms).ok()?))
}
