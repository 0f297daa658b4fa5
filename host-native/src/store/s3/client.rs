//! One bucket of a store that speaks S3, with everything its requests need.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{KeyPrefix, PutRule, Signer, SignerConfig};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, PutMode, PutOptions, RetryConfig};
use tokio::sync::{OnceCell, oneshot};
use tokio_util::task::TaskTracker;

use crate::config::ColdStorageConfig;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};
use crate::store::error::StoreErrors;
use crate::store::s3::credentials::provider::{ForObjectStore, Provider};
use crate::store::s3::http::JudgingConnector;
use crate::store::s3::renewal::Renewal;
use crate::store::s3::resume::Resuming;
use crate::store::secrets::{Origin, Secrets};
use crate::time::TimeOfDay;
use crate::transport::Transport;

/// How long a signature is valid: longer than one request with all its retries.
pub(crate) const LIFETIME_MS: u64 = 6 * 3_600_000;
/// The longest wait, at the end of an operation, for cleanups in the background.
const CLEANUPS_MAX: Duration = Duration::from_secs(10);

/// One bucket of a store that speaks S3.
#[derive(Debug)]
pub(crate) struct S3Store {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) errors: StoreErrors,
    pub(super) prefix: KeyPrefix,
    pub(super) allow_unconditional_put: bool,
    pub(super) limit_ms: u64,
    pub(super) timeout: Duration,
    pub(super) retry_timeout: Duration,
    pub(super) clock: TimeOfDay,
    pub(super) rule: OnceCell<PutRule>,
    /// Endpoint, bucket and region of the signer, without credentials.
    pub(super) place: SignerConfig,
    pub(super) credentials: Arc<Provider>,
    pub(super) transport: Transport,
    /// Whether completing a multipart upload refuses a taken key, once a probe has found out.
    pub(super) parts_rule: OnceCell<PutRule>,
    /// Tasks that end by themselves even if their caller is dropped: uploads, aborts and cleanups.
    pub(super) cleanups: TaskTracker,
}

impl S3Store {
    /// `config` must be checked; `endpoint` is the endpoint that the check returned. Sends no
    /// request.
    pub(crate) fn new(
        config: &ColdStorageConfig,
        endpoint: &str,
        prefix: KeyPrefix,
    ) -> Result<Self> {
        let (secrets, origin) = (Secrets::of(config), Origin::default());
        let credentials = Arc::new(Provider::new(config, &secrets, &origin));
        let patience = config.retry_timeout;
        let errors = StoreErrors {
            store: format!("the store at {endpoint}"),
            bucket: config.bucket.clone(),
            secrets: secrets.clone(),
            origin,
        };
        let transport = Transport::new(config.connect_timeout, config.timeout, config.allow_http)?;
        let renewal =
            Renewal { credentials: Arc::clone(&credentials), region: config.region.clone() };
        let connector = JudgingConnector {
            client: transport.client(),
            secrets,
            patience,
            renewal: Some(renewal),
        };
        let store = client(config, endpoint, &credentials, connector)
            .map_err(|e| errors.error(&e, "set up the client", ""))?;
        let place = SignerConfig {
            endpoint: endpoint.to_owned(),
            bucket: config.bucket.clone(),
            region: config.region.clone(),
            ..SignerConfig::default()
        };
        // A place that cannot be signed for is an error now, and not of the first request.
        let any = || "any".to_owned();
        Signer::new(SignerConfig { access_key: any(), secret_key: any(), ..place.clone() })?;
        Ok(S3Store {
            store: Arc::new(Resuming::new(Arc::new(store), patience)),
            errors,
            prefix,
            allow_unconditional_put: config.allow_unconditional_put,
            limit_ms: config.operation_limit_ms(),
            timeout: config.timeout,
            retry_timeout: config.retry_timeout,
            clock: config.clock.clone(),
            rule: OnceCell::new(),
            place,
            credentials,
            transport,
            parts_rule: OnceCell::new(),
            cleanups: TaskTracker::new(),
        })
    }

    pub(crate) fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    pub(crate) fn errors(&self) -> &StoreErrors {
        &self.errors
    }

    pub(crate) fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// A signer with these credentials.
    pub(super) fn signer_with(&self, credentials: &Credentials) -> Result<Signer> {
        Ok(Signer::new(SignerConfig {
            access_key: credentials.access_key.clone(),
            secret_key: credentials.secret_key.clone(),
            session_token: credentials.session_token.clone(),
            ..self.place.clone()
        })?)
    }

    /// The credentials of this moment. `doing` completes "could not …".
    pub(crate) async fn current_credentials(
        &self,
        doing: &str,
        path: &str,
    ) -> Result<Arc<Credentials>> {
        let current = self.credentials.current().await;
        current.map_err(|why| self.errors.no_credentials(&why, doing, path))
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Runs this in the background, if a runtime still runs.
    pub(crate) fn spawn_cleanup(&self, end: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.cleanups.spawn_on(end, &runtime);
        }
    }

    /// Waits a short time until all tasks in the background have ended. The next process finds and
    /// cleans up what they leave.
    pub(crate) async fn cleanups_ended(&self) {
        self.cleanups.close();
        let _ = tokio::time::timeout(CLEANUPS_MAX, self.cleanups.wait()).await;
    }

    /// How long one operation is retried.
    pub(crate) fn patience(&self) -> Duration {
        self.retry_timeout
    }

    /// Runs this work to its end even if the caller is dropped, so that the work can remove what it
    /// created in the store.
    pub(crate) async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (sender, done) = oneshot::channel();
        self.spawn_cleanup(async move { drop(sender.send(work.await)) });
        done.await.map_err(|_| {
            let message = "a task panicked, or its runtime shut down; if it repeats, report it";
            Error::new(ErrorKind::Internal, message)
        })?
    }

    pub(super) async fn put(
        &self,
        path: &StorePath,
        bytes: Bytes,
        mode: PutMode,
    ) -> object_store::Result<()> {
        let options = PutOptions { mode, ..PutOptions::default() };
        self.store.put_opts(path, bytes.into(), options).await.map(|_| ())
    }
}

/// The client of object_store, over our own layer.
fn client(
    config: &ColdStorageConfig,
    endpoint: &str,
    credentials: &Arc<Provider>,
    connector: JudgingConnector,
) -> object_store::Result<AmazonS3> {
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(config.allow_http)
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_credentials(Arc::new(ForObjectStore(Arc::clone(credentials))))
        // Only the layer below retries, by the table of answers. Two layers that retry would
        // multiply the tries.
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_http_connector(connector)
        .build()
}
