//! Requests that we sign ourselves, with the credentials of the moment. If the store calls these
//! expired, the request is signed and sent once more with new ones.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{
    GrantTerms, Meaning, Sha256Digest, SignedBy, SignedRequest, Signer, StoreAnswer, StoreRequest,
    StoreStep, judge,
};

use crate::credentials::Credentials;
use crate::error::Result;
use crate::store::s3::client::{LIFETIME_MS, S3Store};
use crate::store::s3::retry::JudgedAnswer;
use crate::time::now_ms;
use crate::transport::HttpAnswer;

impl S3Store {
    /// As [`perform`](S3Store::perform), with a request that `sign` makes.
    pub(crate) async fn perform_own(
        &self,
        step: StoreStep,
        sign: impl Fn(&Signer) -> coldpress_core::Result<SignedRequest>,
        body: Bytes,
        patience: Duration,
        (doing, path): (&str, &str),
    ) -> Result<JudgedAnswer> {
        let without = |why| self.errors().no_credentials(&why, doing, path);
        let credentials = self.current_credentials(doing, path).await?;
        let request = sign(&self.signer_with(&credentials)?)?;
        let judged = self.perform(step, &request, body.clone(), patience, doing, path).await?;
        if judged.verdict.meaning != Meaning::Expired {
            return Ok(judged);
        }
        let Some(others) = self.other_credentials(&credentials).await.map_err(without)? else {
            return Ok(judged);
        };
        let request = sign(&self.signer_with(&others)?)?;
        self.perform(step, &request, body, patience, doing, path).await
    }

    async fn other_credentials(&self, than: &Credentials) -> Result<Option<Arc<Credentials>>> {
        self.credentials.instead_of(&than.access_key, &than.session_token).await
    }
}

/// One request of a put.
#[derive(Debug, Clone)]
pub(super) struct PutRequest {
    pub(super) store: Arc<S3Store>,
    pub(super) key: String,
    pub(super) request: StoreRequest,
    pub(super) body: Bytes,
    /// The digest of the whole object.
    pub(super) digest: Sha256Digest,
}

impl PutRequest {
    /// The answer, or in words why none came. It is signed just before it is sent, so that the
    /// signature is valid however long the body took.
    pub(super) async fn answer(self) -> Result<HttpAnswer, String> {
        let credentials = self.current().await?;
        let answer = self.send(&credentials).await?;
        if !self.is_expired(&answer) {
            return Ok(answer);
        }
        let others = self.store.other_credentials(&credentials).await;
        match others.map_err(|error| error.message().to_owned())? {
            Some(others) => self.send(&others).await,
            None => Ok(answer),
        }
    }

    async fn current(&self) -> Result<Arc<Credentials>, String> {
        self.store.credentials.current().await.map_err(|error| error.message().to_owned())
    }

    async fn send(&self, credentials: &Credentials) -> Result<HttpAnswer, String> {
        let signer =
            self.store.signer_with(credentials).map_err(|error| error.message().to_owned())?;
        let signed = self.signed(&signer, now_ms()).map_err(|error| error.to_string())?;
        let (method, headers) = (signed.method(), signed.headers());
        self.store.transport.send(method, signed.url(), headers, self.body.clone()).await
    }

    fn signed(&self, signer: &Signer, now_ms: u64) -> coldpress_core::Result<SignedRequest> {
        let key = self.key.as_str();
        match &self.request {
            StoreRequest::Put { create_only } => {
                signer.put_object(key, *create_only, self.digest, now_ms)
            }
            StoreRequest::Begin => {
                let terms = GrantTerms { lifetime_ms: LIFETIME_MS, ..GrantTerms::default() };
                signer.begin_multipart(key, &terms, now_ms)
            }
            StoreRequest::Part { upload_id, number } => {
                let bytes = Some(self.body.len() as u64);
                signer.part(key, upload_id, *number, bytes, LIFETIME_MS, now_ms)
            }
            StoreRequest::Complete { upload_id } => {
                signer.complete_multipart(key, upload_id, LIFETIME_MS, now_ms)
            }
            StoreRequest::Abort { upload_id } => {
                signer.abort_multipart(key, upload_id, LIFETIME_MS, now_ms)
            }
        }
    }

    fn is_expired(&self, answer: &HttpAnswer) -> bool {
        let step = match &self.request {
            StoreRequest::Put { .. } => StoreStep::PutObject,
            StoreRequest::Begin => StoreStep::BeginUpload,
            StoreRequest::Part { .. } => StoreStep::PutPart,
            StoreRequest::Complete { .. } => StoreStep::Complete,
            StoreRequest::Abort { .. } => StoreStep::Abort,
        };
        let body = answer.body.as_bytes();
        let answer = StoreAnswer { status: answer.status, retry_after: None, body };
        judge(step, SignedBy::Us, answer, now_ms()).meaning == Meaning::Expired
    }
}
