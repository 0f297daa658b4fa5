//! The calendar, and the texts of dates and times: RFC 3339, and the forms in which stores write a
//! time.
//!
//! Nothing here reads a clock.

mod calendar;
mod http;
mod instant;

use std::time::Duration;

#[cfg(feature = "arrow")]
pub(crate) use calendar::{DAY_SECONDS, DAYS};
pub(crate) use calendar::{date, date_text};
pub use http::{listed_time_ms, retry_after_ms};
#[cfg(feature = "decode")]
pub(crate) use instant::moment;
pub use instant::rfc3339_ms;
pub(crate) use instant::{Instant, minutes_ahead, offset_text, timestamp, timestamp_text};

/// Whole milliseconds, rounded up, so that no time but zero counts as none.
pub(crate) fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
