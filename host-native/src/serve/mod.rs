//! The grant server: devices that hold a token, and no store credentials, ask it for the right to
//! write one object, and tell it when they have.
//!
//! [`GrantServer`] is a [`Router`] to put into a server of one's own; [`listen`] runs one.
//! `coldpress serve` is both, on the command line.
//!
//! | route | |
//! | --- | --- |
//! | `POST /v1/grants` | a [`GrantRequest`](coldpress_core::GrantRequest) in, a [`Grant`](coldpress_core::Grant) out |
//! | `POST /v1/receipts` | confirms an upload, from what the store has and never from what the client says |
//! | `GET /healthz` | whether the process serves |
//! | `GET /metrics` | Prometheus' text form |
//!
//! The tenant follows from the token and the key from the tenant: nothing in a request can name an
//! object of another tenant.

mod answer;
mod content;
mod dev;
mod file;
mod grants;
mod hashes;
mod log;
mod metrics;
mod percent;
mod rate;
mod receipts;
mod refusal;
mod s3;
mod shown;
mod token_file;
mod tokens;
mod turns;
mod www;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::TcpListener;
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

pub use crate::listen::Connections;
pub use dev::{DevServer, DevSettings};
pub use log::ServedLog;
pub use rate::RateLimit;
pub use token_file::TokenSource;
pub use tokens::{Bearer, Token, Tokens};

use hashes::Hashes;
use log::Watched;
use metrics::{Metrics, Route};
use rate::RateLimiter;
use refusal::{Reason, Refusal, json_response};
use turns::{TurnLimits, Turns};

use crate::{ColdStorage, Error, GrantLimits, Result};

/// What a grant server may be told.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeSettings {
    /// How far grants go.
    pub limits: GrantLimits,
    /// The pages that may ask, as exact origins such as `https://app.example`. Default: none.
    pub allow_origins: Vec<String>,
    /// How often one token may ask.
    pub rate: RateLimit,
    /// The longest body of a request. Default: 65,536.
    pub body_bytes_max: usize,
    /// The most time for one request, the store's answers included. Default: 30,000.
    pub timeout_ms: u64,
    /// The largest object whose content is read again for a receipt; of a larger one the footer is,
    /// and the hash is compared with the one it was stored with. Default: 64 MiB.
    pub hashed_bytes_max: u64,
    /// The log of this machine, whose exposure `GET /metrics` then shows. Default: none.
    pub log: Option<ServedLog>,
}

impl Default for ServeSettings {
    fn default() -> Self {
        ServeSettings {
            limits: GrantLimits::default(),
            allow_origins: Vec::new(),
            rate: RateLimit::default(),
            body_bytes_max: 64 << 10,
            timeout_ms: 30_000,
            hashed_bytes_max: 64 << 20,
            log: None,
        }
    }
}

impl ServeSettings {
    fn check(&self) -> Result<()> {
        let rate = self.rate;
        if !(rate.per_second.is_finite() && rate.per_second > 0.0 && rate.burst > 0) {
            return Err(Error::settings(
                "the rate limit lets nobody ask; give more than 0 a second, and a burst of at least 1",
            ));
        }
        if self.timeout_ms == 0 || self.body_bytes_max == 0 {
            return Err(Error::settings("timeout_ms and body_bytes_max must be at least 1"));
        }
        Ok(())
    }
}

/// Makes grants and confirms receipts over one store.
#[derive(Debug, Clone)]
pub struct GrantServer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    storage: Arc<ColdStorage>,
    tokens: Arc<TokenSource>,
    settings: ServeSettings,
    origins: Vec<HeaderValue>,
    rates: RateLimiter,
    metrics: Metrics,
    log: Option<Watched>,
    /// For reading footers.
    footers: Turns,
    /// For reading objects whole.
    contents: Turns,
    hashes: Hashes,
}

/// Footers that are read at a time for receipts, and who may wait for it.
const FOOTERS: TurnLimits =
    TurnLimits { at_once: 8, at_once_per_token: 2, waiting: 1_024, waiting_per_token: 256 };

/// Objects that are read whole at a time for receipts, and who may wait for it.
const CONTENTS: TurnLimits =
    TurnLimits { at_once: 4, at_once_per_token: 2, waiting: 1_024, waiting_per_token: 256 };

impl GrantServer {
    /// A server over `storage`, which must be an S3 store, for those who hold `tokens`.
    pub fn new(
        storage: Arc<ColdStorage>,
        tokens: Arc<TokenSource>,
        settings: ServeSettings,
    ) -> Result<Self> {
        settings.check()?;
        let origins = settings.allow_origins.iter().map(|origin| exact_origin(origin));
        Ok(GrantServer(Arc::new(Inner {
            origins: origins.collect::<Result<_>>()?,
            rates: RateLimiter::new(settings.rate),
            metrics: Metrics::default(),
            log: settings.log.clone().map(|log| Watched::new(&storage, log)).transpose()?,
            footers: Turns::new(FOOTERS),
            contents: Turns::new(CONTENTS),
            hashes: Hashes::default(),
            storage,
            tokens,
            settings,
        })))
    }

    /// The routes, with CORS for the allowed origins.
    pub fn router(&self) -> Router {
        // Tokens stand in a header that only a page's own script sets, so no cookies are allowed.
        let cors = CorsLayer::new()
            .allow_origin(AllowOrigin::list(self.0.origins.clone()))
            .allow_methods([Method::POST])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
            .expose_headers([header::RETRY_AFTER])
            .max_age(Duration::from_secs(600));
        let asked = Router::new()
            .route("/v1/grants", post(post_grants))
            .route("/v1/receipts", post(post_receipts))
            // Before CORS, which answers to OPTIONS in its place.
            .method_not_allowed_fallback(wrong_method)
            .layer(cors);
        Router::new()
            .route("/healthz", get(healthz))
            .route("/metrics", get(metrics_text))
            .merge(asked)
            .method_not_allowed_fallback(wrong_method)
            .fallback(no_such_route)
            .with_state(Arc::clone(&self.0))
    }
}

/// Serves a router until `shutdown` ends, then takes no new request and lets those under way end.
/// False where some were cut off, because the time for that was over.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    connections: &Connections,
    shutdown: impl Future<Output = ()>,
) -> bool {
    crate::listen::listen(listener, TowerToHyperService::new(router), connections, shutdown).await
}

async fn post_grants(State(server): State<Arc<Inner>>, request: Request) -> Response {
    answer::answer(server, Route::Grants, request, grants::grant).await
}

async fn post_receipts(State(server): State<Arc<Inner>>, request: Request) -> Response {
    answer::answer(server, Route::Receipts, request, receipts::confirm).await
}

async fn healthz() -> Response {
    json_response(StatusCode::OK, json!({ "status": "ok" }).to_string())
}

async fn metrics_text(State(server): State<Arc<Inner>>) -> Response {
    let mut text = server.metrics.render(server.tokens.tokens().count());
    if let Some(log) = &server.log {
        // A folder that hangs must not make everything else unknown.
        let limit = Duration::from_millis(server.settings.timeout_ms);
        let status = tokio::time::timeout(limit, log.status()).await.ok().flatten();
        text.push_str(&metrics::render_log(status.as_ref()));
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, text).into_response()
}

async fn wrong_method() -> Refusal {
    Refusal::new(
        Reason::Method,
        "this route has another method; /v1/grants and /v1/receipts are POST",
    )
}

async fn no_such_route() -> Refusal {
    let message =
        "there is no such route; there are /v1/grants, /v1/receipts, /healthz and /metrics";
    Refusal::new(Reason::NotFound, message)
}

/// An origin in the very form that browsers send it.
fn exact_origin(origin: &str) -> Result<HeaderValue> {
    let url = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let exact = url.map(|url| url.origin().ascii_serialization());
    match (&exact, HeaderValue::from_str(origin)) {
        (Some(exact), Ok(value)) if exact == origin && !origin.contains('*') => Ok(value),
        _ => {
            let instead = match exact {
                Some(exact) if exact != origin => format!("write {exact}"),
                _ => "write such as https://app.example or http://127.0.0.1:8080".to_owned(),
            };
            Err(Error::settings(format!("{origin:?} is no origin of a page; {instead}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact_or_refused() {
        for good in
            ["https://app.example", "http://127.0.0.1:8080", "http://[::1]:1", "https://a.b:444"]
        {
            assert_eq!(exact_origin(good).unwrap(), good);
        }
        for (bad, part) in [
            ("*", "write such as"),
            ("null", "write such as"),
            ("", "write such as"),
            ("app.example", "write such as"),
            ("file:///x", "write such as"),
            ("https://*.example", "write"),
            ("https://app.example/", "write https://app.example"),
            ("https://app.example/page", "write https://app.example"),
            ("https://APP.example", "write https://app.example"),
            ("https://app.example:443", "write https://app.example"),
            ("https://u:p@app.example", "write https://app.example"),
        ] {
            let error = exact_origin(bad).unwrap_err().to_string();
            assert!(error.contains(part), "{bad}: {error}");
        }
    }
}
