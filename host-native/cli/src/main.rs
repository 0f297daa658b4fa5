//! The `coldpress` command: arguments in, a table or JSON out, and an exit code.
#![forbid(unsafe_code)]

mod absent;
mod again;
mod by_grant;
mod cat;
mod cells;
mod choice;
mod completions;
mod credentials;
#[cfg(feature = "serve")]
mod dev;
mod failure;
mod feed;
mod fetch;
mod foreign;
mod get;
mod grant;
mod input;
mod inspect;
mod interrupt;
#[cfg(feature = "serve")]
mod log_lines;
mod ls;
mod lsn;
mod man;
mod option_names;
mod overlap;
mod panic;
mod place;
mod pour;
mod progress;
mod put;
mod put_args;
mod put_columns;
mod redact;
mod repair;
mod report;
mod rm;
mod schema;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "sql")]
mod sql;
mod store;
mod tasks;
mod text;
#[cfg(feature = "serve")]
mod token;
mod tree;
mod unpack;
mod verify;
mod wal;

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use failure::Failure;
use store::StoreArgs;

/// The commands that only a build with a feature has, and the feature.
const FEATURE_COMMANDS: [(&str, &str, bool); 3] = [
    ("serve", "serve", cfg!(feature = "serve")),
    ("token", "serve", cfg!(feature = "serve")),
    ("sql", "sql", cfg!(feature = "sql")),
];

const EXAMPLES: &str = "Examples:
  coldpress put movies.ndjson --collection movies
  coldpress cat 0/movies/lsn-0-3200.parquet --columns Title,Director --limit 5
  zcat day.ndjson.gz | coldpress put --collection events --append --store s3://cold/events";

/// Cold storage for rows: JSON in, typed Parquet out, nothing lost on the way.
#[derive(Debug, Parser)]
#[command(
    name = "coldpress",
    version,
    max_term_width = 100,
    subcommand_required = true,
    after_help = EXAMPLES
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Put(put_args::PutArgs),
    Cat(cat::CatArgs),
    Ls(ls::LsArgs),
    Get(get::GetArgs),
    Grant(grant::GrantArgs),
    Inspect(inspect::InspectArgs),
    Schema(schema::SchemaArgs),
    #[cfg(feature = "sql")]
    Sql(sql::SqlArgs),
    Verify(verify::VerifyArgs),
    Rm(rm::RmArgs),
    Wal(wal::WalArgs),
    #[cfg(feature = "serve")]
    Serve(serve::ServeArgs),
    #[cfg(feature = "serve")]
    Token(token::TokenArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs the command with these arguments, the program's own name first.
fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let work = || match Arguments::try_parse_from(&arguments) {
        Ok(arguments) => {
            interrupt::listen();
            dispatch(&arguments)
        }
        Err(error) => explain(&error),
    };
    let result = wal::as_restore_command(&arguments, || panic::as_failure(work));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(line) = failure.line() {
                // If standard error is closed, the exit code still tells it.
                let _ = writeln!(io::stderr(), "{line}");
            }
            failure.exit_code()
        }
    }
}

fn dispatch(arguments: &Arguments) -> Result<(), Failure> {
    let store = &arguments.store;
    match &arguments.command {
        Command::Put(args) => put::run(args, store),
        Command::Cat(args) => cat::run(args, store),
        Command::Ls(args) => ls::run(args, store),
        Command::Get(args) => get::run(args, store),
        Command::Grant(args) => grant::run(args, store),
        Command::Inspect(args) => inspect::run(args, store),
        Command::Schema(args) => schema::run(args, store),
        #[cfg(feature = "sql")]
        Command::Sql(args) => sql::run(args, store),
        Command::Verify(args) => verify::run(args, store),
        Command::Rm(args) => rm::run(args, store),
        Command::Wal(args) => wal::run(args, store),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(args, store),
        #[cfg(feature = "serve")]
        Command::Token(args) => token::run(args),
        Command::Completions(args) => completions::run(args, &Arguments::command()),
        Command::Man(args) => man::run(args, Arguments::command()),
    }
}

/// Prints help or the version if asked for. Otherwise joins clap's lines into one error.
fn explain(error: &clap::Error) -> Result<(), Failure> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return write!(io::stdout(), "{}", error.render()).map_err(Failure::output);
    }
    if matches!(
        error.kind(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return Err(Failure::usage("no command given; `coldpress --help` lists the commands"));
    }
    if let Some((command, feature)) = absent_here(error) {
        return Err(Failure::usage(format_args!(
            "this build has no `coldpress {command}`; make one that has it: cargo build --release \
             --features {feature}"
        )));
    }
    let text = error.render().to_string();
    let mut message = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        if line.is_empty() {
            continue;
        }
        if !message.is_empty() {
            message.push_str(if message.ends_with(':') { " " } else { "; " });
        }
        message.push_str(line.strip_prefix("error: ").unwrap_or(line));
    }
    Err(Failure::Usage(message))
}

/// The command that was asked for and its feature, if only a build with that feature has it.
fn absent_here(error: &clap::Error) -> Option<(&'static str, &'static str)> {
    let asked = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(asked)) => asked,
        _ => return None,
    };
    let found = FEATURE_COMMANDS.into_iter().find(|(command, ..)| *command == asked);
    found.map(|(command, feature, _)| (command, feature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_another_build_is_named() {
        for (command, feature, is_here) in FEATURE_COMMANDS {
            let parsed = Arguments::try_parse_from(["coldpress", command, "--help"]);
            let told = explain(&parsed.unwrap_err()).map_err(|failure| failure.line().unwrap());
            let hint = format!("--features {feature}");
            match is_here {
                true => assert_eq!(told.map_err(|_| ()), Ok(()), "{command}"),
                false => assert!(told.unwrap_err().contains(&hint), "{command}"),
            }
        }
    }

    #[test]
    fn arguments_hold_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn usage_errors_are_one_line() {
        for (arguments, part) in [
            (&["put"][..], "--collection <NAME>"),
            (&["put", "-c", "x", "--lsn", "5"], "write MIN..MAX"),
            (&["put", "-c", "x", "--lsn", "5..1"], "ends before it begins"),
            (&["put", "-c", "x", "--codec", "zstd:99"], "from 1 to 19"),
            (&["put", "-c", "x", "--append", "--lsn", "0..1"], "cannot be used with"),
            (&["put", "--colection", "x"], "a similar argument exists"),
            (&["cta"], "unrecognized subcommand"),
            (&[], "no command given"),
            (&["wal"], "no command given"),
            (&["rm"], "--tenant <N>"),
            (&["verify", "--parallel", "0"], "--parallel"),
        ] {
            let arguments = [&["coldpress"], arguments].concat();
            let error = Arguments::try_parse_from(arguments).unwrap_err();
            let failure = explain(&error).unwrap_err();
            let line = failure.line().unwrap();
            assert!(line.contains(part) && !line.contains('\n'), "{line}");
            assert!(matches!(failure, Failure::Usage(_)), "{line}");
        }
    }
}
