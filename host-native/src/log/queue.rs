//! The changes of this process that wait to be committed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use coldpress_core::table::{ChangeOutcome, Table, TableChange, TablePlace};
use tokio::sync::{Mutex as AsyncMutex, oneshot};

use crate::error::Result;

/// What became of a change.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) outcome: ChangeOutcome,
    /// The table with it; `None` if there is none.
    pub(crate) table: Option<Arc<Table>>,
}

/// The changes that wait to be committed, by the folders of their tables.
#[derive(Debug, Default)]
pub(super) struct CommitQueues(Mutex<HashMap<String, Arc<Queue>>>);

/// The changes to one table.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Held by the one who commits.
    pub(super) turn: AsyncMutex<()>,
    waiting: Mutex<Vec<Waiting>>,
}

/// The changes of one caller.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) changes: Vec<TableChange>,
    pub(super) answer: oneshot::Sender<Vec<Result<Done>>>,
}

impl CommitQueues {
    /// The queue of a table. Queues that nobody uses any more are forgotten.
    pub(super) fn of(&self, place: &TablePlace) -> Arc<Queue> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        Arc::clone(queues.entry(place.folder().to_owned()).or_default())
    }
}

impl Queue {
    pub(super) fn push(&self, changes: Vec<TableChange>) -> oneshot::Receiver<Vec<Result<Done>>> {
        let (answer, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Waiting { changes, answer });
        receiver
    }

    pub(super) fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
