//! Sends single HTTP requests over the client that object_store brings, so that there is one HTTP
//! and one TLS stack in the tree.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::Method;
use futures_util::StreamExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpRequestBody, ReqwestConnector,
};
use url::Url;

use crate::{Error, Result};

/// The most of an answer's body that is read: a page of a listing has a thousand keys, and of each
/// up to 1 KiB with every byte escaped. That is 6 MB.
const ANSWER_BYTES_MAX: usize = 8 << 20;

#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: HttpClient,
}

/// What came back, of whatever status.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header; `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

impl Transport {
    /// A client that gives up connecting, and a whole request, after these times.
    pub(crate) fn new(connect_timeout_ms: u64, timeout_ms: u64, allow_http: bool) -> Result<Self> {
        let options = ClientOptions::new()
            .with_allow_http(allow_http)
            .with_connect_timeout(Duration::from_millis(connect_timeout_ms))
            .with_timeout(Duration::from_millis(timeout_ms));
        let client = ReqwestConnector::default().connect(&options).map_err(|error| {
            Error::settings(format!("could not set up the HTTP client: {error}"))
        })?;
        Ok(Transport { client })
    }

    /// The answer, or in words why there was none. Neither holds the URL, which is a secret.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<Answer, String> {
        // The client below panics on addresses that only one of two parsers takes.
        if Url::parse(url).is_err() {
            return Err("the URL is none that can be asked".to_owned());
        }
        let mut request = http::Request::builder().method(method.as_str()).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request: HttpRequest =
            request.body(HttpRequestBody::from(body)).map_err(|error| error.to_string())?;
        let response = self.client.execute(request).await.map_err(|e| in_words(&e))?;
        let (parts, body) = response.into_parts();
        let mut stream = body.bytes_stream();
        let mut bytes = Vec::new();
        while bytes.len() < ANSWER_BYTES_MAX
            && let Some(chunk) = stream.next().await
        {
            bytes.extend_from_slice(&chunk.map_err(|e| in_words(&e))?);
        }
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers.iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}

/// The deepest cause, which is the one that tells a person something.
fn in_words(error: &HttpError) -> String {
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
