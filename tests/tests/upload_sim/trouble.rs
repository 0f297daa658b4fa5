//! What the network and the store do to a request that arrives.

use super::World;
use crate::store::{Answer, Request};

impl World {
    /// The store's answer; none where it cannot be reached.
    pub(super) fn arrive(&mut self, request: &Request) -> Option<Answer> {
        if self.plan.outage.is_some_and(|(from, to)| (from..to).contains(&self.now_ms)) {
            return None;
        }
        if !self.random.chance(self.plan.trouble) {
            return Some(self.store.handle(request, self.now_ms, &mut self.random));
        }
        let busy = |status, after: &str| {
            let headers = vec![("Retry-After".to_owned(), after.to_owned())];
            Answer { status, headers, body: Vec::new() }
        };
        // Now and then one that a store says rarely, which is all the easier to get wrong.
        if self.random.chance(40) {
            return self.rare(request);
        }
        Some(match self.random.below(7) {
            0 => Answer::error(500, "InternalError", "try again"),
            1 => Answer::error(503, "SlowDown", "slower"),
            2 => busy(503, "1"),
            3 => busy(429, if self.random.chance(70) { "2" } else { "3600" }),
            4 => busy(503, "Thu, 01 Jan 1970 00:16:45 GMT"),
            // Done, but nobody is told.
            5 => {
                self.store.handle(request, self.now_ms, &mut self.random);
                Answer::error(500, "InternalError", "after the effect")
            }
            _ if request.url.contains("?complete") => {
                Answer::error(200, "InternalError", "in a 200")
            }
            _ => Answer { status: 502, ..Answer::default() },
        })
    }

    /// The answers that tell a table of answers from a guess; none where the connection is cut in
    /// the middle of the body.
    fn rare(&mut self, request: &Request) -> Option<Answer> {
        let completes = request.url.contains("?complete");
        let writes_whole = completes || request.url.contains("?put");
        Some(match self.random.below(12) {
            0 => Answer::error(400, "RequestTimeout", "the body came too slowly"),
            1 => Answer::error(400, "IncompleteBody", "the body was cut"),
            2 => Answer::error(400, "BadDigest", "other bytes arrived"),
            3 => Answer::error(400, "XAmzContentSHA256Mismatch", "other bytes arrived"),
            4 => Answer::error(409, "OperationAborted", "another request is under way"),
            5 if writes_whole => Answer::error(409, "ConditionalRequestConflict", "another one"),
            6 => Answer { status: 425, ..Answer::default() },
            7 => Answer::error(507, "XMinioStorageFull", "full"),
            8 => {
                // The clock of the world began at 1,000 seconds.
                let at = "Thursday, 01-Jan-70 00:16:42 GMT".to_owned();
                let headers = vec![("Retry-After".to_owned(), at)];
                Answer { status: 503, headers, body: Vec::new() }
            }
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
