//! The host: it has the body, which grows while there is room, and drops what is released.

use coldpress_core::{Found, Put, PutRule, PutWay, RequestBody, StoreRequest};

use super::{Doing, Event, World};
use crate::plan::Publishing;

/// How far the host is.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// So many bytes of the body were handed to the machine.
    given: u64,
    /// So many of them are dropped.
    dropped: u64,
    pub(super) is_ended: bool,
    pub(super) is_published: bool,
    /// The host has seen that all is staged.
    is_staged: bool,
    /// It pauses until then.
    ready_ms: u64,
}

impl World {
    fn body_bytes(&self) -> u64 {
        self.plan.body.len() as u64
    }

    /// The host's next move, if there is one now.
    pub(super) fn host_goes_on(&mut self, put: &mut Put) -> bool {
        if self.now_ms < self.host.ready_ms || put.own_outcome().is_some() {
            return false;
        }
        let moves = if self.plan.host.publishing == Publishing::First && !self.host.is_published {
            self.publish(put)
        } else if self.host.given < self.body_bytes() {
            self.give(put)
        } else if !self.host.is_ended {
            self.end(put)
        } else if !self.host.is_published {
            self.publish_later(put)
        } else {
            false
        };
        if moves {
            let pause_ms = self.random.below(self.plan.host.pause_max_ms);
            self.host.ready_ms = self.now_ms + pause_ms;
            if pause_ms > 0 {
                self.after(pause_ms, Event::HostGoesOn);
            }
        }
        moves
    }

    fn give(&mut self, put: &mut Put) -> bool {
        let rest = self.body_bytes() - self.host.given;
        let slice = 1 + self.random.below(self.plan.host.slice_max);
        let bytes = slice.min(put.room()).min(rest);
        if bytes == 0 {
            return false;
        }
        put.handle_bytes(bytes, self.now_ms);
        self.host.given += bytes;
        self.drop_released(put);
        let held = self.host.given - self.host.dropped;
        let held_max = (self.plan.settings.concurrency as u64 + 1) * self.plan.part_bytes;
        assert!(held <= held_max, "{}", self.told(&format!("holds {held} bytes")));
        true
    }

    fn end(&mut self, put: &mut Put) -> bool {
        self.log.push(format!("{} the body has ended", self.now_ms));
        self.host.is_ended = true;
        let publishing = self.plan.host.publishing;
        let publishes_first = publishing == Publishing::AtEnd && self.random.chance(50);
        if publishes_first {
            self.publish(put);
        }
        match self.plan.host.policy() {
            Some(policy) => put.stage(policy, self.now_ms),
            None => put.end_body(self.now_ms),
        }
        if publishing == Publishing::AtEnd && !publishes_first {
            self.publish(put);
        }
        true
    }

    fn publish_later(&mut self, put: &mut Put) -> bool {
        let waits = matches!(self.plan.host.publishing, Publishing::Staged(_));
        if waits && !self.host.is_staged {
            self.host.is_staged = put.is_staged();
            return self.host.is_staged;
        }
        if waits {
            assert!(put.is_staged(), "{}", self.told("is not staged any more"));
        }
        self.publish(put)
    }

    fn publish(&mut self, put: &mut Put) -> bool {
        self.log.push(format!("{} the host publishes", self.now_ms));
        self.host.is_published = true;
        put.publish(self.now_ms);
        true
    }

    pub(super) fn drop_released(&mut self, put: &Put) {
        let released = put.released_bytes();
        let range = self.host.dropped..=self.host.given;
        assert!(range.contains(&released), "{}", self.told(&format!("released {released}")));
        self.host.dropped = released;
    }

    /// The bytes that a request carries. Those that were released are not there any more.
    pub(super) fn bytes_of(&self, body: RequestBody) -> Vec<u8> {
        match body {
            RequestBody::Empty => Vec::new(),
            RequestBody::Bytes(bytes) => bytes,
            RequestBody::File(range) => {
                assert!(
                    range.start >= self.host.dropped && range.end <= self.host.given,
                    "{}",
                    self.told(&format!("wants bytes {range:?} that are not there"))
                );
                self.plan.body[range.start as usize..range.end as usize].to_vec()
            }
        }
    }

    /// What must hold for every request, whatever comes of it.
    pub(super) fn check_request(&mut self, request: &StoreRequest, body: &RequestBody, put: &Put) {
        let wrong = match request {
            _ if put.own_outcome().is_some() => Some("sends after the outcome"),
            StoreRequest::Put { .. } | StoreRequest::Complete { .. }
                if !self.host.is_published || !self.host.is_ended =>
            {
                Some("publishes by itself")
            }
            StoreRequest::Put { create_only } => self.wrong_put(*create_only, body),
            StoreRequest::Complete { .. }
                if self.plan.manners.parts_rule == PutRule::LookFirst && !self.has_looked =>
            {
                Some("completes without a look")
            }
            StoreRequest::Part { number, .. } => self.wrong_part(*number, body),
            StoreRequest::Begin | StoreRequest::Complete { .. } | StoreRequest::Abort { .. } => {
                None
            }
        };
        if let Some(wrong) = wrong {
            panic!("{}", self.told(&format!("{wrong}: {request:?} {body:?}")));
        }
        if let StoreRequest::Part { upload_id, .. }
        | StoreRequest::Complete { upload_id }
        | StoreRequest::Abort { upload_id } = request
        {
            assert!(self.heard.contains(upload_id), "{}", self.told("an upload of nobody"));
        }
        self.check_bounds(request);
    }

    fn wrong_put(&self, create_only: bool, body: &RequestBody) -> Option<&'static str> {
        let rule = self.plan.manners.whole_rule;
        if *body != RequestBody::File(0..self.body_bytes()) {
            return Some("puts another body");
        }
        if create_only != (rule == PutRule::Conditional) {
            return Some("puts by another rule");
        }
        (!create_only && !self.has_looked).then_some("overwrites without a look")
    }

    fn wrong_part(&self, number: usize, body: &RequestBody) -> Option<&'static str> {
        let RequestBody::File(range) = body else { return Some("a part of nothing") };
        let part_bytes = self.plan.part_bytes;
        let bytes = range.end.saturating_sub(range.start);
        let is_last = self.host.is_ended && range.end == self.body_bytes();
        let is_cut_well = range.start == (number as u64 - 1) * part_bytes
            && (bytes == part_bytes || is_last && (1..part_bytes).contains(&bytes));
        (!is_cut_well).then_some("cuts a part wrongly")
    }

    /// How many requests carry bytes, and how late a request is tried again.
    fn check_bounds(&mut self, request: &StoreRequest) {
        if matches!(request, StoreRequest::Abort { .. }) {
            return;
        }
        let carries_bytes = |request: &StoreRequest| {
            matches!(request, StoreRequest::Put { .. } | StoreRequest::Part { .. })
        };
        let under_way = self
            .under_way
            .values()
            .filter(|doing| matches!(doing, Doing::Sending(request) if carries_bytes(request)));
        let has_room = under_way.count() < self.plan.settings.concurrency;
        assert!(!carries_bytes(request) || has_room, "{}", self.told("sends too much at a time"));
        let first_ms = *self.first_tries.entry(format!("{request:?}")).or_insert(self.now_ms);
        let waited_ms = self.now_ms - first_ms;
        if self
            .plan
            .settings
            .patience
            .is_some_and(|patience| u128::from(waited_ms) > patience.as_millis())
        {
            panic!("{}", self.told(&format!("{request:?} again after {waited_ms} ms")));
        }
    }

    pub(super) fn find_rule(&mut self, id: u64, way: PutWay) {
        let rule = match way {
            PutWay::Whole => self.plan.manners.whole_rule,
            PutWay::Parts => self.plan.manners.parts_rule,
        };
        let rule = (!self.random.chance(self.plan.host_trouble)).then_some(rule);
        let delay_ms = 1 + self.random.below(40) + self.slow_ms();
        self.after(delay_ms, Event::Rule { id, rule });
        if self.random.chance(self.plan.trouble) {
            self.after(delay_ms + 20, Event::Rule { id, rule });
        }
    }

    /// The host looks at the key. It tells the machine later.
    pub(super) fn look(&mut self, id: u64) {
        let sees = self.reaches_store()
            && !self.is_denied()
            && !self.random.chance(self.plan.host_trouble);
        let found = sees.then(|| self.store.found(&self.plan.body, self.host.is_ended));
        let delay_ms = 1 + self.random.below(40) + self.slow_ms();
        self.after(delay_ms, Event::Compared { id, found });
        if self.random.chance(self.plan.trouble) {
            self.after(delay_ms + 20, Event::Compared { id, found });
        }
    }

    pub(super) fn compared(&mut self, put: &mut Put, id: u64, found: Option<Found>) {
        self.log.push(format!("{} {id} has found {found:?}", self.now_ms));
        if self.under_way.remove(&id).is_some() {
            self.has_looked |= found == Some(Found::Nothing);
            self.gave_way |= found == Some(Found::Something);
        }
        match found {
            Some(found) => put.handle_compared(id, found, self.now_ms),
            None => put.handle_unknown(id, self.now_ms),
        }
    }
}
