//! Drives the machines of the log, one operation of the store at a time.

use std::sync::Arc;

use super::super::*;
use super::content::{Content, place};
use super::judge::Outcome;
use super::store::LOG;
use super::world::{DAY_MS, World};
use crate::{Error, Result};

/// The newest version that an actor knows.
#[derive(Debug, Default)]
pub(super) struct Known(Option<(Arc<Table>, i64)>);

impl Known {
    /// Keeps a table that was read from this time on.
    pub(super) fn keep(&mut self, table: Option<Arc<Table>>, since_ms: i64) {
        self.0 = table.filter(|table| table.version().is_some()).map(|table| (table, since_ms));
    }

    /// The table, unless it is older than a day.
    pub(super) fn get(&self, now_ms: i64) -> Option<Arc<Table>> {
        let (table, since_ms) = self.0.as_ref()?;
        (now_ms - since_ms < DAY_MS).then(|| Arc::clone(table))
    }

    /// A reader of the newest version.
    pub(super) fn reader(&self, now_ms: i64) -> TableReader {
        match self.get(now_ms) {
            Some(table) => TableReader::refresh(table),
            None => TableReader::new(place()),
        }
    }
}

/// One operation of a reader. True when all is read.
pub(super) fn read_step(world: &mut World, reader: &mut TableReader) -> Result<bool> {
    match reader.poll().clone() {
        LogStep::Done => {}
        LogStep::Get { name, .. } => {
            if let Some(found) = world.get(&format!("{LOG}{name}")) {
                reader.got(found.map(note))?;
            }
        }
        LogStep::List { after } => {
            if let Some(listed) = world.list(LOG, &after) {
                reader.listed(&log_objects(&listed))?;
            }
        }
    }
    Ok(*reader.poll() == LogStep::Done)
}

/// A commit, and since when it works.
#[derive(Debug)]
pub(super) struct Commit {
    commit: TableCommit,
    pub(super) since_ms: i64,
    pub(super) own_id: String,
}

impl Commit {
    pub(super) fn new(
        world: &mut World,
        known: Option<Arc<Table>>,
        changes: Vec<TableChange>,
    ) -> Self {
        let own_id = world.mark();
        let mark = CommitMark { own_id: own_id.clone(), table_id: "a-table".to_owned() };
        let (random, now_ms) = (world.seed(), world.now_ms);
        let commit = TableCommit::new(place(), known, changes, mark, random, now_ms).unwrap();
        Commit { commit, since_ms: now_ms, own_id }
    }

    /// One operation. True when all is done.
    pub(super) fn step(&mut self, world: &mut World) -> Outcome<Result<bool>> {
        let stepped = match self.commit.poll().clone() {
            CommitStep::Done => Ok(()),
            CommitStep::Wait { ms } => {
                world.now_ms += ms as i64;
                self.commit.waited(world.now_ms)
            }
            CommitStep::Get { name, .. } => match world.get(&format!("{LOG}{name}")) {
                Some(found) => self.commit.got(found.map(note)),
                None => Ok(()),
            },
            CommitStep::List { after } => match world.list(LOG, &after) {
                Some(listed) => self.commit.listed(&log_objects(&listed)),
                None => Ok(()),
            },
            CommitStep::Put { name, bytes } => {
                let answer = world.put_new(&format!("{LOG}{name}"), Content::Note(bytes))?;
                self.commit.put(answer, world.now_ms)
            }
        };
        Ok(stepped.map(|()| *self.commit.poll() == CommitStep::Done))
    }

    pub(super) fn committed(self) -> Committed {
        self.commit.committed().unwrap()
    }
}

/// Stores a checkpoint, then the hint.
#[derive(Debug)]
pub(super) struct Checkpointing {
    checkpoint: Checkpoint,
    is_stored: bool,
}

impl Checkpointing {
    /// `forget_before_ms`: as [`write_checkpoint`] has it.
    pub(super) fn new(table: &Table, forget_before_ms: i64) -> Outcome<Self> {
        let checkpoint =
            write_checkpoint(table, forget_before_ms).map_err(|error| error.to_string())?;
        Ok(Checkpointing { checkpoint, is_stored: false })
    }

    /// One operation. True when all is done.
    pub(super) fn step(&mut self, world: &mut World) -> Outcome<bool> {
        if self.is_stored {
            return Ok(world.put_hint(write_last_checkpoint(&self.checkpoint.hint()).into()));
        }
        let name = format!("{LOG}{}", checkpoint_name(self.checkpoint.version));
        let content = Content::Note(self.checkpoint.bytes.clone());
        // Another one of the same version is as good.
        self.is_stored = world.put_new(&name, content)? != PutAnswer::Unknown;
        Ok(false)
    }
}

/// The log changed too fast, or the store gave no clear answer: the actor tries again.
pub(super) fn is_passing(error: &Error) -> bool {
    error.kind() == crate::ErrorKind::Unavailable
}

pub(super) fn note(content: Content) -> bytes::Bytes {
    match content {
        Content::Note(bytes) => bytes,
        Content::Model { .. } | Content::Real(_) => panic!("a file of rows in the log"),
    }
}

fn log_objects(listed: &[ListedObject]) -> Vec<LogObject> {
    let object = |it: &ListedObject| LogObject {
        name: it.name.clone(),
        bytes: it.bytes,
        modified_ms: it.modified_ms,
    };
    listed.iter().map(object).collect()
}
