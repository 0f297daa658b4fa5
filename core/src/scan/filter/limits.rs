//! How large a filter can be. Filters come from outside, and stacks and memory are finite.

use crate::{Error, ErrorKind, Result};

/// The most bytes of a filter's text or JSON.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// The most levels of `and`, `or`, `not` and parentheses inside each other.
pub const DEPTH_MAX: usize = 64;

/// The most conditions and literals together.
pub const ITEMS_MAX: usize = 20_000;

/// Checks the length of a text.
pub(super) fn check_bytes(text: &str) -> Result<()> {
    if text.len() <= TEXT_BYTES_MAX {
        return Ok(());
    }
    Err(limit(format!(
        "the filter has {} bytes, and at most {TEXT_BYTES_MAX} are allowed; split the query",
        text.len()
    )))
}

/// Checks how deep a condition stands; the outermost one stands at 1.
pub(super) fn check_depth(depth: usize) -> Result<()> {
    if depth <= DEPTH_MAX {
        return Ok(());
    }
    Err(limit(format!(
        "the filter nests deeper than {DEPTH_MAX} levels of and, or, not and parentheses; make it \
         flatter"
    )))
}

/// Counts conditions and literals.
#[derive(Debug, Default)]
pub(super) struct Items(usize);

impl Items {
    /// Counts one more.
    pub(super) fn add(&mut self) -> Result<()> {
        self.0 += 1;
        if self.0 <= ITEMS_MAX {
            return Ok(());
        }
        Err(limit(format!(
            "the filter has more than {ITEMS_MAX} conditions and literals; split the query"
        )))
    }
}

fn limit(message: String) -> Error {
    Error::new(ErrorKind::Limit, message)
}
