//! The HTTP layer under object_store: judges every answer by the core's table, retries requests as
//! the table says, and removes secrets from errors before any other code sees them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coldpress_core::{Meaning, Next, SignedBy, StoreAnswer, StoreStep, Verdict, judge};
use futures_util::StreamExt;
use http::{Method, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::backoff::Tries;
use crate::error::{Error, ErrorKind};
use crate::store::error::Refusal;
use crate::store::s3::renewal::Renewal;
use crate::store::s3::xml::element;
use crate::store::secrets::Secrets;
use crate::transport::redirect_error;

/// At most this much of an error's body is read.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// The largest listing, or other answer that is read whole. A page of a thousand keys of a thousand
/// bytes, each byte escaped, is 6 MB.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// Makes HTTP clients that judge their answers.
#[derive(Debug)]
pub(crate) struct JudgingConnector {
    /// Sends the requests. object_store's own client would follow redirects.
    pub(crate) client: HttpClient,
    pub(crate) secrets: Secrets,
    /// How long one request is retried.
    pub(crate) patience: Duration,
    /// Signs a request anew if its credentials have expired.
    pub(crate) renewal: Option<Renewal>,
}

impl HttpConnector for JudgingConnector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = self.client.clone();
        let (secrets, patience) = (self.secrets.clone(), self.patience);
        let renewal = self.renewal.clone();
        Ok(HttpClient::new(Judging { inner, secrets, patience, renewal }))
    }
}

#[derive(Debug)]
struct Judging {
    inner: HttpClient,
    secrets: Secrets,
    patience: Duration,
    renewal: Option<Renewal>,
}

/// The result of one try.
enum Attempt {
    Answered(HttpResponse),
    /// No useful answer: the error to return if this was the last try, and the verdict if there was
    /// an answer.
    Failed(HttpError, Option<Verdict>),
    /// The store says that the credentials have expired.
    Expired(Verdict),
}

#[async_trait]
impl HttpService for Judging {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let step = step_of(&request);
        let mut tries = Tries::new(self.patience);
        let mut renewal = self.renewal.as_ref();
        loop {
            let (error, verdict) =
                match self.try_once(step, request.clone(), tries.now_ms()).await? {
                    Attempt::Answered(response) => return Ok(response),
                    Attempt::Failed(error, verdict) => (error, verdict),
                    Attempt::Expired(verdict) => match renewal.take() {
                        Some(renewal) => match renewal.signed_anew(&request).await {
                            Ok(Some(anew)) => {
                                request = anew;
                                continue;
                            }
                            Ok(None) => return Err(refused(verdict)),
                            Err(why) => return Err(unsigned(why)),
                        },
                        None => return Err(refused(verdict)),
                    },
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
    /// Sends the request once. An error means that another try would not help.
    async fn try_once(
        &self,
        step: StoreStep,
        request: HttpRequest,
        now_ms: u64,
    ) -> Result<Attempt, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let token = parameter(query, "continuation-token");
        let asked = Url::parse(&request.uri().to_string()).ok();
        let response = match self.inner.execute(request).await {
            Ok(response) => response,
            Err(error) => return Ok(Attempt::Failed(error, None)),
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
        // Bodies of objects are passed on as they arrive. So is 304, "you have it already": query
        // engines ask for that.
        if status == StatusCode::NOT_MODIFIED || status.is_success() && !is_whole {
            return Ok(Attempt::Answered(response));
        }
        let (mut parts, body) = response.into_parts();
        let bytes_max = if status.is_success() { ANSWER_BYTES_MAX } else { ERROR_BYTES_MAX };
        let (body, is_cut) = match read(body, bytes_max).await {
            Ok(read) => read,
            // Without its body, a 404 does not say what is missing: object or bucket. So this is no
            // answer yet.
            Err(error) => return Ok(Attempt::Failed(error, None)),
        };
        let redirect = asked.and_then(|asked| redirect_error(&parts, &asked));
        let body = redirect.map_or(body, Bytes::from);
        let retry_after = parts.headers.get("retry-after").and_then(|value| value.to_str().ok());
        let answer = StoreAnswer { status: status.as_u16(), retry_after, body: &body };
        let verdict = judge(step, SignedBy::Us, answer, now_ms);
        let verdict = verdict.scrubbed(|text| self.secrets.scrub(text));
        match verdict.next {
            Next::Done if is_cut => {
                Err(unreadable(ErrorKind::Limit, "its answer is longer than 32 MiB"))
            }
            Next::Done => {
                if step == StoreStep::List
                    && let Err(wrong) = check_listing(&String::from_utf8_lossy(&body), token)
                {
                    return wrong.into_attempt();
                }
                Ok(Attempt::Answered(HttpResponse::from_parts(parts, body.into())))
            }
            Next::Retry => Ok(Attempt::Failed(refused(verdict.clone()), Some(verdict))),
            // object_store has errors of its own for "not found" and "already exists". It
            // recognizes them by the status alone, so the status says what the table found.
            Next::Absent => {
                parts.status = StatusCode::NOT_FOUND;
                Ok(Attempt::Answered(HttpResponse::from_parts(parts, verdict.said().into())))
            }
            _ if matches!(verdict.meaning, Meaning::Exists | Meaning::Contended) => {
                parts.status = StatusCode::PRECONDITION_FAILED;
                Ok(Attempt::Answered(HttpResponse::from_parts(parts, verdict.said().into())))
            }
            _ if verdict.meaning == Meaning::Expired => Ok(Attempt::Expired(verdict)),
            _ => Err(refused(verdict)),
        }
    }
}

/// At most this much of the body, and whether there was more.
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

/// The step of the protocol that object_store takes with this request.
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

/// Why a page of a listing must not reach object_store.
#[derive(Debug, PartialEq, Eq)]
enum WrongPage {
    /// It ends in the middle: the next answer may be whole.
    Cut,
    Unreadable(&'static str),
}

impl WrongPage {
    fn into_attempt(self) -> Result<Attempt, HttpError> {
        match self {
            WrongPage::Cut => {
                let cut = Refusal::Unreadable {
                    kind: ErrorKind::Unavailable,
                    message: "a listing was cut off in the middle",
                };
                Ok(Attempt::Failed(HttpError::new(HttpErrorKind::Interrupted, cut), None))
            }
            WrongPage::Unreadable(message) => Err(unreadable(ErrorKind::Settings, message)),
        }
    }
}

/// Refuses a page that object_store would take for the end of a listing although it is not, or
/// that leads back to itself. `token` is the continuation token that asked for this page.
fn check_listing(body: &str, token: Option<String>) -> Result<(), WrongPage> {
    if !body.contains("<ListBucketResult") {
        return Err(WrongPage::Unreadable(
            "its answer to a listing is not a listing; is the endpoint an S3 store?",
        ));
    }
    if !body.trim_end().ends_with("</ListBucketResult>") {
        return Err(WrongPage::Cut);
    }
    let truncated = element(body, "IsTruncated").is_some_and(|text| text.trim() == "true");
    let next = element(body, "NextContinuationToken").filter(|next| !next.is_empty());
    if next.is_some() && next == token.as_deref() {
        return Err(WrongPage::Unreadable(
            "its listing repeats a page; it ignores the continuation token",
        ));
    }
    if truncated && next.is_none() {
        return Err(WrongPage::Unreadable(
            "it says that its listing continues, but gives no NextContinuationToken; it does not \
            speak ListObjectsV2",
        ));
    }
    Ok(())
}

/// A parameter of a query, percent-decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let (_, value) =
        query.split('&').filter_map(|p| p.split_once('=')).find(|(n, _)| *n == name)?;
    // The crate would keep a `%` that no hex digits follow; here that is a broken parameter.
    let is_wrong = |three: &[u8]| three[0] == b'%' && !three[1..].iter().all(u8::is_ascii_hexdigit);
    if value.as_bytes().windows(3).any(is_wrong) {
        return None;
    }
    Some(percent_decode_str(value).decode_utf8().ok()?.into_owned())
}

fn refused(verdict: Verdict) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, Refusal::Judged(Box::new(verdict)))
}

fn unsigned(why: Error) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, Refusal::NoCredentials(why))
}

fn unreadable(kind: ErrorKind, message: &'static str) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, Refusal::Unreadable { kind, message })
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
