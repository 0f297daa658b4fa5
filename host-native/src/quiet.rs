//! Keeps caught panics off standard error.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which catches its own panics. While it runs, panics on this thread print nothing.
///
/// Decoding catches panics of the parquet crate and returns an error instead. Without this
/// function, the message and the backtrace of each panic would be printed too. Other threads keep
/// printing, and so does this thread once `work` has ended. The first call replaces the panic hook
/// of the process; the new hook calls the old one unless the thread is quiet.
///
/// ```
/// use std::panic::catch_unwind;
///
/// let caught = coldpress::quietly(|| catch_unwind(|| panic!("nobody reads this")));
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

/// Resets the flag, however the work ends.
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
        assert!(
            catch_unwind(|| quietly(|| {
                panic!("not to be seen");
            }))
            .is_err()
        );
        assert!(!QUIET.get());
    }
}
