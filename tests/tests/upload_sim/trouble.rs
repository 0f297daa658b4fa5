//! What the network and the store do to a request that arrives.

use super::World;
use crate::answer::Answer;
use crate::store::Request;

impl World {
    /// The store's answer; none where it cannot be reached.
    pub(super) fn arrive(&mut self, request: &Request) -> Option<Answer> {
        if self.plan.outage.is_some_and(|(from, to)| (from..to).contains(&self.now_ms)) {
            return None;
        }
        if !self.random.chance(self.plan.trouble) {
            return Some(self.store.handle(request, self.now_ms, &mut self.random));
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
                self.store.handle(request, self.now_ms, &mut self.random);
                Answer::error(500, "InternalError", "after the effect")
            }
            None if request.url.contains("?complete") => {
                Answer::error(200, "InternalError", "in a 200")
            }
            None => Answer { status: 502, ..Answer::default() },
        })
    }

    /// The answers that tell a table of answers from a guess; none where the connection is cut in
    /// the middle of the body.
    fn rare(&mut self, request: &Request) -> Option<Answer> {
        let completes = request.url.contains("?complete");
        let writes_whole = completes || request.url.contains("?put");
        let die = self.random.below(12);
        if let Some(answer) = Answer::rare(die) {
            return Some(answer);
        }
        Some(match die {
            5 if writes_whole => Answer::error(409, "ConditionalRequestConflict", "another one"),
            // Completed, and then asked about an upload that is no more.
            9 if completes => {
                self.store.handle(request, self.now_ms, &mut self.random);
                Answer::error(404, "NoSuchUpload", "after the effect")
            }
            // Not completed: somebody has aborted it.
            10 if completes => {
                let id = request.url.split("upload=").nth(1)?.split('&').next()?;
                self.store.uploads.remove(id);
                Answer::error(404, "NoSuchUpload", "aborted")
            }
            _ => return None,
        })
    }
}
