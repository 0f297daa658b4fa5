//! Drives one commit to its end.

use std::sync::Arc;

use bytes::Bytes;

use super::action::LogAction;
use super::change::{ChangeOutcome, TableChange};
use super::commit_faults as faults;
use super::entry::{ENTRY_BYTES_MAX, read_entry};
use super::log_listing::{LogObject, LogStep};
use super::name::entry_name;
use super::place::TablePlace;
use super::read::TableReader;
use super::state::Table;
pub use super::turn::CommitMark;
use super::turn::{NextEntry, next_entry};
use crate::{Backoff, Error, Random, Result, Retry};

/// How long a commit may take. The log may lose older entries
/// ([`LOG_KEPT_MS`](super::LOG_KEPT_MS)), and ours would lie where one of them was.
const COMMIT_MS_MAX: i64 = 24 * 60 * 60 * 1_000;
/// After how many lost races in a row a writer pauses.
const RACES_BEFORE_PAUSE: u32 = 3;
/// How often an entry is put whose fate stays unknown.
const PUTS_MAX: u32 = 10;

/// What a commit is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitStep {
    /// As [`LogStep::Get`]. Then call [`TableCommit::got`].
    Get {
        /// The name of the object, without the folder of the log.
        name: String,
        /// The most bytes that it may have.
        bytes_max: u64,
    },
    /// As [`LogStep::List`]. Then call [`TableCommit::listed`].
    List {
        /// The name after which to list; empty for all names.
        after: String,
    },
    /// Put this object of the log, and never overwrite one (`If-None-Match: *`). Then call
    /// [`TableCommit::put`].
    Put {
        /// Its name, without the folder.
        name: String,
        /// Its content.
        bytes: Bytes,
    },
    /// Wait so long. Then call [`TableCommit::waited`].
    Wait {
        /// How long, in milliseconds.
        ms: u64,
    },
    /// All is done: [`TableCommit::committed`] has the result.
    Done,
}

/// What the store answered to [`CommitStep::Put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutAnswer {
    /// The object is stored.
    Created,
    /// An object lies there already.
    Exists,
    /// The answer was lost: the object may be stored or not.
    Unknown,
}

/// What a commit has done.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The newest version that this commit put; `None` if there was nothing to put.
    pub version: Option<u64>,
    /// The table with it; `None` if there is none.
    pub table: Option<Arc<Table>>,
    /// What became of each change, in the order in which they were given. The error of one change
    /// does not keep the others from being committed.
    pub outcomes: Vec<Result<ChangeOutcome>>,
    /// Whether it is time to write a checkpoint of the table
    /// ([`Table::checkpoint_interval`]).
    pub checkpoint_due: bool,
}

/// Commits changes to one table. Its host performs the step that [`poll`](Self::poll) gives, and
/// reports it with the method that the step names. After an error the commit is of no use any more;
/// changes may be committed or not, and the same changes can be tried again with a new commit.
///
/// Changes that do not touch each other go into one entry, and the others into later ones. Where
/// another writer is faster, the changes are checked anew against its version, and go into the next
/// one.
#[derive(Debug)]
pub struct TableCommit {
    place: TablePlace,
    mark: CommitMark,
    random: Random,
    now_ms: i64,
    began_ms: i64,
    table: Option<Arc<Table>>,
    /// The changes that are not settled, by their numbers.
    pending: Vec<(usize, TableChange)>,
    outcomes: Vec<Option<Result<ChangeOutcome>>>,
    version: Option<u64>,
    checkpoint_due: bool,
    step: CommitStep,
    phase: Phase,
    /// Lost races in a row.
    races: u32,
    /// For the pauses.
    retry: Retry,
}

#[derive(Debug)]
enum Phase {
    Reading(Box<TableReader>),
    /// `puts`: how often the entry was put.
    Putting {
        entry: NextEntry,
        puts: u32,
    },
    /// The put found an object, or its answer was lost.
    Looking {
        entry: NextEntry,
        puts: u32,
    },
    /// Before the entry is put again; `None`: before the table is read again.
    Pausing {
        entry: Option<(NextEntry, u32)>,
    },
    Done,
}

impl TableCommit {
    /// Begins. `known`: the newest version of the table that the caller knows, as
    /// [`TableReader::refresh`] wants it. `now_ms`: the time in milliseconds since 1970.
    ///
    /// An error of kind `Misuse` if the mark has another form, or if `known` is another table.
    pub fn new(
        place: TablePlace,
        known: Option<Arc<Table>>,
        changes: Vec<TableChange>,
        mark: CommitMark,
        random: Random,
        now_ms: i64,
    ) -> Result<Self> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if mark.own_id.len() != 32 || !mark.own_id.bytes().all(is_hex) || mark.table_id.is_empty() {
            return Err(Error::misuse(
                "the mark of a commit needs 32 lower-case hexadecimal digits, and a UUID",
            ));
        }
        if known.as_ref().is_some_and(|table| *table.place() != place) {
            return Err(Error::misuse("a commit was given the version of another table"));
        }
        let reader = match known {
            Some(table) => TableReader::refresh(table),
            None => TableReader::new(place.clone()),
        };
        let mut commit = TableCommit {
            place,
            mark,
            random,
            now_ms,
            began_ms: now_ms,
            table: None,
            outcomes: changes.iter().map(|_| None).collect(),
            pending: changes.into_iter().enumerate().collect(),
            version: None,
            checkpoint_due: false,
            step: CommitStep::Done,
            phase: Phase::Done,
            races: 0,
            retry: Retry::default(),
        };
        commit.read(reader)?;
        Ok(commit)
    }

    /// The step to do next. It stays the same until it is reported.
    pub fn poll(&self) -> &CommitStep {
        &self.step
    }

    /// The names of objects that will be asked for next, as [`TableReader::upcoming`].
    pub fn upcoming(&self, most: usize) -> Vec<String> {
        match &self.phase {
            Phase::Reading(reader) => reader.upcoming(most),
            _ => Vec::new(),
        }
    }

    /// The object of [`CommitStep::Get`]; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// As [`TableReader::got`]; `Settings` if nothing can be committed to the table
    /// ([`Table::check_writable`]); `Unavailable` if the store does not say whether it has stored
    /// the entry, or if the commit takes longer than a day.
    pub fn got(&mut self, bytes: Option<Bytes>) -> Result<()> {
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Reading(mut reader) => {
                reader.got(bytes)?;
                self.read(*reader)
            }
            Phase::Looking { entry, puts } => match bytes {
                Some(bytes) => self.looked(entry, &bytes),
                None if puts >= PUTS_MAX => {
                    Err(faults::no_clear_answer(&self.place, entry.version, PUTS_MAX))
                }
                None => {
                    self.pause(Some((entry, puts)));
                    Ok(())
                }
            },
            _ => Err(out_of_turn()),
        }
    }

    /// The objects of [`CommitStep::List`], in any order. Errors as [`TableReader::listed`], and as
    /// [`got`](Self::got).
    pub fn listed(&mut self, objects: &[LogObject]) -> Result<()> {
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Reading(mut reader) => {
                reader.listed(objects)?;
                self.read(*reader)
            }
            _ => Err(out_of_turn()),
        }
    }

    /// The answer to [`CommitStep::Put`], and the time. Errors as [`got`](Self::got).
    pub fn put(&mut self, answer: PutAnswer, now_ms: i64) -> Result<()> {
        self.at(now_ms)?;
        let Phase::Putting { entry, puts } = std::mem::replace(&mut self.phase, Phase::Done) else {
            return Err(out_of_turn());
        };
        match answer {
            PutAnswer::Created => self.landed(entry),
            // The entry there may be ours: an answer to an earlier put of it may have been lost.
            PutAnswer::Exists | PutAnswer::Unknown => {
                let name = entry_name(entry.version);
                self.step = CommitStep::Get { name, bytes_max: ENTRY_BYTES_MAX };
                self.phase = Phase::Looking { entry, puts };
                Ok(())
            }
        }
    }

    /// The wait of [`CommitStep::Wait`] is over, and the time. Errors as [`got`](Self::got).
    pub fn waited(&mut self, now_ms: i64) -> Result<()> {
        self.at(now_ms)?;
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Pausing { entry: Some((entry, puts)) } => {
                self.put_entry(entry, puts.saturating_add(1));
                Ok(())
            }
            Phase::Pausing { entry: None } => self.read_on(),
            _ => Err(out_of_turn()),
        }
    }

    /// What the commit has done, once [`CommitStep::Done`] is reached.
    pub fn committed(self) -> Option<Committed> {
        if self.step != CommitStep::Done {
            return None;
        }
        Some(Committed {
            version: self.version,
            table: self.table,
            outcomes: self.outcomes.into_iter().collect::<Option<Vec<_>>>()?,
            checkpoint_due: self.checkpoint_due,
        })
    }

    /// Takes over the step of the reader; once it is done, makes an entry.
    fn read(&mut self, reader: TableReader) -> Result<()> {
        self.step = match reader.poll().clone() {
            LogStep::Get { name, bytes_max } => CommitStep::Get { name, bytes_max },
            LogStep::List { after } => CommitStep::List { after },
            LogStep::Done => {
                self.table = reader.table();
                return self.turn();
            }
        };
        self.phase = Phase::Reading(Box::new(reader));
        Ok(())
    }

    /// Reads the versions after the known one.
    fn read_on(&mut self) -> Result<()> {
        let reader = match self.table.take() {
            Some(table) => TableReader::refresh(table),
            None => TableReader::new(self.place.clone()),
        };
        self.read(reader)
    }

    /// Takes the time. An error if the commit began too long ago.
    fn at(&mut self, now_ms: i64) -> Result<()> {
        self.now_ms = now_ms;
        match now_ms.saturating_sub(self.began_ms) < COMMIT_MS_MAX {
            true => Ok(()),
            false => Err(faults::too_slow(&self.place)),
        }
    }

    /// Makes the next entry of what is left to do.
    fn turn(&mut self) -> Result<()> {
        while !self.pending.is_empty() {
            let turn = next_entry(self.table.as_deref(), &self.pending, &self.mark, self.now_ms)?;
            for (number, outcome) in turn.settled {
                self.settle(number, outcome);
            }
            if let Some(entry) = turn.entry {
                self.put_entry(entry, 1);
                return Ok(());
            }
        }
        self.step = CommitStep::Done;
        self.phase = Phase::Done;
        Ok(())
    }

    fn put_entry(&mut self, entry: NextEntry, puts: u32) {
        self.step = CommitStep::Put { name: entry_name(entry.version), bytes: entry.bytes.clone() };
        self.phase = Phase::Putting { entry, puts };
    }

    /// The entry that lies where ours was put.
    fn looked(&mut self, entry: NextEntry, bytes: &[u8]) -> Result<()> {
        let there = read_entry(entry.version, bytes)?;
        let own_id = there.iter().find_map(|action| match action {
            LogAction::CommitInfo(info) => info.own_id(),
            _ => None,
        });
        if own_id == Some(self.mark.own_id.as_str()) {
            return self.landed(entry);
        }
        self.apply(entry.version, there)?;
        self.races = self.races.saturating_add(1);
        if self.races < RACES_BEFORE_PAUSE {
            return self.read_on();
        }
        self.pause(None);
        Ok(())
    }

    /// The entry is stored.
    fn landed(&mut self, entry: NextEntry) -> Result<()> {
        let NextEntry { version, actions, outcomes, .. } = entry;
        self.apply(version, actions)?;
        self.version = Some(version);
        let interval = self.table.as_ref().map_or(1, |table| table.checkpoint_interval());
        self.checkpoint_due |= version > 0 && version % interval.max(1) == 0;
        for (number, outcome) in outcomes {
            self.settle(number, Ok(outcome));
        }
        (self.races, self.retry) = (0, Retry::default());
        self.turn()
    }

    fn apply(&mut self, version: u64, actions: Vec<LogAction>) -> Result<()> {
        let table = self.table.get_or_insert_with(|| Arc::new(Table::new(self.place.clone())));
        Arc::make_mut(table).apply(version, actions)
    }

    fn settle(&mut self, number: usize, outcome: Result<ChangeOutcome>) {
        self.pending.retain(|(pending, _)| *pending != number);
        if let Some(slot) = self.outcomes.get_mut(number) {
            *slot = Some(outcome);
        }
    }

    /// A pause of random length, so that writers that collided do not collide again.
    fn pause(&mut self, entry: Option<(NextEntry, u32)>) {
        let now_ms = u64::try_from(self.now_ms).unwrap_or(0);
        let backoff = Backoff::patient(u64::MAX);
        let _ = self.retry.after_failure(&backoff, &mut self.random, None, now_ms);
        self.step = CommitStep::Wait { ms: self.retry.not_before_ms.saturating_sub(now_ms) };
        self.phase = Phase::Pausing { entry };
    }
}

fn out_of_turn() -> Error {
    Error::misuse("a commit was given an answer that it did not wait for")
}

#[cfg(test)]
#[path = "race_tests.rs"]
mod race_tests;
#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
