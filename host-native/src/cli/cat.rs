//! `coldpress cat`: an object's rows as NDJSON.

use std::io::{self, BufWriter, Write};

use clap::Args;
use coldpress_core::{ParquetFile, Projection, StoredRow};

use super::failure::Failure;
use super::interrupt;
use super::store::{self, StoreArgs};

/// How many rows go by between two looks at Ctrl-C.
const ROWS_BETWEEN_CHECKS: u64 = 4_096;
/// What a document starts with that has an id of its own.
const OWN_ID: &[u8] = b"{\"_id\":";

/// Print the rows of an object as NDJSON
#[derive(Debug, Args)]
pub struct CatArgs {
    /// The key of an object, or a local Parquet file that coldpress made
    #[arg(value_name = "KEY")]
    key: String,
    /// Only these columns, separated by commas
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    columns: Vec<String>,
    /// At most this many rows
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Begin each row with its id, as _id, also where the document had none
    #[arg(long)]
    with_id: bool,
}

/// Runs `coldpress cat`.
pub fn run(args: &CatArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let bytes = store::fetch(store_args, &args.key)?;
    let in_file = |error| Failure::run(format_args!("{}: {error}", args.key));
    let file = ParquetFile::open(bytes).map_err(in_file)?;
    let projection = match args.columns.is_empty() {
        true => Projection::All,
        false => Projection::Columns(args.columns.clone()),
    };
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut line = Vec::new();
    let limit = args.limit.unwrap_or(u64::MAX);
    for (number, row) in (0..limit).zip(file.rows(&projection).map_err(in_file)?) {
        if number % ROWS_BETWEEN_CHECKS == 0 {
            interrupt::check()?;
        }
        line.clear();
        write_row(&row.map_err(in_file)?, args.with_id, &mut line);
        out.write_all(&line).map_err(Failure::output)?;
    }
    out.flush().map_err(Failure::output)
}

fn write_row(row: &StoredRow, with_id: bool, line: &mut Vec<u8>) {
    row.write_json(line);
    if with_id && !line.starts_with(OWN_ID) {
        let id = serde_json::Value::from(row.id()).to_string();
        let comma = if line == b"{}" { "" } else { "," };
        line.splice(..1, format!("{{\"_id\":{id}{comma}").into_bytes());
    }
    line.push(b'\n');
}
