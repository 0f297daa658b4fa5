//! How `wal get` ends, as PostgreSQL's restore_command reads it.
//!
//! PostgreSQL takes the exit codes 1 to 125 for "the archive ends here": it ends its recovery and
//! opens for writing. From 126 on, and on death by a signal, it stops. So 1 is for an archive that
//! was reached and has no such segment, and for nothing else: no wrong call, no panic, no store
//! that is away.

use std::ffi::{OsStr, OsString};

use coldpress::ErrorKind;

use crate::cli::failure::Failure;
use crate::cli::store::in_our_words;

/// The log ends here.
const END_OF_LOG: u8 = 1;
/// Nothing is known of the segment: recovery must stop.
const STOP: u8 = 126;

/// Does the work, which panics no more. Where it is `wal get`, each failure but the end of the log
/// has an exit code that stops PostgreSQL.
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
            format!("{message} (exit code {STOP}: whether the log ends here is not known)"),
        ),
        // Above 125 as it is, or of an end that is none.
        other => other,
    })
}

/// The failure of a fetch.
pub(super) fn not_fetched(error: &coldpress::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::Exit(END_OF_LOG, in_our_words(error)),
        _ => Failure::Run(in_our_words(error)),
    }
}

/// Whether these arguments ask for `wal get`. They may be wrong in any way, so that the words alone
/// count; a call that is wrong and only looks like one gets another exit code for that.
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
    use crate::cli::panic::as_failure;

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
