//! Errors in S3's form.

use std::io;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use coldpress::ErrorKind;
use coldpress_listen::cut;

/// The longest message. It may quote a key as the client sent it.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// An error of the endpoint: S3's own code and status, and a message for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct S3Error {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl S3Error {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        S3Error { status, code, message: cut(message.into(), MESSAGE_CHARS_MAX) }
    }

    pub(super) fn invalid_argument(message: impl Into<String>) -> Self {
        S3Error::new(StatusCode::BAD_REQUEST, "InvalidArgument", message)
    }

    pub(super) fn access_denied(message: impl Into<String>) -> Self {
        S3Error::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub(super) fn not_implemented(message: impl Into<String>) -> Self {
        S3Error::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    pub(super) fn no_such_key() -> Self {
        let message = "no object has this key";
        S3Error::new(StatusCode::NOT_FOUND, "NoSuchKey", message)
    }

    pub(super) fn no_such_upload() -> Self {
        let message = "there is no such upload: it was completed, aborted or never begun";
        S3Error::new(StatusCode::NOT_FOUND, "NoSuchUpload", message)
    }

    pub(super) fn taken() -> Self {
        let message = "this key has an object already, and this store never overwrites objects";
        S3Error::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message)
    }

    pub(super) fn bad_digest(message: impl Into<String>) -> Self {
        S3Error::new(StatusCode::BAD_REQUEST, "BadDigest", message)
    }
}

/// The error if the operating system gives no random bytes.
pub(super) fn no_random(error: io::Error) -> coldpress::Error {
    coldpress::Error::new(ErrorKind::Unavailable, error.to_string())
}

impl From<coldpress::Error> for S3Error {
    fn from(error: coldpress::Error) -> Self {
        let said = error.to_string();
        match error.kind() {
            ErrorKind::NotFound => S3Error::no_such_key(),
            ErrorKind::Conflict => S3Error::taken(),
            ErrorKind::Key => S3Error::invalid_argument(said),
            ErrorKind::Denied => S3Error::access_denied(said),
            ErrorKind::Unavailable => {
                S3Error::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", said)
            }
            _ => S3Error::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", said),
        }
    }
}

impl IntoResponse for S3Error {
    fn into_response(self) -> Response {
        let body = format!(
            "<Error><Code>{}</Code><Message>{}</Message></Error>",
            self.code,
            escape(&self.message)
        );
        xml(self.status, &body)
    }
}

/// An XML answer. `body` has no XML declaration.
pub(super) fn xml(status: StatusCode, body: &str) -> Response {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}");
    let mut response = (status, body).into_response();
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}

/// Escapes text for XML. Control characters, which XML cannot have, become `?`.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}
