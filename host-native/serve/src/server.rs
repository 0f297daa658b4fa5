//! The state that all requests to one grant server share.

use std::sync::Arc;

use axum::http::HeaderValue;
use coldpress::ColdStorage;

use super::hashes::Hashes;
use super::log::Watched;
use super::metrics::Metrics;
use super::rate::RateLimiter;
use super::settings::ServeSettings;
use super::token_file::TokenSource;
use super::turns::Turns;

/// One grant server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) storage: Arc<ColdStorage>,
    pub(super) tokens: Arc<TokenSource>,
    pub(super) settings: ServeSettings,
    pub(super) origins: Vec<HeaderValue>,
    pub(super) rates: RateLimiter,
    pub(super) metrics: Metrics,
    pub(super) log: Option<Watched>,
    /// Turns to read footers.
    pub(super) footers: Turns,
    /// Turns to read objects completely.
    pub(super) contents: Turns,
    /// Turns to list collections.
    pub(super) listings: Turns,
    pub(super) hashes: Hashes,
}
