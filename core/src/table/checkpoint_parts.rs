//! A checkpoint that is read part by part.

use bytes::Bytes;

use super::action::LogAction;
use super::checkpoint::read_checkpoint;
use super::place::TablePlace;
use super::state::Table;
use crate::{Error, ErrorKind, Result};

/// The most bytes of a checkpoint, over all its parts.
const CHECKPOINT_BYTES_MAX: u64 = 1 << 30;

/// What is read of a checkpoint, and what is not yet.
#[derive(Debug)]
pub(super) struct CheckpointParts {
    pub(super) version: u64,
    /// The names of the objects to read, the next one last.
    names: Vec<String>,
    /// How many bytes these may have.
    pub(super) bytes_left: u64,
    actions: Vec<LogAction>,
}

impl CheckpointParts {
    /// The checkpoint of this version in these objects.
    pub(super) fn new(version: u64, mut names: Vec<String>) -> Self {
        names.reverse();
        CheckpointParts { version, names, bytes_left: CHECKPOINT_BYTES_MAX, actions: Vec::new() }
    }

    /// The names of the objects to read, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.names.iter().rev()
    }

    /// Reads the next object.
    pub(super) fn push(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes_left = self.bytes_left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let text = format!("its parts have more than {CHECKPOINT_BYTES_MAX} bytes");
            Error::new(ErrorKind::Limit, text)
        })?;
        self.actions.extend(read_checkpoint(bytes)?);
        self.names.pop();
        Ok(())
    }

    /// The table, once all objects are read.
    pub(super) fn table(self, place: &TablePlace) -> Result<Table> {
        let mut table = Table::new(place.clone());
        table.apply_checkpoint(self.version, self.actions)?;
        Ok(table)
    }
}
