//! The time of day: of this machine, or of a clock that the caller gives.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Whole milliseconds, rounded up, so that only a time of zero becomes 0.
pub(crate) fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    since_1970_ms(SystemTime::now())
}

/// A time in milliseconds since 1970; 0 if it is before.
pub(crate) fn since_1970_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time that is this many milliseconds after 1970; 1970 itself if `SystemTime` cannot hold it.
pub(crate) fn system_time(ms: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(ms)).unwrap_or(UNIX_EPOCH)
}

/// A clock that tells the time of day. Default: the system's clock.
///
/// A test can give its own clock, so that it need not wait until a grant has expired:
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use coldpress::{ColdStorageConfig, TimeOfDay};
///
/// let an_hour_ago = TimeOfDay::new(|| SystemTime::now() - Duration::from_secs(3_600));
/// let config = ColdStorageConfig { clock: an_hour_ago, ..ColdStorageConfig::default() };
/// ```
#[derive(Clone)]
pub struct TimeOfDay(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl TimeOfDay {
    /// A clock that shows what `now` returns.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        TimeOfDay(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }

    /// The time now in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        since_1970_ms(self.now())
    }
}

impl Default for TimeOfDay {
    fn default() -> Self {
        TimeOfDay::new(SystemTime::now)
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TimeOfDay").field(&self.now()).finish()
    }
}

/// A clock that shows the time of day and never goes backwards. It uses tokio's clock, which a test
/// can pause.
#[derive(Debug)]
pub(crate) struct Clock {
    begun_ms: u64,
    begun: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Clock { begun_ms: now_ms(), begun: Instant::now() }
    }

    /// When it was made, in milliseconds since 1970.
    pub(crate) fn begun_ms(&self) -> u64 {
        self.begun_ms
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        let elapsed_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.begun_ms.saturating_add(elapsed_ms)
    }
}
