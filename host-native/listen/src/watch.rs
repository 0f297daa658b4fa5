//! The state of one connection, and its deadlines. It has no clock: each call is given the time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connections::{Connections, bounded};

/// The bytes that a client must move, in either direction, before its time starts again.
const MOVED_BYTES_MIN: u64 = 16 << 10;

/// One connection. Its driver, its socket and its bodies share this.
#[derive(Debug)]
pub(super) struct Watch(Mutex<Facts>);

#[derive(Debug)]
struct Facts {
    phase: Phase,
    /// The wait for the client to take more of an answer.
    sending: Wait,
    /// The wait for the client to send more of a body.
    receiving: Wait,
    requests: u64,
    trusted: bool,
    useful_at: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Between two requests, since this time.
    Idle(Instant),
    /// The head of a request is arriving, since this time.
    Head(Instant),
    /// A request is running.
    Request,
}

/// The time spent on waiting for a client since it last moved enough bytes.
#[derive(Debug, Default)]
struct Wait {
    since: Option<Instant>,
    waited: Duration,
    moved: u64,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    Head,
    Body,
    Write,
    Idle,
}

impl Late {
    /// What the client did not do in time, for the log.
    pub(super) fn what(self) -> &'static str {
        match self {
            Late::Head => "the head of a request did not arrive in time",
            Late::Body => "the client sent a body too slowly",
            Late::Write => "the client did not read its answer",
            Late::Idle => "the client sent no request for too long",
        }
    }
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Watch(Mutex::new(Facts {
            phase: Phase::Head(now),
            sending: Wait::default(),
            receiving: Wait::default(),
            requests: 0,
            trusted: false,
            useful_at: now,
        }))
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes have arrived.
    pub(super) fn arrived(&self, now: Instant) {
        let mut facts = self.facts();
        if matches!(facts.phase, Phase::Idle(_)) {
            facts.phase = Phase::Head(now);
        }
    }

    /// The head of a request is complete. Returns whether it is the connection's first request.
    pub(super) fn asked(&self) -> bool {
        let mut facts = self.facts();
        facts.phase = Phase::Request;
        facts.requests += 1;
        facts.requests == 1
    }

    /// The whole answer was passed to the socket, or waits for it.
    pub(super) fn answered(&self, now: Instant) {
        let mut facts = self.facts();
        facts.phase = Phase::Idle(now);
        facts.useful_at = now;
    }

    /// The client does not take the answer.
    pub(super) fn cannot_send(&self, now: Instant) {
        self.facts().sending.stalls(now);
    }

    /// The client took some of its answer.
    pub(super) fn sent(&self, bytes: usize, now: Instant) {
        self.facts().sending.moves(bytes as u64, now);
    }

    /// The server needs more of a body than the client has sent.
    pub(super) fn wants_body(&self, now: Instant) {
        self.facts().receiving.stalls(now);
    }

    /// The client sent some of its body.
    pub(super) fn received(&self, bytes: usize, now: Instant) {
        self.facts().receiving.moves(bytes as u64, now);
    }

    /// The body is complete, or its rest is not needed.
    pub(super) fn body_ended(&self) {
        self.facts().receiving = Wait::default();
    }

    /// The client is authenticated.
    pub(super) fn trust(&self) {
        self.facts().trusted = true;
    }

    /// Whether its client is authenticated, and when it was last useful.
    pub(super) fn usefulness(&self) -> (bool, Instant) {
        let facts = self.facts();
        (facts.trusted, facts.useful_at)
    }

    /// When the connection is to be closed, and why. None while only the server works.
    pub(super) fn deadline(&self, limits: &Connections) -> Option<(Instant, Late)> {
        let facts = self.facts();
        let phase = match facts.phase {
            Phase::Idle(since) => Some((since + bounded(limits.idle_timeout), Late::Idle)),
            Phase::Head(since) => Some((since + bounded(limits.head_timeout), Late::Head)),
            Phase::Request => None,
        };
        let body = facts.receiving.deadline(bounded(limits.body_timeout));
        let write = facts.sending.deadline(bounded(limits.write_timeout));
        let all = [phase, body.map(|at| (at, Late::Body)), write.map(|at| (at, Late::Write))];
        all.into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

impl Wait {
    fn stalls(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    fn moves(&mut self, bytes: u64, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited += now.saturating_duration_since(since);
        }
        self.moved += bytes;
        if self.moved >= MOVED_BYTES_MIN {
            *self = Wait::default();
        }
    }

    fn deadline(&self, limit: Duration) -> Option<Instant> {
        self.since.map(|since| since + limit.saturating_sub(self.waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection of short times, when it was opened, and the time so many ms later.
    fn watched() -> (Watch, Connections, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        let limits = Connections {
            head_timeout: Duration::from_millis(100),
            body_timeout: Duration::from_millis(300),
            write_timeout: Duration::from_millis(400),
            idle_timeout: Duration::from_millis(600),
            ..Connections::default()
        };
        (Watch::new(start), limits, move |ms| start + Duration::from_millis(ms))
    }

    #[test]
    fn a_head_has_its_time_however_many_bytes_come() {
        let (watch, limits, at) = watched();
        for ms in 0..90 {
            watch.arrived(at(ms));
            assert_eq!(watch.deadline(&limits), Some((at(100), Late::Head)));
        }
        assert!(watch.asked());
        assert_eq!(watch.deadline(&limits), None, "the server is at work");
        watch.answered(at(150));
        assert_eq!(watch.deadline(&limits), Some((at(750), Late::Idle)));
        // The next request has a time of its own.
        watch.arrived(at(700));
        watch.arrived(at(750));
        assert_eq!(watch.deadline(&limits), Some((at(800), Late::Head)));
        assert!(!watch.asked());
    }

    #[test]
    fn a_byte_now_and_then_gives_no_more_time_and_many_bytes_do() {
        let (watch, limits, at) = watched();
        watch.asked();
        for ms in (0..300).step_by(10) {
            watch.wants_body(at(ms));
            assert_eq!(watch.deadline(&limits), Some((at(300), Late::Body)));
            watch.received(1, at(ms + 10));
        }
        watch.wants_body(at(300));
        assert_eq!(watch.deadline(&limits), Some((at(300), Late::Body)));
        watch.received(20_000, at(300));
        watch.wants_body(at(310));
        assert_eq!(watch.deadline(&limits), Some((at(610), Late::Body)));
        watch.body_ended();
        assert_eq!(watch.deadline(&limits), None);
    }

    #[test]
    fn time_in_which_nothing_was_wanted_does_not_count() {
        let (watch, limits, at) = watched();
        watch.asked();
        watch.wants_body(at(0));
        watch.received(10, at(50));
        // The disk was slow, and the client had to wait for it.
        watch.wants_body(at(10_000));
        assert_eq!(watch.deadline(&limits), Some((at(10_250), Late::Body)));
    }

    #[test]
    fn an_answer_that_is_not_read_ends_the_connection_also_between_requests() {
        let (watch, limits, at) = watched();
        watch.asked();
        watch.cannot_send(at(10));
        watch.cannot_send(at(20));
        assert_eq!(watch.deadline(&limits), Some((at(410), Late::Write)));
        watch.answered(at(30));
        assert_eq!(watch.deadline(&limits), Some((at(410), Late::Write)));
        watch.sent(1 << 20, at(100));
        assert_eq!(watch.deadline(&limits), Some((at(630), Late::Idle)));
    }
}
