//! What the network and the store do to a request.

use coldpress_core::StoreRequest;

use super::{Doing, Event, World};
use crate::answer::Answer;
use crate::plan::Moment;
use crate::store::Request;

impl World {
    /// A delay beyond the time that the machine waits, now and then.
    pub(super) fn slow_ms(&mut self) -> u64 {
        match self.random.chance(self.plan.trouble) {
            true => 800 + self.random.below(3_000),
            false => 0,
        }
    }

    pub(super) fn reaches_store(&self) -> bool {
        !self.plan.outage.is_some_and(|(from, to)| (from..to).contains(&self.now_ms))
    }

    pub(super) fn is_denied(&self) -> bool {
        self.plan.denied_from.is_some_and(|from| self.now_ms >= from)
    }

    fn is_contended(&self, request: &StoreRequest) -> bool {
        let is_now = |(from, to): (u64, u64)| (from..to).contains(&self.now_ms);
        matches!(request, StoreRequest::Put { .. } | StoreRequest::Complete { .. })
            && self.plan.contention.is_some_and(is_now)
    }

    pub(super) fn send(&mut self, id: u64, request: Request) {
        let delay_ms = 1 + self.random.below(40);
        if self.random.chance(self.plan.trouble) {
            // Lost on the way there: with an error, or in silence.
            if self.random.chance(50) {
                self.after(delay_ms, Event::Failed { id });
            }
            return;
        }
        let delay_ms = delay_ms + self.slow_ms();
        let loses_answer = self.random.chance(self.plan.trouble);
        self.after(delay_ms, Event::Arrives { id, request, loses_answer });
    }

    pub(super) fn arrives(&mut self, id: u64, request: &Request, loses_answer: bool) {
        if self.cancelled.contains(&id) && self.random.chance(60) {
            return;
        }
        let moment = Moment::BeforeRequest(self.arrived);
        self.arrived += 1;
        if self.plan.rival.as_ref().is_some_and(|rival| rival.moment == moment) {
            self.rival_comes();
        }
        let Some(answer) = self.answer(request) else {
            return self.after(1, Event::Failed { id });
        };
        self.log.push(format!("{} {id} arrives: {}", self.now_ms, answer.status));
        if loses_answer {
            if self.random.chance(50) {
                self.after(5, Event::Failed { id });
            }
            return;
        }
        if self.random.chance(self.plan.trouble) {
            let again = self.random.below(2_000);
            self.after(again, Event::Answered { id, answer: answer.clone() });
        }
        let delay_ms = 1 + self.random.below(20);
        self.after(delay_ms, Event::Answered { id, answer });
    }

    /// Keeps the name of an upload that the machine is told of.
    pub(super) fn hear(&mut self, id: u64, answer: &Answer) {
        let doing = self.under_way.remove(&id);
        if doing != Some(Doing::Sending(StoreRequest::Begin)) {
            return;
        }
        let body = String::from_utf8_lossy(&answer.body);
        let name = body.split_once("<UploadId>").and_then(|(_, rest)| rest.split_once("</"));
        self.heard.extend(name.map(|(name, _)| name.to_owned()));
    }

    /// The store's answer; none where it cannot be reached.
    fn answer(&mut self, request: &Request) -> Option<Answer> {
        if !self.reaches_store() {
            return None;
        }
        if self.is_denied() {
            return Some(Answer::error(403, "AccessDenied", "Access Denied."));
        }
        if self.is_contended(&request.what) {
            return Some(Answer::error(409, "ConditionalRequestConflict", "another one"));
        }
        if !self.random.chance(self.plan.trouble) {
            return Some(self.store.handle(request, &mut self.random));
        }
        // Now and then one that a store says rarely, which is all the easier to get wrong.
        if self.random.chance(40) {
            return self.rare(request);
        }
        let die = self.random.below(7);
        Some(match Answer::passing(die, &mut self.random) {
            Some(answer) => answer,
            // Done, but nobody is told.
            None if die == 5 => {
                self.store.handle(request, &mut self.random);
                Answer::error(500, "InternalError", "after the effect")
            }
            None if matches!(request.what, StoreRequest::Complete { .. }) => {
                Answer::error(200, "InternalError", "in a 200")
            }
            None => Answer { status: 502, ..Answer::default() },
        })
    }

    /// The answers that tell a table of answers from a guess; none where the connection is cut in
    /// the middle of the body.
    fn rare(&mut self, request: &Request) -> Option<Answer> {
        let die = self.random.below(14);
        if let Some(answer) = Answer::rare(die) {
            return Some(answer);
        }
        Some(match (die, &request.what) {
            (5, StoreRequest::Put { .. } | StoreRequest::Complete { .. }) => {
                Answer::error(409, "ConditionalRequestConflict", "another one")
            }
            // Completed, and then asked about an upload that is no more.
            (9, StoreRequest::Complete { .. }) => {
                self.store.handle(request, &mut self.random);
                Answer::error(404, "NoSuchUpload", "after the effect")
            }
            // Somebody has aborted it.
            (10, StoreRequest::Complete { upload_id } | StoreRequest::Part { upload_id, .. }) => {
                self.store.uploads.remove(upload_id);
                Answer::error(404, "NoSuchUpload", "aborted")
            }
            (11, StoreRequest::Complete { .. }) => {
                Answer::error(400, "InvalidPart", "a part is lost")
            }
            // A proxy whose store is away. The table believes it of an abort.
            (12, StoreRequest::Part { .. } | StoreRequest::Put { .. }) => {
                Answer { status: 404, ..Answer::default() }
            }
            _ => return None,
        })
    }
}
