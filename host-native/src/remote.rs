//! A store that speaks S3: create-only puts, proven before the first one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coldpress_core::{KeyPrefix, Meaning, Next, Sha256Digest, Signer, SignerConfig};
use futures_util::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as StorePath;
use object_store::{
    ClientOptions, Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    RetryConfig,
};
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, oneshot};
use tokio_util::task::TaskTracker;

use crate::answer::{Answers, Secrets, conflict, meaning, next_after};
use crate::create::{Creating, Sent, create_only};
use crate::http::JudgingConnector;
use crate::resume::Resuming;
use crate::upload::transport::Transport;
use crate::{ColdStorageConfig, Error, ErrorKind, PutOutcome, Result, leftovers};

/// How long whoever ends waits for what goes on beside it.
const TYING_UP_MAX: Duration = Duration::from_secs(10);
/// How often a probe is tried whose object or upload somebody may have taken away in the middle.
pub(crate) const PROBES_MAX: u32 = 3;

/// What a put does where the key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PutRule {
    /// The store refuses it.
    Conditional,
    /// We look first, which two writers at once can slip past.
    LookFirst,
}

/// Writes into one bucket.
#[derive(Debug)]
pub(crate) struct RemoteStore {
    store: Arc<dyn ObjectStore>,
    answers: Answers,
    prefix: KeyPrefix,
    allow_unconditional_put: bool,
    limit_ms: u64,
    retry_timeout_ms: u64,
    rule: OnceCell<PutRule>,
    signer: Signer,
    transport: Transport,
    /// What completing a multipart upload does where the key is taken, once it was tried.
    pub(crate) parts_rule: OnceCell<PutRule>,
    /// Uploads that are begun or taken back, whoever has dropped them meanwhile.
    loose_ends: TaskTracker,
}

impl RemoteStore {
    /// `config` must have been checked, which gives `endpoint`. No request is made.
    pub(crate) fn new(
        config: &ColdStorageConfig,
        endpoint: &str,
        prefix: KeyPrefix,
    ) -> Result<Self> {
        let secrets = Secrets::of(config);
        let patience = Duration::from_millis(config.retry_timeout_ms);
        let answers = Answers {
            store: format!("the store at {endpoint}"),
            bucket: config.bucket.clone(),
            secrets: secrets.clone(),
        };
        let mut builder = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_allow_http(config.allow_http)
            .with_bucket_name(&config.bucket)
            .with_region(&config.region)
            .with_access_key_id(&config.access_key)
            .with_secret_access_key(&config.secret_key)
            // The layer below retries, by the table of answers; here nothing does.
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_client_options(
                ClientOptions::new()
                    .with_allow_http(config.allow_http)
                    .with_connect_timeout(Duration::from_millis(config.connect_timeout_ms))
                    .with_timeout(Duration::from_millis(config.timeout_ms)),
            )
            .with_http_connector(JudgingConnector { secrets, patience });
        if !config.session_token.is_empty() {
            builder = builder.with_token(&config.session_token);
        }
        let store = builder.build().map_err(|e| answers.error(&e, "set up the client", ""))?;
        Ok(RemoteStore {
            store: Arc::new(Resuming::new(Arc::new(store), patience)),
            answers,
            prefix,
            allow_unconditional_put: config.allow_unconditional_put,
            limit_ms: operation_limit_ms(config),
            retry_timeout_ms: config.retry_timeout_ms,
            rule: OnceCell::new(),
            signer: Signer::new(SignerConfig {
                endpoint: endpoint.to_owned(),
                bucket: config.bucket.clone(),
                region: config.region.clone(),
                access_key: config.access_key.clone(),
                secret_key: config.secret_key.clone(),
                session_token: config.session_token.clone(),
            })?,
            transport: Transport::new(
                config.connect_timeout_ms,
                config.timeout_ms,
                config.allow_http,
            )?,
            parts_rule: OnceCell::new(),
            loose_ends: TaskTracker::new(),
        })
    }

    pub(crate) fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    pub(crate) fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Lets this come to its end, beside whatever goes on; as far as a runtime still runs.
    pub(crate) fn tie_up(&self, end: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.loose_ends.spawn_on(end, &runtime);
        }
    }

    /// Waits until all of these have, but not long: what is left then the next run finds.
    pub(crate) async fn tied_up(&self) {
        self.loose_ends.close();
        let _ = tokio::time::timeout(TYING_UP_MAX, self.loose_ends.wait()).await;
    }

    /// How long one operation is tried again.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.retry_timeout_ms)
    }

    /// Does this work to its end, even where the caller goes away in the middle: the work takes back
    /// what it began in the store.
    pub(crate) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (sender, done) = oneshot::channel();
        self.tie_up(async move { drop(sender.send(work.await)) });
        done.await.map_err(|_| {
            let message =
                "a task was stopped with its runtime, or panicked; if it repeats, report it";
            Error::new(ErrorKind::Internal, message)
        })?
    }

    /// Probed once, before the first put or grant.
    pub(crate) async fn rule(self: &Arc<Self>) -> Result<PutRule> {
        if let Some(rule) = self.rule.get() {
            return Ok(*rule);
        }
        let remote = Arc::clone(self);
        self.to_its_end(async move {
            remote.rule.get_or_try_init(|| Self::probe(&remote)).await.copied()
        })
        .await
    }

    pub(crate) async fn put_new(self: &Arc<Self>, key: &str, bytes: &Bytes) -> Result<PutOutcome> {
        let path = store_path(key)?;
        let put = async {
            match self.rule().await? {
                PutRule::Conditional => self.put_whole(&path, bytes, PutMode::Create).await,
                PutRule::LookFirst => self.look_and_put(&path, bytes).await,
            }
        };
        match tokio::time::timeout(Duration::from_millis(self.limit_ms), put).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.answers.too_slow("put the object", key, self.limit_ms)),
        }
    }

    async fn look_and_put(&self, path: &StorePath, bytes: &Bytes) -> Result<PutOutcome> {
        match self.compare(path, bytes).await? {
            Some(outcome) => Ok(outcome),
            None => self.put_whole(path, bytes, PutMode::Overwrite).await,
        }
    }

    async fn put_whole(
        &self,
        path: &StorePath,
        bytes: &Bytes,
        mode: PutMode,
    ) -> Result<PutOutcome> {
        create_only(&WholePut { remote: self, path, bytes, mode }, self.patience()).await
    }

    /// What lies at the key: the same bytes, nothing (`None`), or a `Conflict`.
    async fn compare(&self, path: &StorePath, bytes: &Bytes) -> Result<Option<PutOutcome>> {
        let doing = "read what already lies there";
        let there = match self.store.get(path).await {
            Ok(there) => there,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.answers.error(&error, doing, path.as_ref())),
        };
        let (bytes_there, bytes_new) = (there.meta.size, bytes.len() as u64);
        let same = bytes_there == bytes_new
            && there.bytes().await.map_err(|e| self.answers.error(&e, doing, path.as_ref()))?
                == *bytes;
        if same {
            return Ok(Some(PutOutcome::AlreadyThere));
        }
        Err(conflict(path.as_ref(), bytes_there, bytes_new))
    }

    /// As [`compare`](Self::compare), where the bytes are gone and only their number and SHA-256 are known.
    pub(crate) async fn compare_digest(
        &self,
        key: &str,
        bytes: u64,
        digest: Sha256Digest,
    ) -> Result<Option<PutOutcome>> {
        let path = store_path(key)?;
        let doing = "read what already lies there";
        let failed = |error: StoreError| self.answers.error(&error, doing, key);
        let there = match self.store.get(&path).await {
            Ok(there) => there,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let bytes_there = there.meta.size;
        if bytes_there == bytes {
            let mut found = Sha256::new();
            let mut stream = there.into_stream();
            while let Some(slice) = stream.next().await {
                found.update(&slice.map_err(failed)?);
            }
            if Sha256Digest(found.finalize().into()) == digest {
                return Ok(Some(PutOutcome::AlreadyThere));
            }
        }
        Err(conflict(key, bytes_there, bytes))
    }

    /// Probes the store. A task beside it deletes what killed probes left.
    async fn probe(self: &Arc<Self>) -> Result<PutRule> {
        let key = leftovers::probe_name(&self.prefix);
        let (remote, own) = (Arc::clone(self), key.clone());
        self.tie_up(async move { leftovers::sweep(&remote, &own).await });
        Ok(self.found_out(self.probe_at(&key).await?))
    }

    /// Puts an object of its own twice; a store that keeps its word refuses the second.
    async fn probe_at(&self, key: &str) -> Result<PutRule> {
        let path = store_path(key)?;
        let doing = "try whether the store refuses to overwrite";
        match self.put(&path, Bytes::from_static(b"first"), PutMode::Create).await {
            // Taken can only mean that our own first answer was lost and the put tried again.
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) if lacks_condition(&error) => return self.without_condition(),
            Err(error) => return Err(self.answers.error(&error, doing, key)),
        }
        let mut second = Ok(());
        for _ in 0..PROBES_MAX {
            second = self.put(&path, Bytes::from_static(b"second"), PutMode::Create).await;
            // Taken by nobody: a process whose clock is ahead may have swept the first away.
            if second.is_err() {
                break;
            }
        }
        self.delete_probe(key).await;
        match second {
            Err(StoreError::AlreadyExists { .. }) => Ok(PutRule::Conditional),
            Ok(()) => self.without_condition(),
            Err(error) if lacks_condition(&error) => self.without_condition(),
            Err(error) => Err(self.answers.error(&error, doing, key)),
        }
    }

    /// Says, where it matters, what a probe has found: once, as a probe is made once.
    pub(crate) fn found_out(&self, rule: PutRule) -> PutRule {
        if rule == PutRule::LookFirst && self.allow_unconditional_put {
            let store = &self.answers.store;
            tracing::warn!(
                %store,
                "the store ignores If-None-Match: two writers at the same moment can overwrite one another"
            );
        }
        rule
    }

    /// What follows where the store ignores the condition: an error, unless looking first was allowed.
    pub(crate) fn without_condition(&self) -> Result<PutRule> {
        let store = &self.answers.store;
        if self.allow_unconditional_put {
            return Ok(PutRule::LookFirst);
        }
        Err(Error::settings(format!(
            "{store} ignores `If-None-Match: *`, so that two writers could overwrite one another unseen; use a store that honours it, or set allow_unconditional_put to look before each put instead, which is not safe with many writers"
        )))
    }

    /// Stores an object for another probe to be refused at.
    pub(crate) async fn put_probe(&self, key: &str) -> Result<()> {
        let put = self.put(&store_path(key)?, Bytes::from_static(b"first"), PutMode::Create).await;
        put.map_err(|error| self.answers.error(&error, "put a probe", key))
    }

    pub(crate) async fn delete_probe(&self, key: &str) {
        let Ok(path) = store_path(key) else { return };
        if let Err(error) = self.store.delete(&path).await {
            let error = self.answers.error(&error, "delete the probe", key);
            tracing::warn!(%error, "the probe object stays behind; delete it by hand");
        }
    }

    async fn put(&self, path: &StorePath, bytes: Bytes, mode: PutMode) -> object_store::Result<()> {
        let options = PutOptions { mode, ..PutOptions::default() };
        self.store.put_opts(path, bytes.into(), options).await.map(|_| ())
    }
}

/// An object that goes by one put.
struct WholePut<'a> {
    remote: &'a RemoteStore,
    path: &'a StorePath,
    bytes: &'a Bytes,
    mode: PutMode,
}

#[async_trait]
impl Creating for WholePut<'_> {
    async fn send(&self) -> Result<Sent> {
        let (doing, key) = ("put the object", self.path.as_ref());
        Ok(match self.remote.put(self.path, self.bytes.clone(), self.mode.clone()).await {
            Ok(()) => Sent::Created,
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {
                Sent::Not(Next::LookThenRetry, self.remote.answers.taken_by_nobody(doing, key))
            }
            Err(error) => {
                Sent::Not(next_after(&error), self.remote.answers.error(&error, doing, key))
            }
        })
    }

    async fn look(&self) -> Result<Option<PutOutcome>> {
        self.remote.compare(self.path, self.bytes).await
    }
}

/// An upper bound on one operation, whatever the store does.
pub(crate) fn operation_limit_ms(config: &ColdStorageConfig) -> u64 {
    config.retry_timeout_ms.saturating_add(config.timeout_ms.saturating_mul(2))
}

/// Never `Path::from`, which would encode the key's percent signs again.
pub(crate) fn store_path(key: &str) -> Result<StorePath> {
    StorePath::parse(key).map_err(|error| {
        Error::new(ErrorKind::Key, format!("this is no key of an object ({error}); list what is"))
            .at(key)
    })
}

/// Whether the store said that it does not know the condition.
fn lacks_condition(error: &StoreError) -> bool {
    meaning(error) == Some(Meaning::Unsupported)
}
