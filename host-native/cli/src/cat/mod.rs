//! `coldpress cat`: the rows of a collection, or of one object.

mod explain;
mod format;
mod id_field;
mod query;
mod sheet;
mod source;

use std::io;
use std::io::{BufWriter, Write};

use clap::{Args, ValueEnum};
use coldpress_core::LsnRange;

use self::format::{Ndjson, Printer};
use self::sheet::{Csv, TableOf};
use self::source::Source;
use super::failure::Failure;
use super::lsn;
use super::store::StoreArgs;

/// Print the rows of a collection or of an object
///
/// Reads only the parts of files that can hold such rows. The order is that of the LSNs.
#[derive(Debug, Args)]
pub struct CatArgs {
    /// The key of an object, or the path of a local Parquet file that coldpress made
    #[arg(value_name = "KEY", required_unless_present = "collection")]
    key: Option<String>,
    /// Print the rows of this collection
    #[arg(long, short, value_name = "NAME", conflicts_with = "key")]
    collection: Option<String>,
    /// The tenant of the collection
    #[arg(long, value_name = "N", default_value_t = 0, requires = "collection")]
    tenant: u64,
    /// Only rows of files that hold any of these log sequence numbers (LSNs), both ends included
    #[arg(long, value_name = "MIN..MAX", value_parser = lsn::parse)]
    lsn: Option<LsnRange>,
    /// Print only rows for which this filter is true, such as "year >= 2005 and genre = 'Drama'".
    /// docs/filters.md describes filters
    #[arg(long = "where", value_name = "FILTER")]
    filter: Option<String>,
    /// Print only the row with this id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Print only these columns, separated by commas. A dot leads into an object: place.lat. _id is
    /// the row's id
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    columns: Vec<String>,
    /// Print only this column of the documents, whose name may have commas and dots. Can be given
    /// several times
    #[arg(long, value_name = "NAME")]
    column: Vec<String>,
    /// Print at most this many rows
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Begin each row with its id, as _id, even if the document had none
    #[arg(long)]
    with_id: bool,
    /// How to print rows
    #[arg(long, value_name = "FORMAT", default_value = "ndjson")]
    format: Format,
    /// Say on standard error what was read, and what was left out and why
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object for each row
    Ndjson,
    /// A header and one line for each row; objects and arrays as JSON, nulls as nothing
    Csv,
    /// A table for people; long values are cut
    Table,
}

/// Runs `coldpress cat`.
pub fn run(args: &CatArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let (query, with_id) = query::of(args)?;
    let mut source = Source::open(args, store_args, query)?;
    let mut first = source.rows()?;
    source.check_columns(args)?;
    let all = args.columns.is_empty() && args.column.is_empty();
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut printer: Box<dyn Printer> = match args.format {
        Format::Ndjson => Box::new(Ndjson::new(out, with_id)),
        Format::Csv => Box::new(Csv::new(out, source.header(args)?, with_id, all)?),
        Format::Table => Box::new(TableOf::new(out, source.header(args)?, with_id, all)),
    };
    while let Some(rows) = first {
        for row in &rows {
            printer.row(row)?;
        }
        first = source.rows()?;
    }
    printer.end()?;
    let report = source.report();
    for column in &report.columns_unknown {
        let line = format!("warning: no file that was read has a column {column}");
        let _ = writeln!(io::stderr(), "{}", super::failure::one_line(&line));
    }
    if args.explain {
        let _ = explain::write(&report, &mut io::stderr());
    }
    Ok(())
}
