//! A panic, told in one line like every other error.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use super::failure::Failure;

/// Where the last panic happened.
static LAST: Mutex<String> = Mutex::new(String::new());

/// Runs the command. A panic becomes a failure; one that was caught on the way, as those at a
/// damaged file are, has its own error and prints nothing.
pub fn as_failure(run: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic");
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }));
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no words");
        let place = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        Err(Failure::run(format_args!(
            "this is a bug of coldpress, please report it: it panicked at {place} ({said})"
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
