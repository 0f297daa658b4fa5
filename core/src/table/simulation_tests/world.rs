//! One day: the clock, the store with its troubles, and the judge.

use bytes::Bytes;

use super::super::*;
use super::content::{Content, RowSet};
use super::judge::{Judge, Outcome, Why};
use super::store::{CLAIMS, LOG, Store};
use crate::{LsnRange, Random};

pub(super) const HOUR_MS: i64 = 60 * 60 * 1_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

pub(super) struct World {
    pub(super) now_ms: i64,
    pub(super) is_real: bool,
    pub(super) store: Store,
    pub(super) judge: Judge,
    /// What happened, for a day that goes wrong.
    pub(super) trace: Option<Vec<String>>,
    /// Of 1,000 answers so many are lost, and of 1,000 steps so many end an actor.
    pub(super) lost: u64,
    pub(super) crashes: u64,
    /// Rows that somebody wants erased, until a purge has ended.
    pub(super) wishes: Vec<RowSet>,
    pub(super) actor: &'static str,
    random: Random,
    marks: u64,
    lsn: u64,
    gaps: Vec<LsnRange>,
}

impl World {
    pub(super) fn new(seed: u64, is_real: bool, is_traced: bool) -> Self {
        let mut random = Random::new(seed);
        let retention_ms = [0, HOUR_MS, DAY_MS, 7 * DAY_MS][random.up_to(3) as usize] as u64;
        World {
            now_ms: 1_800_000_000_000,
            is_real,
            store: Store::default(),
            judge: Judge::new(retention_ms),
            trace: is_traced.then(Vec::new),
            lost: [0, 20, 100][random.up_to(2) as usize],
            crashes: [0, 5, 25][random.up_to(2) as usize],
            wishes: Vec::new(),
            actor: "",
            random,
            marks: 0,
            lsn: 0,
            gaps: Vec::new(),
        }
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.random.up_to(end.saturating_sub(1))
    }

    /// Whether something happens, so many times of 1,000.
    pub(super) fn chance(&mut self, of_1000: u64) -> bool {
        self.below(1_000) < of_1000
    }

    pub(super) fn seed(&mut self) -> Random {
        Random::new(self.below(u64::MAX))
    }

    /// 32 hexadecimal digits that come once.
    pub(super) fn mark(&mut self) -> String {
        self.marks += 1;
        // The order of marks is not that of time.
        format!("{:08x}{:024x}", self.below(1 << 32), self.marks)
    }

    pub(super) fn retention(&self) -> Retention {
        Retention { now_ms: self.now_ms, retention_ms: self.judge.retention_ms }
    }

    /// Time passes, mostly little.
    pub(super) fn tick(&mut self) {
        let more = match self.below(1_000) {
            0..=3 => 1 + self.below(9 * DAY_MS as u64) as i64,
            4..=13 => 1 + self.below(14 * HOUR_MS as u64) as i64,
            14..=40 => self.below(HOUR_MS as u64) as i64,
            _ => self.below(2_000) as i64,
        };
        self.now_ms += more;
    }

    /// LSNs that no file has: the next ones, or those of a gap.
    pub(super) fn lsns(&mut self) -> LsnRange {
        if !self.gaps.is_empty() && self.chance(300) {
            let at = self.below(self.gaps.len() as u64) as usize;
            return self.gaps.swap_remove(at);
        }
        if self.chance(300) {
            let gap = self.next_lsns();
            self.gaps.push(gap);
        }
        self.next_lsns()
    }

    fn next_lsns(&mut self) -> LsnRange {
        let first = self.lsn;
        self.lsn += 1 + self.below(4);
        LsnRange::new(first, self.lsn - 1).unwrap()
    }

    pub(super) fn say(&mut self, text: impl FnOnce() -> String) {
        let (now_ms, actor) = (self.now_ms, self.actor);
        if let Some(trace) = &mut self.trace {
            let hours = (now_ms - 1_800_000_000_000) as f64 / HOUR_MS as f64;
            trace.push(format!("{hours:9.3} h  {actor:11} {}", text()));
        }
    }

    fn is_lost(&mut self) -> bool {
        let lost = self.lost;
        self.chance(lost)
    }

    /// The object; `None` if the answer is lost.
    pub(super) fn get(&mut self, name: &str) -> Option<Option<Content>> {
        let found = self.store.get(name).map(|object| object.content.clone());
        let is_lost = self.is_lost();
        self.say(|| format!("get {name}: {}, lost {is_lost}", found.is_some()));
        (!is_lost).then_some(found)
    }

    /// The objects of a folder; `None` if the answer is lost.
    pub(super) fn list(&mut self, folder: &str, after: &str) -> Option<Vec<ListedObject>> {
        let listed = self.store.list(folder, after);
        let is_lost = self.is_lost();
        self.say(|| format!("list {folder}>{after}: {}, lost {is_lost}", listed.len()));
        (!is_lost).then_some(listed)
    }

    /// Puts an object where none is.
    pub(super) fn put_new(&mut self, name: &str, content: Content) -> Outcome<PutAnswer> {
        let is_lost = self.is_lost();
        let is_done = !is_lost || self.chance(500);
        let is_new = is_done && self.store.put_new(name, content.clone(), self.now_ms);
        let answer = match (is_lost, is_new) {
            (true, _) => PutAnswer::Unknown,
            (false, true) => PutAnswer::Created,
            (false, false) => PutAnswer::Exists,
        };
        self.say(|| format!("put {name} of {} bytes: {answer:?}, {is_new}", content.bytes()));
        if is_new {
            self.judge_put(name, &content)?;
        }
        Ok(answer)
    }

    fn judge_put(&mut self, name: &str, content: &Content) -> Outcome<()> {
        let by_writer = self.actor == "writer";
        match (name.strip_prefix(LOG), content) {
            (Some(name), Content::Note(bytes)) => match LogName::parse(name) {
                LogName::Entry(version) => {
                    self.judge.landed(version, bytes, &self.store, self.now_ms)
                }
                LogName::Checkpoint(version) => self.judge.checkpoint(version, bytes, &self.store),
                _ => Ok(()),
            },
            _ if name.starts_with(CLAIMS) => Ok(()),
            _ => self.judge.put_file(name, content.rows().into_iter().collect(), by_writer),
        }
    }

    /// Puts the hint; whether it is certain that it lies there.
    pub(super) fn put_hint(&mut self, bytes: Bytes) -> bool {
        let is_lost = self.is_lost();
        self.say(|| format!("put the hint, lost {is_lost}"));
        if !is_lost || self.chance(500) {
            let name = format!("{LOG}{LAST_CHECKPOINT}");
            self.store.put_over(&name, Content::Note(bytes), self.now_ms);
        }
        !is_lost
    }

    /// Deletes a file of rows; whether it is certain that it is gone.
    pub(super) fn delete_file(&mut self, name: &str, why: Why) -> Outcome<bool> {
        let (is_certain, was_there) = self.delete(name);
        if was_there {
            self.judge.deleted_file(name, why, self.now_ms)?;
        }
        Ok(is_certain)
    }

    /// Deletes an object of the log.
    pub(super) fn delete_log(&mut self, name: &str) -> Outcome<bool> {
        let (is_certain, _) = self.delete(&format!("{LOG}{name}"));
        self.judge.deleted_log(&self.store, self.now_ms)?;
        Ok(is_certain)
    }

    pub(super) fn delete_claim(&mut self, name: &str) -> bool {
        self.delete(&format!("{CLAIMS}{name}")).0
    }

    /// Whether it is certain that it is gone, and whether it went now.
    fn delete(&mut self, name: &str) -> (bool, bool) {
        let is_lost = self.is_lost();
        let is_done = !is_lost || self.chance(500);
        let was_there = is_done && self.store.delete(name);
        self.say(|| format!("delete {name}: {was_there}, lost {is_lost}"));
        (!is_lost, was_there)
    }
}
