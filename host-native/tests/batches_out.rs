//! Record batches out: of files of ours and of other writers, filtered and whole.
#![cfg(feature = "arrow")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "batches_out/filtered.rs"]
mod filtered;
#[path = "batches_out/foreign.rs"]
mod foreign;
#[path = "batches_out/hostile.rs"]
mod hostile;
#[path = "batches_out/parquet_testing.rs"]
mod parquet_testing;
#[path = "batches_out/python.rs"]
mod python;
#[path = "batches_out/stored.rs"]
mod stored;

mod common;
