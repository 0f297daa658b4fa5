//! Drives the core's upload machine over HTTP.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, pending};
use std::hash::{BuildHasher, RandomState};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{
    Action, EncodedFile, Grant, Progress, RequestBody, Sha256Digest, Upload, UploadBody,
    UploadSettings, Uploaded,
};
use futures_util::future::{AbortHandle, Aborted, Either, abortable, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::transport::{Answer, Transport};
use crate::backoff::Clock;
use crate::{Error, ErrorKind, Result};

/// How an upload by a grant is done.
#[derive(Clone)]
pub struct UploadOptions {
    /// Retries, times and requests at a time.
    pub settings: UploadSettings,
    /// The most time to connect. Default: 5,000.
    pub connect_timeout_ms: u64,
    /// Whether a grant may lead to `http://`, where anyone on the way reads all rows. Default: no.
    pub allow_http: bool,
    /// Called whenever the upload is further.
    pub on_progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

impl Default for UploadOptions {
    fn default() -> Self {
        UploadOptions {
            settings: UploadSettings::default(),
            connect_timeout_ms: 5_000,
            allow_http: false,
            on_progress: None,
        }
    }
}

impl fmt::Debug for UploadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadOptions")
            .field("settings", &self.settings)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("allow_http", &self.allow_http)
            .finish_non_exhaustive()
    }
}

/// For [`upload`], where there is but the one grant.
pub async fn no_more_grants(_upload_id: Option<String>) -> Result<Grant> {
    Err(Error::new(
        ErrorKind::Expired,
        "there is only this one grant; ask for a new one, and upload again",
    ))
}

/// Uploads a file by a grant, without credentials of the store.
///
/// `grant` is the first grant, where there is one. `ask` gets another, for a first one or after one expired,
/// given the multipart upload to go on with ([`GrantRequest::upload_id`](crate::GrantRequest)); its
/// error of kind `Unavailable` is tried again, any other ends the upload. [`no_more_grants`] never gives one.
///
/// The same content already there is success; other content is [`ErrorKind::Conflict`]. Dropping the future stops
/// at once and may leave parts in the store; [`upload_until`] takes them away.
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

/// As [`upload`], until `stop` ends: then what is under way is broken off, parts are taken away,
/// and the error is of kind `Aborted`.
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
    // The machine's own times are to be the ones that end a request, so the client's are longer.
    let client_ms = settings.timeout_ms.saturating_add(5_000);
    let transport = Transport::new(options.connect_timeout_ms, client_ms, options.allow_http)?;
    let body = UploadBody {
        bytes: file.bytes.len() as u64,
        sha256: Some(Sha256Digest::of(&file.bytes)),
        key: Some(file.key.clone()),
    };
    let clock = Clock::new();
    let seed = RandomState::new().hash_one(file.key.as_str());
    let upload = Upload::new(body, grant, settings.clone(), seed, clock.now_ms())?;
    let world = World { transport, bytes: file.bytes.clone(), ask, allow_http: options.allow_http };
    let mut driver = Driver {
        upload,
        clock,
        under_way: FuturesUnordered::new(),
        handles: HashMap::new(),
        on_progress: options.on_progress.as_deref(),
        told: None,
    };
    let uploaded = driver.run(&world, stop).await?;
    tracing::info!(key = %uploaded.key, bytes = uploaded.bytes, created = uploaded.created, "uploaded by a grant");
    Ok(uploaded)
}

enum Event {
    Answered(u64, Result<Answer, String>),
    Granted(u64, Box<Result<Grant>>),
}

type UnderWay<'a> = Pin<Box<dyn Future<Output = Result<Event, Aborted>> + Send + 'a>>;

/// What requests and questions need, apart from the machine that wants them.
struct World<Ask> {
    transport: Transport,
    bytes: Bytes,
    ask: Ask,
    allow_http: bool,
}

struct Driver<'a> {
    upload: Upload,
    clock: Clock,
    under_way: FuturesUnordered<UnderWay<'a>>,
    handles: HashMap<u64, AbortHandle>,
    on_progress: Option<&'a (dyn Fn(Progress) + Send + Sync)>,
    told: Option<Progress>,
}

enum Woken {
    Ended(Event),
    Stopped,
    /// Time has passed, or something that was cancelled is over.
    Nothing,
}

/// Whatever comes first: an answer, the end of `stopped`, or the time.
async fn first_of(
    under_way: &mut FuturesUnordered<UnderWay<'_>>,
    stopped: impl Future<Output = ()>,
    wait_ms: Option<u64>,
) -> Woken {
    let ended = async {
        match under_way.next().await {
            Some(Ok(event)) => Woken::Ended(event),
            Some(Err(Aborted)) => Woken::Nothing,
            None => pending().await,
        }
    };
    let stopped = async {
        stopped.await;
        Woken::Stopped
    };
    let timeout = async {
        match wait_ms {
            // One more: the clock is cut to milliseconds, and early is too early.
            Some(ms) => tokio::time::sleep(Duration::from_millis(ms.saturating_add(1))).await,
            None => pending().await,
        }
        Woken::Nothing
    };
    let (ended, stopped, timeout) = (pin!(ended), pin!(stopped), pin!(timeout));
    match select(ended, select(stopped, timeout)).await {
        Either::Left((woken, _)) => woken,
        Either::Right((Either::Left((woken, _)) | Either::Right((woken, _)), _)) => woken,
    }
}

impl<'a> Driver<'a> {
    async fn run<Ask, Asked>(
        &mut self,
        world: &'a World<Ask>,
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
                self.perform(world, action);
            }
            self.tell();
            if let Some(outcome) = self.upload.outcome() {
                return Ok(outcome.clone()?);
            }
            let wait_ms =
                self.upload.next_timeout().map(|at| at.saturating_sub(self.clock.now_ms()));
            let stopped = async {
                match is_stopped {
                    true => pending().await,
                    false => (&mut stop).await,
                }
            };
            match first_of(&mut self.under_way, stopped, wait_ms).await {
                Woken::Ended(event) => self.hear(event),
                Woken::Stopped => {
                    is_stopped = true;
                    self.upload.abort(self.clock.now_ms());
                }
                Woken::Nothing => {}
            }
        }
    }

    fn perform<Ask, Asked>(&mut self, world: &'a World<Ask>, action: Action)
    where
        Ask: Fn(Option<String>) -> Asked + Send + Sync,
        Asked: Future<Output = Result<Grant>> + Send,
    {
        let (id, work): (u64, Pin<Box<dyn Future<Output = Event> + Send + 'a>>) = match action {
            Action::Cancel { id } => {
                if let Some(handle) = self.handles.remove(&id) {
                    handle.abort();
                }
                return;
            }
            Action::AskGrant { id, upload_id } => {
                let asked = async move {
                    let granted = (world.ask)(upload_id).await;
                    let usable =
                        |grant| demand_encryption(&grant, world.allow_http).map(|()| grant);
                    Event::Granted(id, Box::new(granted.and_then(usable)))
                };
                (id, Box::pin(asked))
            }
            Action::Request { id, method, url, headers, body } => {
                let body = match body {
                    RequestBody::Empty => Bytes::new(),
                    RequestBody::Bytes(bytes) => Bytes::from(bytes),
                    RequestBody::File(range) => slice(&world.bytes, range.start, range.end),
                };
                let sent = async move {
                    Event::Answered(id, world.transport.send(method, &url, &headers, body).await)
                };
                (id, Box::pin(sent))
            }
        };
        let (work, handle) = abortable(work);
        self.handles.insert(id, handle);
        self.under_way.push(Box::pin(work));
    }

    fn hear(&mut self, event: Event) {
        let now_ms = self.clock.now_ms();
        let (Event::Answered(id, _) | Event::Granted(id, _)) = &event;
        self.handles.remove(id);
        match event {
            Event::Answered(id, Ok(answer)) => {
                let body = answer.body.as_bytes();
                self.upload.handle_response(id, answer.status, &answer.headers, body, now_ms);
            }
            Event::Answered(id, Err(said)) => self.upload.handle_failure(id, &said, now_ms),
            Event::Granted(_, granted) => match *granted {
                Ok(grant) => self.upload.handle_grant(grant, now_ms),
                Err(error) => {
                    let kind = match error.core_kind() {
                        // Who grants knows nothing of what was asked for: to the device that is a no.
                        coldpress_core::ErrorKind::Missing => coldpress_core::ErrorKind::Denied,
                        kind => kind,
                    };
                    let said = error.to_string();
                    self.upload.handle_grant_failure(kind, &said, None, now_ms);
                }
            },
        }
    }

    fn tell(&mut self) {
        let progress = self.upload.progress();
        if self.told.as_ref() != Some(&progress) {
            self.told = Some(progress.clone());
            if let Some(on_progress) = self.on_progress {
                on_progress(progress);
            }
        }
    }
}

/// The machine asks for ranges of the very file whose size it was told.
fn slice(bytes: &Bytes, start: u64, end: u64) -> Bytes {
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(start)..at(end).max(at(start)))
}

fn demand_encryption(grant: &Grant, allow_http: bool) -> Result<()> {
    if !allow_http
        && grant.check().url().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
    {
        return Err(Error::settings(
            "the grant leads to a store without encryption; have it grant https://, or set allow_http where the network is yours (a test server on this machine)",
        ));
    }
    Ok(())
}
