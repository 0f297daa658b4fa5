//! One run: machines that archive, and everything that goes wrong around them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coldpress_core::{
    ArchivedSegment, Error, ErrorKind, LocalSegment, SealedRule, SegmentChecksum, WalAction,
    WalPlan, WalSettings,
};

use crate::places::{Folder, Store};
use crate::random::Random;

const STEPS_MAX: u32 = 20_000;
/// The rule `age`: how long a segment must not have been modified.
pub const SEALED_MS: u64 = 60;

/// A step of an action, in the order they are taken.
#[derive(Debug, Clone)]
pub enum Step {
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
pub enum Answer {
    Scanned(Vec<LocalSegment>),
    Listed(Vec<ArchivedSegment>),
    Stored(SegmentChecksum, bool),
    Verified(SegmentChecksum),
    Settled,
    Vanished,
    Failed(ErrorKind),
}

#[derive(Debug, Clone)]
pub enum Event {
    Step(Step),
    Answer(Answer),
}

/// A machine that archives, and what is under way for it.
pub struct Machine {
    pub plan: WalPlan,
    pub settings: WalSettings,
    /// By time and number: what happens next, for which action.
    pub events: BTreeMap<(u64, u64), (u64, Event)>,
    pub cancelled: BTreeSet<u64>,
    /// Puts that may be seen.
    pub published: BTreeSet<u64>,
    /// What was sent, and waits until it may be seen.
    pub staged: BTreeMap<u64, Step>,
    /// What it has read back and found right.
    pub proven: BTreeSet<String>,
    pub restart_at: Option<u64>,
}

pub struct World {
    pub seed: u64,
    pub random: Random,
    pub now_ms: u64,
    pub folder: Folder,
    pub store: Store,
    pub machines: Vec<Machine>,
    pub settings: WalSettings,
    /// The whole log, as it was written: name and content, sealed or not.
    pub log: Vec<(String, Vec<u8>)>,
    pub segments_max: usize,
    /// Whether two machines archive the folder.
    pub is_shared: bool,
    /// Of a hundred steps, how many fail.
    pub trouble: u64,
    pub crash: u64,
    pub rots: bool,
    pub removes: bool,
    /// Whether time stamps lie: the clock is set, files are touched.
    pub stamps_lie: bool,
    /// Whether the database marks some segments late, and lays old files under the names to come.
    pub marks_late: bool,
    /// The bad days are over.
    pub is_over: bool,
    pub foreign: BTreeSet<String>,
    pub rotten: BTreeSet<String>,
    pub removed: BTreeSet<String>,
    /// What somebody deleted in the store, as it was wrong.
    pub deleted: BTreeSet<String>,
    /// Kinds of ends whose cause somebody took away.
    pub mended: BTreeSet<String>,
    pub events_made: u64,
    pub seen: BTreeMap<String, u64>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let sealed = random.pick(&[
            SealedRule::Last,
            SealedRule::Last,
            SealedRule::Ready,
            SealedRule::Age { age: Duration::from_millis(SEALED_MS) },
        ]);
        let settings = WalSettings {
            sealed,
            parallel: 1 + random.below(4) as usize,
            delete: sealed != SealedRule::Ready && random.chance(60),
            past_gap: random.chance(15),
            poll: random.chance(70).then_some(Duration::from_millis(40)),
            backoff: Duration::from_millis(20),
            backoff_max: Duration::from_millis(500),
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
            stamps_lie: random.chance(50),
            marks_late: random.chance(50),
            is_over: false,
            foreign: BTreeSet::new(),
            rotten: BTreeSet::new(),
            removed: BTreeSet::new(),
            deleted: BTreeSet::new(),
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

    pub fn machine(&mut self, number: u64) -> Machine {
        let settings = self.settings.clone();
        let plan = WalPlan::new(settings.clone(), self.seed + number, self.clock()).unwrap();
        Machine {
            plan,
            settings,
            events: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            published: BTreeSet::new(),
            staged: BTreeMap::new(),
            proven: BTreeSet::new(),
            restart_at: None,
        }
    }

    /// A clock that is now and then set back.
    pub fn clock(&mut self) -> u64 {
        let back_ms = if self.random.chance(3) { self.random.below(100) } else { 0 };
        self.now_ms - back_ms
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
                WalAction::Publish { id } => {
                    self.machines[number].published.insert(id);
                    match self.machines[number].staged.remove(&id) {
                        Some(put) => (id, put),
                        None => continue,
                    }
                }
                WalAction::Cancel { id } => {
                    self.machines[number].cancelled.insert(id);
                    self.machines[number].staged.remove(&id);
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

    pub fn after(&mut self, number: usize, id: u64, event: Event) {
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
        if let Event::Step(put @ Step::PutObject(..)) = &next
            && !fails
            && !self.machines[number].published.contains(&id)
        {
            self.count("waited for their turn");
            self.machines[number].staged.insert(id, put.clone());
            return;
        }
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

    fn hear(&mut self, number: usize, id: u64, answer: Answer) {
        let clock = self.clock();
        let plan = &mut self.machines[number].plan;
        match answer {
            Answer::Scanned(segments) => {
                plan.handle_scan(id, segments, clock);
                if !plan.held_up().is_empty() {
                    self.count("looks at a log that is held up");
                }
            }
            Answer::Listed(segments) => plan.handle_listing(id, segments, clock),
            Answer::Stored(checksum, created) => plan.handle_stored(id, checksum, created, clock),
            Answer::Verified(found) => plan.handle_verified(id, found, clock),
            Answer::Settled => plan.handle_settled(id, clock),
            Answer::Vanished => plan.handle_vanished(id, clock),
            Answer::Failed(kind) => plan.handle_failure(id, Error::new(kind, "failed"), clock),
        }
    }

    /// Good weather at last: one more run, which must come to its end.
    fn finish(&mut self) {
        for number in 0..self.machines.len() {
            self.crash(number);
        }
        self.machines.truncate(1);
        (self.trouble, self.crash, self.rots, self.removes) = (0, 0, false, false);
        self.is_over = true;
        self.mark_late_ones();
        // All that was written is old enough, whatever its time stamp says.
        self.now_ms += 1_000;
        self.settings.poll = None;
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

    pub fn count(&mut self, what: &str) {
        *self.seen.entry(what.to_owned()).or_default() += 1;
    }

    pub fn told(&self, what: &str) -> String {
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
