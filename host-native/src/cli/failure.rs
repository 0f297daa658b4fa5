//! How a run of the command ends when it does not succeed.

use std::fmt::{self, Write as _};
use std::io;
use std::process::ExitCode;

use super::interrupt;

/// Why the command stopped.
#[derive(Debug)]
pub enum Failure {
    /// The arguments ask for something that makes no sense: exit code 2.
    Usage(String),
    /// The run failed: exit code 1.
    Run(String),
    /// The run failed in a way of the command's own: this exit code.
    Exit(u8, String),
    /// Ctrl-C was pressed: exit code 130, as shells have it.
    Interrupted,
    /// Whoever reads our output has read enough, as `head` does: not a failure at all.
    OutputClosed,
}

impl Failure {
    /// The arguments are wrong.
    pub fn usage(message: impl fmt::Display) -> Self {
        Failure::Usage(message.to_string())
    }

    /// The run failed.
    pub fn run(message: impl fmt::Display) -> Self {
        Failure::Run(message.to_string())
    }

    /// Writing to standard output failed.
    pub fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::OutputClosed;
        }
        Failure::run(format_args!("cannot write to standard output: {error}"))
    }

    /// The line for standard error, where there is something to say.
    pub fn line(&self) -> Option<String> {
        match self {
            Failure::Usage(message) | Failure::Run(message) | Failure::Exit(_, message) => {
                Some(format!("error: {}", one_line(message)))
            }
            Failure::Interrupted => Some("error: interrupted".to_owned()),
            Failure::OutputClosed => None,
        }
    }

    /// The exit code that scripts see.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Run(_) => ExitCode::from(1),
            Failure::Exit(code, _) => ExitCode::from(*code),
            Failure::Interrupted => ExitCode::from(interrupt::EXIT_CODE),
            Failure::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

/// `text` as one line that cannot move a terminal's cursor or turn its text around: names of
/// files, fields and objects are other people's, and messages and tables show them.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        let turns_text = matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
        if c.is_control() || turns_text {
            // Writing to a String cannot fail.
            let _ = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(one_line("a\nb\x1b[2J\u{202e}c é"), "a\\nb\\u{1b}[2J\\u{202e}c é");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::output(io::ErrorKind::BrokenPipe.into());
        assert!(failure.line().is_none());
        let full = Failure::output(io::ErrorKind::StorageFull.into());
        assert!(full.line().is_some_and(|line| line.starts_with("error: cannot write")));
    }
}
