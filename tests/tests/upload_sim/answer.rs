//! A store's answers, as the wire has them. Both simulations of puts draw from them.

use crate::random::Random;

#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        Answer { status, headers: Vec::new(), body: body.into_bytes() }
    }

    /// An answer without a body, whose `Retry-After` is `after`.
    fn busy(status: u16, after: &str) -> Self {
        let headers = vec![("Retry-After".to_owned(), after.to_owned())];
        Answer { status, headers, body: Vec::new() }
    }

    /// What a store that cannot do it now says, for a `die` from 0 to 4.
    pub fn passing(die: u64, random: &mut Random) -> Option<Self> {
        Some(match die {
            0 => Answer::error(500, "InternalError", "try again"),
            1 => Answer::error(503, "SlowDown", "slower"),
            2 => Answer::busy(503, "1"),
            3 => Answer::busy(429, if random.chance(70) { "2" } else { "3600" }),
            4 => Answer::busy(503, "Thu, 01 Jan 1970 00:16:45 GMT"),
            _ => return None,
        })
    }

    /// What a store says rarely, and may say to any request, for a `die` from 0 to 8 but 5.
    pub fn rare(die: u64) -> Option<Self> {
        Some(match die {
            0 => Answer::error(400, "RequestTimeout", "the body came too slowly"),
            1 => Answer::error(400, "IncompleteBody", "the body was cut"),
            2 => Answer::error(400, "BadDigest", "other bytes arrived"),
            3 => Answer::error(400, "XAmzContentSHA256Mismatch", "other bytes arrived"),
            4 => Answer::error(409, "OperationAborted", "another request is under way"),
            6 => Answer { status: 425, ..Answer::default() },
            7 => Answer::error(507, "XMinioStorageFull", "full"),
            // The clock of the world began at 1,000 seconds.
            8 => Answer::busy(503, "Thursday, 01-Jan-70 00:16:42 GMT"),
            _ => return None,
        })
    }
}
