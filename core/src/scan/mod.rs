//! Reads some rows of one file, by ranges of its bytes: [`Scan`], the machine that decides which. A
//! host drives it and fetches what it asks for.

mod bounds;
mod condition;
pub mod filter;
mod index;
mod leaf_test;
mod machine;
mod numbers;
mod plan;
mod progress;
mod prune;
mod query;
mod rows;
mod select;
mod store;
mod tail;
mod work;
mod zone;

pub use machine::{JsonStep, Scan, ScanStep};
pub use progress::ScanProgress;
pub use query::{ScanFile, ScanQuery, ScanSettings};
pub use store::{Fetch, Fetched};

#[cfg(test)]
mod tests;
