//! `ColdStorage`: one store, as a server uses it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{Encoder, KeyPrefix, LsnRange, LsnWidth, ObjectKey, Settings, Target};
use object_store::{Error as StoreError, ObjectStore};

use crate::config::{ColdStorageConfig, Place};
use crate::error::Result;
use crate::storage::list::Listing;
use crate::store::error::StoreErrors;
use crate::store::local::folder::LocalFolder;
use crate::store::outcome::PutOutcome;
use crate::store::path::store_path;
use crate::store::place::Store;
use crate::store::s3::client::S3Store;
use crate::store::secrets::{Origin, Secrets};
use crate::tails::Tails;
use crate::time::TimeOfDay;

/// One bucket, or one local folder, of cold data.
///
/// Share it behind an [`Arc`]. Its methods need a tokio runtime. Encoding, decoding and all work
/// with local files run on the blocking threads of that runtime.
///
/// # Invariants
///
/// * A stored object is never overwritten.
/// * A put that returns is durable: in a local folder, file and folder are synced.
/// * `bytes_uploaded` and `files_uploaded` count exactly the puts that were
///   [`PutOutcome::Created`].
#[derive(Debug)]
pub struct ColdStorage {
    pub(super) place: Store,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) errors: StoreErrors,
    pub(super) prefix: KeyPrefix,
    pub(super) lsn_width: LsnWidth,
    pub(super) settings: Settings,
    pub(super) limit_ms: u64,
    pub(super) clock: TimeOfDay,
    pub(super) counters: Arc<Counters>,
    tails: Arc<Tails>,
}

/// What was stored. Shared with writers, which own their parts of a `ColdStorage`.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) bytes: AtomicU64,
    pub(crate) files: AtomicU64,
}

impl ColdStorage {
    /// Checks the configuration. Sends no request and creates no folder.
    pub fn new(config: ColdStorageConfig) -> Result<Self> {
        let (wanted, prefix) = config.check()?;
        store_path(prefix.as_str())?;
        let settings = config.settings.clone();
        Encoder::new(settings.clone())?;
        let mut limit_ms = config.operation_limit_ms();
        let (place, store, errors) = match wanted {
            Place::Local(folder) => {
                let errors = StoreErrors {
                    store: format!("the folder {}", folder.display()),
                    bucket: String::new(),
                    secrets: Secrets::default(),
                    origin: Origin::default(),
                };
                // No time limit: a disk answers, or the whole machine hangs.
                limit_ms = u64::MAX;
                let folder = LocalFolder::new(&folder)?.below(prefix.clone());
                let store = folder.object_store()?;
                (Store::Local(Arc::new(folder)), store, errors)
            }
            Place::S3 { endpoint } => {
                let s3 = S3Store::new(&config, &endpoint, prefix.clone())?;
                let (store, errors) = (s3.object_store(), s3.errors().clone());
                (Store::S3(Arc::new(s3)), store, errors)
            }
        };
        let named = format!("{} {}", errors.store, errors.bucket);
        let tails = Tails::new(
            config.tails_bytes_max,
            config.tails_dir,
            config.tails_dir_bytes_max,
            &named,
        );
        Ok(ColdStorage {
            place,
            store,
            errors,
            prefix,
            lsn_width: config.lsn_width,
            settings,
            limit_ms,
            clock: config.clock,
            counters: Arc::default(),
            tails: Arc::new(tails),
        })
    }

    /// How many bytes this value has stored, segments of logs included.
    pub fn bytes_uploaded(&self) -> u64 {
        self.counters.bytes.load(Ordering::Relaxed)
    }

    /// How many objects this value has stored, segments of logs included.
    pub fn files_uploaded(&self) -> u64 {
        self.counters.files.load(Ordering::Relaxed)
    }

    /// The store itself, for query engines. Writes through it overwrite objects and sync no files.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// The folder that all keys share.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// The target for the core's `Encoder`, so that [`ColdStorage::put_file`] accepts its file.
    pub fn target(&self, tenant_id: u64, collection: &str, lsns: Option<LsnRange>) -> Target {
        Target {
            prefix: self.prefix.clone(),
            tenant_id,
            collection: collection.to_owned(),
            lsns,
            lsn_width: self.lsn_width,
        }
    }

    pub(crate) fn place(&self) -> &Store {
        &self.place
    }

    pub(crate) fn lsn_width(&self) -> LsnWidth {
        self.lsn_width
    }

    /// The folder of a local store: an absolute path with its links followed, which may not exist
    /// yet. `None` for an S3 store.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Store::Local(folder) => Some(folder.root()),
            Store::S3(_) => None,
        }
    }

    /// Gets the credentials now, so that missing ones are an error before the first request. Keeps
    /// them for the requests. A local folder needs none.
    pub async fn require_credentials(&self) -> Result<()> {
        match &self.place {
            Store::Local(_) => Ok(()),
            Store::S3(s3) => s3.current_credentials("get credentials", "").await.map(|_| ()),
        }
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(crate) fn errors(&self) -> &StoreErrors {
        &self.errors
    }

    pub(crate) fn clock(&self) -> &TimeOfDay {
        &self.clock
    }

    pub(crate) fn tails(&self) -> &Arc<Tails> {
        &self.tails
    }

    /// Whether the store is a folder of this machine.
    pub(crate) fn is_folder(&self) -> bool {
        matches!(self.place, Store::Local(_))
    }

    pub(crate) fn limit_ms(&self) -> u64 {
        self.limit_ms
    }

    pub(crate) async fn put(&self, key: &ObjectKey, bytes: &Bytes) -> Result<PutOutcome> {
        let outcome = self.place.put_new(key.as_str(), bytes).await?;
        if outcome == PutOutcome::Created {
            self.counters.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            self.counters.files.fetch_add(1, Ordering::Relaxed);
        }
        Ok(outcome)
    }

    /// Stores a small object of our own, such as a claim, at a path that is not a key. It is not
    /// counted.
    pub(crate) async fn put_note(&self, path: &str, bytes: Bytes) -> Result<PutOutcome> {
        self.place.put_new(path, &bytes).await
    }

    pub(crate) async fn within<T>(
        &self,
        doing: &str,
        key: &str,
        work: impl Future<Output = std::result::Result<T, StoreError>>,
    ) -> Result<T> {
        tokio::time::timeout(Duration::from_millis(self.limit_ms()), work)
            .await
            .map_err(|_| self.errors().too_slow(doing, key, self.limit_ms()))?
            .map_err(|error| self.errors().error(&error, doing, key))
    }

    /// Stores an empty object of our own at a path that is not a key. It is not counted.
    pub(crate) async fn put_mark(&self, path: &str) -> Result<PutOutcome> {
        self.put_note(path, Bytes::new()).await
    }

    pub(crate) fn listing(&self) -> Listing<'_> {
        Listing { store: &self.place, prefix: &self.prefix, errors: &self.errors }
    }
}
