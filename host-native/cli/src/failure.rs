//! The failures of the command: their messages and exit codes.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;
use std::{fmt, io};

use super::redact::redacted;

/// The exit code after Ctrl-C, as shells define it.
pub const INTERRUPTED_EXIT_CODE: u8 = 130;

/// Why the command failed.
#[derive(Debug)]
pub enum Failure {
    /// The arguments are wrong: exit code 2.
    Usage(String),
    /// The run failed: exit code 1.
    Run(String),
    /// The run failed, with an exit code of its own.
    Exit(u8, String),
    /// Ctrl-C or SIGTERM came: exit code 130.
    Interrupted,
    /// The same, and the running work did not end within this time: exit code 130.
    CutOff(Duration),
    /// The same, after something was done: this text says what.
    InterruptedAfter(String),
    /// The reader of standard output closed it, as `head` does. This is no failure.
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

    /// Writing to standard output failed after the command did its work. `done` says what was done,
    /// so that nobody repeats it because the output is missing.
    pub fn output_after(error: io::Error, done: impl fmt::Display) -> Self {
        match Failure::output(error) {
            Failure::Run(message) => Failure::run(format_args!("{message}; {done}")),
            failure => failure,
        }
    }

    /// The line for standard error, if there is something to say.
    pub fn line(&self) -> Option<String> {
        match self {
            Failure::Usage(message) | Failure::Run(message) | Failure::Exit(_, message) => {
                Some(format!("error: {}", one_line(&redacted(message))))
            }
            Failure::Interrupted => Some("error: interrupted".to_owned()),
            Failure::CutOff(time) => Some(format!(
                "error: interrupted; the running work did not stop within {} ms and was cut off",
                time.as_millis()
            )),
            Failure::InterruptedAfter(done) => {
                Some(format!("error: interrupted; {}", one_line(done)))
            }
            Failure::OutputClosed => None,
        }
    }

    /// The exit code that scripts see.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Run(_) => ExitCode::from(1),
            Failure::Interrupted | Failure::InterruptedAfter(_) | Failure::CutOff(_) => {
                ExitCode::from(INTERRUPTED_EXIT_CODE)
            }
            Failure::Exit(code, _) => ExitCode::from(*code),
            Failure::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

/// `text` as one line without control characters. Names of files, fields and objects come from
/// other people. They must not move a terminal's cursor or reverse its text.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        let turns_text = matches!(
            c,
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}'
        );
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
        let after = |kind: io::ErrorKind| Failure::output_after(kind.into(), "it is done").line();
        assert!(
            after(io::ErrorKind::StorageFull).is_some_and(|line| line.ends_with("; it is done"))
        );
        assert!(after(io::ErrorKind::BrokenPipe).is_none());
    }
}
