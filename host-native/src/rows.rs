//! Rows without end into the store: encoded on a thread of their own, sent as they are finished.

mod encoder;

use std::collections::VecDeque;

use bytes::Bytes;
use coldpress_core::{
    ObjectKey, Settings, StreamEncoder, StreamOutput, StreamSettings, StreamedFile, Summary,
};
use serde_json::Value;

use crate::writer::Hold;
use crate::{
    ColdStorage, Error, ErrorKind, LsnRange, ObjectWriter, PutOutcome, Result, StoredObject,
};
use encoder::{Encoded, Encoding};

/// One object of a stream that is in the store.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredFile {
    /// Its key, and so which LSNs it holds.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// What it holds.
    pub summary: Summary,
    /// Whether this stream stored it, or it was there.
    pub outcome: PutOutcome,
}

/// Rows without end on their way into one collection, in memory that does not grow with them: how a server tiers a table
/// that is larger than its memory.
///
/// Push rows or JSON as it comes, then [`finish`](Self::finish). Each push waits until its rows are taken, and so a slow
/// store slows its caller. The rules of files, columns and rescue are those of [`StreamEncoder`].
///
/// Each file can be seen once it is whole, or all of them at the end ([`all_or_nothing`](Self::all_or_nothing)). After an
/// error the stream takes nothing more; of the file at hand nothing is stored, and [`stored`](Self::stored) tells which
/// files before it are. The same rows pushed again from the first one make the same files, which is success for those
/// that are there.
///
/// ```
/// # async fn example(storage: coldpress::ColdStorage) -> coldpress::Result<()> {
/// use coldpress::{Settings, StreamSettings};
///
/// let cut = StreamSettings { first_lsn: 100, ..StreamSettings::default() };
/// let mut rows = storage.stream_rows(7, "events", None, Settings::default(), cut)?;
/// for n in 0..3 {
///     rows.push_json(format!("{{\"n\":{n}}}\n").into()).await?;
/// }
/// let files = rows.finish().await?;
/// assert_eq!(files[0].key.as_str(), "data/7/events/lsn-100-102.parquet");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RowStream<'s> {
    storage: &'s ColdStorage,
    tenant_id: u64,
    collection: String,
    /// Known where the whole stream is one object.
    key: Option<ObjectKey>,
    encoding: Encoding,
    rows: u64,
    writer: Option<ObjectWriter>,
    /// Whole, and seen by nobody yet.
    ready: VecDeque<(ObjectWriter, StreamedFile)>,
    stored: Vec<StoredFile>,
    refuse_overlaps: bool,
    all_or_nothing: bool,
}

impl ColdStorage {
    /// Begins a stream of rows into this collection. With `lsns` it becomes one object of that range, else as many
    /// as `cut` says, whose LSNs count on from [`StreamSettings::first_lsn`].
    ///
    /// The settings are the stream's own: those of the configuration are for `encode_and_upload`.
    pub fn stream_rows(
        &self,
        tenant_id: u64,
        collection: &str,
        lsns: Option<LsnRange>,
        settings: Settings,
        cut: StreamSettings,
    ) -> Result<RowStream<'_>> {
        let target = self.target(tenant_id, collection, lsns);
        let key = match lsns {
            None => None,
            Some(lsns) => Some(ObjectKey::data(
                &target.prefix,
                tenant_id,
                collection,
                lsns,
                target.lsn_width,
            )?),
        };
        let encoder = StreamEncoder::new(settings, cut, target)?;
        Ok(RowStream {
            storage: self,
            tenant_id,
            collection: collection.to_owned(),
            key,
            encoding: Encoding::start(encoder)?,
            rows: 0,
            writer: None,
            ready: VecDeque::new(),
            stored: Vec::new(),
            refuse_overlaps: false,
            all_or_nothing: false,
        })
    }
}

impl RowStream<'_> {
    /// Refuses a file with `Conflict` where another object holds some of its LSNs. Looked at just before it is
    /// stored, so that two streams at the same moment can slip past one another.
    #[must_use]
    pub fn refusing_overlaps(mut self) -> Self {
        self.refuse_overlaps = true;
        self
    }

    /// Shows no file before [`finish`](Self::finish) has all rows: a row that is refused, however late, leaves nothing
    /// behind. Until then files wait in the store, as parts or under names that no listing shows.
    #[must_use]
    pub fn all_or_nothing(mut self) -> Self {
        self.all_or_nothing = true;
        self
    }

    /// Takes rows of (id, document).
    pub async fn push_rows(&mut self, rows: Vec<(String, Value)>) -> Result<()> {
        self.encode(move |encoder| {
            rows.iter().try_for_each(|(id, document)| encoder.push_row(id, document))
        })
        .await
    }

    /// Takes a slice of JSON text, as [`StreamEncoder::push_json`] does.
    pub async fn push_json(&mut self, text: Bytes) -> Result<()> {
        self.encode(move |encoder| encoder.push_json(&text)).await
    }

    /// Ends the JSON text pushed so far, as [`StreamEncoder::end_json`] does.
    pub async fn end_json(&mut self) -> Result<()> {
        self.encode(StreamEncoder::end_json).await
    }

    /// Rows taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The files that are in the store, in the order of their rows.
    pub fn stored(&self) -> &[StoredFile] {
        &self.stored
    }

    /// Stores what is left. Where it returns an error, [`stored`](Self::stored) still tells what is in the store.
    pub async fn finish(&mut self) -> Result<Vec<StoredFile>> {
        self.encode(StreamEncoder::finish).await?;
        let keys: Vec<&ObjectKey> = self.ready.iter().map(|(_, file)| &file.key).collect();
        self.look_for_overlap(&keys).await?;
        while let Some((writer, file)) = self.ready.pop_front() {
            self.show(writer, file).await?;
        }
        Ok(self.stored.clone())
    }

    /// Takes back what was sent and is not stored; what is stays.
    pub async fn abort(mut self) -> Result<()> {
        let ready = std::mem::take(&mut self.ready).into_iter().map(|(writer, _)| writer);
        let mut aborted = Ok(());
        for writer in ready.chain(self.writer.take()) {
            aborted = writer.abort().await.and(aborted);
        }
        self.storage.tied_up().await;
        aborted
    }

    /// Lets the encoder work, and sends what comes out. Meanwhile parts go on being sent.
    async fn encode(
        &mut self,
        work: impl FnOnce(&mut StreamEncoder) -> coldpress_core::Result<()> + Send + 'static,
    ) -> Result<()> {
        let Encoded { worked, rows, outputs } = self.encoding.encode(work).await?;
        self.rows = rows;
        // Files that were whole before a row was refused are handed on all the same.
        for output in outputs {
            match output {
                StreamOutput::Bytes(bytes) => self.write(bytes).await?,
                StreamOutput::File(file) => self.store(file).await?,
            }
        }
        Ok(worked?)
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                // Not earlier: the one that turns out to be the last has nothing to wait for.
                if let Some((before, file)) = self.ready.back_mut() {
                    before.stage(&file.key, Hold::Nothing).await?;
                }
                let begun = match &self.key {
                    Some(key) => self.storage.create(key).await?,
                    None => self.storage.create_data(self.tenant_id, &self.collection).await?,
                };
                self.writer.insert(begun)
            }
        };
        writer.write(bytes).await
    }

    async fn store(&mut self, file: StreamedFile) -> Result<()> {
        let Some(writer) = self.writer.take() else {
            let message = "a file ended that had not begun; report this";
            return Err(Error::new(ErrorKind::Internal, message).at(file.key.as_str()));
        };
        if self.all_or_nothing {
            self.ready.push_back((writer, file));
            return Ok(());
        }
        if let Err(error) = self.look_for_overlap(&[&file.key]).await {
            return Err(writer.give_up(error).await);
        }
        self.show(writer, file).await
    }

    async fn show(&mut self, writer: ObjectWriter, file: StreamedFile) -> Result<()> {
        let outcome = match writer.settle(&file.key).await {
            Ok(outcome) => outcome,
            Err(error) => return Err(self.storage.explain_conflict(error).await),
        };
        let StreamedFile { key, bytes, summary } = file;
        tracing::info!(%key, bytes, rows = summary.rows, ?outcome, "stored rows");
        self.stored.push(StoredFile { key, bytes, summary, outcome });
        Ok(())
    }

    /// An error where another object holds LSNs of one of these, which are in order. That of the very same key is left
    /// to the put, which compares its content.
    async fn look_for_overlap(&self, keys: &[&ObjectKey]) -> Result<()> {
        let ends =
            keys.first().and_then(|key| key.lsns()).zip(keys.last().and_then(|key| key.lsns()));
        let Some((first, last)) = ends.filter(|_| self.refuse_overlaps) else { return Ok(()) };
        let all = LsnRange::new(first.min(), last.max())?;
        let there = self.storage.list(self.tenant_id, &self.collection, Some(all)).await?;
        for (key, lsns) in keys.iter().filter_map(|key| Some((*key, key.lsns()?))) {
            let is_in_the_way = |other: &&StoredObject| {
                other.key != *key && other.key.lsns().is_some_and(|held| held.overlaps(lsns))
            };
            if let Some(other) = there.iter().find(is_in_the_way) {
                let message =
                    format!("LSNs {lsns} overlap those of {}, which is already there", other.key);
                return Err(Error::new(ErrorKind::Conflict, message).at(key.as_str()));
            }
        }
        Ok(())
    }
}
