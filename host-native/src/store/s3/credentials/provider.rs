//! The credentials in use: kept, and refreshed before they expire. However many requests want them,
//! they are fetched once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use object_store::aws::AwsCredential;

use super::chain::Chain;
use crate::config::ColdStorageConfig;
use crate::credentials::{CredentialProvider, Credentials};
use crate::error::{Error, ErrorKind, Result};
use crate::store::error::Refusal;
use crate::store::secrets::{Origin, Secrets};
use crate::time::{TimeOfDay, since_1970_ms};

/// Credentials are refreshed this long before they expire: requests with retries take minutes.
const MARGIN_MS: u64 = 5 * 60_000;
/// Credentials that expire sooner are of no use to a request.
const LEAST_MS: u64 = 10_000;
/// While the old credentials are valid, a refresh that failed, or that brought no newer ones, is not
/// tried again for this long.
const PAUSE_MS: u64 = 10_000;
/// The longest call of a caller's own provider.
const LIMIT: Duration = Duration::from_secs(60);

/// Gives the credentials that sign the requests of one store.
#[derive(Debug)]
pub(crate) struct Provider {
    source: Source,
    clock: TimeOfDay,
    secrets: Secrets,
    origin: Origin,
    state: Mutex<State>,
    /// Held by whoever fetches.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
enum Source {
    /// The configuration holds them, and there are no others.
    Given,
    Callers(CredentialProvider),
    Chain(Chain),
}

#[derive(Debug, Default)]
struct State {
    current: Option<Arc<Credentials>>,
    /// When credentials were last asked for.
    asked_ms: u64,
    /// How many fetches have ended.
    fetches: u64,
    /// The last fetch's failure, for those that waited for it.
    failure: Option<Error>,
}

/// What can be done without fetching.
enum Now {
    Use(Arc<Credentials>),
    /// They still serve, but it is time for new ones.
    Renew(Arc<Credentials>),
    /// There are none; so many fetches have ended.
    Fetch(u64),
}

impl Provider {
    /// `config` must be checked. Fetches nothing yet.
    pub(crate) fn new(config: &ColdStorageConfig, secrets: &Secrets, origin: &Origin) -> Self {
        let mut state = State::default();
        let source = match &config.credential_provider {
            _ if config.has_keys() => {
                state.current = Some(Arc::new(Credentials {
                    access_key: config.access_key.clone(),
                    secret_key: config.secret_key.clone(),
                    session_token: config.session_token.clone(),
                    expires: None,
                }));
                Source::Given
            }
            Some(provider) => Source::Callers(provider.clone()),
            None => Source::Chain(Chain::new(config, secrets)),
        };
        Provider {
            source,
            clock: config.clock.clone(),
            secrets: secrets.clone(),
            origin: origin.clone(),
            state: Mutex::new(state),
            flight: tokio::sync::Mutex::default(),
        }
    }

    /// The credentials to sign with now.
    pub(crate) async fn current(&self) -> Result<Arc<Credentials>> {
        let fetches = match self.now() {
            Now::Use(credentials) => return Ok(credentials),
            Now::Renew(credentials) => {
                // Whoever comes while somebody else fetches them uses the old ones.
                let Ok(_flight) = self.flight.try_lock() else { return Ok(credentials) };
                return Ok(self.fetched().await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "could not refresh the credentials; the old ones are \
                        still valid");
                    credentials
                }));
            }
            Now::Fetch(fetches) => fetches,
        };
        let _flight = self.flight.lock().await;
        match self.now() {
            Now::Use(credentials) | Now::Renew(credentials) => Ok(credentials),
            Now::Fetch(now) if now != fetches => match self.state().failure.clone() {
                // Another request fetched while this one waited: its failure is this one's too.
                Some(failure) => Err(failure),
                None => Err(expired()),
            },
            Now::Fetch(_) => self.fetched().await,
        }
    }

    /// Other credentials than these, which the store called expired; `None` if there are no others.
    pub(crate) async fn instead_of(
        &self,
        access_key: &str,
        session_token: &str,
    ) -> Result<Option<Arc<Credentials>>> {
        if matches!(self.source, Source::Given) {
            return Ok(None);
        }
        let others = |credentials: Arc<Credentials>| {
            let is_same =
                credentials.access_key == access_key && credentials.session_token == session_token;
            (!is_same).then_some(credentials)
        };
        let fetches = self.state().fetches;
        let _flight = self.flight.lock().await;
        let (current, was_asked) = {
            let state = self.state();
            (state.current.clone(), state.fetches != fetches)
        };
        // Another request may have fetched them while this one waited.
        if let Some(credentials) = current.and_then(others) {
            return Ok(Some(credentials));
        }
        if was_asked {
            return Ok(None);
        }
        tracing::info!("the store says that the credentials have expired; fetching new ones");
        Ok(others(self.fetched().await?))
    }

    /// Asks the source. The caller holds the flight. Boxed: it is rare, and it would make the futures
    /// of all requests larger.
    fn fetched(&self) -> BoxFuture<'_, Result<Arc<Credentials>>> {
        Box::pin(self.fetch())
    }

    async fn fetch(&self) -> Result<Arc<Credentials>> {
        let had_some = self.state().current.is_some();
        let fetched = self.ask().await;
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        state.asked_ms = now_ms;
        state.fetches += 1;
        match fetched {
            Ok(credentials) => {
                let credentials = Arc::new(credentials);
                state.failure = None;
                state.current = Some(Arc::clone(&credentials));
                Ok(credentials)
            }
            Err(error) => {
                // A source that worked before is out of order, and not set up wrongly.
                let kind = if had_some { ErrorKind::Unavailable } else { error.kind() };
                let error = Error::new(kind, self.secrets.scrub(error.message()));
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    async fn ask(&self) -> Result<Credentials> {
        let (credentials, origin) = match &self.source {
            Source::Given => return Err(expired()),
            Source::Callers(provider) => {
                let fetched = tokio::time::timeout(LIMIT, provider.fetch()).await;
                let fetched = fetched.map_err(|_| {
                    let message =
                        format!("credential_provider gave nothing within {} s", LIMIT.as_secs());
                    Error::new(ErrorKind::Unavailable, message)
                })??;
                (fetched, "credential_provider".to_owned())
            }
            Source::Chain(chain) => {
                let found = chain.fetch().await?;
                (found.credentials, found.origin)
            }
        };
        if let Some(fault) = credentials.fault() {
            return Err(Error::settings(format!("in the credentials of {origin}, {fault}")));
        }
        self.secrets.add_all(&credentials);
        if !is_alive(&credentials, self.clock.now_ms()) {
            let message = format!(
                "the credentials of {origin} have expired already; sign in again, or set the clock \
                of this machine"
            );
            return Err(Error::new(ErrorKind::Denied, message));
        }
        self.origin.set(&origin);
        tracing::debug!(origin, expires = ?credentials.expires, "got credentials");
        Ok(credentials)
    }

    fn now(&self) -> Now {
        let now_ms = self.clock.now_ms();
        let state = self.state();
        let Some(credentials) = &state.current else { return Now::Fetch(state.fetches) };
        let credentials = Arc::clone(credentials);
        let Some(left_ms) = left_ms(&credentials, now_ms) else { return Now::Use(credentials) };
        let is_soon = left_ms <= MARGIN_MS && now_ms.abs_diff(state.asked_ms) >= PAUSE_MS;
        match left_ms {
            ..=LEAST_MS => Now::Fetch(state.fetches),
            _ if is_soon => Now::Renew(credentials),
            _ => Now::Use(credentials),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long they live; `None` if they do not expire.
pub(crate) fn left_ms(credentials: &Credentials, now_ms: u64) -> Option<u64> {
    Some(since_1970_ms(credentials.expires?).saturating_sub(now_ms))
}

fn is_alive(credentials: &Credentials, now_ms: u64) -> bool {
    left_ms(credentials, now_ms).is_none_or(|left_ms| left_ms > LEAST_MS)
}

fn expired() -> Error {
    let message = "the credentials have expired while this request waited for new ones; try again";
    Error::new(ErrorKind::Unavailable, message)
}

/// The provider, for object_store.
#[derive(Debug)]
pub(crate) struct ForObjectStore(pub(crate) Arc<Provider>);

#[async_trait::async_trait]
impl object_store::CredentialProvider for ForObjectStore {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match self.0.current().await {
            Ok(credentials) => Ok(Arc::new(for_object_store(&credentials))),
            Err(error) => Err(object_store::Error::Generic {
                store: "S3",
                source: Box::new(Refusal::NoCredentials(error)),
            }),
        }
    }
}

/// Credentials in the form of object_store.
pub(crate) fn for_object_store(credentials: &Credentials) -> AwsCredential {
    AwsCredential {
        key_id: credentials.access_key.clone(),
        secret_key: credentials.secret_key.clone(),
        token: Some(credentials.session_token.clone()).filter(|token| !token.is_empty()),
    }
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;
