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

use coldpress::filter::ColumnPath;
use coldpress_core::RESCUED_COLUMN;

pub use self::args::CatArgs;
use self::args::Format;
use self::format::Ndjson;
use self::sheet::{Csv, Printer, TableOf};
use self::source::Source;
use super::failure::Failure;
use super::store::StoreArgs;

/// Runs `coldpress cat`.
pub fn run(args: &CatArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let (query, with_id) = query::of(args)?;
    let names_rescued = query::names(&query, RESCUED_COLUMN);
    let mut source = Source::open(args, store_args, query)?;
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match args.format {
        Format::Ndjson => {
            let mut printer = Ndjson::new(out, with_id);
            while source.lines(args, &mut |id, json| printer.row(id, json))? {}
            printer.end()?;
        }
        Format::Csv | Format::Table => print_sheet(args, &mut source, with_id, out)?,
    }
    let report = source.report();
    for column in &report.columns_unknown {
        if column.names() != [RESCUED_COLUMN] {
            let line = without_column(column, report.has_rescued);
            let _ = writeln!(io::stderr(), "{}", super::failure::one_line(&line));
        }
    }
    if names_rescued {
        let _ = writeln!(
            io::stderr(),
            "warning: {RESCUED_COLUMN} is a column of the files and no field of the rows, whose \
             rescued values stand at their own places; ask for it by `coldpress sql`, or by \
             another engine"
        );
    }
    if args.explain {
        let _ = explain::write(&report, &mut io::stderr());
    }
    Ok(())
}

/// Says that no file has this column. Names in another case are the likely reason.
fn without_column(column: &ColumnPath, has_rescued: bool) -> String {
    let (kind, rescued) = match has_rescued {
        true => ("note", ", but rows may have it among their rescued values"),
        false => ("warning", ""),
    };
    format!(
        "{kind}: no file that was read has a column {column}{rescued}; the case of a name matters"
    )
}

fn print_sheet(
    args: &CatArgs,
    source: &mut Source,
    with_id: bool,
    out: impl Write + 'static,
) -> Result<(), Failure> {
    let mut first = source.rows()?;
    source.check_columns(args)?;
    let all = args.columns.is_empty() && args.column.is_empty();
    let mut printer: Box<dyn Printer> = match args.format {
        Format::Csv => Box::new(Csv::new(out, source.header(args)?, with_id, all)?),
        _ => Box::new(TableOf::new(out, source.header(args)?, with_id, all)),
    };
    while let Some(rows) = first {
        for row in &rows {
            printer.row(row)?;
        }
        first = source.rows()?;
    }
    printer.end()
}
