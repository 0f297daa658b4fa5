//! The logs of tables: reads them, and commits to them. Core's machines decide what to read and
//! what to put; this sends their requests.

mod checkpoint;
mod cleanup;
mod commit;
mod folder;
mod queue;
mod tables;

pub(crate) use folder::LogStore;
pub(crate) use queue::Done;
pub(crate) use tables::Tables;
