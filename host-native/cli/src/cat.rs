//! `coldpress cat`: an object's rows as NDJSON.

use std::collections::HashMap;
use std::io;
use std::io::{BufWriter, Write};

use clap::Args;
use coldpress_core::{ID_COLUMN, ParquetFile, Projection, StoredRow};
use memchr::memmem;
use serde::de::IgnoredAny;

use super::failure::Failure;
use super::fetch;
use super::store::StoreArgs;

/// Print the rows of an object as NDJSON
#[derive(Debug, Args)]
pub struct CatArgs {
    /// The key of an object, or the path of a local Parquet file that coldpress made
    #[arg(value_name = "KEY")]
    key: String,
    /// Print only these columns, separated by commas. _id is the row's id
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    columns: Vec<String>,
    /// Print only this column, whose name may contain commas. Can be given several times
    #[arg(long, value_name = "NAME")]
    column: Vec<String>,
    /// Print at most this many rows
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Begin each row with its id, as _id, even if the document had none
    #[arg(long)]
    with_id: bool,
}

/// Runs `coldpress cat`.
pub fn run(args: &CatArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let bytes = fetch::fetch(store_args, &args.key)?;
    let in_file = |error| Failure::run(format_args!("{}: {error}", args.key));
    let file = coldpress::quietly(|| ParquetFile::open(bytes)).map_err(in_file)?;
    let mut columns = [&args.columns[..], &args.column].concat();
    let with_id = args.with_id || columns.iter().any(|name| name == ID_COLUMN);
    let projection = if columns.is_empty() {
        Projection::All
    } else {
        if with_id {
            // A document's own `_id` may be a number: so it is read together with the row's id.
            columns.push(ID_COLUMN.to_owned());
        }
        Projection::Columns(columns)
    };
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut line = Vec::new();
    let limit = args.limit.unwrap_or(u64::MAX);
    for (_, row) in (0..limit).zip(file.rows(&projection).map_err(in_file)?) {
        line.clear();
        write_row(&row.map_err(in_file)?, with_id, &mut line);
        out.write_all(&line).map_err(Failure::output)?;
    }
    out.flush().map_err(Failure::output)
}

fn write_row(row: &StoredRow, with_id: bool, line: &mut Vec<u8>) {
    row.write_json(line);
    if with_id {
        put_id_first(row.id(), line);
    }
    line.push(b'\n');
}

fn put_id_first(id: &str, document: &mut Vec<u8>) {
    let text = serde_json::Value::from(id).to_string();
    let mut value = text.as_str();
    if has_own_id(document) {
        // The own `_id` is either the first field, or the last one: as a string or an integer.
        let at_end = [text.as_str(), id].into_iter().find_map(|value| {
            let field = format!(",\"{ID_COLUMN}\":{value}}}");
            document.ends_with(field.as_bytes()).then_some((value, field.len()))
        });
        let Some((own, length)) = at_end else { return };
        document.truncate(document.len() - length);
        document.push(b'}');
        value = own;
    }
    let comma = if document == b"{}" { "" } else { "," };
    document.splice(..1, format!("{{\"{ID_COLUMN}\":{value}{comma}").into_bytes());
}

/// Whether the document itself has an `_id`, which is then the row's id.
fn has_own_id(document: &[u8]) -> bool {
    // Most have none. A search for the letters is enough to know that.
    memmem::find(document, b"\"_id\":").is_some()
        && serde_json::from_slice::<HashMap<String, IgnoredAny>>(document)
            .is_ok_and(|fields| fields.contains_key(ID_COLUMN))
}
