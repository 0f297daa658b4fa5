//! A vacuum: it deletes what no retained version needs, and shortens the log.

use std::sync::Arc;

use super::super::*;
use super::content::place;
use super::judge::{Outcome, Why};
use super::log::{Checkpointing, Commit, is_passing, note, read_step};
use super::store::{CLAIMS, LOG};
use super::world::{DAY_MS, World};

#[derive(Debug, Default)]
pub(super) struct Cleaner {
    state: State,
    /// The objects of the folder, listed before the log was read.
    listed: Vec<ListedObject>,
    log: Vec<ListedObject>,
    since_ms: i64,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// Deletes dead claims.
    Claims(Vec<String>),
    Listing,
    ListingLog,
    /// Reads the oldest version, then all entries after it.
    Begin(Box<TableReader>),
    Replaying(Box<TableReader>),
    Discarding {
        commit: Box<Commit>,
        table: Arc<Table>,
        removed: Vec<String>,
    },
    Deleting {
        table: Arc<Table>,
        names: Vec<String>,
    },
    /// Lists again, to see which objects are gone.
    Gone(Arc<Table>),
    Checkpointing {
        it: Checkpointing,
        version: u64,
    },
    Checking(u64),
    ListingOld(u64),
    DeletingLog(Vec<String>),
}

impl Cleaner {
    /// One operation. True when a round has ended.
    pub(super) fn step(&mut self, world: &mut World) -> Outcome<bool> {
        self.state = match std::mem::take(&mut self.state) {
            State::Idle => match world.list(CLAIMS, "") {
                None => State::Idle,
                Some(listed) => {
                    let claims =
                        listed.iter().filter_map(|object| RewriteClaim::read(&place(), object));
                    let dead = claims.filter(|claim| claim.is_dead(world.now_ms));
                    State::Claims(dead.map(|claim| claim.name()).collect())
                }
            },
            State::Claims(mut names) => match names.pop() {
                None => State::Listing,
                Some(name) => {
                    if !world.delete_claim(&name) {
                        names.push(name);
                    }
                    State::Claims(names)
                }
            },
            State::Listing => match world.list("", "") {
                None => State::Listing,
                Some(listed) => {
                    self.listed = listed;
                    State::ListingLog
                }
            },
            State::ListingLog => match world.list(LOG, "") {
                None => State::ListingLog,
                Some(log) => {
                    (self.log, self.since_ms) = (log, world.now_ms);
                    let begin = history_begin(&self.log);
                    begin.map_or(State::Idle, |version| {
                        State::Begin(Box::new(TableReader::at(place(), version)))
                    })
                }
            },
            State::Begin(mut reader) => match read_step(world, &mut reader) {
                Ok(false) => State::Begin(reader),
                Ok(true) => {
                    let table = reader.table().ok_or("the oldest version is gone")?;
                    State::Replaying(Box::new(TableReader::replay(table)))
                }
                Err(error) => given_up(&error)?,
            },
            State::Replaying(mut reader) => match read_step(world, &mut reader) {
                Ok(false) => State::Replaying(reader),
                Ok(true) => self.judge(world, reader.table().ok_or("the table is gone")?)?,
                Err(error) => given_up(&error)?,
            },
            other => self.delete(world, other)?,
        };
        Ok(matches!(self.state, State::Idle))
    }

    /// What is needless, by the log. Objects without a commit go by way of the log.
    fn judge(&self, world: &mut World, table: Arc<Table>) -> Outcome<State> {
        if world.now_ms - self.since_ms >= DAY_MS {
            return Ok(State::Idle);
        }
        let all = Uncommitted { removals_known_since_ms: i64::MIN };
        let uncommitted = world.chance(700).then_some(&all);
        let live = table.adds().map(|add| add.path.as_str());
        let removals = removals(&table, &self.log);
        let retention = world.retention();
        let needless =
            needless_files(&place(), &self.listed, live, &removals, &retention, uncommitted)
                .map_err(|error| error.to_string())?;
        let name = |file: &NeedlessFile| place().path_of(&file.key).unwrap().to_owned();
        let of = |because| {
            let files = needless.iter().filter(move |file| file.because == because);
            files.map(name).collect::<Vec<String>>()
        };
        let removed = of(NeedlessBecause::Removed);
        let discard = TableChange::discard(of(NeedlessBecause::Uncommitted));
        let commit = Box::new(Commit::new(world, Some(Arc::clone(&table)), vec![discard]));
        Ok(State::Discarding { commit, table, removed })
    }

    fn delete(&mut self, world: &mut World, state: State) -> Outcome<State> {
        Ok(match state {
            State::Discarding { mut commit, table, mut removed } => match commit.step(world)? {
                Ok(false) => State::Discarding { commit, table, removed },
                Ok(true) => {
                    let committed = commit.committed();
                    let discarded = committed.outcomes.into_iter().next().and_then(Result::ok);
                    removed.extend(discarded.ok_or("nothing can be discarded")?.removed);
                    let table = committed.table.unwrap_or(table);
                    State::Deleting { table, names: removed }
                }
                Err(error) => given_up(&error)?,
            },
            State::Deleting { table, mut names } => match names.pop() {
                None => State::Gone(table),
                Some(name) => {
                    if !world.delete_file(&name, Why::Vacuum)? {
                        names.push(name);
                    }
                    State::Deleting { table, names }
                }
            },
            State::Gone(table) => match world.list("", "") {
                None => State::Gone(table),
                Some(listed) => {
                    let before_ms = forgettable_before_ms(&table, &listed, &world.retention());
                    let version = table.version().ok_or("a table without a version")?;
                    State::Checkpointing { it: Checkpointing::new(&table, before_ms)?, version }
                }
            },
            State::Checkpointing { mut it, version } => match it.step(world)? {
                false => State::Checkpointing { it, version },
                true => State::Checking(version),
            },
            State::Checking(version) => {
                match world.get(&format!("{LOG}{}", checkpoint_name(version))) {
                    None => State::Checking(version),
                    // Another vacuum has deleted it.
                    Some(None) => State::Idle,
                    Some(Some(content)) => {
                        read_checkpoint(note(content)).map_err(|error| error.to_string())?;
                        State::ListingOld(version)
                    }
                }
            }
            State::ListingOld(version) => match world.list(LOG, "") {
                None => State::ListingOld(version),
                Some(listed) => {
                    let mut names = needless_log(&listed, version, &world.retention());
                    names.reverse();
                    State::DeletingLog(names)
                }
            },
            State::DeletingLog(mut names) => match names.pop() {
                None => State::Idle,
                Some(name) => {
                    if !world.delete_log(&name)? {
                        names.push(name);
                    }
                    State::DeletingLog(names)
                }
            },
            other => other,
        })
    }
}

fn given_up(error: &crate::Error) -> Outcome<State> {
    match is_passing(error) {
        true => Ok(State::Idle),
        false => Err(error.to_string()),
    }
}
