//! Reads a table from its log: the newest checkpoint, then the entries after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::action::LogAction;
use super::checkpoint::read_last_checkpoint;
use super::checkpoint_parts::CheckpointParts;
use super::entry::{ENTRY_BYTES_MAX, read_entry};
use super::log_listing::{LogListing, LogObject, LogStep, name_before};
use super::name::{LAST_CHECKPOINT, entry_name};
use super::place::TablePlace;
use super::read_faults as faults;
use super::state::Table;
use crate::{Error, Result};

/// The most bytes of the hint. It is passed over if it is larger.
const HINT_BYTES_MAX: u64 = 16 << 20;
/// The most names that a listing of a log may have.
const NAMES_MAX: usize = 1_000_000;
/// How often the log is listed before its reader gives up.
const LISTINGS_MAX: u32 = 5;
/// How many new entries are read one after the other, before a listing looks for a checkpoint.
const FOLLOWED_MAX: u32 = 100;

/// Reads one version of a table. Its host performs the step that [`poll`](Self::poll) gives, and
/// reports it with the method that the step names. After an error the reader is of no use any more.
///
/// It does not check whether the table uses features that we read:
/// [`Table::check_readable`] does.
///
/// While it reads, another process may add versions and checkpoints, or remove old ones. Then the
/// reader lists again, a few times at most.
#[derive(Debug)]
pub struct TableReader {
    place: TablePlace,
    /// The version to stop at; `None`: the newest one.
    wanted: Option<u64>,
    /// What is read so far.
    table: Option<Arc<Table>>,
    step: LogStep,
    phase: Phase,
    listing: LogListing,
    listings: u32,
    /// The checkpoints that cannot be used, and why.
    spoiled: BTreeMap<u64, Error>,
}

#[derive(Debug)]
enum Phase {
    Hint,
    /// `from`: the first version that is listed; `None`: all are.
    Listing {
        from: Option<u64>,
    },
    Checkpoint(CheckpointParts),
    /// The entry of the version of the checkpoint, for its time.
    Stamp {
        version: u64,
    },
    /// Up to the last entry that the listing shows.
    Entries {
        next: u64,
        last: u64,
    },
    /// Up to the first entry that is not there.
    Following {
        next: u64,
        left: u32,
    },
    Done,
}

impl TableReader {
    /// Reads the newest version.
    pub fn new(place: TablePlace) -> Self {
        TableReader::begin(place, None)
    }

    /// Reads the table as it was at this version.
    ///
    /// An error of kind `Missing` comes where the log does not reach that far back, or has no such
    /// version yet.
    pub fn at(place: TablePlace, version: u64) -> Self {
        TableReader::begin(place, Some(version))
    }

    /// Reads what is new since this version of the table: one request if nothing is.
    ///
    /// The known version must be younger than what the table keeps of its log
    /// (`delta.logRetentionDuration`, 30 days by default): if the entry after it was removed as an
    /// old one, the log seems to end there. Drop what you know of a table after a day, and read it
    /// by [`TableReader::new`].
    pub fn refresh(table: Arc<Table>) -> Self {
        TableReader::begin_after(table, FOLLOWED_MAX)
    }

    /// The same, but reads each entry. So the table knows which version removed a file.
    pub fn replay(table: Arc<Table>) -> Self {
        TableReader::begin_after(table, u32::MAX)
    }

    /// The step to do next. It stays the same until it is reported.
    pub fn poll(&self) -> &LogStep {
        &self.step
    }

    /// The names of objects that the reader will ask for next, at most so many: a host may get them
    /// at the same time.
    pub fn upcoming(&self, most: usize) -> Vec<String> {
        match &self.phase {
            Phase::Entries { next, last } => {
                (*next..=*last).skip(1).take(most).map(entry_name).collect()
            }
            Phase::Checkpoint(parts) => parts.names().skip(1).take(most).cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// The object of [`LogStep::Get`]; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the log is damaged: the message names the object. `Limit` if something in it is
    /// too large. `Missing` and `Settings` as the constructors and
    /// [`listed`](Self::listed) say. `Unavailable` if the log changes too fast. `Misuse` if no such
    /// step was to be done.
    pub fn got(&mut self, bytes: Option<Bytes>) -> Result<()> {
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Hint => self.hint(bytes),
            Phase::Checkpoint(parts) => self.checkpoint(parts, bytes),
            Phase::Stamp { version } => {
                self.stamp(version, bytes);
                Ok(())
            }
            Phase::Entries { next, last } => match bytes {
                None => self.list_again(),
                Some(bytes) => {
                    self.apply(next, &bytes)?;
                    self.entries(next.saturating_add(1), last);
                    Ok(())
                }
            },
            Phase::Following { next, left } => match bytes {
                None => {
                    self.step = LogStep::Done;
                    Ok(())
                }
                Some(bytes) => {
                    self.apply(next, &bytes)?;
                    if left <= 1 {
                        return self.list_again();
                    }
                    self.follow(next, left - 1);
                    Ok(())
                }
            },
            Phase::Listing { .. } | Phase::Done => {
                Err(Error::misuse("the reader of a table was given an object that it did not want"))
            }
        }
    }

    /// The objects of [`LogStep::List`], in any order.
    ///
    /// # Errors
    ///
    /// `Corrupt` if a version is missing, or if no checkpoint can be used and the entries do not
    /// reach back to the first. `Limit` if there are more than 1,000,000 names. `Settings` if only
    /// a checkpoint in the form "v2" would do. `Missing` if the wanted version is not there.
    /// `Unavailable` if the log changes too fast. `Misuse` if no such step was to be done.
    pub fn listed(&mut self, objects: &[LogObject]) -> Result<()> {
        let Phase::Listing { from } = std::mem::replace(&mut self.phase, Phase::Done) else {
            return Err(Error::misuse("the reader of a table was given a listing unasked"));
        };
        if objects.len() > NAMES_MAX {
            return Err(faults::too_many_names(&self.place, NAMES_MAX));
        }
        self.listing = LogListing::new(objects);
        self.choose(from)
    }

    /// The table, once all is read; `None` if there is none, because its log has no entry.
    pub fn table(self) -> Option<Arc<Table>> {
        match self.step {
            LogStep::Done => self.table,
            _ => None,
        }
    }

    fn begin(place: TablePlace, wanted: Option<u64>) -> Self {
        TableReader {
            place,
            wanted,
            table: None,
            step: LogStep::Get { name: LAST_CHECKPOINT.to_owned(), bytes_max: HINT_BYTES_MAX },
            phase: Phase::Hint,
            listing: LogListing::default(),
            listings: 0,
            spoiled: BTreeMap::new(),
        }
    }

    fn begin_after(table: Arc<Table>, entries_max: u32) -> Self {
        let mut reader = TableReader::begin(table.place().clone(), None);
        if let Some(version) = table.version() {
            reader.table = Some(table);
            reader.follow(version, entries_max);
        }
        reader
    }

    /// The hint saves the listing of older names. Nothing else depends on it.
    fn hint(&mut self, bytes: Option<Bytes>) -> Result<()> {
        let version = bytes.and_then(|bytes| read_last_checkpoint(&bytes)).map(|it| it.version);
        self.list(version.filter(|version| *version <= self.most()))
    }

    fn list(&mut self, from: Option<u64>) -> Result<()> {
        self.listings += 1;
        if self.listings > LISTINGS_MAX {
            return Err(faults::changes_too_fast(&self.place, LISTINGS_MAX));
        }
        self.phase = Phase::Listing { from };
        self.step = LogStep::List { after: from.map(name_before).unwrap_or_default() };
        Ok(())
    }

    /// Goes on from what is read.
    fn list_again(&mut self) -> Result<()> {
        self.list(self.read_version())
    }

    /// Decides what to read of what is listed.
    fn choose(&mut self, from: Option<u64>) -> Result<()> {
        let (most, read) = (self.most(), self.read_version());
        let is_usable = |version| {
            !self.spoiled.contains_key(&version) && read.is_none_or(|read| version > read)
        };
        let checkpoint = self.listing.checkpoint(most, is_usable);
        let first = match (&checkpoint, read) {
            (Some((version, _)), _) => version.saturating_add(1),
            (None, Some(read)) => read.saturating_add(1),
            (None, None) => 0,
        };
        let Some(last) = self.listing.newest(most) else { return self.nothing_listed(from) };
        if let Some(missing) = self.listing.missing(first, last) {
            return self.gap(from, first, missing);
        }
        self.check_wanted(last)?;
        match checkpoint {
            None => self.entries(first, last),
            Some((version, names)) => self.read_checkpoint(CheckpointParts::new(version, names)),
        }
        Ok(())
    }

    /// A listing without any version that counts.
    fn nothing_listed(&mut self, from: Option<u64>) -> Result<()> {
        match (self.read_version(), from) {
            (None, Some(_)) => self.list(None),
            (None, None) if !self.listing.is_empty() => Err(self.unreachable()),
            _ => {
                self.step = LogStep::Done;
                Ok(())
            }
        }
    }

    fn gap(&mut self, from: Option<u64>, first: u64, missing: u64) -> Result<()> {
        let is_new = self.read_version().is_none();
        match from {
            // An older checkpoint may be there.
            Some(_) if is_new => return self.list(None),
            _ if is_new && first == 0 && missing == 0 => return Err(self.unreachable()),
            // A listing in several pages can show an entry without one that came just before it.
            _ if self.listings < LISTINGS_MAX => return self.list_again(),
            _ => {}
        }
        let mut spoiled = self.spoiled.range(missing..);
        Err(match (spoiled.next_back(), self.listing.unread_checkpoint(self.most())) {
            (Some((version, error)), _) => {
                faults::checkpoint_unusable(&self.place, *version, error)
            }
            (None, Some(version)) if version >= missing => {
                faults::checkpoint_unread(&self.place, version)
            }
            _ => faults::gap(&self.place, missing),
        })
    }

    /// The entries do not reach back to the first, and there is no checkpoint before them.
    fn unreachable(&self) -> Error {
        if let Some((version, error)) = self.spoiled.last_key_value() {
            return faults::checkpoint_unusable(&self.place, *version, error);
        }
        if let Some(version) = self.listing.unread_checkpoint(self.most()) {
            return faults::checkpoint_unread(&self.place, version);
        }
        match self.wanted {
            Some(wanted) => faults::too_old(&self.place, wanted),
            None => faults::begins_late(&self.place, self.listing.oldest_entry()),
        }
    }

    fn check_wanted(&self, last: u64) -> Result<()> {
        match self.wanted {
            Some(wanted) if wanted > last => Err(faults::too_new(&self.place, wanted, last)),
            _ => Ok(()),
        }
    }

    fn checkpoint(&mut self, mut parts: CheckpointParts, bytes: Option<Bytes>) -> Result<()> {
        // A newer checkpoint may have taken its place.
        let Some(bytes) = bytes else { return self.list(None) };
        let version = parts.version;
        if let Err(error) = parts.push(bytes) {
            return self.spoil(version, error);
        }
        if parts.names().next().is_some() {
            self.read_checkpoint(parts);
            return Ok(());
        }
        match parts.table(&self.place) {
            Ok(table) => self.table = Some(Arc::new(table)),
            Err(error) => return self.spoil(version, error),
        }
        match self.listing.newest(self.most()) {
            Some(last) if last > version => self.entries(version.saturating_add(1), last),
            _ => {
                self.step = LogStep::Get { name: entry_name(version), bytes_max: ENTRY_BYTES_MAX };
                self.phase = Phase::Stamp { version };
            }
        }
        Ok(())
    }

    /// Takes the time of the commit from its entry, which no checkpoint has. Nothing else is needed
    /// of it: where it is damaged, the time at which the store made it is the next best.
    fn stamp(&mut self, version: u64, bytes: Option<Bytes>) {
        let actions = bytes.and_then(|bytes| read_entry(version, &bytes).ok()).unwrap_or_default();
        let said_ms = actions.iter().find_map(|action| match action {
            LogAction::CommitInfo(info) => info.timestamp_ms(),
            _ => None,
        });
        let committed_ms = said_ms.or(self.listing.entry_ms(version));
        if let (Some(committed_ms), Some(table)) = (committed_ms, &mut self.table) {
            Arc::make_mut(table).set_committed_ms(committed_ms);
        }
        self.step = LogStep::Done;
    }

    /// Goes on without a checkpoint: by an older one, or by the entries.
    fn spoil(&mut self, version: u64, error: Error) -> Result<()> {
        self.spoiled.insert(version, error);
        // What the listing leaves out is listed if it is needed.
        self.choose(Some(version))
    }

    fn read_checkpoint(&mut self, parts: CheckpointParts) {
        let name = parts.names().next().cloned().unwrap_or_default();
        self.step = LogStep::Get { name, bytes_max: parts.bytes_left };
        self.phase = Phase::Checkpoint(parts);
    }

    fn entries(&mut self, next: u64, last: u64) {
        if next > last {
            self.step = LogStep::Done;
            return;
        }
        self.step = LogStep::Get { name: entry_name(next), bytes_max: ENTRY_BYTES_MAX };
        self.phase = Phase::Entries { next, last };
    }

    fn follow(&mut self, version: u64, left: u32) {
        let next = version.saturating_add(1);
        self.step = LogStep::Get { name: entry_name(next), bytes_max: ENTRY_BYTES_MAX };
        self.phase = Phase::Following { next, left };
    }

    fn apply(&mut self, version: u64, bytes: &[u8]) -> Result<()> {
        let actions = read_entry(version, bytes)?;
        let table = self.table.get_or_insert_with(|| Arc::new(Table::new(self.place.clone())));
        Arc::make_mut(table).apply(version, actions)
    }

    fn read_version(&self) -> Option<u64> {
        self.table.as_ref()?.version()
    }

    fn most(&self) -> u64 {
        self.wanted.unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
