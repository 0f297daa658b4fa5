//! Sends single HTTP requests with object_store's client, so that the program has one HTTP and one
//! TLS stack.

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

use crate::error::{Error, Result};

/// At most this much of an answer's body is read. A page of a listing has a thousand keys of up to
/// 1 KiB; with every byte escaped, that is 6 MB.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// At most this much of an answer to a request for credentials is read.
const CREDENTIALS_BYTES_MAX: usize = 64 << 10;

#[derive(Debug, Clone)]
pub(crate) struct Transport {
    client: HttpClient,
    answer_bytes_max: usize,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl HttpAnswer {
    /// The value of a header; `name` in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

impl Transport {
    /// A client that gives up connecting, and a whole request, after these times.
    pub(crate) fn new(
        connect_timeout: Duration,
        timeout: Duration,
        allow_http: bool,
    ) -> Result<Self> {
        let options = ClientOptions::new()
            .with_allow_http(allow_http)
            .with_connect_timeout(connect_timeout)
            .with_timeout(timeout);
        let client = ReqwestConnector::default().connect(&options).map_err(|error| {
            Error::settings(format!("could not set up the HTTP client: {error}"))
        })?;
        Ok(Transport { client, answer_bytes_max: ANSWER_BYTES_MAX })
    }

    /// A client for services that give credentials. It follows no redirect, because the request
    /// holds a secret, and uses a proxy only where `may_use_proxy`: the metadata service of a machine
    /// is on that machine.
    pub(crate) fn for_credentials(
        connect_timeout: Duration,
        timeout: Duration,
        may_use_proxy: bool,
    ) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none());
        if !may_use_proxy {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            Error::settings(format!("could not set up the HTTP client: {error}"))
        })?;
        Ok(Transport { client: HttpClient::new(client), answer_bytes_max: CREDENTIALS_BYTES_MAX })
    }

    /// The answer, or the reason in words why none came. Neither holds the URL: a presigned URL is
    /// a secret.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<HttpAnswer, String> {
        // The client panics on a URL that only one of its two parsers accepts.
        if Url::parse(url).is_err() {
            return Err("the URL is not valid".to_owned());
        }
        let mut request = http::Request::builder().method(method.as_str()).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        // Stores answer 411 to a put that states no length, and the client below states none for an
        // empty body.
        let is_stated = headers.iter().any(|(name, _)| name == "content-length");
        if matches!(method, Method::Put | Method::Post) && !is_stated {
            request = request.header(http::header::CONTENT_LENGTH, body.len());
        }
        let request: HttpRequest =
            request.body(HttpRequestBody::from(body)).map_err(|error| error.to_string())?;
        let response = self.client.execute(request).await.map_err(|e| in_words(&e))?;
        let (parts, body) = response.into_parts();
        let mut stream = body.bytes_stream();
        let mut bytes = Vec::new();
        while bytes.len() < self.answer_bytes_max
            && let Some(chunk) = stream.next().await
        {
            bytes.extend_from_slice(&chunk.map_err(|e| in_words(&e))?);
        }
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(HttpAnswer {
            status: parts.status.as_u16(),
            headers: parts.headers.iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}

/// The deepest cause: the one that says what happened.
fn in_words(error: &HttpError) -> String {
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
