//! The same work beside the peers: one generator of rows, several ways from rows to Parquet, one
//! clock.

pub mod contest;
pub mod contestant;
pub mod cpu;
pub mod prng;
pub mod report;
pub mod seed;
pub mod telemetry;
pub mod verify;
pub mod work;

/// Any error of a benchmark: it ends the run, and only its words matter.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
