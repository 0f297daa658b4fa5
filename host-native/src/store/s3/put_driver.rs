//! Drives core's machine for one put: performs what the machine asks for, and reports the answers.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{
    Action, BufferPolicy, Found, OwnAction, Put, PutFault, PutRule, PutWay, RequestBody,
    Sha256Digest, StoreRequest, UploadSettings,
};
use futures_util::future::{Either, select};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::random::seed;
use crate::store::outcome::PutOutcome;
use crate::store::path::store_path;
use crate::store::s3::client::S3Store;
use crate::store::s3::multipart::abort_all_at;
use crate::store::s3::own_request::PutRequest;
use crate::store::s3::put_error::{put_error, put_in_doubt};
use crate::store::s3::window::Window;
use crate::threads::blocking;
use crate::time::Clock;
use crate::transport::HttpAnswer;
use crate::under_way::{UnderWay, until};

/// The machine waits this much longer for a request than the client does, so that the client,
/// which knows the cause, reports the timeout.
const TIMEOUT_EXTRA: Duration = Duration::from_secs(5);

/// The result of one action of the machine.
enum Event {
    Answered(Result<HttpAnswer, String>),
    Rule(Result<PutRule>),
    Compared(Result<Found>),
}

/// Drives one put. It performs what the machine asks for and reports the results; the machine
/// decides everything.
pub(super) struct PutDriver {
    store: Arc<S3Store>,
    key: String,
    pub(super) put: Put,
    window: Window,
    hash: Sha256,
    is_ended: bool,
    /// Whether the body may still go by one request, so that a store whose multipart uploads can
    /// overwrite is no error yet.
    may_buffer: bool,
    /// Whether the caller aborts the uploads that crashed writers of this key left.
    pub(super) leaves_others: bool,
    clock: Clock,
    under_way: UnderWay<'static, Event>,
    /// Why a question of the machine has no answer.
    unknown: Option<Error>,
}

impl PutDriver {
    /// Begins with an empty body. A body larger than `part_bytes` goes in parts of that size,
    /// `concurrency` at a time. Sends no request before [`step`](Self::step).
    pub(super) fn new(
        store: &Arc<S3Store>,
        key: &str,
        (part_bytes, concurrency): (u64, usize),
        limit_ms: Option<u64>,
    ) -> Result<Self> {
        // A key that object_store cannot read is refused before anything is sent.
        store_path(key)?;
        let patience = store.retry_timeout;
        let settings = UploadSettings {
            concurrency,
            retries_max: if patience.is_zero() { 0 } else { u32::MAX },
            patience: Some(patience),
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(2),
            retry_after_max: patience,
            timeout: store.timeout.saturating_add(TIMEOUT_EXTRA),
            total_timeout: limit_ms.map(Duration::from_millis),
            ..UploadSettings::default()
        };
        let clock = Clock::new();
        Ok(PutDriver {
            store: Arc::clone(store),
            key: key.to_owned(),
            put: Put::own(part_bytes, settings, seed(), clock.now_ms())?,
            window: Window::new(part_bytes),
            hash: Sha256::new(),
            is_ended: false,
            may_buffer: false,
            leaves_others: false,
            clock,
            under_way: UnderWay::new(),
            unknown: None,
        })
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Takes the whole body, to be published at once.
    pub(super) async fn take_whole(&mut self, bytes: Bytes) -> Result<()> {
        self.hash = match bytes.len() {
            ..HASHED_AT_ONCE => Sha256::new_with_prefix(&bytes),
            // Long work does not belong on a thread of the async executor.
            _ => {
                let bytes = bytes.clone();
                blocking(move || Ok(Sha256::new_with_prefix(&bytes))).await?
            }
        };
        self.put.handle_bytes(bytes.len() as u64, self.now_ms());
        self.window = Window::whole(bytes);
        self.end_body();
        self.put.publish(self.now_ms());
        Ok(())
    }

    /// Whether the put takes more bytes now.
    pub(super) fn has_room(&self) -> bool {
        self.put.room() > 0
    }

    /// Takes as many bytes as there is room for and as may be hashed at once, and leaves the rest.
    pub(super) fn take(&mut self, bytes: &mut Bytes) {
        let room = usize::try_from(self.put.room()).unwrap_or(usize::MAX);
        let taken = bytes.split_to(room.min(HASHED_AT_ONCE).min(bytes.len()));
        self.hash.update(&taken);
        let count = taken.len() as u64;
        self.window.push(taken);
        self.put.handle_bytes(count, self.now_ms());
    }

    /// Whether the body is staged: everything is sent that can be sent before publishing.
    pub(super) fn is_staged(&self) -> bool {
        self.put.is_staged()
    }

    /// Ends the body, and publishes it.
    pub(super) fn finish(&mut self) {
        self.end_body();
        self.put.publish(self.now_ms());
    }

    pub(super) fn abort(&mut self) {
        self.put.abort(self.now_ms());
    }

    fn end_body(&mut self) {
        self.is_ended = true;
        self.window.end();
        self.put.end_body(self.now_ms());
    }

    /// As [`Put::stage`].
    pub(super) fn stage(&mut self, policy: BufferPolicy) {
        self.may_buffer = matches!(policy, BufferPolicy::UpTo(_));
        self.end_body();
        self.put.stage(policy, self.now_ms());
    }

    pub(super) fn outcome(&self) -> Option<&coldpress_core::Result<bool, PutFault>> {
        self.put.own_outcome()
    }

    /// Performs what the machine asks for now. Then waits for the first result, or for the time at
    /// which the machine wants to be polled.
    pub(super) async fn step(&mut self) {
        if !self.perform_all() {
            return;
        }
        let event = {
            let timeout = pin!(until(self.put.next_timeout(), &self.clock));
            let ended = pin!(self.under_way.ended());
            match select(ended, timeout).await {
                Either::Left((event, _)) => Some(event),
                Either::Right(_) => None,
            }
        };
        if let Some((id, event)) = event {
            self.handle(id, event);
        }
    }

    /// Performs all actions; whether the put goes on.
    fn perform_all(&mut self) -> bool {
        while let Some(action) = self.put.poll(self.clock.now_ms()) {
            self.perform(action);
        }
        let released = self.put.released_bytes();
        match released > 0 && released == self.window.total() {
            // All parts are stored, so nothing has to be kept for a second try.
            true => self.window.forget(),
            false => self.window.release(released),
        }
        self.outcome().is_none()
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Cancel { id } => self.under_way.cancel(id),
            Action::Own(OwnAction::Send { id, request, body }) => self.send(id, &request, body),
            Action::Own(OwnAction::FindRule { id, way }) => self.find_rule(id, way),
            Action::Own(OwnAction::Compare { id }) => self.compare(id),
            // Only an upload by a grant asks for these.
            Action::Request { .. } | Action::AskGrant { .. } => {}
        }
    }

    fn send(&mut self, id: u64, request: &StoreRequest, body: RequestBody) {
        let body = match body {
            RequestBody::Empty => Bytes::new(),
            RequestBody::Bytes(bytes) => Bytes::from(bytes),
            RequestBody::File(range) => self.window.slice(&range),
        };
        let request = PutRequest {
            store: Arc::clone(&self.store),
            key: self.key.clone(),
            request: request.clone(),
            body,
            digest: self.digest(),
        };
        self.under_way.start(id, async move { Event::Answered(request.answer().await) });
    }

    fn digest(&self) -> Sha256Digest {
        Sha256Digest(self.hash.clone().finalize().into())
    }

    fn find_rule(&mut self, id: u64, way: PutWay) {
        let store = Arc::clone(&self.store);
        // A body of more than one part cannot go by one request.
        let needs_parts = !self.may_buffer || self.window.exceeds_a_part();
        self.under_way.start(id, async move {
            Event::Rule(match way {
                PutWay::Whole => store.rule().await,
                PutWay::Parts if needs_parts => store.require_create_only_parts().await,
                PutWay::Parts => store.parts_rule().await,
            })
        });
    }

    fn compare(&mut self, id: u64) {
        let (store, key) = (Arc::clone(&self.store), self.key.clone());
        let whole = self.is_ended.then(|| (self.window.total(), self.digest()));
        self.under_way.start(id, async move {
            Event::Compared(match whole {
                Some((bytes, digest)) => store.compare(&key, bytes, digest).await,
                None => store.is_taken(&key).await,
            })
        });
    }

    fn handle(&mut self, id: u64, event: Event) {
        let now_ms = self.now_ms();
        match event {
            Event::Answered(Ok(answer)) => {
                let body = answer.body.as_bytes();
                self.put.handle_response(id, answer.status, &answer.headers, body, now_ms);
            }
            Event::Answered(Err(said)) => self.put.handle_failure(id, &said, now_ms),
            Event::Rule(Ok(rule)) => self.put.handle_rule(id, rule, now_ms),
            Event::Compared(Ok(found)) => self.put.handle_compared(id, found, now_ms),
            Event::Rule(Err(error)) | Event::Compared(Err(error)) => {
                self.unknown = Some(error);
                self.put.handle_unknown(id, now_ms);
            }
        }
    }

    /// How the put ended. Also aborts the uploads that crashed writers of the same key left: now
    /// that the object is there, nobody can complete them.
    pub(super) async fn ended(self) -> Ended {
        let left = self.put.left_open().join(", ");
        if !left.is_empty() {
            tracing::warn!(key = self.key, uploads = left, "could not remove parts from the store");
        }
        // A begin whose answer was lost may have left a second upload of our own.
        let sweeps = !self.leaves_others || self.put.may_have_double();
        if self.put.went_by_parts() && sweeps && matches!(self.outcome(), Some(Ok(_))) {
            abort_all_at(&self.store, &self.key).await;
        }
        let outcome = match (self.put.own_outcome(), self.unknown) {
            (Some(Ok(true)), _) => Ok(PutOutcome::Created),
            (Some(Ok(false)), _) => Ok(PutOutcome::AlreadyThere),
            (Some(Err(PutFault::Host { doubt: None })), Some(unknown)) => Err(unknown),
            (Some(Err(PutFault::Host { doubt: Some(doubt) })), Some(unknown)) => {
                Err(put_in_doubt(&self.store, doubt, &unknown, &self.key))
            }
            (Some(Err(fault)), _) => {
                Err(put_error(&self.store, fault, &self.key, self.window.total()))
            }
            (None, _) => Err(put_error(&self.store, &PutFault::Host { doubt: None }, &self.key, 0)),
        };
        Ended { key: self.key, outcome, has_left: !left.is_empty() }
    }
}

/// How a put ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    key: String,
    pub(super) outcome: Result<PutOutcome>,
    /// Whether parts may be left in the store.
    has_left: bool,
}

impl Ended {
    /// The outcome; an error says if parts may be left in the store.
    pub(super) fn into_outcome(self) -> Result<PutOutcome> {
        match self.has_left {
            true => self.outcome.map_err(|error| error.with_note(PARTS_LEFT)),
            false => self.outcome,
        }
    }

    /// Success if everything that was sent has been removed.
    pub(super) fn into_abort(self) -> Result<()> {
        match self.has_left {
            true => {
                let message = format!("could not abort the multipart upload; {PARTS_LEFT}");
                Err(Error::new(ErrorKind::Unavailable, message).at(self.key))
            }
            false => Ok(()),
        }
    }
}

/// The note of an error that may leave parts in the store.
pub(super) const PARTS_LEFT: &str = "parts of it may be left in the store; a lifecycle rule \
    AbortIncompleteMultipartUpload of the bucket removes them";

/// The most bytes to hash on a thread of the async executor before other tasks run.
const HASHED_AT_ONCE: usize = 256 << 10;
