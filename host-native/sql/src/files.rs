//! The data files of one tenant, and what their footers say.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use coldpress::{
    ColdStorage, CoreError, CoreErrorKind, Error, ErrorKind, Footer, KeyTarget, ObjectKey,
    ReadLimits, Result, StoredObject, bytes::Bytes, quietly,
};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::file::FOOTER_SIZE;
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::facts::FileFacts;
use crate::statistics::of_file;

/// How much of a file's end is read first. It holds the footer of almost every file, and often the
/// indexes and bloom filters too.
const TAIL_BYTES: u64 = 64 << 10;
/// How many footers are read at the same time.
const PARALLEL: usize = 16;
/// How much memory may hold footers and tails for later queries.
const KEPT_BYTES_MAX: usize = 128 << 20;

/// The files of one tenant in one store.
#[derive(Debug)]
pub(crate) struct Files {
    storage: Arc<ColdStorage>,
    tenant: u64,
    kept: Mutex<Kept>,
}

/// One file, and what its footer says.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    pub(crate) object: StoredObject,
    pub(crate) facts: Arc<FileFacts>,
}

/// A footer for Parquet's reader, and the bytes at the end of the file that came with it.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) metadata: Arc<ParquetMetaData>,
    pub(crate) bytes: Bytes,
}

/// What earlier queries left. Objects never change, so key and size say which one it is.
#[derive(Debug, Default)]
struct Kept {
    facts: HashMap<(String, u64), Arc<FileFacts>>,
    tails: HashMap<(String, u64), Arc<Tail>>,
    /// The oldest tail first.
    order: VecDeque<(String, u64)>,
    bytes: usize,
    /// Each schema once, however many files have it.
    schemas: HashSet<SchemaRef>,
    /// The names of collections that were seen last.
    names: BTreeSet<String>,
}

impl Files {
    pub(crate) fn new(storage: Arc<ColdStorage>, tenant: u64) -> Self {
        Files { storage, tenant, kept: Mutex::default() }
    }

    pub(crate) fn storage(&self) -> &Arc<ColdStorage> {
        &self.storage
    }

    /// The names of the tenant's collections.
    pub(crate) async fn collections(&self) -> Result<BTreeSet<String>> {
        let names: BTreeSet<String> =
            self.storage.list_all(Some(self.tenant)).await?.iter().filter_map(name_of).collect();
        self.kept().names.clone_from(&names);
        Ok(names)
    }

    /// The names that were seen last.
    pub(crate) fn known_collections(&self) -> BTreeSet<String> {
        self.kept().names.clone()
    }

    /// The files of a collection in the order of their LSNs. Reads the footers that are not known.
    pub(crate) async fn of(self: &Arc<Self>, collection: &str) -> Result<Vec<DataFile>> {
        let objects = match self.storage.list(self.tenant, collection, None).await {
            // A name that no key can have is a collection that is not there.
            Err(error) if error.kind() == ErrorKind::Key => return Ok(Vec::new()),
            listed => listed?,
        };
        if !objects.is_empty() {
            self.kept().names.insert(collection.to_owned());
        }
        let read = |object: StoredObject| async move {
            let known = self.kept().facts.get(&id(&object)).cloned();
            let facts = match known {
                Some(facts) => facts,
                None => self.read(&object.key, object.bytes).await?.0,
            };
            Ok::<_, Error>(DataFile { object, facts })
        };
        stream::iter(objects).map(read).buffered(PARALLEL).try_collect().await
    }

    /// The footer and the end of a file, if a query has read them lately.
    pub(crate) fn known_tail(&self, key: &ObjectKey, bytes: u64) -> Option<Arc<Tail>> {
        self.kept().tails.get(&(key.to_string(), bytes)).cloned()
    }

    /// The footer and the end of a file.
    pub(crate) async fn tail(&self, key: &ObjectKey, bytes: u64) -> Result<Arc<Tail>> {
        match self.known_tail(key, bytes) {
            Some(tail) => Ok(tail),
            None => Ok(self.read(key, bytes).await?.1),
        }
    }

    async fn read(&self, key: &ObjectKey, bytes: u64) -> Result<(Arc<FileFacts>, Arc<Tail>)> {
        let end = async |length: u64| {
            self.storage.read_range(key, bytes.saturating_sub(length)..bytes).await
        };
        if bytes == 0 {
            let message = "the object is empty, so it is no Parquet file; store it again";
            return Err(Error::new(ErrorKind::Corrupt, message).at(key.as_str()));
        }
        let at = |error: CoreError| Error::from(error).at(key.as_str());
        let mut tail = end(TAIL_BYTES).await?;
        let needed = Footer::bytes_needed(&tail).map_err(at)?;
        let limits = ReadLimits::default();
        // A footer that claims more is refused below, by the bytes that are there.
        if needed > tail.len() as u64 && needed <= bytes.min(limits.footer_bytes_max) {
            tail = end(needed).await?;
        }
        let decoded = tokio::task::spawn_blocking({
            let tail = tail.clone();
            let key = key.clone();
            move || quietly(|| decode(&key, &tail, bytes, &limits))
        });
        // What the parquet crate makes of a footer that passes our check can still be a panic.
        let panicked = |error| damaged(format!("its footer cannot be decoded ({error})"));
        let decoded = decoded.await.unwrap_or_else(|error| Err(panicked(error)));
        let (facts, metadata) = decoded.map_err(at)?;
        let tail = Arc::new(Tail { metadata: Arc::new(metadata), bytes: tail });
        Ok((self.kept().keep((key.to_string(), bytes), facts, &tail), tail))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // It is whole after each statement.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Our own check comes first: Parquet's decoder sees only bytes that have passed it.
fn decode(
    key: &ObjectKey,
    tail: &[u8],
    bytes: u64,
    limits: &ReadLimits,
) -> Result<(FileFacts, ParquetMetaData), CoreError> {
    let footer = Footer::read_within(tail, bytes, limits)?;
    footer.check_key(key)?;
    let length = Footer::bytes_needed(tail)?;
    let start = usize::try_from(length).ok().and_then(|length| tail.len().checked_sub(length));
    let thrift = &tail[start.unwrap_or_default()..tail.len() - FOOTER_SIZE];
    let metadata = ParquetMetaDataReader::decode_metadata(thrift)
        .map_err(|error| damaged(format!("its footer cannot be decoded ({error})")))?;
    let facts = of_file(footer, &metadata)
        .map_err(|error| damaged(format!("its statistics cannot be decoded ({error})")))?;
    Ok((facts, metadata))
}

fn damaged(what: String) -> CoreError {
    let message = format!("the file is damaged: {what}; check it with `coldpress verify`");
    CoreError::new(CoreErrorKind::Corrupt, message)
}

impl Kept {
    fn keep(
        &mut self,
        id: (String, u64),
        mut facts: FileFacts,
        tail: &Arc<Tail>,
    ) -> Arc<FileFacts> {
        match self.schemas.get(&facts.schema) {
            Some(known) => facts.schema = Arc::clone(known),
            None => _ = self.schemas.insert(Arc::clone(&facts.schema)),
        }
        let facts = Arc::new(facts);
        self.facts.insert(id.clone(), Arc::clone(&facts));
        if self.tails.insert(id.clone(), Arc::clone(tail)).is_none() {
            self.order.push_back(id);
            self.bytes += tail.size();
        }
        while self.bytes > KEPT_BYTES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some(tail) = self.tails.remove(&oldest) {
                self.bytes -= tail.size();
            }
        }
        facts
    }
}

impl Tail {
    fn size(&self) -> usize {
        self.metadata.memory_size() + self.bytes.len()
    }
}

fn id(object: &StoredObject) -> (String, u64) {
    (object.key.to_string(), object.bytes)
}

fn name_of(object: &StoredObject) -> Option<String> {
    match object.key.target() {
        KeyTarget::Data { collection, .. } => Some(collection.clone()),
        KeyTarget::Wal { .. } => None,
    }
}
