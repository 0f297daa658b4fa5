//! Checkpoints: all actions that a version of a table needs, in one Parquet file.
//!
//! A reader that takes a checkpoint needs no entry before it. We read the classic form of any
//! writer, in one file or in parts, and write it in one file. Source: the [Delta
//! protocol][protocol], "Checkpoints" and "Checkpoint Schema".
//!
//! [protocol]: https://github.com/delta-io/delta/blob/master/PROTOCOL.md

mod budget;
mod column;
mod content;
mod hint;
mod leaf;
mod read;
mod rows;
mod shape;
mod write;

pub use hint::{LastCheckpoint, read_last_checkpoint, write_last_checkpoint};
pub use read::read_checkpoint;
pub use write::{Checkpoint, write_checkpoint};

#[cfg(test)]
mod foreign_tests;
#[cfg(test)]
mod tests;
