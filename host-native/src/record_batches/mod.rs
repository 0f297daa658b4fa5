//! Record batches out of Parquet files, whoever wrote them.
//!
//! Parquet's own reader makes the arrays. It gets its pages from core, which checks what they
//! claim. `read` is the order of the work. `file` is what the footer says. `place` finds columns in
//! the schema, and `shape` says what kind of value a column has. `group` decodes the columns of a
//! row group. `predicate` asks the filter about each row: `cell` looks into arrays, and `rescued`
//! into `_rescued_data`. `prune` asks the filter about row groups and pages, of which `zone` and
//! `bounds` know something.

mod bounds;
mod cell;
mod file;
mod group;
mod int96;
mod own;
mod place;
mod predicate;
mod prune;
mod read;
mod rescued;
mod settings;
mod shape;
mod times;
mod zone;

pub(crate) use file::{File, guarded};
pub(crate) use group::{Wanted, decode, schema};
pub(crate) use place::leaves;
pub use read::{read_parquet_with_predicate, read_parquet_with_settings};
pub use settings::BatchSettings;
pub(crate) use settings::Collected;
