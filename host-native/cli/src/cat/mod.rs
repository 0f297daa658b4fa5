//! `coldpress cat`: the rows of a collection, or of one object.

mod args;
mod explain;
mod format;
mod id_field;
mod query;
mod sheet;
mod source;

use std::io;
use std::io::{BufWriter, Write};

pub use self::args::CatArgs;
use self::args::Format;
use self::format::{Ndjson, Printer};
use self::sheet::{Csv, TableOf};
use self::source::Source;
use super::failure::Failure;
use super::store::StoreArgs;

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
