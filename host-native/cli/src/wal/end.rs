//! The exit codes of `wal get`, as PostgreSQL's restore_command reads them.
//!
//! PostgreSQL takes the exit codes 1 to 125 for "the archive ends here": it ends recovery and opens
//! for writing. On 126 and above, and if a signal kills the command, it stops. So 1 means only that
//! the archive answered and has no such segment. A wrong call, a panic or a store that is down
//! never ends with 1.

use std::ffi::{OsStr, OsString};

use coldpress::ErrorKind;

use crate::failure::Failure;
use crate::option_names::in_our_words;

/// The archive has no such segment: the log ends here.
const END_OF_LOG: u8 = 1;
/// It is not known whether the log ends here: recovery must stop.
const STOP: u8 = 126;

/// Runs the work, which must catch its own panics. If the command is `wal get`, each failure except
/// the end of the log gets an exit code that stops PostgreSQL.
pub fn as_restore_command(
    arguments: &[OsString],
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    if !is_wal_get(arguments) {
        return work();
    }
    work().map_err(|failure| match failure {
        Failure::Usage(message) | Failure::Run(message) => Failure::Exit(
            STOP,
            format!("{message} (exit code {STOP}: it is not known whether the log ends here)"),
        ),
        // These are 126 or above already, or are no failures.
        other => other,
    })
}

/// The failure of a segment that could not be fetched.
pub(super) fn not_fetched(error: &coldpress::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::Exit(END_OF_LOG, in_our_words(error)),
        _ => Failure::Run(in_our_words(error)),
    }
}

/// Whether these arguments ask for `wal get`. Only the words count, because the arguments may be
/// wrong in any way. A wrong call that only looks like `wal get` gets the same exit code.
fn is_wal_get(arguments: &[OsString]) -> bool {
    let at = |word: &str, from: usize| {
        let rest = arguments.iter().enumerate().skip(from);
        rest.map(|(at, text)| (at, text.as_os_str())).find(|(_, text)| *text == OsStr::new(word))
    };
    at("wal", 1).and_then(|(wal, _)| at("get", wal + 1)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panic::as_failure;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    fn code(arguments: &[&str], work: impl FnOnce() -> Result<(), Failure>) -> Option<u8> {
        match as_restore_command(&words(arguments), work) {
            Err(Failure::Exit(code, _)) => Some(code),
            _ => None,
        }
    }

    #[test]
    fn a_panic_and_a_wrong_call_are_never_the_end_of_the_log() {
        let get = ["coldpress", "--store", "x", "wal", "--node", "n", "get", "a", "b"];
        assert_eq!(code(&get, || as_failure(|| panic!("on purpose"))), Some(126));
        assert_eq!(code(&get, || Err(Failure::usage("no such option"))), Some(126));
        assert_eq!(code(&get, || Err(Failure::run("the store is away"))), Some(126));
        assert_eq!(code(&get, || Err(Failure::Exit(1, "no segment".to_owned()))), Some(1));
        assert!(as_restore_command(&words(&get), || Ok(())).is_ok());
        let put = ["coldpress", "wal", "put", "a"];
        assert_eq!(code(&put, || Err(Failure::usage("no such option"))), None);
    }
}
