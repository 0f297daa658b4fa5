//! Which files of a table to rewrite into larger ones.

mod file;
mod order;
mod plan;
mod tiers;

pub use file::{CompactFile, CompactSettings, RANGES_MAX, joined_lsns};
pub use plan::{CompactGroup, CompactPlan};
