//! A writer: it puts files and commits them, or adopts what lies there.

use std::sync::Arc;

use super::super::*;
use super::content::{Content, key, place};
use super::judge::{Outcome, check};
use super::log::{Checkpointing, Commit, Known, is_passing, read_step};
use super::world::{DAY_MS, HOUR_MS, World};
use crate::{LsnRange, LsnWidth, ObjectKey};

/// A put that was not answered is tried again for so long.
const PUT_PATIENCE_MS: i64 = 6 * HOUR_MS;

#[derive(Debug, Default)]
pub(super) struct Writer {
    known: Known,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Putting {
        uploads: Vec<Upload>,
        at: usize,
    },
    /// The files are old: the log is read, then the store is asked whether they are still there.
    Reading {
        reader: Box<TableReader>,
        since_ms: i64,
        uploads: Vec<Upload>,
    },
    Looking {
        read: Read,
        uploads: Vec<Upload>,
        at: usize,
    },
    Committing {
        commit: Box<Commit>,
        /// The path of each change; none where files are adopted.
        paths: Vec<String>,
    },
    AdoptReading {
        reader: Box<TableReader>,
        since_ms: i64,
    },
    AdoptListing(Read),
    AdoptGetting {
        read: Read,
        names: Vec<ListedObject>,
        files: Vec<NewFile>,
    },
    Checkpointing(Checkpointing),
}

/// A table, and since when it was read.
#[derive(Debug)]
struct Read {
    table: Option<Arc<Table>>,
    since_ms: i64,
}

#[derive(Debug, Clone)]
struct Upload {
    path: String,
    content: Content,
    first_ms: i64,
}

impl Writer {
    /// One operation. True when a round has ended.
    pub(super) fn step(&mut self, world: &mut World) -> Outcome<bool> {
        self.state = match std::mem::take(&mut self.state) {
            State::Idle if world.chance(800) => {
                let uploads = (0..=world.below(2)).map(|_| Upload::new(world)).collect();
                State::Putting { uploads, at: 0 }
            }
            State::Idle => {
                let reader = Box::new(self.known.reader(world.now_ms));
                State::AdoptReading { reader, since_ms: world.now_ms }
            }
            State::Putting { uploads, at } => self.put(world, uploads, at)?,
            State::Reading { mut reader, since_ms, uploads } => {
                match read_step(world, &mut reader) {
                    Ok(true) => {
                        let read = Read { table: reader.table(), since_ms };
                        State::Looking { read, uploads, at: 0 }
                    }
                    Ok(false) => State::Reading { reader, since_ms, uploads },
                    Err(error) => given_up(&error)?,
                }
            }
            State::Looking { read, uploads, at } => match uploads.get(at) {
                None => self.commit_looked(world, read, &uploads),
                Some(upload) => match world.get(&upload.path) {
                    None => State::Looking { read, uploads, at },
                    Some(Some(_)) => State::Looking { read, uploads, at: at + 1 },
                    Some(None) => State::Idle,
                },
            },
            State::Committing { mut commit, paths } => match commit.step(world)? {
                Ok(false) => State::Committing { commit, paths },
                Ok(true) => self.committed(world, *commit, paths)?,
                Err(error) => given_up(&error)?,
            },
            State::AdoptReading { mut reader, since_ms } => match read_step(world, &mut reader) {
                Ok(true) => State::AdoptListing(Read { table: reader.table(), since_ms }),
                Ok(false) => State::AdoptReading { reader, since_ms },
                Err(error) => given_up(&error)?,
            },
            State::AdoptListing(read) => match world.list("", "") {
                None => State::AdoptListing(read),
                Some(mut names) => {
                    let table = read.table.as_ref();
                    names.retain(|it| table.is_none_or(|table| table.add(&it.name).is_none()));
                    State::AdoptGetting { read, names, files: Vec::new() }
                }
            },
            State::AdoptGetting { read, names, files } => adopt(world, read, names, files),
            State::Checkpointing(mut it) => match it.step(world)? {
                true => State::Idle,
                false => State::Checkpointing(it),
            },
        };
        Ok(matches!(self.state, State::Idle))
    }

    fn put(&mut self, world: &mut World, mut uploads: Vec<Upload>, at: usize) -> Outcome<State> {
        let now_ms = world.now_ms;
        let Some(upload) = uploads.get_mut(at) else {
            let oldest_ms = uploads.iter().map(|upload| upload.first_ms).min().unwrap_or(now_ms);
            if now_ms - oldest_ms >= UNCOMMITTED_MS as i64 {
                let reader = Box::new(self.known.reader(now_ms));
                return Ok(State::Reading { reader, since_ms: now_ms, uploads });
            }
            return Ok(self.commit(world, self.known.get(now_ms), &uploads));
        };
        if upload.first_ms == 0 {
            upload.first_ms = now_ms;
        }
        if now_ms - upload.first_ms > PUT_PATIENCE_MS {
            return Ok(State::Idle);
        }
        let (path, content) = (upload.path.clone(), upload.content.clone());
        let is_certain = world.put_new(&path, content)? != PutAnswer::Unknown;
        Ok(State::Putting { uploads, at: at + usize::from(is_certain) })
    }

    /// Commits what was just seen, unless that was long ago.
    fn commit_looked(&self, world: &mut World, read: Read, uploads: &[Upload]) -> State {
        match read.is_fresh(world.now_ms) {
            true => self.commit(world, read.table, uploads),
            false => State::Idle,
        }
    }

    fn commit(&self, world: &mut World, known: Option<Arc<Table>>, uploads: &[Upload]) -> State {
        let change = |it: &Upload| {
            TableChange::append(vec![it.content.new_file(&it.path, it.first_ms, None)])
        };
        let changes = uploads.iter().map(change).collect();
        let commit = Box::new(Commit::new(world, known, changes));
        State::Committing { commit, paths: uploads.iter().map(|it| it.path.clone()).collect() }
    }

    fn committed(
        &mut self,
        world: &mut World,
        commit: Commit,
        paths: Vec<String>,
    ) -> Outcome<State> {
        let since_ms = commit.since_ms;
        let Committed { table, outcomes, .. } = commit.committed();
        let mut paths = paths.into_iter();
        for outcome in outcomes {
            let own = paths.next();
            match outcome {
                Ok(outcome) => {
                    for path in outcome.added.iter().chain(&outcome.known) {
                        check(world.judge.is_known(path), || {
                            format!("{path} is said to be committed, and is not")
                        })?;
                    }
                }
                // Another one has adopted the file, and it was removed since, or it was discarded.
                Err(error) => check(own.is_some_and(|it| world.judge.is_known(&it)), || {
                    format!("a file of a writer is refused: {error}")
                })?,
            }
        }
        self.known.keep(table.clone(), since_ms);
        match table {
            Some(table) if world.chance(100) => {
                Ok(State::Checkpointing(Checkpointing::new(&table, i64::MIN)?))
            }
            _ => Ok(State::Idle),
        }
    }
}

impl Read {
    fn is_fresh(&self, now_ms: i64) -> bool {
        now_ms - self.since_ms < DAY_MS
    }
}

impl Upload {
    fn new(world: &mut World) -> Self {
        let lsns: LsnRange = world.lsns();
        let prefix = crate::KeyPrefix::default();
        let key = ObjectKey::data(&prefix, 7, "c", lsns, LsnWidth::Unpadded).unwrap();
        let path = place().path_of(&key).unwrap().to_owned();
        Upload { path, content: Content::put(world.is_real, lsns), first_ms: 0 }
    }
}

/// Reads the footers of what lies there, one by one, then commits.
fn adopt(
    world: &mut World,
    read: Read,
    mut names: Vec<ListedObject>,
    mut files: Vec<NewFile>,
) -> State {
    let Some(next) = names.last() else {
        if !read.is_fresh(world.now_ms) {
            return State::Idle;
        }
        let commit = Box::new(Commit::new(world, read.table, vec![TableChange::adopt(files)]));
        return State::Committing { commit, paths: Vec::new() };
    };
    if let Some(found) = world.get(&next.name) {
        if let Some(content) = found {
            let lsns = vec![key(&next.name).lsns().unwrap()];
            files.push(content.new_file(&next.name, next.modified_ms, Some(lsns)));
        }
        names.pop();
    }
    State::AdoptGetting { read, names, files }
}

fn given_up(error: &crate::Error) -> Outcome<State> {
    match is_passing(error) {
        true => Ok(State::Idle),
        false => Err(error.to_string()),
    }
}
