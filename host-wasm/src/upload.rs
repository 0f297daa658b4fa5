//! Uploads: core's machine, whose actions JavaScript performs.

use std::time::Duration;

use coldpress_core::{
    Action, Error, ErrorKind, FirstGrant, Grant, Progress, Put, PutBody, RequestBody, Sha256Digest,
    UploadSettings, Uploaded,
};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Fault;

/// The machine. Times are milliseconds since 1970, as `Date.now()` gives them.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawUpload(Put);

/// The machine that asks for a grant before there is a file. It is driven like [`RawUpload`].
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawFirstGrant(FirstGrant);

/// The progress of a machine.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawProgress(Progress);

/// One action of a machine. [`RawAction::kind`] says which fields it has.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawAction(Action);

/// An object that is in the store.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawUploaded(Uploaded);

#[wasm_bindgen]
impl RawUpload {
    /// An upload of a file of this many bytes. A setting that is not set has core's default.
    // The fields of a JavaScript object, one by one: so this crate needs no reader of objects.
    #[allow(clippy::too_many_arguments)]
    #[wasm_bindgen(constructor)]
    pub fn new(
        bytes: f64,
        sha256: &str,
        grant: Option<String>,
        concurrency: Option<u32>,
        retries: Option<u32>,
        timeout_ms: f64,
        seed: u64,
        now_ms: f64,
    ) -> Result<RawUpload, Fault> {
        let settings = settings(concurrency, retries, timeout_ms);
        let sha256 = Some(Sha256Digest::from_hex(sha256)?);
        let body = PutBody { sha256, ..PutBody::new(bytes as u64) };
        let grant = grant.as_deref().map(Grant::from_json).transpose()?;
        Ok(RawUpload(Put::new(body, grant, settings, seed, now_ms as u64)?))
    }

    /// The next thing to do now, if there is one.
    pub fn poll(&mut self, now_ms: f64) -> Option<RawAction> {
        self.0.poll(now_ms as u64).map(RawAction)
    }

    /// When to poll again though nothing was answered.
    #[wasm_bindgen(js_name = nextTimeout)]
    pub fn next_timeout(&self) -> Option<f64> {
        self.0.next_timeout().map(|ms| ms as f64)
    }

    /// The answer to a request; `headers` are names and values by turns.
    #[wasm_bindgen(js_name = handleResponse)]
    pub fn handle_response(
        &mut self,
        id: f64,
        status: u16,
        headers: Vec<String>,
        body: &[u8],
        now_ms: f64,
    ) {
        let mut strings = headers.into_iter();
        let mut pairs = Vec::new();
        while let (Some(name), Some(value)) = (strings.next(), strings.next()) {
            pairs.push((name, value));
        }
        self.0.handle_response(id as u64, status, &pairs, body, now_ms as u64);
    }

    /// A request that got no answer.
    #[wasm_bindgen(js_name = handleFailure)]
    pub fn handle_failure(&mut self, id: f64, message: &str, now_ms: f64) {
        self.0.handle_failure(id as u64, message, now_ms as u64);
    }

    /// The grant that was asked for, as JSON.
    #[wasm_bindgen(js_name = handleGrant)]
    pub fn handle_grant(&mut self, grant: &str, now_ms: f64) -> Result<(), Fault> {
        self.0.handle_grant(Grant::from_json(grant)?, now_ms as u64);
        Ok(())
    }

    /// The grant server gave no grant; `code` is the code of a `ColdpressError`.
    #[wasm_bindgen(js_name = handleGrantFailure)]
    pub fn handle_grant_failure(
        &mut self,
        code: &str,
        message: &str,
        retry_after_ms: Option<f64>,
        now_ms: f64,
    ) {
        let retry_after_ms = retry_after_ms.map(|ms| ms as u64);
        self.0.handle_grant_failure(kind_named(code), message, retry_after_ms, now_ms as u64);
    }

    /// Aborts it. Poll on until there is an outcome.
    pub fn abort(&mut self, now_ms: f64) {
        self.0.abort(now_ms as u64);
    }

    /// How far it is.
    pub fn progress(&self) -> RawProgress {
        RawProgress(self.0.progress())
    }

    /// How it ended; undefined before its end. Throws if it failed.
    pub fn outcome(&self) -> Result<Option<RawUploaded>, Fault> {
        match self.0.outcome() {
            None => Ok(None),
            Some(Ok(uploaded)) => Ok(Some(RawUploaded(uploaded.clone()))),
            Some(Err(error)) => Err(Fault::from(Error::clone(error))),
        }
    }

    /// What the last `Retry-After` asked for.
    #[wasm_bindgen(js_name = retryAfterMs)]
    pub fn retry_after_ms(&self) -> Option<f64> {
        self.0.retry_after_ms().map(|ms| ms as f64)
    }
}

#[wasm_bindgen]
impl RawFirstGrant {
    /// A question that has not been asked. A setting that is not set has core's default.
    #[wasm_bindgen(constructor)]
    pub fn new(
        retries: Option<u32>,
        timeout_ms: f64,
        seed: u64,
        now_ms: f64,
    ) -> Result<RawFirstGrant, Fault> {
        let settings = settings(None, retries, timeout_ms);
        Ok(RawFirstGrant(FirstGrant::new(settings, seed, now_ms as u64)?))
    }

    /// The next thing to do now, if there is one.
    pub fn poll(&mut self, now_ms: f64) -> Option<RawAction> {
        self.0.poll(now_ms as u64).map(RawAction)
    }

    /// When to poll again though nothing was answered.
    #[wasm_bindgen(js_name = nextTimeout)]
    pub fn next_timeout(&self) -> Option<f64> {
        self.0.next_timeout().map(|ms| ms as f64)
    }

    /// The grant that was asked for, as JSON.
    #[wasm_bindgen(js_name = handleGrant)]
    pub fn handle_grant(&mut self, grant: &str) -> Result<(), Fault> {
        self.0.handle_grant(Grant::from_json(grant)?);
        Ok(())
    }

    /// The grant server gave no grant; `code` is the code of a `ColdpressError`.
    #[wasm_bindgen(js_name = handleGrantFailure)]
    pub fn handle_grant_failure(
        &mut self,
        code: &str,
        message: &str,
        retry_after_ms: Option<f64>,
        now_ms: f64,
    ) {
        let retry_after_ms = retry_after_ms.map(|ms| ms as u64);
        self.0.handle_grant_failure(kind_named(code), message, retry_after_ms, now_ms as u64);
    }

    /// Aborts it.
    pub fn abort(&mut self) {
        self.0.abort();
    }

    /// How far it is.
    pub fn progress(&self) -> RawProgress {
        RawProgress(self.0.progress())
    }

    /// The key of the grant; undefined before the end. Throws if there is no grant.
    pub fn outcome(&self) -> Result<Option<String>, Fault> {
        match self.0.outcome() {
            None => Ok(None),
            Some(Ok(grant)) => Ok(Some(grant.key().as_str().to_owned())),
            Some(Err(error)) => Err(Fault::from(Error::clone(error))),
        }
    }

    /// What the last `Retry-After` asked for.
    #[wasm_bindgen(js_name = retryAfterMs)]
    pub fn retry_after_ms(&self) -> Option<f64> {
        self.0.retry_after_ms().map(|ms| ms as f64)
    }
}

fn settings(concurrency: Option<u32>, retries: Option<u32>, timeout_ms: f64) -> UploadSettings {
    let defaults = UploadSettings::default();
    UploadSettings {
        concurrency: concurrency.map_or(defaults.concurrency, |most| most as usize),
        retries_max: retries.unwrap_or(defaults.retries_max),
        timeout: Duration::from_millis(timeout_ms as u64),
        again: "call error.retry()",
        ..defaults
    }
}

/// The kind of error that ended a question. A code without a kind in core counts as a refusal.
fn kind_named(name: &str) -> ErrorKind {
    match name {
        "Unavailable" => ErrorKind::Unavailable,
        "Conflict" => ErrorKind::Conflict,
        "Expired" => ErrorKind::Expired,
        "Limit" => ErrorKind::Limit,
        "Aborted" => ErrorKind::Aborted,
        _ => ErrorKind::Denied,
    }
}

#[wasm_bindgen]
impl RawProgress {
    /// What it is at.
    pub fn phase(&self) -> String {
        self.0.phase.as_str().to_owned()
    }

    /// Bytes that the store has confirmed.
    #[wasm_bindgen(js_name = sentBytes)]
    pub fn sent_bytes(&self) -> f64 {
        self.0.sent_bytes as f64
    }

    /// Bytes of the file in requests that are under way now.
    #[wasm_bindgen(js_name = underWayBytes)]
    pub fn under_way_bytes(&self) -> f64 {
        self.0.under_way_bytes as f64
    }

    /// The number of the retry that is waited for or under way; undefined if there is none.
    pub fn attempt(&self) -> Option<u32> {
        self.0.retry.as_ref().map(|retry| retry.attempt)
    }

    /// When that try begins.
    #[wasm_bindgen(js_name = atMs)]
    pub fn at_ms(&self) -> Option<f64> {
        self.0.retry.as_ref().map(|retry| retry.at_ms as f64)
    }

    /// Why the try before it failed.
    pub fn reason(&self) -> Option<String> {
        self.0.retry.as_ref().map(|retry| retry.reason.clone())
    }
}

#[wasm_bindgen]
impl RawAction {
    /// `request`, `grant` or `cancel`.
    pub fn kind(&self) -> String {
        let kind = match &self.0 {
            Action::Request { .. } => "request",
            Action::AskGrant { .. } => "grant",
            Action::Cancel { .. } => "cancel",
            // A put by grant never gives this action.
            Action::Own(_) => "own",
        };
        kind.to_owned()
    }

    /// The id of the action, for its answer.
    pub fn id(&self) -> f64 {
        match &self.0 {
            Action::Request { id, .. } | Action::AskGrant { id, .. } | Action::Cancel { id } => {
                *id as f64
            }
            Action::Own(_) => 0.0,
        }
    }

    /// The method of a request.
    pub fn method(&self) -> Option<String> {
        match &self.0 {
            Action::Request { method, .. } => Some(method.as_str().to_owned()),
            _ => None,
        }
    }

    /// The URL of a request.
    pub fn url(&self) -> Option<String> {
        match &self.0 {
            Action::Request { url, .. } => Some(url.clone()),
            _ => None,
        }
    }

    /// The headers of a request, names and values by turns.
    pub fn headers(&self) -> Vec<String> {
        match &self.0 {
            Action::Request { headers, .. } => {
                headers.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Where the body begins in the file, if the body is a part of the file.
    pub fn start(&self) -> Option<f64> {
        self.range().map(|range| range.start as f64)
    }

    /// Where the body ends in the file.
    pub fn end(&self) -> Option<f64> {
        self.range().map(|range| range.end as f64)
    }

    /// The body, if it is not a part of the file.
    pub fn body(&self) -> Option<Uint8Array> {
        match &self.0 {
            Action::Request { body: RequestBody::Bytes(bytes), .. } => {
                Some(Uint8Array::from(&bytes[..]))
            }
            _ => None,
        }
    }

    /// The multipart upload that the grant must continue.
    #[wasm_bindgen(js_name = uploadId)]
    pub fn upload_id(&self) -> Option<String> {
        match &self.0 {
            Action::AskGrant { upload_id, .. } => upload_id.clone(),
            _ => None,
        }
    }

    fn range(&self) -> Option<&std::ops::Range<u64>> {
        match &self.0 {
            Action::Request { body: RequestBody::File(range), .. } => Some(range),
            _ => None,
        }
    }
}

#[wasm_bindgen]
impl RawUploaded {
    /// Where it lies.
    pub fn key(&self) -> String {
        self.0.key.as_str().to_owned()
    }

    /// Its size.
    pub fn bytes(&self) -> f64 {
        self.0.bytes as f64
    }

    /// Whether this upload is known to have stored it.
    pub fn created(&self) -> bool {
        self.0.created
    }
}
