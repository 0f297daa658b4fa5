//! A collection as a Delta table: its log, and what commits do to it.
//!
//! Each collection may have a log, a folder `_delta_log/` beside its files. Each entry of the log
//! is one commit: a version. What the log says is what the table holds.
//!
//! Everything here is sans-IO: names to read and bytes to put come out, bytes and listings go in.
//! The format is that of the [Delta transaction log protocol][protocol], reader version 1 and
//! writer version 2: every engine that reads Delta reads these tables.
//!
//! [protocol]: https://github.com/delta-io/delta/blob/master/PROTOCOL.md

mod action;
mod added;
mod change;
mod checkpoint;
mod checkpoint_parts;
mod columns;
mod commit;
mod commit_faults;
mod compact;
mod draft;
mod entry;
mod entry_actions;
#[cfg(test)]
#[path = "fake_log_tests.rs"]
mod fake_log;
mod file;
mod history;
mod join;
mod listed;
mod live;
mod log_listing;
mod lsn_index;
mod lsns;
mod name;
mod place;
mod read;
mod read_faults;
mod removals;
mod rewrite;
mod rewrite_claim;
mod rules;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod simulation_tests;
mod state;
mod stats;
mod support;
mod turn;
mod types;
mod uri;
mod vacuum;

pub use action::{
    Add, CommitInfo, DeletionVector, LogAction, Metadata, Protocol, Remove, Transaction,
};
pub use change::{ChangeKind, ChangeOutcome, PassedOver, TableChange};
pub use checkpoint::{
    Checkpoint, LastCheckpoint, read_checkpoint, read_last_checkpoint, write_checkpoint,
    write_last_checkpoint,
};
pub use columns::TableColumns;
pub use commit::{CommitMark, CommitStep, Committed, PutAnswer, TableCommit};
pub use compact::{
    CompactFile, CompactGroup, CompactPlan, CompactSettings, RANGES_MAX, joined_lsns,
};
pub use entry::{read_entry, write_entry};
pub use file::NewFile;
pub use history::TableVersion;
pub use live::{can_have_id, can_match};
pub use log_listing::{LogObject, LogStep};
pub use lsns::{LSNS_TAG, lsns_of};
pub use name::{LAST_CHECKPOINT, LogName, checkpoint_name, entry_name};
pub use place::TablePlace;
pub use read::TableReader;
pub use removals::{forgettable_before_ms, history_begin, removals};
pub use rewrite::{RewriteOrder, RewriteOutput, RewriteSettings, RewriteSource, Rewriter};
pub use rewrite_claim::{REWRITE_CLAIM_DEAD_MS, RewriteClaim, rewrites_of};
pub use state::{Table, Tombstone};
pub use vacuum::{
    LOG_KEPT_MS, ListedObject, NeedlessBecause, NeedlessFile, Removal, Retention, UNCOMMITTED_MS,
    Uncommitted, needless_files, needless_log,
};
