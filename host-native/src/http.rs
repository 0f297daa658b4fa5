//! The HTTP layer under object_store: refuses answers that would be taken for less than they are,
//! and takes secrets out of error bodies before anything else sees them.

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};

use crate::ErrorKind;
use crate::answer::{RefusedAnswer, Secrets};

/// The most of an error's message that is kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// Makes clients that check what they are answered.
#[derive(Debug)]
pub(crate) struct CheckedConnector(pub(crate) Secrets);

impl HttpConnector for CheckedConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Checked { inner, secrets: self.0.clone() }))
    }
}

#[derive(Debug)]
struct Checked {
    inner: HttpClient,
    secrets: Secrets,
}

#[async_trait]
impl HttpService for Checked {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let lists = request.method().as_str() == "GET" && query.contains("list-type=2");
        let token = parameter(query, "continuation-token");
        let response = self.inner.execute(request).await?;
        let status = response.status();
        if status.is_success() && !lists || status.is_redirection() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        if status.is_success() {
            let body = body.bytes().await?;
            check_listing(&String::from_utf8_lossy(&body), token.as_deref())?;
            return Ok(HttpResponse::from_parts(parts, body.into()));
        }
        // An error's body can echo the signed request, session token included.
        let body = body.bytes().await.unwrap_or_default();
        let said = self.secrets.scrub(&error_in(&String::from_utf8_lossy(&body)));
        if status.as_u16() == 501 {
            // object_store would ask again and again for what the store does not have.
            return Err(refused(ErrorKind::Settings, format!("501 Not Implemented: {said}")));
        }
        Ok(HttpResponse::from_parts(parts, said.into()))
    }
}

/// Refuses a page that object_store would read as the end of a listing though it is not, or that
/// leads back to itself. `token` is the one this page was asked for with.
fn check_listing(body: &str, token: Option<&str>) -> Result<(), HttpError> {
    if !body.contains("<ListBucketResult") {
        let message =
            "it answered a listing with something that is none; is the endpoint an S3 store?";
        return Err(refused(ErrorKind::Settings, message));
    }
    if !body.trim_end().ends_with("</ListBucketResult>") {
        let cut = RefusedAnswer {
            kind: ErrorKind::Unavailable,
            message: "a listing was cut off in the middle".to_owned(),
        };
        // Asked again: the next answer may be whole.
        return Err(HttpError::new(HttpErrorKind::Interrupted, cut));
    }
    let truncated = element(body, "IsTruncated").is_some_and(|text| text.trim() == "true");
    let next = element(body, "NextContinuationToken").filter(|next| !next.is_empty());
    if next.is_some() && next == token {
        let message = "its listing goes round in a circle; it ignores the continuation token";
        return Err(refused(ErrorKind::Settings, message));
    }
    if truncated && next.is_none() {
        let message = "it says that its listing goes on, but not where (no NextContinuationToken); it does not speak ListObjectsV2";
        return Err(refused(ErrorKind::Settings, message));
    }
    Ok(())
}

/// The code and message of an S3 error, and nothing else of it.
pub(crate) fn error_in(body: &str) -> String {
    let said = match (element(body, "Code"), element(body, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        // Not S3's form: an error page of a proxy, say, whose first line is as good as all of it.
        (None, None) => body.lines().next().unwrap_or_default().to_owned(),
    };
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS_MAX).collect()
}

/// A parameter of a query, its percent signs decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let (_, value) =
        query.split('&').filter_map(|p| p.split_once('=')).find(|(n, _)| *n == name)?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |d: &u8| char::from(*d).to_digit(16);
                ((digit(high)? * 16 + digit(low)?) as u8, after)
            }
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// What each element of that name holds.
pub(crate) fn elements<'b>(body: &'b str, name: &str) -> impl Iterator<Item = &'b str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = body;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(open.as_str())?;
        let (inner, after) = behind.split_once(close.as_str())?;
        rest = after;
        Some(inner)
    })
}

/// The text of the first element of that name.
pub(crate) fn element<'b>(body: &'b str, name: &str) -> Option<&'b str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0)
}

fn refused(kind: ErrorKind, message: impl Into<String>) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, RefusedAnswer { kind, message: message.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_listing_passes() {
        let page = |inner: &str| format!("<?xml?><ListBucketResult>{inner}</ListBucketResult>\n");
        let check_listing = |body: &str| check_listing(body, Some("a/b=="));
        assert!(check_listing(&page("")).is_ok());
        assert!(check_listing(&page("<IsTruncated>false</IsTruncated>")).is_ok());
        let more = "<IsTruncated>true</IsTruncated>";
        let token = "<NextContinuationToken>t</NextContinuationToken>";
        assert!(check_listing(&page(&format!("{more}{token}"))).is_ok());
        assert!(check_listing(&page(more)).is_err());
        assert!(check_listing(&page(&format!("{more}<NextMarker>t</NextMarker>"))).is_err());
        let circle = "<NextContinuationToken>a/b==</NextContinuationToken>";
        assert!(check_listing(&page(&format!("{more}{circle}"))).is_err());
        assert!(check_listing("<html></html>").is_err());
        assert!(check_listing("").is_err());
        assert!(check_listing("<ListBucketResult><Contents></Contents>").is_err());
    }

    #[test]
    fn parameters_are_decoded() {
        let query = "list-type=2&continuation-token=a%2Fb%3D%3D&x";
        assert_eq!(parameter(query, "continuation-token").as_deref(), Some("a/b=="));
        assert_eq!(parameter(query, "token"), None);
        assert_eq!(parameter("t=%zz", "t"), None);
        assert_eq!(parameter("t=a%", "t").as_deref(), Some("a%"));
    }

    #[test]
    fn of_an_error_only_code_and_message_are_kept() {
        let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>no\nmatch</Message><CanonicalRequest>x-amz-security-token:T</CanonicalRequest></Error>";
        assert_eq!(error_in(body), "SignatureDoesNotMatch: no match");
        assert_eq!(error_in("gateway down\nmore"), "gateway down");
        assert_eq!(error_in(""), "");
        assert_eq!(error_in(&"x".repeat(1_000)).len(), MESSAGE_CHARS_MAX);
    }
}
