//! Reports a panic in one line, like every other error.

use std::panic;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};

use super::failure::Failure;

/// Where the last panic happened.
static LAST: Mutex<String> = Mutex::new(String::new());

/// Runs the command. A panic becomes a failure. A panic that the command catches itself, as for a
/// damaged file, becomes an error of its own there and prints nothing.
pub fn as_failure(run: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }));
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        let place = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        Err(Failure::run(format_args!(
            "coldpress panicked at {place} ({said}); this is a bug of coldpress, please report it"
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_line() {
        let failure = as_failure(|| panic!("it {}", "broke")).unwrap_err();
        let _ = panic::take_hook();
        let line = failure.line().unwrap();
        assert!(line.contains("panic.rs:") && line.contains("it broke"), "{line}");
    }
}
