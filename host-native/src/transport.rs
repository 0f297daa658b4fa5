//! Sends single HTTP requests, and makes the clients that send all others: the program has one HTTP
//! and one TLS stack, and no request of it follows a redirect.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::Method;
use futures_util::StreamExt;
use http::header::LOCATION;
use object_store::client::{HttpClient, HttpError, HttpRequest, HttpRequestBody};
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
    /// A client for stores that gives up connecting, and a whole request, after these times.
    pub(crate) fn new(
        connect_timeout: Duration,
        timeout: Duration,
        allow_http: bool,
    ) -> Result<Self> {
        // A proxy or a store may compress, and then the length of an object would not be its size.
        let builder =
            builder(connect_timeout, timeout).no_gzip().no_brotli().no_zstd().no_deflate();
        let client = built(builder.https_only(!allow_http))?;
        Ok(Transport { client, answer_bytes_max: ANSWER_BYTES_MAX })
    }

    /// A client for services that give credentials. It uses a proxy only where `may_use_proxy`: the
    /// metadata service of a machine is on that machine.
    pub(crate) fn for_credentials(
        connect_timeout: Duration,
        timeout: Duration,
        may_use_proxy: bool,
    ) -> Result<Self> {
        let mut builder = builder(connect_timeout, timeout);
        if !may_use_proxy {
            builder = builder.no_proxy();
        }
        let client = built(builder)?;
        Ok(Transport { client, answer_bytes_max: CREDENTIALS_BYTES_MAX })
    }

    /// The client itself, to give to object_store.
    pub(crate) fn client(&self) -> HttpClient {
        self.client.clone()
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
        let Ok(asked) = Url::parse(url) else {
            return Err("the URL is not valid".to_owned());
        };
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
        let body = match redirect_error(&parts, &asked) {
            Some(error) => error,
            None => String::from_utf8_lossy(&bytes).into_owned(),
        };
        Ok(HttpAnswer {
            status: parts.status.as_u16(),
            headers: parts.headers.iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect(),
            body,
        })
    }
}

/// In place of the body of a redirect: an error of S3's form that says where it points, so that the
/// table judges it like any other answer. Only the host: the rest of the place repeats the query of
/// a presigned URL. `None` if the answer is no redirect. `asked` is the URL of the request.
pub(crate) fn redirect_error(answer: &http::response::Parts, asked: &Url) -> Option<String> {
    // Without a place it is no redirect (304, for one).
    if !answer.status.is_redirection() {
        return None;
    }
    let place = answer.headers.get(LOCATION)?.to_str().ok().and_then(|to| asked.join(to).ok());
    let named = place.as_ref().and_then(|to| Some((to.host_str()?, to.port())));
    let message = match named {
        Some((host, port)) if named != Some((asked.host_str()?, asked.port())) => {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!(
                "it redirects to {host}{port}, which gets no request of ours; name the right \
                endpoint and region"
            )
        }
        Some((_, _)) if place.as_ref().is_some_and(|to| to.scheme() != asked.scheme()) => {
            "it redirects to the same host by http instead of https, or the other way round; name \
            the endpoint so"
                .to_owned()
        }
        _ => "it redirects to another place of its own; name the right endpoint".to_owned(),
    };
    Some(format!("<Error><Code>Redirect</Code><Message>{message}</Message></Error>"))
}

/// What all our clients have in common. None follows a redirect: each request holds a secret, in
/// its query or its headers, and the next host would get it. A signature holds for one host only
/// anyway. None sends a `Referer`, which would repeat the URL.
fn builder(connect_timeout: Duration, timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("coldpress/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_timeout)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
}

fn built(builder: reqwest::ClientBuilder) -> Result<HttpClient> {
    let client = builder
        .build()
        .map_err(|error| Error::settings(format!("could not set up the HTTP client: {error}")))?;
    Ok(HttpClient::new(client))
}

/// The deepest cause: the one that says what happened.
fn in_words(error: &HttpError) -> String {
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
