//! A log in memory for tests, with the files of its table.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::{Encoder, KeyPrefix, LsnRange, Random, Result, Settings, Target};

/// Where all tables of tests lie.
pub(super) fn place() -> TablePlace {
    TablePlace::new(&KeyPrefix::default(), 7, "c").unwrap()
}

/// A file of these rows, which are NDJSON; its first LSN is `min`.
pub(super) fn new_file(min: u64, ndjson: &str) -> NewFile {
    let rows = ndjson.lines().count() as u64;
    let lsns = Some(LsnRange::new(min, min + rows - 1).unwrap());
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    encoder.push_json(ndjson.as_bytes()).unwrap();
    let file = encoder.finish(&Target { lsns, ..Target::new(7, "c") }).unwrap();
    let bytes = file.bytes.len() as u64;
    NewFile::read(&place(), &file.key, &file.bytes, bytes, 5).unwrap()
}

/// Appends a file of two rows.
pub(super) fn append(min: u64) -> TableChange {
    TableChange::append(vec![new_file(min, "{\"a\":1}\n{\"a\":2}\n")])
}

/// The path of the file of [`append`].
pub(super) fn path(min: u64) -> String {
    format!("lsn-{min}-{}.parquet", min + 1)
}

/// The objects in the folder of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct FakeLog {
    pub(super) objects: BTreeMap<String, Bytes>,
    /// What was asked of it: names got, and `>name` for listings.
    pub(super) asked: Vec<String>,
}

impl FakeLog {
    pub(super) fn get(&mut self, name: &str) -> Option<Bytes> {
        self.asked.push(name.to_owned());
        self.objects.get(name).cloned()
    }

    pub(super) fn list(&mut self, after: &str) -> Vec<LogObject> {
        self.asked.push(format!(">{after}"));
        let names = self.objects.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
        let object = |(name, bytes): (&String, &Bytes)| LogObject {
            name: name.clone(),
            bytes: bytes.len() as u64,
            modified_ms: 1_000,
        };
        names.map(object).collect()
    }

    /// Runs a reader to its end.
    pub(super) fn read(&mut self, mut reader: TableReader) -> Result<Option<Arc<Table>>> {
        loop {
            match reader.poll().clone() {
                LogStep::Get { name, .. } => reader.got(self.get(&name))?,
                LogStep::List { after } => reader.listed(&self.list(&after))?,
                LogStep::Done => return Ok(reader.table()),
            }
        }
    }

    pub(super) fn newest(&mut self) -> Arc<Table> {
        self.read(TableReader::new(place())).unwrap().unwrap()
    }

    /// Commits changes without a rival.
    pub(super) fn commit(&mut self, changes: Vec<TableChange>) -> Committed {
        let mut commit = begin(changes, self.asked.len() as u64);
        while !self.step(&mut commit, None).unwrap() {}
        commit.committed().unwrap()
    }

    /// Performs one step; whether the commit is done. `lost`: the answer to a put is lost, and
    /// whether the object is stored.
    pub(super) fn step(&mut self, commit: &mut TableCommit, lost: Option<bool>) -> Result<bool> {
        match commit.poll().clone() {
            CommitStep::Get { name, .. } => commit.got(self.get(&name))?,
            CommitStep::List { after } => commit.listed(&self.list(&after))?,
            CommitStep::Put { name, bytes } => {
                let answer = match (self.objects.contains_key(&name), lost) {
                    (true, None) => PutAnswer::Exists,
                    (false, None) => PutAnswer::Created,
                    (_, Some(_)) => PutAnswer::Unknown,
                };
                if lost != Some(false) {
                    self.objects.entry(name).or_insert(bytes);
                }
                commit.put(answer, 2_000)?;
            }
            CommitStep::Wait { .. } => commit.waited(2_000)?,
            CommitStep::Done => return Ok(true),
        }
        Ok(false)
    }

    /// Writes our checkpoint of this version, and the hint.
    pub(super) fn write_checkpoint(&mut self, version: u64) {
        let table = self.read(TableReader::at(place(), version)).unwrap().unwrap();
        let checkpoint = write_checkpoint(&table, i64::MIN).unwrap();
        self.objects.insert(checkpoint_name(version), checkpoint.bytes.clone());
        let hint = write_last_checkpoint(&checkpoint.hint());
        self.objects.insert(LAST_CHECKPOINT.to_owned(), hint.into());
    }
}

/// A commit of one writer, which its number tells from others.
pub(super) fn begin(changes: Vec<TableChange>, writer: u64) -> TableCommit {
    let mark = CommitMark { own_id: format!("{writer:032x}"), table_id: format!("table-{writer}") };
    TableCommit::new(place(), None, changes, mark, Random::new(writer), 1_000).unwrap()
}
