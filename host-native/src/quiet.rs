//! Panics that somebody catches, told to nobody.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which catches the panics in it, so that they print nothing on this thread meanwhile.
///
/// Decoding catches what the parquet crate panics at, and gives an error instead; without this, the message
/// and the backtrace of each would be on standard error as well. Other threads keep their messages, and so
/// does this one once `work` has ended. The first call replaces the process's panic hook by one that asks
/// whether to be quiet, and else calls the one before.
///
/// ```
/// let caught = coldpress::quietly(|| std::panic::catch_unwind(|| panic!("nobody reads this")));
/// assert!(caught.is_err());
/// ```
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            if !QUIET.get() {
                before(about);
            }
        }));
    });
    let _restored = Restored(QUIET.replace(true));
    work()
}

/// Puts the flag back, however the work ends.
struct Restored(bool);

impl Drop for Restored {
    fn drop(&mut self) {
        QUIET.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_thread_is_quiet_as_long_as_the_work_lasts() {
        assert!(!QUIET.get());
        quietly(|| {
            assert!(QUIET.get());
            quietly(|| assert!(QUIET.get()));
            assert!(QUIET.get());
            let elsewhere = std::thread::spawn(|| QUIET.get()).join();
            assert!(!elsewhere.unwrap());
        });
        assert!(!QUIET.get());
        assert!(catch_unwind(|| quietly(|| panic!("not to be seen"))).is_err());
        assert!(!QUIET.get());
    }
}
