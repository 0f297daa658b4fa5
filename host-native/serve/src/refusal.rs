//! A refused request: a status, and JSON that says why and what to do next.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use coldpress::ErrorKind;
use coldpress_listen::{Shown, cut};
use serde_json::json;

/// The longest message. It may quote a key or a collection as the client sent it.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// Why a request was refused. The metric's label and the status follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The body is not a valid request.
    Malformed,
    /// The collection, the LSNs or the key are not valid.
    Key,
    /// There is no token, or it is not known.
    Unauthorized,
    /// The token may not do this.
    Forbidden,
    NotFound,
    /// The route does not take this method.
    Method,
    /// What is stored differs from what the client said.
    Conflict,
    TooLarge,
    RateLimited,
    /// The store does not answer.
    Unavailable,
    /// The request took longer than the server allows.
    TimedOut,
    /// The server has wrong settings, or a bug. Its log says more.
    Internal,
}

impl Reason {
    pub(crate) const ALL: [Reason; 12] = [
        Reason::Malformed,
        Reason::Key,
        Reason::Unauthorized,
        Reason::Forbidden,
        Reason::NotFound,
        Reason::Method,
        Reason::Conflict,
        Reason::TooLarge,
        Reason::RateLimited,
        Reason::Unavailable,
        Reason::TimedOut,
        Reason::Internal,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Reason::Malformed => "malformed",
            Reason::Key => "key",
            Reason::Unauthorized => "unauthorized",
            Reason::Forbidden => "forbidden",
            Reason::NotFound => "not_found",
            Reason::Method => "method",
            Reason::Conflict => "conflict",
            Reason::TooLarge => "too_large",
            Reason::RateLimited => "rate_limited",
            Reason::Unavailable => "unavailable",
            Reason::TimedOut => "timed_out",
            Reason::Internal => "internal",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Reason::Malformed | Reason::Key => StatusCode::BAD_REQUEST,
            Reason::Unauthorized => StatusCode::UNAUTHORIZED,
            Reason::Forbidden => StatusCode::FORBIDDEN,
            Reason::NotFound => StatusCode::NOT_FOUND,
            Reason::Method => StatusCode::METHOD_NOT_ALLOWED,
            Reason::Conflict => StatusCode::CONFLICT,
            Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Reason::Unavailable | Reason::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code in the answer, in the words of [`ErrorKind`]: it says what a client can do.
    fn code(self) -> &'static str {
        match self {
            Reason::Malformed | Reason::Method => "Misuse",
            Reason::Key => "Key",
            Reason::Unauthorized | Reason::Forbidden => "Denied",
            Reason::NotFound => "NotFound",
            Reason::Conflict => "Conflict",
            Reason::TooLarge => "Limit",
            Reason::RateLimited | Reason::Unavailable | Reason::TimedOut => "Unavailable",
            Reason::Internal => "Internal",
        }
    }
}

/// A refused request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Refusal { reason, message: cut(message.into(), MESSAGE_CHARS_MAX), retry_after: None }
    }

    pub(crate) fn after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// For an error of the store or of this server, after the request itself was accepted.
    pub(crate) fn of(error: &coldpress::Error) -> Self {
        let said = error.to_string();
        match error.kind() {
            ErrorKind::Key => Refusal::new(Reason::Key, said),
            ErrorKind::Limit => Refusal::new(Reason::TooLarge, said),
            ErrorKind::Conflict | ErrorKind::Corrupt => Refusal::new(Reason::Conflict, said),
            ErrorKind::NotFound => Refusal::new(Reason::NotFound, said),
            ErrorKind::Unavailable => {
                tracing::warn!(error = %Shown(&said), "the store did not answer");
                let message = "the store does not answer at the moment; try again";
                Refusal::new(Reason::Unavailable, message).after(Duration::from_secs(1))
            }
            _ => {
                // The message is about the server's credentials and settings. A client must not see
                // it.
                tracing::error!(error = %Shown(&said), "cannot use the store; check its settings");
                let message =
                    "the server cannot use its store; its operator finds the reason in its log";
                Refusal::new(Reason::Internal, message)
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.reason.code(), "message": self.message } });
        let mut response = json_response(self.reason.status(), body.to_string());
        let headers = response.headers_mut();
        if let Some(pause) = self.retry_after {
            // The header has whole seconds. Zero would mean at once.
            let seconds = (pause.as_secs_f64().ceil() as u64).max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.reason == Reason::Unauthorized {
            let scheme = HeaderValue::from_static("Bearer realm=\"coldpress\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// A JSON answer that no cache may keep, because grants are secrets.
pub(crate) fn json_response(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, body).into_response()
}
