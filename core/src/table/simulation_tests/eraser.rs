//! An eraser: it rewrites the files that hold some rows, then purges every other object that does.

use std::sync::Arc;

use super::super::*;
use super::content::{RowSet, place};
use super::judge::{Outcome, Why, check};
use super::log::{Commit, Known, is_passing, read_step};
use super::rewriting::{Progress, Rewriting, taken};
use super::store::CLAIMS;
use super::world::World;
use crate::{ErrorKind, LsnRange};

#[derive(Debug, Default)]
pub(super) struct Eraser {
    known: Known,
    rows: RowSet,
    rewritings: Vec<Rewriting>,
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
    /// The files before this one are rewritten.
    Rewriting(usize),
    Committing(Box<Commit>),
    /// Waits for other rewrites that may hold the rows.
    PurgeClaims,
    PurgeListing,
    PurgeReading {
        listed: Vec<ListedObject>,
        reader: Box<TableReader>,
        since_ms: i64,
    },
    /// Looks for the rows in what the table does not have.
    PurgeSearching {
        names: Vec<String>,
        found: Vec<String>,
    },
    PurgeDiscarding {
        commit: Box<Commit>,
        found: Vec<String>,
    },
    PurgeDeleting(Vec<String>),
    /// Deletes the own claims, and the own objects if nothing was committed.
    Ending {
        deletes_own: bool,
        is_purged: bool,
    },
}

impl Eraser {
    /// One operation. True when a round has ended.
    pub(super) fn step(&mut self, world: &mut World) -> Outcome<bool> {
        self.state = match std::mem::take(&mut self.state) {
            State::Idle => self.begin(world),
            State::Reading { mut reader, since_ms } => match read_step(world, &mut reader) {
                Ok(false) => State::Reading { reader, since_ms },
                Ok(true) => {
                    let table = reader.table();
                    self.known.keep(table.clone(), since_ms);
                    table.map_or(State::Idle, State::Listing)
                }
                Err(error) => given_up(&error, State::Idle)?,
            },
            State::Listing(table) => match world.list("", "") {
                None => State::Listing(table),
                Some(listed) => self.plan(world, &table, &listed),
            },
            State::Rewriting(at) => self.rewrite(world, at)?,
            State::Committing(mut commit) => match commit.step(world)? {
                Ok(false) => State::Committing(commit),
                Ok(true) => self.committed(*commit)?,
                Err(error) => given_up(&error, END)?,
            },
            State::Ending { deletes_own, is_purged } => self.end(world, deletes_own, is_purged)?,
            purging => self.purge(world, purging)?,
        };
        Ok(matches!(self.state, State::Idle))
    }

    fn begin(&mut self, world: &mut World) -> State {
        if world.wishes.is_empty() {
            let rows = world.judge.newest().map(|it| it.rows.clone()).unwrap_or_default();
            let mut wish = RowSet::new();
            for _ in 0..=world.below(3) {
                let at = world.below(rows.len().max(1) as u64) as usize;
                wish.extend(rows.iter().nth(at));
            }
            world.wishes.push(wish);
        }
        self.rows = world.wishes.first().cloned().unwrap_or_default();
        let reader = Box::new(self.known.reader(world.now_ms));
        State::Reading { reader, since_ms: world.now_ms }
    }

    /// One rewrite for each file that holds some of the rows.
    fn plan(&mut self, world: &mut World, table: &Table, listed: &[ListedObject]) -> State {
        let taken = taken(table, listed);
        let held = |add: &&Add| {
            let rows = world.judge.contents.get(&add.path);
            rows.is_some_and(|rows| !rows.is_disjoint(&self.rows))
        };
        let adds: Vec<Add> = table.adds().filter(held).cloned().collect();
        for add in adds {
            let key = super::content::key(&add.path);
            let mut generation = key.generation().unwrap();
            let new = loop {
                generation += 1;
                let new = key.rewritten(key.lsns().unwrap(), generation).unwrap();
                if !taken.contains(new.as_str()) {
                    break new;
                }
            };
            let lsns = lsns_of(&place(), &add).unwrap();
            let rows = self.rows.clone();
            self.rewritings.push(Rewriting::new(world, new, lsns, vec![add], rows));
        }
        match self.rewritings.is_empty() {
            true => State::PurgeClaims,
            false => State::Rewriting(0),
        }
    }

    fn rewrite(&mut self, world: &mut World, at: usize) -> Outcome<State> {
        if let Some(rewriting) = self.rewritings.get_mut(at) {
            return Ok(match rewriting.step(world, &mut self.known)? {
                Progress::Busy => State::Rewriting(at),
                Progress::Ready => State::Rewriting(at + 1),
                Progress::GivenUp { .. } => State::Ending { deletes_own: true, is_purged: false },
            });
        }
        let sources = self.rewritings.iter().flat_map(|it| &it.sources);
        let files = self.rewritings.iter().filter_map(|it| it.file.clone()).collect();
        let change = TableChange::erase(sources, files);
        let known = self.known.get(world.now_ms);
        let commit = Commit::new(world, known, vec![change]);
        world.judge.erases.insert(commit.own_id.clone(), self.rows.clone());
        Ok(State::Committing(Box::new(commit)))
    }

    fn committed(&mut self, commit: Commit) -> Outcome<State> {
        let since_ms = commit.since_ms;
        let Committed { table, outcomes, .. } = commit.committed();
        let is_live = |it: &Rewriting| table.as_ref().is_some_and(|t| t.add(it.path()).is_some());
        let deletes_own = !self.rewritings.iter().any(is_live);
        self.known.keep(table, since_ms);
        match outcomes.into_iter().next() {
            Some(Ok(_)) => Ok(State::PurgeClaims),
            Some(Err(error)) if error.kind() == ErrorKind::Conflict => {
                Ok(State::Ending { deletes_own, is_purged: false })
            }
            other => Err(format!("an erase ended with {other:?}")),
        }
    }

    fn purge(&mut self, world: &mut World, state: State) -> Outcome<State> {
        Ok(match state {
            State::PurgeClaims => match world.list(CLAIMS, "") {
                Some(listed) if !self.is_waiting(world, &listed) => {
                    world.judge.purging.extend(&self.rows);
                    State::PurgeListing
                }
                _ => State::PurgeClaims,
            },
            State::PurgeListing => match world.list("", "") {
                None => State::PurgeListing,
                Some(listed) => {
                    let reader = Box::new(self.known.reader(world.now_ms));
                    State::PurgeReading { listed, reader, since_ms: world.now_ms }
                }
            },
            State::PurgeReading { listed, mut reader, since_ms } => {
                match read_step(world, &mut reader) {
                    Ok(false) => State::PurgeReading { listed, reader, since_ms },
                    Ok(true) => {
                        let table = reader.table().ok_or("the table is gone")?;
                        self.known.keep(Some(Arc::clone(&table)), since_ms);
                        let names = listed.into_iter().map(|object| object.name);
                        let names = names.filter(|name| table.add(name).is_none()).collect();
                        State::PurgeSearching { names, found: Vec::new() }
                    }
                    Err(error) => given_up(&error, State::PurgeListing)?,
                }
            }
            State::PurgeSearching { names, found } => self.search(world, names, found),
            State::PurgeDiscarding { mut commit, found } => match commit.step(world)? {
                Ok(false) => State::PurgeDiscarding { commit, found },
                Ok(true) => discarded(*commit, &found)?,
                Err(error) => given_up(&error, State::PurgeListing)?,
            },
            State::PurgeDeleting(mut names) => match names.pop() {
                None => {
                    world.judge.purge_ended(&self.rows, &world.store)?;
                    world.wishes.retain(|wish| *wish != self.rows);
                    State::Ending { deletes_own: false, is_purged: true }
                }
                Some(name) => {
                    if !world.delete_file(&name, Why::Purge)? {
                        names.push(name);
                    }
                    State::PurgeDeleting(names)
                }
            },
            other => other,
        })
    }

    /// Whether another rewrite may still hold one of the rows.
    fn is_waiting(&self, world: &World, listed: &[ListedObject]) -> bool {
        let lsns: Vec<LsnRange> =
            self.rows.iter().map(|row| LsnRange::new(*row, *row).unwrap()).collect();
        let others = rewrites_of(&place(), listed, &lsns, world.now_ms);
        let is_own = |claim: &RewriteClaim| self.rewritings.iter().any(|it| it.claim() == claim);
        others.iter().any(|claim| {
            let is_same = |it: &Rewriting| it.claim().owner() == claim.owner();
            !is_own(claim) && !self.rewritings.iter().any(is_same)
        })
    }

    fn search(&self, world: &mut World, mut names: Vec<String>, mut found: Vec<String>) -> State {
        let Some(name) = names.last() else {
            let discard = TableChange::discard(found.clone());
            let commit = Box::new(Commit::new(world, self.known.get(world.now_ms), vec![discard]));
            return State::PurgeDiscarding { commit, found };
        };
        if let Some(content) = world.get(name) {
            let held = content.map(|content| content.rows()).unwrap_or_default();
            if held.iter().any(|row| self.rows.contains(row)) {
                found.push(name.clone());
            }
            names.pop();
        }
        State::PurgeSearching { names, found }
    }

    fn end(&mut self, world: &mut World, deletes_own: bool, is_purged: bool) -> Outcome<State> {
        let Some(rewriting) = self.rewritings.last_mut() else {
            return Ok(State::Idle);
        };
        let deletes = deletes_own && rewriting.has_created;
        if deletes && rewriting.claim().may_put(world.now_ms) {
            rewriting.has_created = !world.delete_file(rewriting.path(), Why::Own)?;
        } else if world.delete_claim(&rewriting.claim().name()) {
            self.rewritings.pop();
        }
        Ok(State::Ending { deletes_own, is_purged })
    }
}

/// It is not known what became of the commit, so the objects stay.
const END: State = State::Ending { deletes_own: false, is_purged: false };

/// What is to be deleted: nobody commits it any more.
fn discarded(commit: Commit, found: &[String]) -> Outcome<State> {
    match commit.committed().outcomes.into_iter().next() {
        Some(Ok(outcome)) => {
            check(outcome.passed_over.is_empty(), || {
                format!("of {found:?}, {:?} came into the table again", outcome.passed_over)
            })?;
            Ok(State::PurgeDeleting(found.to_vec()))
        }
        other => Err(format!("a discard ended with {other:?}")),
    }
}

fn given_up(error: &crate::Error, next: State) -> Outcome<State> {
    match is_passing(error) {
        true => Ok(next),
        false => Err(error.to_string()),
    }
}
