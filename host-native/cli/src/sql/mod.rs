//! `coldpress sql`: asks a store in SQL.

mod format;
mod output;
mod prompt;
mod session;
mod words;
mod write;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::{fs, io, thread};

use clap::Args;
use coldpress_core::LsnWidth;

use super::failure::Failure;
use super::grant::size;
use super::store::{STACK_BYTES, Store, StoreArgs};
use format::Format;
use output::Output;
use session::Session;

/// Ask in SQL: the collections of a tenant are tables
///
/// docs/sql.md says which columns a table has. `explain analyze select …` shows which files, row
/// groups and pages are read, and what left out the others.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coldpress sql 'select count(*) from movies'
  coldpress sql --format csv 'select Title from movies where \"US Gross\" > 1e8'
  coldpress sql --format parquet -o big.parquet 'select * from events where _lsn_min >= 1000'")]
pub struct SqlArgs {
    /// One statement, or several with `;` between them. Without it, statements are read from
    /// standard input; if that is a terminal, they are asked for
    #[arg(value_name = "STATEMENTS")]
    statements: Option<String>,
    /// Read the statements from this file; `-` is standard input
    #[arg(long, short, value_name = "FILE", conflicts_with = "statements")]
    file: Option<PathBuf>,
    /// The tenant whose collections are the tables
    #[arg(long, value_name = "N", default_value_t = 0)]
    tenant: u64,
    /// How to print rows
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Memory for sorting, grouping and joining. Sorts and groups that need more go to files in the
    /// folder for temporary files; a statement that cannot do so fails
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = size)]
    memory_bytes_max: u64,
    /// Write the rows into this file, which must not exist
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs `coldpress sql`. The main thread's stack is too small for long conditions.
pub fn run(args: &SqlArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("sql".to_owned()).stack_size(STACK_BYTES);
        let answering = builder.spawn_scoped(scope, || answer(args, store_args));
        let answering = answering
            .map_err(|error| Failure::run(format_args!("cannot start a thread: {error}")))?;
        answering.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn answer(args: &SqlArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let text = match (&args.statements, &args.file) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(file)) if file.as_os_str() != "-" => Some(read(file)?),
        (None, None) if io::stdin().is_terminal() => None,
        (None, _) => Some(io::read_to_string(io::stdin()).map_err(|error| {
            Failure::run(format_args!("cannot read the statements from standard input: {error}"))
        })?),
    };
    // Some editors put a byte order mark before the text.
    let text = text.map(|text| text.trim_start_matches('\u{feff}').to_owned());
    let output = Output::new(args.output.as_deref(), args.format)?;
    if text.is_none() && output.is_file() {
        return Err(Failure::usage(
            "there is no statement whose rows could be written into the file; give one, or -f FILE",
        ));
    }
    let store = Store::open_parallel(store_args, LsnWidth::default())?;
    store.require_folder()?;
    let session = Session::new(&store, args.tenant, args.format, args.memory_bytes_max)?;
    match text {
        Some(text) => {
            let mut out = output.open()?;
            session.answer(&text, &mut out)?;
            out.keep()
        }
        None => prompt::ask(&session),
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| {
        Failure::run(format_args!("cannot read the statements from {}: {error}", file.display()))
    })
}
