//! Reads some rows of a collection, or of one object: only the bytes that matter, in the order of
//! LSNs.

mod fetch;
mod file;
mod report;
mod rows;
mod start;

pub use report::ScanReport;
pub use rows::RowScan;
