//! Cold storage, as a server uses it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use coldpress_core::{
    EncodedFile, Encoder, Grant, GrantRequest, KeyPrefix, LsnRange, LsnWidth, ObjectKey,
    Projection, Settings, Target, Wanted,
};
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::answer::{Answers, Secrets};
use crate::claims::{Claim, ClaimAs, NotClaimed};
use crate::config::Place;
use crate::grant::GrantLimits;
use crate::listing::{Listing, Source};
use crate::local::LocalFolder;
use crate::remote::{RemoteStore, operation_limit_ms, store_path};
pub(crate) use crate::threads::{blocking, internal};
use crate::wal::archive::{Archive, Recorded};
use crate::{ColdStorageConfig, Error, ErrorKind, Result, StoredObject, stored};

/// Rows that are copied at a time for the encoder's thread; between two such steps other tasks run.
const CHUNK_ROWS: usize = 256;

/// One bucket, or one local folder, of cold data.
///
/// Cheap to share behind an [`Arc`]. Its methods want a tokio runtime, and leave encoding, decoding
/// and all work with local files to that runtime's blocking threads.
///
/// # Invariants
///
/// * what was put is never overwritten
/// * a put that returns is durable: in a local folder, file and folder are synced
/// * `bytes_uploaded` and `files_uploaded` count exactly the puts that were [`PutOutcome::Created`]
#[derive(Debug)]
pub struct ColdStorage {
    backend: Backend,
    store: Arc<dyn ObjectStore>,
    answers: Answers,
    prefix: KeyPrefix,
    lsn_width: LsnWidth,
    settings: Settings,
    limit_ms: u64,
    counters: Arc<Counters>,
}

#[derive(Debug)]
pub(crate) enum Backend {
    Local(Arc<LocalFolder>),
    Remote(Arc<RemoteStore>),
}

/// What was stored, shared with writers that outlive a borrow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) bytes: AtomicU64,
    pub(crate) files: AtomicU64,
}

/// How a put ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PutOutcome {
    /// The object was stored by this call.
    Created,
    /// An object of the same content lay there already: from an earlier put, another writer, or
    /// this very put where the store's answer to it was lost.
    AlreadyThere,
}

impl ColdStorage {
    /// Checks the configuration. Asks no store yet, and makes no folder.
    pub fn new(config: ColdStorageConfig) -> Result<Self> {
        let (place, prefix) = config.check()?;
        store_path(prefix.as_str())?;
        let settings = config.encoder_settings();
        Encoder::new(settings.clone())?;
        let mut limit_ms = operation_limit_ms(&config);
        let (backend, store, answers) = match place {
            Place::Local(folder) => {
                let answers = Answers {
                    store: format!("the folder {}", folder.display()),
                    bucket: String::new(),
                    secrets: Secrets::default(),
                };
                // A disk is not waited for: it answers, or the whole machine hangs.
                limit_ms = u64::MAX;
                let folder = LocalFolder::new(&folder)?.below(prefix.clone());
                let store = folder.object_store()?;
                (Backend::Local(Arc::new(folder)), store, answers)
            }
            Place::S3 { endpoint } => {
                let remote = RemoteStore::new(&config, &endpoint, prefix.clone())?;
                let (store, answers) = (remote.object_store(), remote.answers().clone());
                (Backend::Remote(Arc::new(remote)), store, answers)
            }
        };
        Ok(ColdStorage {
            backend,
            store,
            answers,
            prefix,
            lsn_width: config.lsn_width,
            settings,
            limit_ms,
            counters: Arc::default(),
        })
    }

    /// Encodes rows of (id, document) as one Parquet file, stores it, and gives its key.
    ///
    /// Nothing is stored where any row cannot be kept whole. The same rows at the same key again
    /// are success; others are [`ErrorKind::Conflict`], and so are LSNs of which another object
    /// holds some.
    pub async fn encode_and_upload(
        &self,
        collection: &str,
        tenant_id: u64,
        rows: &[(String, Value)],
        min_lsn: u64,
        max_lsn: u64,
    ) -> Result<String> {
        let lsns = LsnRange::new(min_lsn, max_lsn)?;
        // Before the work, not after it.
        ObjectKey::data(&self.prefix, tenant_id, collection, lsns, self.lsn_width)?;
        let target = self.target(tenant_id, collection, Some(lsns));
        let file = encode(self.settings.clone(), target, rows).await?;
        self.put_file(&file).await?;
        Ok(file.key.as_str().to_owned())
    }

    /// Stores a file that the core's `Encoder` made for [`ColdStorage::target`].
    ///
    /// Where another object, or another put under way, holds some of its LSNs, this is
    /// [`ErrorKind::Conflict`], and the message names the other. Who may not list the bucket still
    /// may put, and then nobody looks.
    pub async fn put_file(&self, file: &EncodedFile) -> Result<PutOutcome> {
        if ObjectKey::parse(&self.prefix, file.key.as_str()).is_err() {
            let message =
                "this key was made for another prefix; make files for ColdStorage::target";
            return Err(Error::new(ErrorKind::Misuse, message).at(file.key.as_str()));
        }
        let wanted = Wanted::Keys(vec![file.key.clone()]);
        let claim = match self.claim(&file.key, wanted, ClaimAs::Put, Vec::new()).await {
            Err(NotClaimed::Unseen(error)) => {
                tracing::warn!(key = %file.key, %error, "putting without a look at other LSNs");
                None
            }
            claimed => Some(claimed.map_err(Error::from)?),
        };
        let claim = claim.map(Claim::for_put);
        let put = self.put(&file.key, &file.bytes).await;
        if let Some(claim) = claim {
            claim.end(self, put.as_ref().err()).await;
        }
        let outcome = match put {
            Ok(outcome) => outcome,
            Err(error) => return Err(self.explain_conflict(error).await),
        };
        tracing::info!(key = %file.key, bytes = file.bytes.len(), rows = file.summary.rows, ?outcome, "stored rows");
        Ok(outcome)
    }

    /// Stores a segment of a write-ahead log as it is, with its length and checksum recorded beside it, and gives
    /// its key. [`WalArchiver`](crate::WalArchiver) archives a whole folder of them.
    ///
    /// A name so long that no record fits beside it is stored without one.
    pub async fn upload_wal_segment(
        &self,
        segment_path: &Path,
        segment_name: &str,
    ) -> Result<String> {
        let key = ObjectKey::wal(&self.prefix, None, segment_name)?;
        let archive = Archive { storage: self, node: None };
        let put = archive.put(&key, segment_path, None, Recorded::WherePossible, None).await?;
        tracing::info!(%key, checksum = %put.checksum, outcome = ?put.outcome, "stored a segment");
        Ok(key.as_str().to_owned())
    }

    /// The bytes of one object of ours, whole. `key` is as [`ColdStorage::list`] gives it.
    pub async fn download_parquet(&self, key: &str) -> Result<Bytes> {
        ObjectKey::parse(&self.prefix, key)?;
        let path = store_path(key)?;
        let doing = "get the object";
        let download = async {
            let found = self.store.get(&path).await?;
            let size = found.meta.size;
            Ok((found.bytes().await?, size))
        };
        let limit = std::time::Duration::from_millis(self.limit_ms);
        let (bytes, size) = tokio::time::timeout(limit, download)
            .await
            .map_err(|_| self.answers.too_slow(doing, key, self.limit_ms))?
            .map_err(|error| self.answers.error(&error, doing, key))?;
        if bytes.len() as u64 != size {
            let message =
                format!("only {} of {size} bytes came; get the object again", bytes.len());
            return Err(Error::new(ErrorKind::Unavailable, message).at(key));
        }
        Ok(bytes)
    }

    /// The rows of one data file as (id, document), with the columns of `projection`.
    ///
    /// A column that the file does not have is an error, and so is a number that
    /// [`serde_json::Value`] would round.
    pub async fn read_rows(
        &self,
        key: &str,
        projection: &Projection,
    ) -> Result<Vec<(String, Value)>> {
        let bytes = self.download_parquet(key).await?;
        stored::rows(bytes, projection.clone()).await.map_err(|error| error.at(key))
    }

    /// The data files of a collection that hold any LSN of `lsns` (`None`: all), by LSN.
    ///
    /// All of them, or an error. Names in the folder that are no keys of ours (a table's log, a
    /// stranger's file) are passed over. A folder that does not exist is empty.
    pub async fn list(
        &self,
        tenant_id: u64,
        collection: &str,
        lsns: Option<LsnRange>,
    ) -> Result<Vec<StoredObject>> {
        self.listing().collection(tenant_id, collection, lsns).await
    }

    /// Every object of ours: data by tenant, collection and LSN, then segments of logs. With a
    /// tenant, that tenant's data alone.
    pub async fn list_all(&self, tenant_id: Option<u64>) -> Result<Vec<StoredObject>> {
        self.listing().all(tenant_id).await
    }

    /// Bytes this value has stored, logs included.
    pub fn bytes_uploaded(&self) -> u64 {
        self.counters.bytes.load(Ordering::Relaxed)
    }

    /// Objects this value has stored, logs included.
    pub fn files_uploaded(&self) -> u64 {
        self.counters.files.load(Ordering::Relaxed)
    }

    /// The store itself, for query engines. Writing through it overwrites, and syncs no file.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// The folder that all keys share.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// What to hand to the core's `Encoder` so that [`ColdStorage::put_file`] takes its file.
    pub fn target(&self, tenant_id: u64, collection: &str, lsns: Option<LsnRange>) -> Target {
        Target {
            prefix: self.prefix.clone(),
            tenant_id,
            collection: collection.to_owned(),
            lsns,
            lsn_width: self.lsn_width,
        }
    }

    /// Lends this store's credentials for one object: whoever gets the [`Grant`] can create the
    /// object of these LSNs, and nothing else, until it expires.
    ///
    /// Before the first grant the store is asked whether it refuses to overwrite, as before the first
    /// put. For a file above [`GrantLimits::part_bytes`] a multipart upload is begun, or the one of
    /// `asked.upload_id` gone on with; who gets the grant must complete or abort it. A local folder
    /// has no grants: an error of kind `Settings`.
    pub async fn grant(
        &self,
        tenant_id: u64,
        asked: &GrantRequest,
        limits: &GrantLimits,
    ) -> Result<Grant> {
        let key = ObjectKey::data(
            &self.prefix,
            tenant_id,
            &asked.collection,
            asked.lsns,
            self.lsn_width,
        )?;
        let Backend::Remote(remote) = &self.backend else {
            return Err(Error::settings(format!(
                "{} has no grants: nobody else can reach it; grants are for S3 stores (for the command: --store s3://BUCKET/PREFIX)",
                self.answers.store
            )));
        };
        let grant = remote.grant(&self.prefix, &key, asked, limits).await?;
        tracing::info!(%key, expires_ms = grant.expires_ms(), bytes = asked.bytes, "granted");
        Ok(grant)
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    pub(crate) fn limit_ms(&self) -> u64 {
        self.limit_ms
    }

    pub(crate) async fn put(&self, key: &ObjectKey, bytes: &Bytes) -> Result<PutOutcome> {
        let outcome = match &self.backend {
            Backend::Local(folder) => {
                let (folder, key, bytes) = (Arc::clone(folder), key.clone(), bytes.clone());
                blocking(move || folder.put_new(&key, &bytes)).await?
            }
            Backend::Remote(remote) => remote.put_new(key.as_str(), bytes).await?,
        };
        if outcome == PutOutcome::Created {
            self.counters.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            self.counters.files.fetch_add(1, Ordering::Relaxed);
        }
        Ok(outcome)
    }

    /// Stores an empty object at a path that is no key's. It is not counted.
    pub(crate) async fn put_mark(&self, path: &str) -> Result<PutOutcome> {
        self.put_note(path, Bytes::new()).await
    }

    /// Makes sure of what a listing shows beside this key: whoever put it may have been cut off before it was durable.
    pub(crate) async fn make_sure_of(&self, key: &ObjectKey) -> Result<()> {
        match &self.backend {
            Backend::Local(folder) => {
                let (folder, key) = (Arc::clone(folder), key.as_str().to_owned());
                blocking(move || folder.sync_folder_of(&key)).await
            }
            Backend::Remote(_) => Ok(()),
        }
    }

    /// Waits a moment for what is taken back from the store beside whoever has broken it off.
    pub(crate) async fn tied_up(&self) {
        if let Backend::Remote(remote) = &self.backend {
            remote.tied_up().await;
        }
    }

    pub(crate) fn listing(&self) -> Listing<'_> {
        let source = match &self.backend {
            Backend::Local(folder) => Source::Folder(folder),
            Backend::Remote(remote) => Source::Bucket(remote),
        };
        Listing { source, prefix: &self.prefix, answers: &self.answers, limit_ms: self.limit_ms }
    }
}

/// Encodes on a blocking thread. The rows are only borrowed, so they go over in small copies.
async fn encode(
    settings: Settings,
    target: Target,
    rows: &[(String, Value)],
) -> Result<EncodedFile> {
    let (sender, mut receiver) = mpsc::channel::<Vec<(String, Value)>>(2);
    let encoding = tokio::task::spawn_blocking(move || -> Result<EncodedFile> {
        let mut encoder = Encoder::new(settings)?;
        while let Some(chunk) = receiver.blocking_recv() {
            encoder.push_rows(&chunk)?;
        }
        Ok(encoder.finish(&target)?)
    });
    for chunk in rows.chunks(CHUNK_ROWS) {
        if sender.send(chunk.to_vec()).await.is_err() {
            // The encoder has stopped at a row; its error is the answer.
            break;
        }
    }
    drop(sender);
    encoding.await.map_err(|error| internal(&error))?
}
