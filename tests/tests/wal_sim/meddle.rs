//! What goes on around the machines: the log is written, files go away, power fails, people mend things.

use coldpress_core::{ArchiveMark, Error, ErrorKind, SealedRule};

use crate::places::File;
use crate::world::{Event, Machine, Step, World};

impl World {
    pub fn name(&self, n: usize) -> String {
        match self.settings.sealed {
            SealedRule::Ready => format!("00000001{:08X}{:08X}", n / 256, n % 256),
            _ => format!("w-{n}"),
        }
    }

    /// The program whose log it is goes on: more of a segment, or the next one.
    pub fn write_log(&mut self) {
        let mut more: Vec<u8> =
            (0..self.random.below(12)).map(|_| self.random.below(256) as u8).collect();
        let rotates = self.log.is_empty() || self.random.chance(50);
        if rotates && self.log.len() < self.segments_max {
            let is_marked = self.settings.sealed == SealedRule::Ready
                && !(self.marks_late && self.random.chance(20));
            if let Some((name, _)) = self.log.last()
                && let Some(file) = self.folder.0.get_mut(name)
                && is_marked
            {
                file.mark = ArchiveMark::Ready;
            }
            // Across the end of one of PostgreSQL's logs.
            let name = self.name(0xFA + self.log.len());
            let modified_ms = self.stamp();
            self.log.push((name.clone(), more.clone()));
            self.folder
                .0
                .insert(name.clone(), File { bytes: more, modified_ms, mark: ArchiveMark::None });
            if self.random.chance(3) {
                // Somebody else's, under this very name.
                let length = self.random.pick(&[3, 8, 25]);
                self.store.put_foreign(&name, &b"of another log altogether"[..length]);
                self.foreign.insert(name);
            }
        } else if self.log.len() < self.segments_max {
            let now_ms = self.stamp();
            let (name, bytes) = self.log.last_mut().unwrap();
            let file = self.folder.0.get_mut(name).unwrap();
            more.push(1);
            bytes.extend(&more);
            file.bytes.extend(&more);
            file.modified_ms = now_ms;
        }
    }

    /// The time that a file gets which is written now: the clock may be wrong.
    fn stamp(&mut self) -> u64 {
        if !self.stamps_lie || !self.random.chance(15) {
            return self.now_ms;
        }
        self.count("time stamps that lie");
        self.now_ms + self.random.below(400) - 200
    }

    pub fn is_sealed(&self, name: &str) -> bool {
        let at = self.log.iter().position(|(known, _)| known == name);
        at.is_some_and(|at| at + 1 < self.log.len())
    }

    /// The database marks what it has left unmarked, as it does at a checkpoint.
    pub fn mark_late_ones(&mut self) {
        if self.settings.sealed != SealedRule::Ready {
            return;
        }
        let names = self.folder.0.keys().filter(|name| self.is_sealed(name));
        let names: Vec<String> = names.cloned().collect();
        for name in names {
            let file = self.folder.0.get_mut(&name).unwrap();
            if file.mark == ArchiveMark::None {
                file.mark = ArchiveMark::Ready;
                self.count("segments marked late");
            }
        }
    }

    /// The database keeps a file that it no longer needs, under the name of a segment to come.
    pub fn recycle(&mut self, file: File) {
        let ahead = self.random.below(3) as usize;
        let name = self.name(0xFA + self.log.len() + ahead);
        if self.marks_late && !self.folder.0.contains_key(&name) {
            self.count("old files under names to come");
            self.folder.0.insert(name, File { mark: ArchiveMark::None, ..file });
        }
    }

    /// What people do to the folder, and the power to the machines.
    pub fn meddle(&mut self) {
        if self.removes && self.random.chance(2) {
            // Of a log whose beginning is lost nobody can know that it ever had it.
            let first = &self.log[0].0;
            let lost = self.folder.0.keys().find(|name| {
                self.is_sealed(name) && *name != first && !self.store.objects.contains_key(*name)
            });
            if let Some(name) = lost.cloned() {
                self.folder.0.remove(&name);
                self.removed.insert(name);
            }
        }
        if self.marks_late && self.random.chance(5) {
            self.mark_late_ones();
        }
        if self.stamps_lie && self.random.chance(4) {
            let which = self.random.below(self.log.len() as u64) as usize;
            let (name, now_ms) = (self.log[which].0.clone(), self.now_ms);
            if let Some(file) = self.folder.0.get_mut(&name) {
                file.modified_ms = now_ms;
                self.count("files touched");
            }
        }
        for number in 0..self.machines.len() {
            if self.random.chance(self.crash) {
                self.count("crashes");
                self.crash(number);
            } else if self.random.chance(1) && self.machines[number].settings.poll.is_some() {
                self.count("shutdowns");
                self.machines[number].plan.shutdown();
            }
        }
    }

    /// Everything that the machine knew is gone. What it had sent may arrive all the same.
    pub fn crash(&mut self, number: usize) {
        let events = std::mem::take(&mut self.machines[number].events);
        for (_, (_, event)) in events {
            let sent = matches!(event, Event::Step(Step::PutRecord(..) | Step::PutObject(..)));
            if sent && self.random.chance(50) {
                self.count("requests that arrived after a crash");
                let Event::Step(step) = event else { unreachable!() };
                self.arrive(number, &step);
            }
        }
        let fresh = self.machine(number as u64);
        let restart_at = self.now_ms + self.random.below(150);
        self.machines[number] = Machine { restart_at: Some(restart_at), ..fresh };
    }

    /// It has come to an end: somebody mends what must be mended, and begins it again.
    pub fn ended(&mut self, number: usize, outcome: Result<(), Error>) {
        match &outcome {
            Ok(()) => self.count("restarts"),
            Err(error) => {
                let kind = error.kind();
                self.count(&format!("ended {kind:?}"));
                self.mend(kind, error);
            }
        }
        self.machines[number].events.clear();
        let fresh = self.machine(number as u64);
        let restart_at = self.now_ms + 1 + self.random.below(60);
        self.machines[number] = Machine { restart_at: Some(restart_at), ..fresh };
    }

    pub fn mend(&mut self, kind: ErrorKind, error: &Error) {
        let text = error.to_string();
        match kind {
            ErrorKind::Unavailable => {
                assert!(self.settings.poll.is_none(), "{}", self.told(&text))
            }
            ErrorKind::Conflict => {
                let foreign = std::mem::take(&mut self.foreign);
                let rotten = std::mem::take(&mut self.rotten);
                let has_cause = !foreign.is_empty() || !rotten.is_empty();
                self.check_cause(has_cause, kind, &text);
                for name in foreign.into_iter().chain(rotten) {
                    self.store.objects.remove(&name);
                    self.deleted.insert(name);
                }
            }
            ErrorKind::Corrupt => {
                let rotten = std::mem::take(&mut self.rotten);
                self.check_cause(!rotten.is_empty(), kind, &text);
                for name in rotten {
                    assert!(self.folder.0.contains_key(&name), "{}", self.told("deleted unproven"));
                    self.store.objects.remove(&name);
                    self.deleted.insert(name);
                }
            }
            ErrorKind::Missing => {
                let may_be = !self.settings.past_gap || self.is_shared;
                assert!(may_be, "{}", self.told(&text));
                let removed = std::mem::take(&mut self.removed);
                self.check_cause(!removed.is_empty(), kind, &text);
                for name in removed {
                    self.bring_back(&name);
                }
            }
            _ => panic!("{}", self.told(&text)),
        }
    }

    /// Of two machines the second may end by what was mended for the first.
    pub fn check_cause(&mut self, has_cause: bool, kind: ErrorKind, text: &str) {
        let was_mended = self.is_shared && !self.mended.is_empty();
        assert!(has_cause || was_mended, "{}", self.told(text));
        self.mended.insert(format!("{kind:?}"));
    }

    pub fn bring_back(&mut self, name: &str) {
        let bytes = self.content(name).to_vec();
        let mark = match self.settings.sealed {
            SealedRule::Ready => ArchiveMark::Ready,
            _ => ArchiveMark::None,
        };
        let modified_ms = if self.is_over { self.now_ms - 1_000 } else { self.now_ms };
        self.folder.0.insert(name.to_owned(), File { bytes, modified_ms, mark });
    }
}
