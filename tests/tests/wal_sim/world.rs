//! One run: machines that archive, and everything that goes wrong around them.

use std::collections::{BTreeMap, BTreeSet};

use coldpress_core::{
    ArchiveMark, ArchivedSegment, Error, ErrorKind, LocalSegment, SealedRule, SegmentChecksum,
    WalAction, WalPlan, WalSettings,
};

use crate::places::{File, Folder, Store, checksum};
use crate::random::Random;

const STEPS_MAX: u32 = 20_000;

/// A step of an action, in the order they are taken.
#[derive(Debug, Clone)]
enum Step {
    Scan,
    List,
    Read(LocalSegment),
    PutRecord(LocalSegment, Vec<u8>),
    PutObject(LocalSegment, Vec<u8>),
    Compare(LocalSegment, ArchivedSegment),
    Verify(String),
    Delete(LocalSegment),
    MarkDone(String),
}

#[derive(Debug, Clone)]
enum Answer {
    Scanned(Vec<LocalSegment>),
    Listed(Vec<ArchivedSegment>),
    Stored(SegmentChecksum, bool),
    Verified(SegmentChecksum),
    Settled,
    Vanished,
    Failed(ErrorKind),
}

#[derive(Debug, Clone)]
enum Event {
    Step(Step),
    Answer(Answer),
}

/// A machine that archives, and what is under way for it.
struct Machine {
    plan: WalPlan,
    settings: WalSettings,
    /// By time and number: what happens next, for which action.
    events: BTreeMap<(u64, u64), (u64, Event)>,
    cancelled: BTreeSet<u64>,
    /// What it has read back and found right.
    proven: BTreeSet<String>,
    restart_at: Option<u64>,
}

pub struct World {
    seed: u64,
    random: Random,
    now_ms: u64,
    folder: Folder,
    store: Store,
    machines: Vec<Machine>,
    settings: WalSettings,
    /// The whole log, as it was written: name and content, sealed or not.
    log: Vec<(String, Vec<u8>)>,
    segments_max: usize,
    /// Whether two machines archive the folder.
    is_shared: bool,
    /// Of a hundred steps, how many fail.
    trouble: u64,
    crash: u64,
    rots: bool,
    removes: bool,
    foreign: BTreeSet<String>,
    rotten: BTreeSet<String>,
    removed: BTreeSet<String>,
    /// Kinds of ends whose cause somebody took away.
    mended: BTreeSet<String>,
    events_made: u64,
    seen: BTreeMap<String, u64>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let sealed = random.pick(&[SealedRule::Last, SealedRule::Last, SealedRule::Ready]);
        let settings = WalSettings {
            sealed,
            parallel: 1 + random.below(4) as usize,
            delete: sealed == SealedRule::Last && random.chance(60),
            past_gap: random.chance(15),
            poll_ms: random.chance(70).then_some(40),
            backoff_ms: 20,
            backoff_max_ms: 500,
            ..WalSettings::default()
        };
        let reads_back = settings.delete || sealed == SealedRule::Ready;
        World {
            seed,
            now_ms: 1_000_000,
            folder: Folder::default(),
            store: Store::default(),
            machines: Vec::new(),
            log: Vec::new(),
            is_shared: random.chance(25),
            segments_max: 2 + random.below(12) as usize,
            trouble: random.pick(&[0, 2, 8, 20]),
            crash: random.pick(&[0, 0, 1, 4]),
            rots: reads_back && random.chance(15),
            removes: random.chance(15),
            foreign: BTreeSet::new(),
            rotten: BTreeSet::new(),
            removed: BTreeSet::new(),
            mended: BTreeSet::new(),
            events_made: 0,
            seen: BTreeMap::new(),
            settings,
            random,
        }
    }

    /// Runs to the end, checks what must hold for every seed, and gives what was met on the way.
    pub fn run(mut self) -> BTreeMap<String, u64> {
        self.write_log();
        let machines = if self.is_shared { 2 } else { 1 };
        for number in 0..machines {
            let machine = self.machine(number);
            self.machines.push(machine);
        }
        let mut steps = 0;
        let mut next_write_ms = self.now_ms;
        while self.log.len() < self.segments_max || steps < 300 {
            steps += 1;
            if self.now_ms >= next_write_ms {
                self.write_log();
                next_write_ms = self.now_ms + 1 + self.random.below(80);
            }
            self.meddle();
            for number in 0..self.machines.len() {
                self.act(number);
            }
            self.step(next_write_ms);
            assert!(steps < STEPS_MAX, "{}", self.told("does not end"));
        }
        self.finish();
        self.judge();
        self.seen
    }

    fn machine(&mut self, number: u64) -> Machine {
        let settings = self.settings.clone();
        let plan = WalPlan::new(settings.clone(), self.seed + number, self.clock()).unwrap();
        Machine {
            plan,
            settings,
            events: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            proven: BTreeSet::new(),
            restart_at: None,
        }
    }

    /// A clock that is now and then set back.
    fn clock(&mut self) -> u64 {
        let back_ms = if self.random.chance(3) { self.random.below(100) } else { 0 };
        self.now_ms - back_ms
    }

    fn name(&self, n: usize) -> String {
        match self.settings.sealed {
            SealedRule::Ready => format!("0000000100000000{n:08X}"),
            _ => format!("w-{n}"),
        }
    }

    /// The program whose log it is goes on: more of a segment, or the next one.
    fn write_log(&mut self) {
        let mut more: Vec<u8> =
            (0..self.random.below(12)).map(|_| self.random.below(256) as u8).collect();
        let rotates = self.log.is_empty() || self.random.chance(50);
        if rotates && self.log.len() < self.segments_max {
            if let Some((name, _)) = self.log.last()
                && let Some(file) = self.folder.0.get_mut(name)
            {
                file.mark = match self.settings.sealed {
                    SealedRule::Ready => ArchiveMark::Ready,
                    _ => ArchiveMark::None,
                };
            }
            // Across the end of one of PostgreSQL's logs.
            let name = self.name(0xFA + self.log.len());
            let name = match self.settings.sealed {
                SealedRule::Ready => {
                    let n = 0xFA + self.log.len();
                    format!("00000001{:08X}{:08X}", n / 256, n % 256)
                }
                _ => name,
            };
            let modified_ms = self.now_ms;
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
            let now_ms = self.now_ms;
            let (name, bytes) = self.log.last_mut().unwrap();
            let file = self.folder.0.get_mut(name).unwrap();
            more.push(1);
            bytes.extend(&more);
            file.bytes.extend(&more);
            file.modified_ms = now_ms;
        }
    }

    fn is_sealed(&self, name: &str) -> bool {
        self.log.last().is_some_and(|(last, _)| last != name)
    }

    /// What people do to the folder, and the power to the machines.
    fn meddle(&mut self) {
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
        for number in 0..self.machines.len() {
            if self.random.chance(self.crash) {
                self.count("crashes");
                self.crash(number);
            } else if self.random.chance(1) && self.machines[number].settings.poll_ms.is_some() {
                self.count("shutdowns");
                self.machines[number].plan.shutdown();
            }
        }
    }

    /// Everything that the machine knew is gone. What it had sent may arrive all the same.
    fn crash(&mut self, number: usize) {
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

    fn act(&mut self, number: usize) {
        if self.machines[number].restart_at.is_some_and(|at| at > self.now_ms) {
            return;
        }
        self.machines[number].restart_at = None;
        for actions in 0.. {
            assert!(actions < 1_000, "{}", self.told("wants without end"));
            let clock = self.clock();
            let Some(action) = self.machines[number].plan.poll(clock) else { break };
            let (id, step) = match action {
                WalAction::Scan { id } => (id, Step::Scan),
                WalAction::List { id } => (id, Step::List),
                WalAction::Put { id, segment } => (id, Step::Read(segment)),
                WalAction::Compare { id, segment, archived } => {
                    (id, Step::Compare(segment, archived))
                }
                WalAction::Verify { id, name, .. } => (id, Step::Verify(name)),
                WalAction::Delete { id, segment } => (id, Step::Delete(segment)),
                WalAction::MarkDone { id, name } => (id, Step::MarkDone(name)),
                WalAction::Cancel { id } => {
                    self.machines[number].cancelled.insert(id);
                    continue;
                }
                WalAction::Archived(now) => {
                    self.check_archived(&now.name);
                    continue;
                }
            };
            self.after(number, id, Event::Step(step));
        }
        let outcome = self.machines[number].plan.outcome().cloned();
        if let Some(outcome) = outcome {
            self.ended(number, outcome.map(drop));
        }
    }

    /// It has come to an end: somebody mends what must be mended, and begins it again.
    fn ended(&mut self, number: usize, outcome: Result<(), Error>) {
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

    fn mend(&mut self, kind: ErrorKind, error: &Error) {
        let text = error.to_string();
        match kind {
            ErrorKind::Unavailable => {
                assert!(self.settings.poll_ms.is_none(), "{}", self.told(&text))
            }
            ErrorKind::Conflict => {
                let foreign = std::mem::take(&mut self.foreign);
                let rotten = std::mem::take(&mut self.rotten);
                let has_cause = !foreign.is_empty() || !rotten.is_empty();
                self.check_cause(has_cause, kind, &text);
                for name in foreign.iter().chain(&rotten) {
                    self.store.objects.remove(name);
                }
            }
            ErrorKind::Corrupt => {
                let rotten = std::mem::take(&mut self.rotten);
                self.check_cause(!rotten.is_empty(), kind, &text);
                for name in &rotten {
                    assert!(self.folder.0.contains_key(name), "{}", self.told("deleted unproven"));
                    self.store.objects.remove(name);
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
    fn check_cause(&mut self, has_cause: bool, kind: ErrorKind, text: &str) {
        let was_mended = self.is_shared && !self.mended.is_empty();
        assert!(has_cause || was_mended, "{}", self.told(text));
        self.mended.insert(format!("{kind:?}"));
    }

    fn bring_back(&mut self, name: &str) {
        let bytes = self.content(name).to_vec();
        let mark = match self.settings.sealed {
            SealedRule::Ready => ArchiveMark::Ready,
            _ => ArchiveMark::None,
        };
        self.folder.0.insert(name.to_owned(), File { bytes, modified_ms: self.now_ms, mark });
    }

    fn after(&mut self, number: usize, id: u64, event: Event) {
        self.events_made += 1;
        let at = self.now_ms + 1 + self.random.below(25);
        self.machines[number].events.insert((at, self.events_made), (id, event));
    }

    /// Lets time pass until something happens.
    fn step(&mut self, next_write_ms: u64) {
        let mut next = next_write_ms;
        for machine in &self.machines {
            let event = machine.events.keys().next().map(|(at, _)| *at);
            let timeout = match machine.restart_at {
                Some(at) => Some(at),
                None => machine.plan.next_timeout(),
            };
            next = [event, timeout].into_iter().flatten().fold(next, u64::min);
        }
        self.now_ms = next.max(self.now_ms + 1);
        for number in 0..self.machines.len() {
            while let Some(entry) = self.machines[number].events.first_entry() {
                if entry.key().0 > self.now_ms {
                    break;
                }
                let (id, event) = entry.remove();
                if !self.machines[number].cancelled.contains(&id) {
                    self.happen(number, id, event);
                }
            }
        }
    }

    fn happen(&mut self, number: usize, id: u64, event: Event) {
        let step = match event {
            Event::Step(step) => step,
            Event::Answer(answer) => return self.hear(number, id, answer),
        };
        let fails = self.random.chance(self.trouble);
        if fails && self.random.chance(50) {
            return self.after(number, id, Event::Answer(Answer::Failed(ErrorKind::Unavailable)));
        }
        let next = self.arrive(number, &step);
        let next = match fails {
            // Done, but nobody is told.
            true => {
                self.count("answers lost");
                Event::Answer(Answer::Failed(ErrorKind::Unavailable))
            }
            false => next,
        };
        self.after(number, id, next);
    }

    /// Does the step; what comes after it.
    fn arrive(&mut self, number: usize, step: &Step) -> Event {
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
                    // The database takes it away.
                    self.folder.0.remove(name);
                }
                Answer::Settled
            }
        };
        Event::Answer(answer)
    }

    fn lost(&mut self, seen: &LocalSegment) -> Answer {
        match self.folder.0.contains_key(&seen.name) {
            true => Answer::Failed(ErrorKind::Unavailable),
            false => {
                self.count("vanished while read");
                Answer::Vanished
            }
        }
    }

    fn put_object(&mut self, seen: &LocalSegment, bytes: &[u8]) -> Answer {
        if self.folder.unchanged(seen).is_none() {
            return self.lost(seen);
        }
        assert!(self.is_sealed(&seen.name), "{}", self.told("puts what is not sealed"));
        let mut stored = bytes.to_vec();
        let rots = self.rots && !bytes.is_empty() && self.random.chance(10);
        if rots && !self.store.objects.contains_key(&seen.name) {
            stored[0] ^= 1;
            self.rotten.insert(seen.name.clone());
        }
        match self.store.put_object(&seen.name, &stored) {
            Ok(created) => Answer::Stored(checksum(bytes), created),
            Err(()) => Answer::Failed(ErrorKind::Conflict),
        }
    }

    fn compare(&mut self, seen: &LocalSegment, archived: &ArchivedSegment) -> Answer {
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

    fn hear(&mut self, number: usize, id: u64, answer: Answer) {
        let clock = self.clock();
        let plan = &mut self.machines[number].plan;
        match answer {
            Answer::Scanned(segments) => plan.handle_scan(id, segments, clock),
            Answer::Listed(segments) => plan.handle_listing(id, segments, clock),
            Answer::Stored(checksum, created) => plan.handle_stored(id, checksum, created, clock),
            Answer::Verified(found) => plan.handle_verified(id, found, clock),
            Answer::Settled => plan.handle_settled(id, clock),
            Answer::Vanished => plan.handle_vanished(id, clock),
            Answer::Failed(kind) => plan.handle_failure(id, Error::new(kind, "failed"), clock),
        }
    }

    fn content(&self, name: &str) -> &[u8] {
        &self.log.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// It and all before it must be in the store, whole and with their records.
    fn check_archived(&mut self, name: &str) {
        self.count("segments archived");
        for (known, bytes) in &self.log {
            // What was taken away is known to be missing, and what rots is found by whoever reads it back.
            let passed_over = self.removed.contains(known) && self.settings.past_gap;
            if !passed_over && !self.rotten.contains(known) && !self.foreign.contains(known) {
                let is_there = self.store.objects.get(known) == Some(bytes);
                assert!(
                    is_there,
                    "{}",
                    self.told(&format!("{name} is archived, and {known} is not"))
                );
                let records = self.store.records.get(known);
                let is_recorded = records.is_some_and(|r| r.contains(&checksum(bytes)));
                assert!(is_recorded, "{}", self.told(&format!("{known} has no record")));
            }
            if known == name {
                return;
            }
        }
        panic!("{}", self.told("archives what was never written"));
    }

    fn check_settled(&self, number: usize, name: &str) {
        let is_proven = self.machines[number].proven.contains(name);
        let is_there = self.store.objects.get(name).map(Vec::as_slice) == Some(self.content(name));
        assert!(is_proven && is_there, "{}", self.told(&format!("gives up {name} unproven")));
    }

    /// Good weather at last: one more run, which must come to its end.
    fn finish(&mut self) {
        for number in 0..self.machines.len() {
            self.crash(number);
        }
        self.machines.truncate(1);
        (self.trouble, self.crash, self.rots, self.removes) = (0, 0, false, false);
        self.settings.poll_ms = None;
        self.ended(0, Ok(()));
        let (mut steps, mut ends) = (0, 0);
        while ends < 2 {
            // The second time there is nothing left to do, whatever the first one met.
            let before = self.seen.get("restarts").copied();
            self.act(0);
            ends = if self.seen.get("restarts").copied() > before { ends + 1 } else { ends };
            self.step(u64::MAX);
            steps += 1;
            assert!(steps < STEPS_MAX, "{}", self.told("does not end in good weather"));
        }
    }

    /// What is sealed is in the archive, byte for byte, and nothing else is.
    fn judge(&mut self) {
        let sealed = &self.log[..self.log.len() - 1];
        for (name, bytes) in sealed {
            let there = self.store.objects.get(name);
            let passed_over = self.settings.past_gap && self.removed.contains(name);
            let is_right = there == Some(bytes) || (passed_over && there.is_none());
            assert!(is_right, "{}", self.told(&format!("{name} does not come back")));
        }
        let unsealed = &self.log[self.log.len() - 1].0;
        assert!(
            !self.store.objects.contains_key(unsealed) || self.foreign.contains(unsealed),
            "{}",
            self.told("archived the newest")
        );
    }

    fn count(&mut self, what: &str) {
        *self.seen.entry(what.to_owned()).or_default() += 1;
    }

    fn told(&self, what: &str) -> String {
        format!(
            "seed {}: {what}\n{:#?}\nremoved {:?}, rotten {:?}, foreign {:?}\nlog {:?}\nhere {:?}\nthere {:?}",
            self.seed,
            self.settings,
            self.removed,
            self.rotten,
            self.foreign,
            self.log,
            self.folder,
            self.store
        )
    }
}
