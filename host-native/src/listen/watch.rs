//! What one connection does, and by when it must go on. A value without a clock: each call is given
//! the time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Connections;

/// What a client must move, in either direction, before its time begins anew.
const MOVED_BYTES_MIN: u64 = 16 << 10;

/// One connection as it is seen by its driver, its socket and its bodies.
#[derive(Debug)]
pub(super) struct Watch(Mutex<Facts>);

#[derive(Debug)]
struct Facts {
    phase: Phase,
    /// For the client to take more of an answer.
    sending: Wait,
    /// For the client to send more of a body.
    receiving: Wait,
    requests: u64,
    trusted: bool,
    useful_at: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Between two requests, since then.
    Idle(Instant),
    /// The head of a request arrives, since then.
    Head(Instant),
    /// A request is under way.
    Request,
}

/// The time that was spent on waiting for a client, since it last moved enough.
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
    /// What did not happen in time, for the log.
    pub(super) fn what(self) -> &'static str {
        match self {
            Late::Head => "the head of its request did not arrive in time",
            Late::Body => "it sent its body too slowly",
            Late::Write => "it did not read its answer",
            Late::Idle => "it asked nothing for too long",
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

    /// The head of a request is whole. Whether it is the first one of the connection.
    pub(super) fn asked(&self) -> bool {
        let mut facts = self.facts();
        facts.phase = Phase::Request;
        facts.requests += 1;
        facts.requests == 1
    }

    /// The whole answer has been handed to the socket, or waits for it.
    pub(super) fn answered(&self, now: Instant) {
        let mut facts = self.facts();
        facts.phase = Phase::Idle(now);
        facts.useful_at = now;
    }

    /// The client does not take what is there for it.
    pub(super) fn cannot_send(&self, now: Instant) {
        self.facts().sending.stalls(now);
    }

    /// The client took some of its answer.
    pub(super) fn sent(&self, bytes: usize, now: Instant) {
        self.facts().sending.moves(bytes as u64, now);
    }

    /// More of a body is wanted than the client has sent.
    pub(super) fn wants_body(&self, now: Instant) {
        self.facts().receiving.stalls(now);
    }

    /// The client sent some of its body.
    pub(super) fn received(&self, bytes: usize, now: Instant) {
        self.facts().receiving.moves(bytes as u64, now);
    }

    /// The body is whole, or nobody wants the rest.
    pub(super) fn body_ended(&self) {
        self.facts().receiving = Wait::default();
    }

    /// The client has shown who it is.
    pub(super) fn trust(&self) {
        self.facts().trusted = true;
    }

    /// Whether it has shown who it is, and when it was last of use.
    pub(super) fn usefulness(&self) -> (bool, Instant) {
        let facts = self.facts();
        (facts.trusted, facts.useful_at)
    }

    /// When it is to be closed as things are, and why; none while only the server is at work.
    pub(super) fn deadline(&self, limits: &Connections) -> Option<(Instant, Late)> {
        let facts = self.facts();
        let ms = Duration::from_millis;
        let phase = match facts.phase {
            Phase::Idle(since) => Some((since + ms(limits.idle_timeout_ms), Late::Idle)),
            Phase::Head(since) => Some((since + ms(limits.head_timeout_ms), Late::Head)),
            Phase::Request => None,
        };
        let body = facts.receiving.deadline(ms(limits.body_timeout_ms));
        let write = facts.sending.deadline(ms(limits.write_timeout_ms));
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
            head_timeout_ms: 100,
            body_timeout_ms: 300,
            write_timeout_ms: 400,
            idle_timeout_ms: 600,
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
