//! The errors for damaged files.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Error, Result};

/// Calls code that uses the parquet crate. That crate panics on some damage; this makes an error of
/// the panic.
pub(super) fn guarded<T>(open: impl FnOnce() -> Result<T>) -> Result<T> {
    // After a panic, nobody uses what `open` left half done: the caller only reports the error.
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(corrupt(format!("its footer cannot be decoded ({said})")))
    })
}

/// An error of kind `Corrupt`. `what` is a sentence, in which "it" is the file.
pub(crate) fn corrupt(what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("the file is damaged: {what}; fetch it again, or restore it"))
}

pub(super) fn damaged_page() -> Error {
    corrupt("a page cannot be decoded")
}
