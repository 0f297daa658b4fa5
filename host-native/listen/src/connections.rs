//! The limits of connections.

use std::error::Error as StdError;
use std::time::Duration;

/// The limits of connections. No time may be zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// The most at a time. One more closes the least useful of them: one that showed no token, and
    /// whose last answer is the longest ago. Default: 1,024.
    pub count_max: usize,
    /// The time for the head of a request to arrive. Default: 10 s.
    pub head_timeout: Duration,
    /// The time that a client may let the server wait for 16 KiB more of a body, or for its end.
    /// Default: 30 s.
    pub body_timeout: Duration,
    /// The time that a client may let the server wait before it takes 16 KiB more of an answer.
    /// Default: 30 s.
    pub write_timeout: Duration,
    /// The time between two requests. Default: 60 s.
    pub idle_timeout: Duration,
    /// The age at which a connection ends after the request that is under way. Default: 10 min.
    pub age_max: Duration,
    /// The longest head of a request, and about the most memory that each direction of a connection
    /// takes. Default: 32,768; less than 8,192 counts as 8,192.
    pub head_bytes_max: usize,
    /// The time for requests under way to end, once the server is told to. Default: 10 s.
    pub drain: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Connections {
            count_max: 1_024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            age_max: Duration::from_secs(600),
            head_bytes_max: 32 << 10,
            drain: Duration::from_secs(10),
        }
    }
}

/// A time that can be added to any instant: `Instant` panics where the sum is too far away.
pub(super) fn bounded(time: Duration) -> Duration {
    const YEARS_100: Duration = Duration::from_secs(100 * 365 * 86_400);
    time.min(YEARS_100)
}

/// Any error, as hyper takes it from services and bodies.
pub(super) type AnyError = Box<dyn StdError + Send + Sync>;

impl Connections {
    /// The same, for a process that may have so many files open: half of them are for connections.
    pub(super) fn within(&self, open_files_max: Option<usize>) -> Self {
        let count_max = match open_files_max {
            Some(files) => self.count_max.min(files / 2),
            None => self.count_max,
        };
        Connections { count_max: count_max.max(1), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_files_are_for_connections() {
        let of = |files| Connections::default().within(files).count_max;
        assert_eq!((of(None), of(Some(100_000)), of(Some(1_024))), (1_024, 1_024, 512));
        assert_eq!(of(Some(0)), 1);
    }
}
