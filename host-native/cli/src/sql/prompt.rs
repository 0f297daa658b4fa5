//! The prompt: asks for statements until Ctrl-D.

use std::io::Write;
use std::path::PathBuf;
use std::{env, fs, io};

use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};

use super::output::Open;
use super::session::Session;
use crate::failure::Failure;

/// The most lines of history that are kept.
const HISTORY_LINES: usize = 1_000;

/// Asks for statements and answers them. A statement ends with `;`, and may take several lines.
/// Ctrl-C drops what was typed, and Ctrl-D ends the run.
pub fn ask(session: &Session<'_>) -> Result<(), Failure> {
    let failed =
        |error: ReadlineError| Failure::run(format_args!("cannot read from the terminal: {error}"));
    let config = Config::builder().max_history_size(HISTORY_LINES).map_err(failed)?.build();
    let mut editor = DefaultEditor::with_config(config).map_err(failed)?;
    let history = history_file();
    if let Some(file) = &history {
        // There is none before the first run.
        let _ = editor.load_history(file);
    }
    let mut typed = String::new();
    loop {
        let prompt = if typed.is_empty() { "coldpress> " } else { "        -> " };
        match editor.readline(prompt) {
            Ok(line) => {
                typed.push_str(&line);
                typed.push('\n');
            }
            Err(ReadlineError::Interrupted) => {
                typed.clear();
                continue;
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(failed(error)),
        }
        if matches!(typed.trim(), "exit" | "quit" | "\\q") {
            break;
        }
        if !is_complete(&typed) {
            continue;
        }
        // Without history, the prompt works nevertheless.
        let _ = editor.add_history_entry(typed.trim());
        let text = std::mem::take(&mut typed);
        let mut out = Open::stdout();
        match session.answer(&text, &mut out).and_then(|()| out.keep()) {
            Ok(()) => {}
            Err(failure @ (Failure::Usage(_) | Failure::Run(_))) => {
                let line = failure.line().unwrap_or_default();
                let _ = writeln!(io::stderr(), "{line}");
            }
            Err(failure) => return Err(failure),
        }
    }
    if let Some(file) = &history {
        let _ = file.parent().map(fs::create_dir_all);
        let _ = editor.save_history(file);
    }
    Ok(())
}

/// The user's own state folder by the XDG rules.
fn history_file() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("coldpress/sql-history"))
}

/// Whether the text ends with a `;` that is in no string, name or comment. What is empty is not.
fn is_complete(text: &str) -> bool {
    let mut ended = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = match c {
            '\'' | '"' | '`' => rest[1..].find(c).map(|at| &rest[at + 2..]),
            '-' if rest.starts_with("--") => Some(rest.find('\n').map_or("", |at| &rest[at..])),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map(|at| &rest[at + 4..]),
            _ => Some(&rest[c.len_utf8()..]),
        };
        // Its end is yet to come.
        let Some(after) = after else { return false };
        let is_comment = matches!(c, '-' | '/') && after.len() + 1 < rest.len();
        if !c.is_whitespace() && !is_comment {
            ended = c == ';';
        }
        rest = after;
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_with_a_semicolon_outside_of_quotes_and_comments() {
        for (text, complete) in [
            ("select 1;", true),
            ("select 1; -- the first\n", true),
            ("select 1 /* ; */", false),
            ("select 1; /* é */ \n", true),
            ("select ';", false),
            ("select ';'", false),
            ("select 'it''s';", true),
            ("select \"a;b\" from `c;`", false),
            ("select 1 -- ;\n", false),
            ("select 1; select", false),
            ("select 5 - 2;", true),
            ("/* open ;", false),
            ("", false),
            (" \n", false),
            (";", true),
        ] {
            assert_eq!(is_complete(text), complete, "{text:?}");
        }
    }
}
