//! What folder and store do when a step arrives.

use std::time::Duration;

use coldpress_core::{ArchiveMark, ArchivedSegment, ErrorKind, LocalSegment, SealedRule};

use crate::places::checksum;
use crate::world::{Answer, Event, Step, World};

impl World {
    /// Does the step; what comes after it.
    pub fn arrive(&mut self, number: usize, step: &Step) -> Event {
        let answer = match step {
            Step::Scan => Answer::Scanned(self.folder.scan(self.now_ms)),
            Step::List => Answer::Listed(self.store.list()),
            Step::Read(seen) => match self.folder.unchanged(seen) {
                Some(file) => {
                    return Event::Step(Step::PutRecord(seen.clone(), file.bytes.clone()));
                }
                None => self.lost(seen),
            },
            Step::PutRecord(seen, bytes) => {
                self.store.put_record(&seen.name, checksum(bytes));
                return Event::Step(Step::PutObject(seen.clone(), bytes.clone()));
            }
            Step::PutObject(seen, bytes) => self.put_object(seen, bytes),
            Step::Compare(seen, archived) => self.compare(seen, archived),
            Step::Verify(name) => match self.store.objects.get(name) {
                Some(bytes) => {
                    let found = checksum(bytes);
                    if found == checksum(self.content(name)) {
                        self.machines[number].proven.insert(name.clone());
                    }
                    Answer::Verified(found)
                }
                // Taken away for the other machine's sake.
                None if self.is_shared => Answer::Failed(ErrorKind::Missing),
                None => panic!("{}", self.told("reads back what is not there")),
            },
            Step::Delete(seen) => {
                self.check_settled(number, &seen.name);
                if self.folder.unchanged(seen).is_some() {
                    self.folder.0.remove(&seen.name);
                    self.count("segments deleted");
                }
                Answer::Settled
            }
            Step::MarkDone(name) => {
                self.check_settled(number, name);
                if let Some(file) = self.folder.0.get_mut(name) {
                    file.mark = ArchiveMark::Done;
                }
                self.count("segments marked");
                if self.random.chance(50) {
                    // The database takes it away, or keeps it for later.
                    if let Some(file) = self.folder.0.remove(name) {
                        self.recycle(file);
                    }
                }
                Answer::Settled
            }
        };
        Event::Answer(answer)
    }

    pub fn lost(&mut self, seen: &LocalSegment) -> Answer {
        match self.folder.0.contains_key(&seen.name) {
            true => Answer::Failed(ErrorKind::Unavailable),
            false => {
                self.count("vanished while read");
                Answer::Vanished
            }
        }
    }

    pub fn put_object(&mut self, seen: &LocalSegment, bytes: &[u8]) -> Answer {
        let Some(file) = self.folder.unchanged(seen) else { return self.lost(seen) };
        let by_rule = match self.settings.sealed {
            SealedRule::Last => true,
            SealedRule::Ready => file.mark != ArchiveMark::None,
            SealedRule::Age { age } => {
                Duration::from_millis(self.now_ms.saturating_sub(file.modified_ms)) >= age
            }
        };
        let is_sealed = by_rule && self.is_sealed(&seen.name);
        assert!(is_sealed, "{}", self.told(&format!("puts {}, which is not sealed", seen.name)));
        let mut stored = bytes.to_vec();
        let rots = self.rots && !bytes.is_empty() && self.random.chance(10);
        if rots && !self.store.objects.contains_key(&seen.name) {
            stored[0] ^= 1;
            self.rotten.insert(seen.name.clone());
        }
        match self.store.put_object(&seen.name, &stored) {
            Ok(created) => {
                if created {
                    self.check_no_hole_before(&seen.name);
                }
                Answer::Stored(checksum(bytes), created)
            }
            Err(()) => Answer::Failed(ErrorKind::Conflict),
        }
    }

    pub fn compare(&mut self, seen: &LocalSegment, archived: &ArchivedSegment) -> Answer {
        let Some(file) = self.folder.unchanged(seen) else { return self.lost(seen) };
        let (own, bytes) = (checksum(&file.bytes), file.bytes.clone());
        if archived.vouches_for(own) {
            return Answer::Stored(own, false);
        }
        match self.store.objects.get(&seen.name) {
            Some(there) if *there == bytes => {
                self.store.put_record(&seen.name, own);
                Answer::Stored(own, false)
            }
            _ => Answer::Failed(ErrorKind::Conflict),
        }
    }
}
