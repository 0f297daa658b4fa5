//! Objects: put, get, head, delete.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use coldpress_listen::Shown;
use coldpress_listen::hex;

use super::auth::Payload;
use super::body;
use super::body::{Received, blocking};
use super::error::S3Error;
use super::file::file_body;
use super::folder::{Entry, Folder, SafeKey};

/// The only metadata that is supported. It can be computed from the content, so no file beside the
/// object is needed.
const META_SHA256: HeaderName = HeaderName::from_static(META_SHA256_NAME);
const META_SHA256_NAME: &str = "x-amz-meta-coldpress-sha256";
const CHECKSUM_SHA256: HeaderName = HeaderName::from_static("x-amz-checksum-sha256");

/// What the headers of a put demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Demands {
    /// Hashes that the body must have, with the headers that demand them.
    hashes: Vec<([u8; 32], &'static str)>,
    /// Whether a key that has an object is refused, even with the same content.
    only_new: bool,
}

impl Demands {
    pub(super) fn of(headers: &HeaderMap, payload: Payload) -> Result<Self, S3Error> {
        let mut demands = Demands { hashes: Vec::new(), only_new: only_new(headers)? };
        if let Payload::Sha256(hash) = payload {
            demands.hashes.push((hash, "x-amz-content-sha256"));
        }
        if let Some(value) = headers.get(CHECKSUM_SHA256) {
            let hash = BASE64.decode(value.as_bytes()).ok().and_then(|hash| hash.try_into().ok());
            let message = "x-amz-checksum-sha256 is not the base64 form of 32 bytes";
            let hash = hash.ok_or_else(|| S3Error::invalid_argument(message))?;
            demands.hashes.push((hash, "x-amz-checksum-sha256"));
        }
        if let Some(hash) = meta_sha256(headers)? {
            demands.hashes.push((hash, META_SHA256_NAME));
        }
        refuse_unknown(headers)?;
        Ok(demands)
    }

    /// Demands that the content has this hash, if one is known.
    pub(super) fn content(sha256: Option<[u8; 32]>, only_new: bool) -> Self {
        let hashes = sha256.map(|hash| (hash, META_SHA256_NAME)).into_iter().collect();
        Demands { hashes, only_new }
    }

    pub(super) fn check(&self, sha256: &[u8; 32]) -> Result<(), S3Error> {
        match self.hashes.iter().find(|(hash, _)| hash != sha256) {
            Some((_, name)) => Err(S3Error::bad_digest(format!(
                "the content has the SHA-256 {}, and {name} demands another one",
                hex::encode(sha256)
            ))),
            None => Ok(()),
        }
    }
}

/// `If-None-Match: *`, the only condition that puts may have.
pub(super) fn only_new(headers: &HeaderMap) -> Result<bool, S3Error> {
    match headers.get(header::IF_NONE_MATCH).map(HeaderValue::as_bytes) {
        None => Ok(false),
        Some(b"*") => Ok(true),
        Some(_) => Err(S3Error::not_implemented("for puts, If-None-Match must be `*`")),
    }
}

/// The SHA-256 in `x-amz-meta-coldpress-sha256`.
pub(super) fn meta_sha256(headers: &HeaderMap) -> Result<Option<[u8; 32]>, S3Error> {
    let Some(value) = headers.get(META_SHA256) else { return Ok(None) };
    let hash = value.to_str().ok().and_then(hex::decode);
    let message = "x-amz-meta-coldpress-sha256 is not a SHA-256 in hexadecimal digits";
    hash.map(Some).ok_or_else(|| S3Error::invalid_argument(message))
}

/// Refuses headers that this store does not act on, because ignoring them could lose data.
pub(super) fn refuse_unknown(headers: &HeaderMap) -> Result<(), S3Error> {
    const DONE: [&str; 6] = [
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-meta-coldpress-sha256",
        "x-amz-checksum-sha256",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-user-agent",
    ];
    // With a SHA-256, which is checked, an MD5 adds nothing.
    let hashed = headers.contains_key(CHECKSUM_SHA256);
    for name in headers.keys().map(HeaderName::as_str) {
        if name == "content-md5" && hashed {
            continue;
        }
        let asks = name.starts_with("x-amz-") || matches!(name, "content-md5" | "if-match");
        if asks && !DONE.contains(&name) {
            return Err(S3Error::not_implemented(format!(
                "this development store does not support the header {name}; leave it out"
            )));
        }
    }
    Ok(())
}

pub(super) async fn put(
    folder: Arc<Folder>,
    key: SafeKey,
    request: &Parts,
    payload: Payload,
    body: &mut Option<Body>,
) -> Result<Response, S3Error> {
    let demands = Demands::of(&request.headers, payload)?;
    if !request.headers.contains_key(header::CONTENT_LENGTH) {
        let message = "the request has no Content-Length";
        return Err(S3Error::new(StatusCode::LENGTH_REQUIRED, "MissingContentLength", message));
    }
    let opening = Arc::clone(&folder);
    let staged = blocking(move || opening.stage()).await?;
    let received = body::receive(body.take().unwrap_or_default(), staged).await?;
    let entry = blocking(move || publish(&folder, &key, received, &demands)).await?;
    Ok((StatusCode::OK, [(header::ETAG, entry.etag())]).into_response())
}

/// Publishes a body under its key, if it meets all demands.
pub(super) fn publish(
    folder: &Folder,
    key: &SafeKey,
    received: Received,
    demands: &Demands,
) -> Result<Entry, S3Error> {
    demands.check(&received.sha256)?;
    if folder.publish(&received.staged, key)? {
        tracing::info!(key = %Shown(key.as_str()), bytes = received.bytes, "stored an object");
        return folder.written(key, received.sha256);
    }
    if demands.only_new || folder.sha256(key)? != received.sha256 {
        return Err(S3Error::taken());
    }
    Ok(folder.open(key)?.0)
}

pub(super) async fn get(
    folder: Arc<Folder>,
    key: SafeKey,
    request: &Parts,
) -> Result<Response, S3Error> {
    let found = blocking(move || {
        let (entry, file) = folder.open(&key)?;
        // Only HEAD needs the hash. Readers of ranges must not wait for it.
        Ok((entry, file))
    });
    let (entry, file) = found.await?;
    if let Some(answer) = condition(&request.headers, &entry)? {
        return Ok(answer);
    }
    let range = request.headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (start, length, partial) = match range.map(|range| parse_range(range, entry.bytes)) {
        None | Some(Range::Ignored) => (0, entry.bytes, false),
        Some(Range::Part(start, length)) => (start, length, true),
        Some(Range::Outside) => {
            let message = "the range lies outside the object";
            let error = S3Error::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", message);
            let mut response = error.into_response();
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", entry.bytes));
            return Ok(response);
        }
    };
    let body = file_body(file, start, length).map_err(|error| {
        S3Error::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", error.to_string())
    })?;
    let mut response = (StatusCode::OK, body).into_response();
    describe(&mut response, &entry, length);
    if partial {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {start}-{}/{}", start + length - 1, entry.bytes);
        set(&mut response, header::CONTENT_RANGE, &range);
    }
    Ok(response)
}

pub(super) async fn head(
    folder: Arc<Folder>,
    key: SafeKey,
    request: &Parts,
) -> Result<Response, S3Error> {
    let looking = blocking(move || Ok((folder.open(&key)?.0, folder.sha256(&key)?)));
    let (entry, sha256) = looking.await?;
    if let Some(answer) = condition(&request.headers, &entry)? {
        return Ok(answer);
    }
    let mut response = StatusCode::OK.into_response();
    describe(&mut response, &entry, entry.bytes);
    set(&mut response, META_SHA256, &hex::encode(&sha256));
    if request.headers.contains_key("x-amz-checksum-mode") {
        set(&mut response, CHECKSUM_SHA256, &BASE64.encode(sha256));
    }
    Ok(response)
}

/// The answer if a condition of the request does not hold.
fn condition(headers: &HeaderMap, entry: &Entry) -> Result<Option<Response>, S3Error> {
    let etag = entry.etag();
    let names = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| {
            value.split(',').any(|v| matches!(v.trim(), "*") || v.trim() == etag)
        })
    };
    if headers.get(header::IF_MATCH).is_some_and(|value| !names(value)) {
        let message = "the object's ETag is not the one in If-Match";
        return Err(S3Error::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message));
    }
    if headers.get(header::IF_NONE_MATCH).is_some_and(names) {
        return Ok(Some((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response()));
    }
    Ok(None)
}

fn describe(response: &mut Response, entry: &Entry, length: u64) {
    let kind = match entry.key.ends_with(".parquet") {
        true => "application/vnd.apache.parquet",
        false => "application/octet-stream",
    };
    set(response, header::CONTENT_TYPE, kind);
    set(response, header::CONTENT_LENGTH, &length.to_string());
    set(response, header::ACCEPT_RANGES, "bytes");
    set(response, header::ETAG, &entry.etag());
    let modified: DateTime<Utc> = entry.modified.into();
    set(response, header::LAST_MODIFIED, &modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    // Our own values: they are all visible ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A time in the format of S3's listings.
pub(super) fn iso8601(time: SystemTime) -> String {
    let time: DateTime<Utc> = time.into();
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// Start and length.
    Part(u64, u64),
    Outside,
    /// Not in a known form. HTTP then sends the whole object.
    Ignored,
}

fn parse_range(text: &str, size: u64) -> Range {
    let Some((from, to)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Range::Ignored;
    };
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        // No object is larger than a u64.
        true => Some(text.parse::<u64>().unwrap_or(u64::MAX)),
        false => None,
    };
    match (from, to) {
        ("", "") => Range::Ignored,
        ("", last) => match number(last) {
            None => Range::Ignored,
            Some(last) if last == 0 || size == 0 => Range::Outside,
            Some(last) => Range::Part(size - last.min(size), last.min(size)),
        },
        (from, to) => match (number(from), if to.is_empty() { Some(u64::MAX) } else { number(to) })
        {
            (Some(from), Some(to)) if from > to => Range::Ignored,
            (Some(from), Some(_)) if from >= size => Range::Outside,
            (Some(from), Some(to)) => Range::Part(from, to.min(size - 1) - from + 1),
            _ => Range::Ignored,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (text, range) in [
            ("bytes=0-9", Range::Part(0, 10)),
            ("bytes=90-", Range::Part(90, 10)),
            ("bytes=-8", Range::Part(92, 8)),
            ("bytes=-800", Range::Part(0, 100)),
            ("bytes=99-18446744073709551616", Range::Part(99, 1)),
            ("bytes=100-", Range::Outside),
            ("bytes=-0", Range::Outside),
            ("bytes=9-8", Range::Ignored),
            ("bytes=0-1,5-6", Range::Ignored),
            ("bytes=-", Range::Ignored),
            ("lines=0-1", Range::Ignored),
            ("bytes=a-b", Range::Ignored),
        ] {
            assert_eq!(parse_range(text, 100), range, "{text}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Range::Outside);
    }

    #[test]
    fn what_is_not_done_is_refused() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        for (name, value, code) in [
            ("x-amz-meta-other", "1", "NotImplemented"),
            ("x-amz-checksum-crc32", "AAAAAA==", "NotImplemented"),
            ("x-amz-copy-source", "/b/k", "NotImplemented"),
            ("content-md5", "x", "NotImplemented"),
            ("if-none-match", "\"etag\"", "NotImplemented"),
            ("if-match", "\"etag\"", "NotImplemented"),
            ("x-amz-checksum-sha256", "AAAA", "InvalidArgument"),
            ("x-amz-meta-coldpress-sha256", "AAAA", "InvalidArgument"),
        ] {
            let error = Demands::of(&headers(name, value), Payload::Unsigned).unwrap_err();
            assert_eq!(error.code, code, "{name}");
        }
        let hash = [7; 32];
        let demands = Demands::of(&HeaderMap::new(), Payload::Sha256(hash)).unwrap();
        assert!(demands.check(&hash).is_ok());
        assert_eq!(demands.check(&[8; 32]).unwrap_err().code, "BadDigest");
    }
}
