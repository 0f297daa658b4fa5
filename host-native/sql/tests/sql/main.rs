//! SQL over collections whose files differ. A target of its own: no other one links DataFusion.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

mod catalog;
mod duckdb;
mod exact;
mod made;
mod plans;
mod rescued;
mod trouble;
mod types;
