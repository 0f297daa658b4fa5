//! Answers requests: checks the token, its rate limit, the size of the body and the time; counts
//! and logs the result.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use coldpress_listen::{Peer, Shown};

use super::metrics::Route;
use super::refusal::{Reason, Refusal};
use super::server::Server;
use super::tokens::Bearer;

/// A request with a valid token and a complete body.
pub(super) struct Asked {
    pub(super) server: Arc<Server>,
    pub(super) bearer: Arc<Bearer>,
    pub(super) body: Bytes,
}

/// Answers one request. Errors become answers too.
pub(super) async fn answer<F>(
    server: Arc<Server>,
    route: Route,
    request: Request,
    work: fn(Asked) -> F,
) -> Response
where
    F: Future<Output = Result<Response, Refusal>>,
{
    let started = Instant::now();
    let _in_flight = server.metrics.begin();
    let (head, body) = request.into_parts();
    let bearer = authorize(&server, &head.headers);
    if let (Ok(_), Some(peer)) = (&bearer, head.extensions.get::<Peer>()) {
        peer.trust();
    }
    let name = bearer.as_ref().ok().map(|bearer| (bearer.tenant_id(), bearer.name()));
    let result = async {
        let bearer = bearer?;
        let body = read_body(body, server.settings.body_bytes_max).await?;
        work(Asked { server: Arc::clone(&server), bearer, body }).await
    };
    let limit = server.settings.timeout;
    let result = tokio::time::timeout(limit, result).await.unwrap_or_else(|_| {
        let message = format!("the request took longer than {} ms; try again", limit.as_millis());
        Err(Refusal::new(Reason::TimedOut, message).after(Duration::from_secs(1)))
    });
    let took = started.elapsed();
    server.metrics.took(route, took);
    log(route, &result, name, took);
    result.unwrap_or_else(|refusal| {
        server.metrics.refused(route, refusal.reason);
        refusal.into_response()
    })
}

/// Never logs a token, or a URL of a grant.
fn log(
    route: Route,
    result: &Result<Response, Refusal>,
    bearer: Option<(u64, String)>,
    took: Duration,
) {
    let (tenant, token) = bearer.unzip();
    let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    match result {
        Ok(response) => {
            let status = response.status().as_u16();
            tracing::info!(?route, status, tenant, token, us, "answered");
        }
        Err(Refusal { reason, message, .. }) => {
            let message = Shown(message);
            tracing::info!(?route, reason = reason.label(), %message, tenant, token, us, "refused");
        }
    }
}

fn authorize(server: &Server, headers: &HeaderMap) -> Result<Arc<Bearer>, Refusal> {
    let unauthorized = |message| Refusal::new(Reason::Unauthorized, message);
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(unauthorized("the request has no token; send `Authorization: Bearer TOKEN`"));
    };
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let Some(token) = token else {
        return Err(unauthorized("the Authorization header is not of the form `Bearer TOKEN`"));
    };
    let tokens = server.tokens.tokens();
    let Some(bearer) = tokens.find(token) else {
        return Err(unauthorized(
            "this server does not know the token; ask its operator for a new one",
        ));
    };
    let taken = server.rates.take(bearer.digest(), &tokens, Instant::now());
    taken.map(|()| bearer).map_err(|pause| {
        let message = "this token sends too many requests; wait for the time in Retry-After";
        Refusal::new(Reason::RateLimited, message).after(pause)
    })
}

async fn read_body(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    axum::body::to_bytes(body, bytes_max).await.map_err(|error| {
        let mut causes =
            std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
        match causes.any(|cause| cause.to_string().contains("length limit exceeded")) {
            true => {
                let message = format!(
                    "the body is longer than {bytes_max} bytes; send a request for one object"
                );
                Refusal::new(Reason::TooLarge, message)
            }
            false => {
                Refusal::new(Reason::Malformed, "the body ended too early; send the request again")
            }
        }
    })
}
