//! The folder of a log and the store, as an archiver sees them.

use std::collections::BTreeMap;

use coldpress_core::{ArchiveMark, ArchivedSegment, LocalSegment, SegmentChecksum};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub bytes: Vec<u8>,
    pub modified_ms: u64,
    pub mark: ArchiveMark,
}

#[derive(Debug, Default)]
pub struct Folder(pub BTreeMap<String, File>);

#[derive(Debug, Default)]
pub struct Store {
    pub objects: BTreeMap<String, Vec<u8>>,
    pub records: BTreeMap<String, Vec<SegmentChecksum>>,
    /// When what was put last under a name and kind was put, by a clock that ticks with each put.
    times: BTreeMap<(bool, String), u64>,
    now: u64,
}

/// Not Castagnoli's: the machine never looks into it.
pub fn checksum(bytes: &[u8]) -> SegmentChecksum {
    let crc32c = bytes
        .iter()
        .fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(*b)).wrapping_mul(0x0100_0193));
    SegmentChecksum { crc32c, bytes: bytes.len() as u64 }
}

impl Folder {
    pub fn scan(&self, now_ms: u64) -> Vec<LocalSegment> {
        self.0.iter().map(|(name, file)| file.seen(name, now_ms)).collect()
    }

    /// The file, if it is still as it was seen.
    pub fn unchanged(&self, seen: &LocalSegment) -> Option<&File> {
        let same = |file: &&File| {
            (file.bytes.len() as u64, file.modified_ms) == (seen.bytes, seen.modified_ms)
        };
        self.0.get(&seen.name).filter(same)
    }
}

impl File {
    fn seen(&self, name: &str, now_ms: u64) -> LocalSegment {
        LocalSegment {
            name: name.to_owned(),
            bytes: self.bytes.len() as u64,
            modified_ms: self.modified_ms,
            age_ms: now_ms.saturating_sub(self.modified_ms),
            mark: self.mark,
        }
    }
}

impl Store {
    pub fn list(&self) -> Vec<ArchivedSegment> {
        let mut names: Vec<&String> = self.objects.keys().chain(self.records.keys()).collect();
        names.sort();
        names.dedup();
        let segment = |name: &String| ArchivedSegment {
            name: name.clone(),
            bytes: self.objects.get(name).map(|bytes| bytes.len() as u64),
            modified_ms: self.time(false, name),
            records: self.records.get(name).cloned().unwrap_or_default(),
            recorded_ms: self.time(true, name),
        };
        names.into_iter().map(segment).collect()
    }

    pub fn put_record(&mut self, name: &str, checksum: SegmentChecksum) {
        let records = self.records.entry(name.to_owned()).or_default();
        if !records.contains(&checksum) {
            records.push(checksum);
            self.tick(true, name);
        }
    }

    /// An object of somebody who knows nothing of records.
    pub fn put_foreign(&mut self, name: &str, bytes: &[u8]) {
        self.objects.insert(name.to_owned(), bytes.to_vec());
        self.tick(false, name);
    }

    fn tick(&mut self, is_record: bool, name: &str) {
        self.now += 1;
        self.times.insert((is_record, name.to_owned()), self.now);
    }

    fn time(&self, is_record: bool, name: &str) -> u64 {
        self.times.get(&(is_record, name.to_owned())).copied().unwrap_or_default()
    }

    /// Create-only: whether it was created, or other content lies there.
    pub fn put_object(&mut self, name: &str, bytes: &[u8]) -> Result<bool, ()> {
        match self.objects.get(name) {
            None => {
                self.put_foreign(name, bytes);
                Ok(true)
            }
            Some(there) if there == bytes => Ok(false),
            Some(_) => Err(()),
        }
    }
}
