//! The HTTP layer under object_store: judges every answer by the core's table, sends requests again
//! where the table says so, and takes secrets out of errors before anything else sees them.

use async_trait::async_trait;
use bytes::Bytes;
use coldpress_core::{Meaning, Next, SignedBy, StoreAnswer, StoreStep, Verdict, judge};
use futures_util::StreamExt;
use http::{Method, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};

use crate::ErrorKind;
use crate::answer::{Refusal, Secrets};
use crate::backoff::Tries;
use std::time::Duration;

/// The most of an error's body that is read.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// The most of a listing, or of another answer that is read whole. A page of a thousand keys of a
/// thousand bytes, each byte escaped, is 6 MB.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// Makes clients that judge what they are answered.
#[derive(Debug)]
pub(crate) struct JudgingConnector {
    pub(crate) secrets: Secrets,
    /// How long one request is tried again.
    pub(crate) patience: Duration,
}

impl HttpConnector for JudgingConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        let (secrets, patience) = (self.secrets.clone(), self.patience);
        Ok(HttpClient::new(Judging { inner, secrets, patience }))
    }
}

#[derive(Debug)]
struct Judging {
    inner: HttpClient,
    secrets: Secrets,
    patience: Duration,
}

/// What became of one try.
enum Tried {
    Answered(HttpResponse),
    /// No useful answer: the error if this was the last try, and the verdict where there was an
    /// answer.
    Missed(HttpError, Option<Verdict>),
}

#[async_trait]
impl HttpService for Judging {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let step = step_of(&request);
        let mut tries = Tries::new(self.patience);
        loop {
            let (error, verdict) = match self.once(step, request.clone(), tries.now_ms()).await? {
                Tried::Answered(response) => return Ok(response),
                Tried::Missed(error, verdict) => (error, verdict),
            };
            let again = match &verdict {
                Some(verdict) => tries.again_after(verdict).await,
                None => tries.again().await,
            };
            if !again {
                return Err(error);
            }
        }
    }
}

impl Judging {
    /// One try. An error is one that another try does not mend.
    async fn once(
        &self,
        step: StoreStep,
        request: HttpRequest,
        now_ms: u64,
    ) -> Result<Tried, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let token = parameter(query, "continuation-token");
        let response = match self.inner.execute(request).await {
            Ok(response) => response,
            Err(error) => return Ok(Tried::Missed(error, None)),
        };
        let status = response.status();
        let is_whole = matches!(
            step,
            StoreStep::List
                | StoreStep::BeginUpload
                | StoreStep::Complete
                | StoreStep::DeleteMany
                | StoreStep::ListUploads
        );
        // Bodies of objects are passed on as they come, and so is "you have it already", for
        // engines.
        if status == StatusCode::NOT_MODIFIED || status.is_success() && !is_whole {
            return Ok(Tried::Answered(response));
        }
        let (mut parts, body) = response.into_parts();
        let bytes_max = if status.is_success() { ANSWER_BYTES_MAX } else { ERROR_BYTES_MAX };
        let (body, is_cut) = match read(body, bytes_max).await {
            Ok(read) => read,
            // Without its body, a 404 does not say what is missing: it is no answer yet.
            Err(error) => return Ok(Tried::Missed(error, None)),
        };
        let retry_after = parts.headers.get("retry-after").and_then(|value| value.to_str().ok());
        let answer = StoreAnswer { status: status.as_u16(), retry_after, body: &body };
        let verdict = judge(step, SignedBy::Us, answer, now_ms);
        let verdict = verdict.scrubbed(|text| self.secrets.scrub(text));
        match verdict.next {
            Next::Done if is_cut => Err(unreadable(ErrorKind::Limit, "its answer is too long")),
            Next::Done => {
                if step == StoreStep::List
                    && let Err(wrong) = check_listing(&String::from_utf8_lossy(&body), token)
                {
                    return wrong.tried();
                }
                Ok(Tried::Answered(HttpResponse::from_parts(parts, body.into())))
            }
            Next::Retry => Ok(Tried::Missed(refused(verdict.clone()), Some(verdict))),
            // What object_store has a name of its own for, it tells by these two.
            Next::Absent => {
                parts.status = StatusCode::NOT_FOUND;
                Ok(Tried::Answered(HttpResponse::from_parts(parts, verdict.said().into())))
            }
            _ if matches!(verdict.meaning, Meaning::Exists | Meaning::Contended) => {
                parts.status = StatusCode::PRECONDITION_FAILED;
                Ok(Tried::Answered(HttpResponse::from_parts(parts, verdict.said().into())))
            }
            _ => Err(refused(verdict)),
        }
    }
}

/// The body, at most so much of it; and whether there was more.
async fn read(body: HttpResponseBody, bytes_max: usize) -> Result<(Bytes, bool), HttpError> {
    let mut stream = body.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(slice) = stream.next().await {
        let slice = slice?;
        let room = bytes_max - bytes.len();
        bytes.extend_from_slice(&slice[..slice.len().min(room)]);
        if slice.len() > room {
            return Ok((bytes.into(), true));
        }
    }
    Ok((bytes.into(), false))
}

/// What object_store asks for by this request.
fn step_of(request: &HttpRequest) -> StoreStep {
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| {
        query.split('&').any(|pair| pair.split('=').next().is_some_and(|given| given == name))
    };
    match *request.method() {
        Method::GET if has("list-type") => StoreStep::List,
        Method::GET if has("uploads") || has("uploadId") => StoreStep::ListUploads,
        Method::HEAD => StoreStep::Look,
        Method::PUT if has("uploadId") => StoreStep::PutPart,
        Method::PUT => StoreStep::PutObject,
        Method::POST if has("uploads") => StoreStep::BeginUpload,
        Method::POST if has("uploadId") => StoreStep::Complete,
        Method::POST => StoreStep::DeleteMany,
        Method::DELETE if has("uploadId") => StoreStep::Abort,
        Method::DELETE => StoreStep::Delete,
        _ => StoreStep::Read,
    }
}

/// A page that object_store would read for less than it is.
#[derive(Debug, PartialEq, Eq)]
enum WrongPage {
    /// Cut off in the middle: the next answer may be whole.
    Cut,
    Unreadable(&'static str),
}

impl WrongPage {
    fn tried(self) -> Result<Tried, HttpError> {
        match self {
            WrongPage::Cut => {
                let cut = Refusal::Unreadable {
                    kind: ErrorKind::Unavailable,
                    message: "a listing was cut off in the middle".into(),
                };
                Ok(Tried::Missed(HttpError::new(HttpErrorKind::Interrupted, cut), None))
            }
            WrongPage::Unreadable(message) => Err(unreadable(ErrorKind::Settings, message)),
        }
    }
}

/// Refuses a page that object_store would read as the end of a listing though it is not, or that
/// leads back to itself. `token` is the one this page was asked for with.
fn check_listing(body: &str, token: Option<String>) -> Result<(), WrongPage> {
    if !body.contains("<ListBucketResult") {
        return Err(WrongPage::Unreadable(
            "it answered a listing with something that is none; is the endpoint an S3 store?",
        ));
    }
    if !body.trim_end().ends_with("</ListBucketResult>") {
        return Err(WrongPage::Cut);
    }
    let truncated = element(body, "IsTruncated").is_some_and(|text| text.trim() == "true");
    let next = element(body, "NextContinuationToken").filter(|next| !next.is_empty());
    if next.is_some() && next == token.as_deref() {
        return Err(WrongPage::Unreadable(
            "its listing goes round in a circle; it ignores the continuation token",
        ));
    }
    if truncated && next.is_none() {
        return Err(WrongPage::Unreadable(
            "it says that its listing goes on, but not where (no NextContinuationToken); it does not speak ListObjectsV2",
        ));
    }
    Ok(())
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

/// Text of an element, its entities decoded.
pub(crate) fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))
}

fn refused(verdict: Verdict) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, Refusal::Judged(Box::new(verdict)))
}

fn unreadable(kind: ErrorKind, message: &'static str) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, Refusal::Unreadable { kind, message: message.into() })
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
