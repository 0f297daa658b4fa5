//! What must hold where things fail: processes killed, stores away, slow or full, clocks off, a
//! database destroyed. The real binary, against a real S3 server and local folders.
// A test's own check is its panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(target_os = "linux")]

mod crash_put;
mod crash_wal;
mod disk;
mod harness;
mod kill;
mod log;
mod memory;
mod outage;
mod postgres;
mod proxy;
mod recovery;
mod refused;
mod rows;
mod siblings;

#[path = "../../../tests/common/mod.rs"]
mod common;

#[path = "../../../../bench/src/telemetry.rs"]
#[allow(dead_code)]
mod telemetry;

// `telemetry.rs` looks for it here.
use common::prng;
