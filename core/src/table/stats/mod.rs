//! The statistics of a file, as the log has them.

mod cut;
mod ends;
mod write;

pub(super) use ends::{LeafStats, of_leaf};
pub(super) use write::{StatsLeaf, rows_only, stats_text};
