//! Reads some rows of a collection, or of one object: only the bytes that matter, in the order of
//! LSNs.

mod batch;
mod fetch;
mod file;
mod footers;
mod ordered;
mod report;
mod rows;
mod start;
#[cfg(test)]
mod tests;

pub use batch::JsonRows;
pub use report::ScanReport;
pub use rows::{JsonScan, RowScan};
