//! A compactor: it plans by the log, and rewrites one group at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::*;
use super::content::{RowSet, key, place};
use super::judge::{Outcome, Why};
use super::log::{Commit, Known, is_passing, read_step};
use super::rewriting::{Progress, Rewriting, taken};
use super::world::World;
use crate::ErrorKind;

#[derive(Debug, Default)]
pub(super) struct Compactor {
    known: Known,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Reading {
        reader: Box<TableReader>,
        since_ms: i64,
    },
    Listing(Arc<Table>),
    Rewriting(Box<Rewriting>),
    Committing {
        commit: Box<Commit>,
        rewriting: Box<Rewriting>,
    },
    /// Deletes the own object, then the claim.
    Ending {
        deletes_own: bool,
        claim: RewriteClaim,
    },
}

impl Compactor {
    /// One operation. True when a round has ended.
    pub(super) fn step(&mut self, world: &mut World) -> Outcome<bool> {
        self.state = match std::mem::take(&mut self.state) {
            State::Idle => {
                let reader = Box::new(self.known.reader(world.now_ms));
                State::Reading { reader, since_ms: world.now_ms }
            }
            State::Reading { mut reader, since_ms } => match read_step(world, &mut reader) {
                Ok(false) => State::Reading { reader, since_ms },
                Ok(true) => {
                    let table = reader.table();
                    self.known.keep(table.clone(), since_ms);
                    table.map_or(State::Idle, State::Listing)
                }
                Err(error) if is_passing(&error) => State::Idle,
                Err(error) => return Err(error.to_string()),
            },
            State::Listing(table) => match world.list("", "") {
                None => State::Listing(table),
                Some(listed) => plan(world, &table, &listed)?,
            },
            State::Rewriting(mut rewriting) => match rewriting.step(world, &mut self.known)? {
                Progress::Busy => State::Rewriting(rewriting),
                Progress::Ready => self.commit(world, rewriting)?,
                Progress::GivenUp { .. } => ending(&rewriting, rewriting.has_created),
            },
            State::Committing { mut commit, rewriting } => match commit.step(world)? {
                Ok(false) => State::Committing { commit, rewriting },
                Ok(true) => self.committed(*commit, &rewriting)?,
                // The entry may be there or not, so the object stays.
                Err(error) if is_passing(&error) => ending(&rewriting, false),
                Err(error) => return Err(error.to_string()),
            },
            State::Ending { deletes_own: true, claim } if claim.may_put(world.now_ms) => {
                let is_gone = world.delete_file(claim.path(), Why::Own)?;
                State::Ending { deletes_own: !is_gone, claim }
            }
            State::Ending { claim, .. } => match world.delete_claim(&claim.name()) {
                true => State::Idle,
                false => State::Ending { deletes_own: false, claim },
            },
        };
        Ok(matches!(self.state, State::Idle))
    }

    fn commit(&self, world: &mut World, rewriting: Box<Rewriting>) -> Outcome<State> {
        let file = rewriting.file.clone().ok_or("a compaction has left out all rows")?;
        let change = TableChange::compact(&rewriting.sources, vec![file]);
        let known = self.known.get(world.now_ms);
        let commit = Box::new(Commit::new(world, known, vec![change]));
        Ok(State::Committing { commit, rewriting })
    }

    fn committed(&mut self, commit: Commit, rewriting: &Rewriting) -> Outcome<State> {
        let since_ms = commit.since_ms;
        let Committed { table, outcomes, .. } = commit.committed();
        let is_live = table.as_ref().is_some_and(|it| it.add(rewriting.path()).is_some());
        self.known.keep(table, since_ms);
        match outcomes.into_iter().next() {
            Some(Ok(_)) => Ok(ending(rewriting, false)),
            Some(Err(error)) if error.kind() == ErrorKind::Conflict => {
                Ok(ending(rewriting, rewriting.has_created && !is_live))
            }
            other => Err(format!("a compaction ended with {other:?}")),
        }
    }
}

fn ending(rewriting: &Rewriting, deletes_own: bool) -> State {
    State::Ending { deletes_own, claim: rewriting.claim().clone() }
}

/// Takes one group of the plan.
fn plan(world: &mut World, table: &Table, listed: &[ListedObject]) -> Outcome<State> {
    let file = |add: &Add| {
        let lsns = lsns_of(&place(), add).unwrap();
        let rows = lsns.iter().map(|range| (*range).max() - (*range).min() + 1).sum();
        let key = key(&add.path);
        CompactFile { key, bytes: add.bytes, rows, lsns, must_rewrite: false }
    };
    let files: Vec<CompactFile> = table.adds().map(file).collect();
    let target_bytes = if world.is_real { 20_000 } else { 1_500 };
    let settings = CompactSettings { target_bytes, files_max: 4 };
    let plan = CompactPlan::new(files, &taken(table, listed), &settings)
        .map_err(|error| error.to_string())?;
    let mut groups: VecDeque<CompactGroup> = plan.groups().to_vec().into();
    let skipped = world.below(groups.len().max(1) as u64) as usize;
    groups.rotate_left(skipped);
    let Some(CompactGroup { files, key, lsns, .. }) = groups.pop_front() else {
        return Ok(State::Idle);
    };
    let path = |file: &CompactFile| place().path_of(&file.key).map(str::to_owned);
    let sources = files.iter().filter_map(path).filter_map(|path| table.add(&path).cloned());
    let sources = sources.collect();
    Ok(State::Rewriting(Box::new(Rewriting::new(world, key, lsns, sources, RowSet::new()))))
}
