//! How a run of the command ends when it does not succeed.

use std::fmt::{self, Write as _};
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use super::interrupt;
use super::redact::redacted;

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
    /// The same, and what was under way did not end in that time: exit code 130.
    CutOff(Duration),
    /// The same, where something was done before: what.
    InterruptedAfter(String),
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

    /// Writing to standard output failed after the command did what it was called for. `done` says
    /// what, so that nobody does it twice for want of an answer.
    pub fn output_after(error: io::Error, done: impl fmt::Display) -> Self {
        match Failure::output(error) {
            Failure::Run(message) => Failure::run(format_args!("{message}; {done}")),
            failure => failure,
        }
    }

    /// The line for standard error, where there is something to say.
    pub fn line(&self) -> Option<String> {
        match self {
            Failure::Usage(message) | Failure::Run(message) | Failure::Exit(_, message) => {
                Some(format!("error: {}", one_line(&redacted(message))))
            }
            Failure::Interrupted => Some("error: interrupted".to_owned()),
            Failure::CutOff(time) => Some(format!(
                "error: interrupted; the work under way did not stop within {} ms, and was cut off",
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
                ExitCode::from(interrupt::EXIT_CODE)
            }
            Failure::Exit(code, _) => ExitCode::from(*code),
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
        let after = |kind: io::ErrorKind| Failure::output_after(kind.into(), "it is done").line();
        assert!(
            after(io::ErrorKind::StorageFull).is_some_and(|line| line.ends_with("; it is done"))
        );
        assert!(after(io::ErrorKind::BrokenPipe).is_none());
    }
}
