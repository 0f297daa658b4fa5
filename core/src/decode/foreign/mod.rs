//! Parquet files of any writer, checked for parquet's own readers.
//!
//! Those readers believe what a file claims: a few bytes can make them take any amount of memory.
//! So a host hands them only what has passed here. [`read_footer`] and [`read_indexes`] walk the
//! Thrift bytes before parquet decodes them, and [`CheckedPages`] reads headers, compares checksums
//! and decompresses within limits.

mod content;
mod footer;
mod header;
mod indexes;
mod pages;
mod terms;

pub use super::ends::{Ends, StoredEnd, ends_of_chunk, ends_of_page, nulls_in};
pub use footer::{chunk_range, read_footer};
pub use indexes::read_indexes;
pub use pages::CheckedPages;
pub use terms::PageTerms;
