//! What goes wrong with which requests, and how often it did.

use std::time::Duration;

use super::super::prng::SplitMix64;
use super::http::Asked;

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The request waits before it is passed on.
    Delay(Duration),
    /// The request waits until the proxy has done so much else, whatever time that takes.
    Hold { until: fn(&Counts) -> bool },
    /// No more than this many bytes a second pass in each direction.
    Throttle { bytes_per_s: u64 },
    /// This many bytes of the request's body are passed on, then both sides are hung up on.
    CutRequest { after: u64 },
    /// This many bytes of the answer's body are passed on, then both sides are hung up on.
    CutAnswer { after: u64 },
    /// The server does what was asked, and its answer is never heard.
    LoseAnswer,
    /// Nothing is said for so long, then the client is hung up on; the server never hears of it.
    Silence(Duration),
    /// So much of the request reaches the server; then the client hears nothing more, until it
    /// hangs up. So a test that kills a process at this request knows what was done.
    Stall(Reach),
    /// The proxy answers in the server's place.
    Answer { status: u16, code: &'static str, retry_after_s: Option<u32> },
}

/// How much of a request that is stalled reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Nothing,
    /// Its head and half of its body.
    Half,
    /// All of it, and the server has done what was asked.
    Whole,
}

impl Fault {
    /// What Amazon's S3 says to who asks too much.
    pub fn slow_down(retry_after_s: Option<u32>) -> Self {
        Fault::Answer { status: 503, code: "SlowDown", retry_after_s }
    }

    pub fn internal_error() -> Self {
        Fault::Answer { status: 500, code: "InternalError", retry_after_s: None }
    }
}

/// A fault, and the requests it befalls: all of them, where nothing more is said.
pub struct Rule {
    fault: Fault,
    befalls: Box<dyn Fn(&Asked) -> bool + Send>,
    to_pass: u64,
    times_left: u32,
    per_cent: u64,
}

impl Rule {
    pub fn new(fault: Fault) -> Self {
        let befalls = Box::new(|_: &Asked| true);
        Rule { fault, befalls, to_pass: 0, times_left: u32::MAX, per_cent: 100 }
    }

    /// Only the requests that this is true of.
    pub fn on(mut self, befalls: impl Fn(&Asked) -> bool + Send + 'static) -> Self {
        self.befalls = Box::new(befalls);
        self
    }

    /// Only once so many such requests have passed.
    pub fn after(mut self, requests: u64) -> Self {
        self.to_pass = requests;
        self
    }

    /// Only so often, then never again.
    pub fn times(mut self, times: u32) -> Self {
        self.times_left = times;
        self
    }

    /// So many in a hundred, by the proxy's own seed.
    pub fn chance(mut self, per_cent: u64) -> Self {
        self.per_cent = per_cent;
        self
    }

    /// What befalls this request by the rule, and counts as one of its times.
    pub(super) fn take(&mut self, asked: &Asked, random: &mut SplitMix64) -> Option<Fault> {
        if self.times_left == 0 || !(self.befalls)(asked) {
            return None;
        }
        if self.to_pass > 0 {
            self.to_pass -= 1;
            return None;
        }
        if self.per_cent < 100 && random.below(100) >= self.per_cent {
            return None;
        }
        self.times_left -= 1;
        Some(self.fault.clone())
    }
}

/// What a proxy did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that came, whatever became of them.
    pub requests: u64,
    pub delayed: u64,
    pub throttled: u64,
    /// Requests and answers that were cut.
    pub cut: u64,
    pub lost: u64,
    pub silent: u64,
    /// Requests that are stalled: what was to reach the server has reached it.
    pub stalled: u64,
    /// Requests that the proxy answered itself.
    pub answered: u64,
    /// The most requests that were under way at once.
    pub at_once_max: u64,
    /// Bytes of bodies that went to the server.
    pub bytes_up: u64,
    pub went_away: u64,
}

impl Counts {
    /// Requests that something befell.
    pub fn faults(&self) -> u64 {
        self.delayed
            + self.throttled
            + self.cut
            + self.lost
            + self.silent
            + self.stalled
            + self.answered
    }

    /// Counts a fault that begins. A stall is counted by who has come so far with it.
    pub(super) fn note(&mut self, fault: &Fault) {
        *match fault {
            Fault::Delay(_) | Fault::Hold { .. } => &mut self.delayed,
            Fault::Throttle { .. } => &mut self.throttled,
            Fault::CutRequest { .. } | Fault::CutAnswer { .. } => &mut self.cut,
            Fault::LoseAnswer => &mut self.lost,
            Fault::Silence(_) => &mut self.silent,
            Fault::Stall(_) => return,
            Fault::Answer { .. } => &mut self.answered,
        } += 1;
    }
}
