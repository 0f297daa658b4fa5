//! The settings of a grant server.

use std::time::Duration;

use coldpress::{Error, GrantLimits, Result};

use super::log::ServedLog;
use super::rate::RateLimit;

/// The settings of a grant server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeSettings {
    /// The limits of grants.
    pub limits: GrantLimits,
    /// The web pages that may ask, as exact origins such as `https://app.example`. Default: none.
    pub allow_origins: Vec<String>,
    /// The rate limit of each token.
    pub rate: RateLimit,
    /// The longest body of a request. Default: 65,536.
    pub body_bytes_max: usize,
    /// The most time for one request, the store's answers included. Default: 30 s.
    pub timeout: Duration,
    /// The largest object to read completely for a receipt. For a larger one only the footer is
    /// read, and the hash is compared with the hash it was stored with. Default: 64 MiB.
    pub hashed_bytes_max: u64,
    /// The write-ahead log of this machine. `GET /metrics` then shows its exposure. Default: none.
    pub log: Option<ServedLog>,
}

impl Default for ServeSettings {
    fn default() -> Self {
        ServeSettings {
            limits: GrantLimits::default(),
            allow_origins: Vec::new(),
            rate: RateLimit::default(),
            body_bytes_max: 64 << 10,
            timeout: Duration::from_secs(30),
            hashed_bytes_max: 64 << 20,
            log: None,
        }
    }
}

impl ServeSettings {
    pub(super) fn check(&self) -> Result<()> {
        let rate = self.rate;
        if !(rate.per_second.is_finite() && rate.per_second > 0.0 && rate.burst > 0) {
            return Err(Error::settings(
                "the rate limit allows no request; give more than 0 per second, and a burst of at \
                 least 1",
            ));
        }
        if self.timeout.is_zero() || self.body_bytes_max == 0 {
            return Err(Error::settings("timeout and body_bytes_max must be more than 0"));
        }
        Ok(())
    }
}
