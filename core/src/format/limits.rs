//! The sizes of the parts of our files. An encoder keeps to them, and a decoder refuses files that
//! claim more.

/// The most entries of one page that has more than one row.
pub(crate) const PAGE_ENTRIES_MAX: usize = 1 << 20;
/// The most elements of one row in one column. Sizes in the header of a page are i32, and a value
/// has up to 16 bytes.
pub(crate) const ROW_ENTRIES_MAX: usize = 1 << 26;
/// The most bytes of a dictionary page. A larger one is not small compared with the values.
pub(crate) const DICTIONARY_BYTES_MAX: usize = 1_024 * 1_024;
