//! Why a page could not be decompressed.

/// Why a page could not be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecompressFault {
    /// The compressed bytes are damaged, or the page has another size than it claims.
    Damaged,
    /// There is not enough memory for it.
    NoMemory,
}
