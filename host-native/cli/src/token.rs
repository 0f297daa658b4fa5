//! `coldpress token`: makes a bearer token for the grant server, and its line in the token file.

use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use coldpress_serve::{Rights, Token};
use serde_json::json;

use super::failure::Failure;

/// Make a token that lets a device ask `coldpress serve` for grants
///
/// The token is shown only once and stored nowhere. The token file holds its hash.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The tenant that the token is for
    #[arg(long, value_name = "N")]
    tenant: u64,
    /// A collection that the token is for. Can be given several times [default: any]
    #[arg(long, short, value_name = "NAME")]
    collection: Vec<String>,
    /// What the token may do: write, read, or read,write
    #[arg(long, value_name = "RIGHTS", default_value = "write")]
    may: Rights,
    /// Add the token's line to this token file. The file is created if it does not exist
    #[arg(long, value_name = "FILE")]
    append: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress token`.
pub fn run(args: &TokenArgs) -> Result<(), Failure> {
    let token = Token::new().map_err(Failure::run)?;
    let line = token.line(args.tenant, args.may, &args.collection).map_err(Failure::usage)?;
    if let Some(file) = &args.append {
        append(file, &line).map_err(|error| {
            Failure::run(format_args!("cannot add the token to {}: {error}", file.display()))
        })?;
    }
    let secret = token.reveal();
    let text = match (args.json, &args.append) {
        (true, _) => json!({ "token": secret, "line": line }).to_string(),
        (false, None) => format!(
            "token  {secret}\nline   {line}\n\nGive the token to the device. It is shown only \
             once. Add the line to the token file of `coldpress serve`."
        ),
        (false, Some(file)) => format!(
            "token  {secret}\n\nGive the token to the device. It is shown only once. Its hash is \
             in {}.",
            file.display()
        ),
    };
    writeln!(io::stdout(), "{text}").map_err(|error| {
        let done = match &args.append {
            Some(file) => format!(
                "the token was not printed, but its line {line} is in {}: delete that line, and \
                 make another token",
                file.display()
            ),
            None => "the token was not printed; make another one".to_owned(),
        };
        Failure::output_after(error, done)
    })
}

fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file)?;
    // A file edited by hand may end without a line break.
    let text = match std::fs::read(file)?.last() {
        None | Some(b'\n') => format!("{line}\n"),
        Some(_) => format!("\n{line}\n"),
    };
    opened.write_all(text.as_bytes())?;
    opened.sync_all()
}
