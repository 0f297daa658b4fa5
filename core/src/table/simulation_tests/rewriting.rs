//! The rewrite of some files into one: what compactions and erases share.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::*;
use super::content::{Content, RowSet, place};
use super::judge::Outcome;
use super::log::{Known, is_passing, read_step};
use super::store::CLAIMS;
use super::world::World;
use crate::{LsnRange, ObjectKey};

#[derive(Debug)]
pub(super) struct Rewriting {
    key: ObjectKey,
    lsns: Vec<LsnRange>,
    /// The files as they were planned.
    pub(super) sources: Vec<Add>,
    leave_out: RowSet,
    salt: u64,
    claim: RewriteClaim,
    state: State,
    /// Whether the object there is ours.
    pub(super) has_created: bool,
    /// The new file; `None` if no row is left.
    pub(super) file: Option<NewFile>,
}

#[derive(Debug)]
enum State {
    Claiming,
    ListingClaims,
    Reading { reader: Box<TableReader>, since_ms: i64 },
    Looking(Arc<Table>),
    Getting { table: Arc<Table>, got: Vec<(ObjectKey, Content)> },
    Putting { content: Content, is_retry: bool },
    Ready,
}

/// How far a rewrite is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Busy,
    /// The object is stored, if any row is left.
    Ready,
    /// Something is in the way; whether it is an object at the key.
    GivenUp {
        is_taken: bool,
    },
}

impl Rewriting {
    pub(super) fn new(
        world: &mut World,
        key: ObjectKey,
        lsns: Vec<LsnRange>,
        sources: Vec<Add>,
        leave_out: RowSet,
    ) -> Self {
        let claim = RewriteClaim::new(&place(), &key, &world.mark(), world.now_ms).unwrap();
        let salt = world.below(1_000);
        let (state, has_created, file) = (State::Claiming, false, None);
        Rewriting { key, lsns, sources, leave_out, salt, claim, state, has_created, file }
    }

    pub(super) fn path(&self) -> &str {
        self.claim.path()
    }

    pub(super) fn claim(&self) -> &RewriteClaim {
        &self.claim
    }

    /// One operation.
    pub(super) fn step(&mut self, world: &mut World, known: &mut Known) -> Outcome<Progress> {
        match std::mem::replace(&mut self.state, State::Ready) {
            State::Claiming => {
                let name = format!("{CLAIMS}{}", self.claim.name());
                let answer = world.put_new(&name, Content::Note(bytes::Bytes::new()))?;
                self.state = match answer {
                    PutAnswer::Unknown => State::Claiming,
                    PutAnswer::Created | PutAnswer::Exists => State::ListingClaims,
                };
                Ok(Progress::Busy)
            }
            State::ListingClaims => self.list_claims(world, known),
            State::Reading { reader, since_ms } => self.read(world, known, *reader, since_ms),
            State::Looking(table) => match world.get(self.path()) {
                Some(Some(_)) => Ok(Progress::GivenUp { is_taken: true }),
                found => {
                    self.state = match found {
                        None => State::Looking(table),
                        Some(_) => State::Getting { table, got: Vec::new() },
                    };
                    Ok(Progress::Busy)
                }
            },
            State::Getting { table, got } => self.get(world, table, got),
            State::Putting { content, is_retry } => self.put(world, content, is_retry),
            State::Ready => Ok(Progress::Ready),
        }
    }

    fn list_claims(&mut self, world: &mut World, known: &Known) -> Outcome<Progress> {
        let Some(listed) = world.list(CLAIMS, "") else {
            self.state = State::ListingClaims;
            return Ok(Progress::Busy);
        };
        match self.claim.rival(&place(), &listed, world.now_ms) {
            Ok(None) => {
                let reader = Box::new(known.reader(world.now_ms));
                self.state = State::Reading { reader, since_ms: world.now_ms };
                Ok(Progress::Busy)
            }
            // A vacuum may have deleted the claim as a dead one.
            Ok(Some(_)) | Err(_) => Ok(Progress::GivenUp { is_taken: false }),
        }
    }

    fn read(
        &mut self,
        world: &mut World,
        known: &mut Known,
        mut reader: TableReader,
        since_ms: i64,
    ) -> Outcome<Progress> {
        match read_step(world, &mut reader) {
            Ok(false) => {
                self.state = State::Reading { reader: Box::new(reader), since_ms };
                return Ok(Progress::Busy);
            }
            Ok(true) => {}
            Err(error) if is_passing(&error) => {
                return Ok(Progress::GivenUp { is_taken: false });
            }
            Err(error) => return Err(error.to_string()),
        }
        let table = reader.table().ok_or("the table is gone")?;
        known.keep(Some(Arc::clone(&table)), since_ms);
        let is_there = |add: &Add| table.add(&add.path).is_some_and(|it| it.bytes == add.bytes);
        let is_known = table.add(self.path()).is_some() || table.removal(self.path()).is_some();
        if is_known || !self.sources.iter().all(is_there) {
            return Ok(Progress::GivenUp { is_taken: false });
        }
        self.state = State::Looking(table);
        Ok(Progress::Busy)
    }

    fn get(
        &mut self,
        world: &mut World,
        table: Arc<Table>,
        mut got: Vec<(ObjectKey, Content)>,
    ) -> Outcome<Progress> {
        if let Some(source) = self.sources.get(got.len()) {
            match world.get(&source.path) {
                None => {}
                Some(Some(content)) => got.push((super::content::key(&source.path), content)),
                // Another commit has removed it meanwhile.
                Some(None)
                    if world.judge.newest().is_some_and(|it| it.files.contains(&source.path)) =>
                {
                    return Err(format!("{} is not there to be rewritten", source.path));
                }
                Some(None) => return Ok(Progress::GivenUp { is_taken: false }),
            }
            self.state = State::Getting { table, got };
            return Ok(Progress::Busy);
        }
        let metadata = table.metadata().ok_or("a table without columns")?;
        let columns = TableColumns::from_metadata(metadata).map_err(|error| error.to_string())?;
        let (leave_out, salt) = (&self.leave_out, self.salt);
        match Content::rewritten(&self.key, &got, &columns, leave_out, salt) {
            None => Ok(Progress::Ready),
            Some(content) => {
                self.state = State::Putting { content, is_retry: false };
                Ok(Progress::Busy)
            }
        }
    }

    fn put(&mut self, world: &mut World, content: Content, is_retry: bool) -> Outcome<Progress> {
        if !self.claim.may_put(world.now_ms) {
            return Ok(Progress::GivenUp { is_taken: false });
        }
        match world.put_new(self.path(), content.clone())? {
            PutAnswer::Unknown => {
                self.has_created = true;
                self.state = State::Putting { content, is_retry: true };
                return Ok(Progress::Busy);
            }
            PutAnswer::Exists if !is_retry => return Ok(Progress::GivenUp { is_taken: true }),
            PutAnswer::Exists | PutAnswer::Created => self.has_created = true,
        }
        let lsns = Some(self.lsns.clone());
        self.file = Some(content.new_file(self.path(), world.now_ms, lsns));
        Ok(Progress::Ready)
    }
}

/// The keys that no new file may get: those of files that are gone, and those of other objects.
pub(super) fn taken(table: &Table, listed: &[ListedObject]) -> BTreeSet<String> {
    let gone = table.tombstones().map(|remove| remove.path.clone());
    let there = listed.iter().map(|object| object.name.clone());
    let paths = gone.chain(there).filter(|path| table.add(path).is_none());
    paths.map(|path| format!("{}{path}", place().folder())).collect()
}
