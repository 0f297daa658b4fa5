//! The grant server. Devices hold a token and no store credentials. They ask the server for the
//! right to write one object, and tell it when the object is stored. Or they ask for the right to
//! read the files of a collection.
//!
//! [`GrantServer`] is a [`Router`] for a server of your own. [`listen`] runs a server. The command
//! `coldpress serve` does both.
//!
//! | route | |
//! | --- | --- |
//! | `POST /v1/grants` | takes a [`GrantRequest`], answers with a [`Grant`] |
//! | `POST /v1/receipts` | confirms an upload by what the store has |
//! | `POST /v1/scans` | takes a [`ReadGrantRequest`], answers with a [`ReadGrantPage`] |
//! | `GET /healthz` | whether the server runs |
//! | `GET /metrics` | metrics in Prometheus' text format |
//!
//! The token decides the tenant, and the tenant decides the key. No request can name an object of
//! another tenant.
//!
//! [`Grant`]: coldpress_core::Grant
//! [`GrantRequest`]: coldpress_core::GrantRequest
//! [`ReadGrantPage`]: coldpress_core::ReadGrantPage
//! [`ReadGrantRequest`]: coldpress_core::ReadGrantRequest
#![forbid(unsafe_code)]

mod answer;
mod grants;
mod hashes;
mod log;
mod metrics;
mod rate;
mod receipts;
mod refusal;
mod scans;
mod server;
mod settings;
mod token_file;
mod tokens;
mod turns;
mod waiting;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use coldpress::{ColdStorage, Error, Result};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::TcpListener;
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

pub use coldpress_listen::Connections;
pub use log::ServedLog;
pub use rate::RateLimit;
pub use settings::ServeSettings;
pub use token_file::TokenSource;
pub use tokens::{Bearer, Rights, Token, Tokens};

use hashes::Hashes;
use log::Watched;
use metrics::{Metrics, Route};
use rate::RateLimiter;
use refusal::{Reason, Refusal, json_response};
use server::Server;
use turns::{TurnLimits, Turns};

/// Makes grants and confirms receipts, for one store.
#[derive(Debug, Clone)]
pub struct GrantServer(Arc<Server>);

/// How many footers are read at a time for receipts, and how many requests may wait.
const FOOTERS: TurnLimits =
    TurnLimits { at_once: 8, at_once_per_token: 2, waiting: 1_024, waiting_per_token: 256 };

/// How many objects are read completely at a time for receipts, and how many requests may wait.
const CONTENTS: TurnLimits =
    TurnLimits { at_once: 4, at_once_per_token: 2, waiting: 1_024, waiting_per_token: 256 };

/// How many collections are listed at a time for scans, and how many requests may wait.
const LISTINGS: TurnLimits =
    TurnLimits { at_once: 8, at_once_per_token: 2, waiting: 1_024, waiting_per_token: 256 };

impl GrantServer {
    /// A server for `storage`, which must be an S3 store, and for the holders of `tokens`.
    pub fn new(
        storage: Arc<ColdStorage>,
        tokens: Arc<TokenSource>,
        settings: ServeSettings,
    ) -> Result<Self> {
        settings.check()?;
        let origins = settings.allow_origins.iter().map(|origin| exact_origin(origin));
        Ok(GrantServer(Arc::new(Server {
            origins: origins.collect::<Result<_>>()?,
            rates: RateLimiter::new(settings.rate),
            metrics: Metrics::default(),
            log: settings.log.clone().map(|log| Watched::new(&storage, log)).transpose()?,
            footers: Turns::new(FOOTERS),
            contents: Turns::new(CONTENTS),
            listings: Turns::new(LISTINGS),
            hashes: Hashes::default(),
            storage,
            tokens,
            settings,
        })))
    }

    /// The routes, with CORS for the allowed origins.
    pub fn router(&self) -> Router {
        // The token is in a header that only the page's own script sets. So no cookies are allowed.
        let cors = CorsLayer::new()
            .allow_origin(AllowOrigin::list(self.0.origins.clone()))
            .allow_methods([Method::POST])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
            .expose_headers([header::RETRY_AFTER])
            .max_age(Duration::from_secs(600));
        let asked = Router::new()
            .route("/v1/grants", post(post_grants))
            .route("/v1/receipts", post(post_receipts))
            .route("/v1/scans", post(post_scans))
            // Set before the CORS layer, which answers OPTIONS requests itself.
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

/// Serves a router until `shutdown` ends. Then takes no new requests, and waits for running ones.
/// Returns false if it cut off some of them, because the time to drain was over.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    connections: &Connections,
    shutdown: impl Future<Output = ()>,
) -> bool {
    coldpress_listen::listen(listener, TowerToHyperService::new(router), connections, shutdown)
        .await
}

async fn post_grants(State(server): State<Arc<Server>>, request: Request) -> Response {
    answer::answer(server, Route::Grants, request, grants::grant).await
}

async fn post_receipts(State(server): State<Arc<Server>>, request: Request) -> Response {
    answer::answer(server, Route::Receipts, request, receipts::confirm).await
}

async fn post_scans(State(server): State<Arc<Server>>, request: Request) -> Response {
    answer::answer(server, Route::Scans, request, scans::scan).await
}

async fn healthz() -> Response {
    json_response(StatusCode::OK, json!({ "status": "ok" }).to_string())
}

async fn metrics_text(State(server): State<Arc<Server>>) -> Response {
    let mut text = server.metrics.render(server.tokens.tokens().count());
    if let Some(log) = &server.log {
        // If the folder hangs, the other metrics must still be served.
        let limit = server.settings.timeout;
        let status = tokio::time::timeout(limit, log.status()).await.ok().flatten();
        text.push_str(&metrics::render_log(status.as_ref()));
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, text).into_response()
}

async fn wrong_method() -> Refusal {
    Refusal::new(
        Reason::Method,
        "this route does not take this method; use POST for /v1/grants, /v1/receipts and \
         /v1/scans",
    )
}

async fn no_such_route() -> Refusal {
    let message = "no such route; this server has /v1/grants, /v1/receipts, /v1/scans, /healthz \
        and /metrics";
    Refusal::new(Reason::NotFound, message)
}

/// Checks that an origin has exactly the form that browsers send.
fn exact_origin(origin: &str) -> Result<HeaderValue> {
    let url = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let exact = url.map(|url| url.origin().ascii_serialization());
    match (&exact, HeaderValue::from_str(origin)) {
        (Some(exact), Ok(value)) if exact == origin && !origin.contains('*') => Ok(value),
        _ => {
            let instead = match exact {
                Some(exact) if exact != origin => format!("write {exact}"),
                _ => "write for example https://app.example or http://127.0.0.1:8080".to_owned(),
            };
            Err(Error::settings(format!("{origin:?} is not the origin of a web page; {instead}")))
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
            ("*", "write for example"),
            ("null", "write for example"),
            ("", "write for example"),
            ("app.example", "write for example"),
            ("file:///x", "write for example"),
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
