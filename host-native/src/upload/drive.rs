//! Drives core's machine for one upload by a grant, over HTTP.

use std::fmt;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{
    Action, EncodedFile, Grant, Progress, Put, PutBody, RequestBody, Sha256Digest, UploadSettings,
    Uploaded,
};
use futures_util::future::{Either, select};

use crate::error::{Error, ErrorKind, Result};
use crate::random::seed;
use crate::time::Clock;
use crate::transport::{HttpAnswer, Transport};
use crate::under_way::{UnderWay, until};

/// The options of an upload by a grant.
#[derive(Clone)]
pub struct UploadOptions {
    /// Retries, times and requests at a time.
    pub settings: UploadSettings,
    /// The longest time to connect. Default: 5 s.
    pub connect_timeout: Duration,
    /// Whether a grant may lead to `http://`. Anyone on the network path can then read all rows.
    /// Default: no.
    pub allow_http: bool,
    /// Called whenever the upload makes progress.
    pub on_progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

impl Default for UploadOptions {
    fn default() -> Self {
        UploadOptions {
            settings: UploadSettings::default(),
            connect_timeout: Duration::from_secs(5),
            allow_http: false,
            on_progress: None,
        }
    }
}

impl fmt::Debug for UploadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadOptions")
            .field("settings", &self.settings)
            .field("connect_timeout", &self.connect_timeout)
            .field("allow_http", &self.allow_http)
            .finish_non_exhaustive()
    }
}

/// The `ask` of [`upload`] for a caller that has only one grant.
pub async fn no_more_grants(_upload_id: Option<String>) -> Result<Grant> {
    Err(Error::new(
        ErrorKind::Expired,
        "this upload has only one grant; ask for a new one, and upload again",
    ))
}

/// Uploads a file by a grant, without credentials of the store.
///
/// `grant` is the first grant, if the caller has one. `ask` gets the first grant otherwise, and a
/// new one after each that expires; its argument is the multipart upload to continue
/// ([`GrantRequest::upload_id`](crate::GrantRequest)). An error of kind `Unavailable` is retried,
/// and any other ends the upload. [`no_more_grants`] never gives one.
///
/// If the same content is already at the key, that is success; other content is
/// [`ErrorKind::Conflict`]. Dropping the future stops at once and may leave parts in the store;
/// [`upload_until`] aborts them.
pub async fn upload<Asked>(
    file: &EncodedFile,
    grant: Option<Grant>,
    ask: impl Fn(Option<String>) -> Asked + Send + Sync,
    options: &UploadOptions,
) -> Result<Uploaded>
where
    Asked: Future<Output = Result<Grant>> + Send,
{
    upload_until(file, grant, ask, options, pending()).await
}

/// As [`upload`], until `stop` ends: then the upload is aborted with its parts, and the error is
/// of kind `Aborted`.
pub async fn upload_until<Asked>(
    file: &EncodedFile,
    grant: Option<Grant>,
    ask: impl Fn(Option<String>) -> Asked + Send + Sync,
    options: &UploadOptions,
    stop: impl Future<Output = ()> + Send,
) -> Result<Uploaded>
where
    Asked: Future<Output = Result<Grant>> + Send,
{
    let settings = &options.settings;
    if let Some(grant) = &grant {
        demand_encryption(grant, options.allow_http)?;
    }
    // The machine's timeout must end a request, not the client's, so the client's is longer.
    let client_timeout = settings.timeout.saturating_add(Duration::from_secs(5));
    let transport = Transport::new(options.connect_timeout, client_timeout, options.allow_http)?;
    let body = PutBody {
        bytes: file.bytes.len() as u64,
        sha256: Some(Sha256Digest::of(&file.bytes)),
        key: Some(file.key.clone()),
    };
    let clock = Clock::new();
    let upload = Put::new(body, grant, settings.clone(), seed(), clock.now_ms())?;
    let context =
        UploadContext { transport, bytes: file.bytes.clone(), ask, allow_http: options.allow_http };
    let mut driver = Driver {
        upload,
        clock,
        under_way: UnderWay::new(),
        on_progress: options.on_progress.as_deref(),
        reported: None,
    };
    let uploaded = driver.run(&context, stop).await?;
    let Uploaded { key, bytes, created, .. } = &uploaded;
    tracing::info!(%key, bytes, created, "uploaded by a grant");
    Ok(uploaded)
}

enum Event {
    Answered(Result<HttpAnswer, String>),
    Granted(Box<Result<Grant>>),
}

/// What the driver needs to perform actions. Apart from the machine, so that running actions can
/// borrow it.
struct UploadContext<Ask> {
    transport: Transport,
    bytes: Bytes,
    ask: Ask,
    allow_http: bool,
}

struct Driver<'a> {
    upload: Put,
    clock: Clock,
    under_way: UnderWay<'a, Event>,
    on_progress: Option<&'a (dyn Fn(Progress) + Send + Sync)>,
    reported: Option<Progress>,
}

impl<'a> Driver<'a> {
    async fn run<Ask, Asked>(
        &mut self,
        context: &'a UploadContext<Ask>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Uploaded>
    where
        Ask: Fn(Option<String>) -> Asked + Send + Sync,
        Asked: Future<Output = Result<Grant>> + Send,
    {
        let mut stop = pin!(stop);
        let mut is_stopped = false;
        loop {
            while let Some(action) = self.upload.poll(self.clock.now_ms()) {
                self.perform(context, action);
            }
            self.report_progress();
            if let Some(outcome) = self.upload.outcome() {
                return Ok(outcome.clone()?);
            }
            let stopped = async {
                match is_stopped {
                    true => pending().await,
                    false => (&mut stop).await,
                }
            };
            match self.first_of(stopped).await {
                Woken::Ended(id, event) => self.handle(id, event),
                Woken::Stopped => {
                    is_stopped = true;
                    self.upload.abort(self.clock.now_ms());
                }
                Woken::Nothing => {}
            }
        }
    }

    /// Waits for a result, for the end of `stopped`, or for the time at which the machine wants to
    /// be polled.
    async fn first_of(&mut self, stopped: impl Future<Output = ()>) -> Woken {
        let timeout = pin!(until(self.upload.next_timeout(), &self.clock));
        let (ended, stopped) = (pin!(self.under_way.ended()), pin!(stopped));
        match select(ended, select(stopped, timeout)).await {
            Either::Left(((id, event), _)) => Woken::Ended(id, event),
            Either::Right((Either::Left(_), _)) => Woken::Stopped,
            Either::Right((Either::Right(_), _)) => Woken::Nothing,
        }
    }

    fn perform<Ask, Asked>(&mut self, context: &'a UploadContext<Ask>, action: Action)
    where
        Ask: Fn(Option<String>) -> Asked + Send + Sync,
        Asked: Future<Output = Result<Grant>> + Send,
    {
        match action {
            Action::Cancel { id } => self.under_way.cancel(id),
            // Only a put with the host's own credentials asks for these, and this one has a grant.
            Action::Own(_) => {}
            Action::AskGrant { id, upload_id } => self.under_way.start(id, async move {
                let granted = (context.ask)(upload_id).await;
                let usable = |grant| demand_encryption(&grant, context.allow_http).map(|()| grant);
                Event::Granted(Box::new(granted.and_then(usable)))
            }),
            Action::Request { id, method, url, headers, body } => {
                let body = match body {
                    RequestBody::Empty => Bytes::new(),
                    RequestBody::Bytes(bytes) => Bytes::from(bytes),
                    RequestBody::File(range) => slice(&context.bytes, range.start, range.end),
                };
                self.under_way.start(id, async move {
                    Event::Answered(context.transport.send(method, &url, &headers, body).await)
                });
            }
        }
    }

    fn handle(&mut self, id: u64, event: Event) {
        let now_ms = self.clock.now_ms();
        match event {
            Event::Answered(Ok(answer)) => {
                let body = answer.body.as_bytes();
                self.upload.handle_response(id, answer.status, &answer.headers, body, now_ms);
            }
            Event::Answered(Err(said)) => self.upload.handle_failure(id, &said, now_ms),
            Event::Granted(granted) => match *granted {
                Ok(grant) => self.upload.handle_grant(grant, now_ms),
                Err(error) => {
                    let kind = match error.core_kind() {
                        // The grant server does not know what the device asked for. For the device,
                        // that is a refusal.
                        coldpress_core::ErrorKind::Missing => coldpress_core::ErrorKind::Denied,
                        kind => kind,
                    };
                    let said = error.to_string();
                    self.upload.handle_grant_failure(kind, &said, None, now_ms);
                }
            },
        }
    }

    fn report_progress(&mut self) {
        let progress = self.upload.progress();
        if self.reported.as_ref() != Some(&progress) {
            self.reported = Some(progress.clone());
            if let Some(on_progress) = self.on_progress {
                on_progress(progress);
            }
        }
    }
}

enum Woken {
    Ended(u64, Event),
    Stopped,
    /// The machine wants to be polled.
    Nothing,
}

/// A range of the file. The machine knows the file's size and asks for no range beyond it.
fn slice(bytes: &Bytes, start: u64, end: u64) -> Bytes {
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(start)..at(end).max(at(start)))
}

fn demand_encryption(grant: &Grant, allow_http: bool) -> Result<()> {
    if !allow_http
        && grant.check().url().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
    {
        return Err(Error::settings(
            "the grant leads to a store without encryption; use a grant server whose store has \
            https://, or set allow_http if the network is your own (such as a test server on this \
            machine)",
        ));
    }
    Ok(())
}
