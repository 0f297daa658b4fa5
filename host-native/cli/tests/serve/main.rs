//! The grant server and the development store, over real sockets: the real binary, and clients that
//! send what only strangers would.
// A test's own check is its panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod command;
mod dev;
mod grants;
mod harness;
mod hostile;
mod http;
mod made;
mod parts;
mod receipts;
mod s3;
mod scans;
mod strange;

#[path = "../../../tests/common/mod.rs"]
#[macro_use]
mod common;
