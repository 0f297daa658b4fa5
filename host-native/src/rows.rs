//! Rows without end into the store: encoded on a thread of their own, sent as they are finished.

mod append;
mod encoder;
mod place;

use std::collections::VecDeque;

use bytes::Bytes;
use coldpress_core::{
    FileTail, ObjectKey, Settings, StreamEncoder, StreamOutput, StreamSettings, StreamedFile,
    Summary,
};
use serde_json::Value;

use crate::writer::Hold;
use crate::{ColdStorage, Error, ErrorKind, LsnRange, ObjectWriter, PutOutcome, Result};
use append::{Append, Begun};
use encoder::{Encoded, Encoding};

/// One object of a stream that is in the store.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredFile {
    /// Its key, and so which LSNs it holds.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// What it holds. Of a file that an earlier run of the same append stored, only its rows and
    /// columns are known.
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
/// The LSNs are those that the caller names, or, with [`append`](Self::append), those behind all
/// others. LSNs of a collection never overlap, whatever writers do at the same moment: where
/// another object, or another put under way, holds some of those that were named, this is
/// [`ErrorKind::Conflict`]; an append takes the next ones.
///
/// Each file can be seen once it is whole, or all of them at the end
/// ([`all_or_nothing`](Self::all_or_nothing)). After an error the stream takes nothing more; of the
/// file at hand nothing is stored, and [`stored`](Self::stored) tells which files before it are.
/// The same rows pushed again from the first one make the same files, which is success for those
/// that are there; for an append that needs an [id](Self::append_id).
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
    /// The range that the caller named: the whole stream is one object.
    lsns: Option<LsnRange>,
    /// Its key.
    key: Option<ObjectKey>,
    /// The LSN of the next file's first row; none behind the highest there can be.
    next_lsn: Option<u64>,
    append: Option<Append>,
    encoding: Encoding,
    rows: u64,
    writer: Option<ObjectWriter>,
    /// Whole but for its LSNs: the last file so far of those that are shown all at once.
    last: Option<(ObjectWriter, FileTail)>,
    /// Whole, and seen by nobody yet.
    ready: VecDeque<(ObjectWriter, StreamedFile)>,
    stored: Vec<StoredFile>,
    all_or_nothing: bool,
    was_outrun: bool,
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
        let next_lsn = Some(cut.first_lsn);
        let encoder = StreamEncoder::new(settings, cut, target)?.late_lsns();
        Ok(RowStream {
            storage: self,
            tenant_id,
            collection: collection.to_owned(),
            lsns,
            key,
            next_lsn,
            append: None,
            encoding: Encoding::start(encoder)?,
            rows: 0,
            writer: None,
            last: None,
            ready: VecDeque::new(),
            stored: Vec::new(),
            all_or_nothing: false,
            was_outrun: false,
        })
    }
}

impl RowStream<'_> {
    /// Stores the rows behind the highest LSN of the collection, whatever
    /// [`StreamSettings::first_lsn`] says; the store is asked which that is. An error of kind
    /// `Misuse` where the stream was begun with a range, and of kind `Key` where no LSN is left.
    ///
    /// Where a put of the very same rows as an append was killed after some of its objects were
    /// stored, and before it could say so, this one goes on with it.
    pub async fn append(self) -> Result<Self> {
        self.begin_append(Begun::MayGoOn).await
    }

    /// As [`append`](Self::append), always behind all that is there: what comes after an append
    /// that [`was_outrun`](Self::was_outrun).
    pub async fn append_behind(self) -> Result<Self> {
        self.begin_append(Begun::Behind).await
    }

    /// As [`append`](Self::append), under an id that makes it safe to run again: rows that earlier
    /// runs with this id stored are found, and this run goes on behind them. Push the same rows
    /// again from the first one on; those that are stored are skipped.
    ///
    /// Rows are told by their number alone: other rows under the same id are taken for the same
    /// ones. Fewer rows than are stored are an error of kind `Row`. While another run of the id
    /// stores rows, this is `Conflict`.
    pub async fn append_id(self, id: &str) -> Result<Self> {
        self.begin_append_id(id).await
    }

    /// Skips the first rows that are pushed, because they are stored: they are read and counted, so
    /// that rows behind them keep their numbers. Not for an append with an id, which knows how
    /// many.
    pub async fn skip_rows(self, rows: u64) -> Result<Self> {
        self.begin_behind(rows).await
    }

    /// Shows no file before [`finish`](Self::finish) has all rows: a row that is refused, however late, leaves nothing
    /// behind. Until then files wait in the store, as parts or under names that no listing shows.
    #[must_use]
    pub fn all_or_nothing(mut self) -> Self {
        self.all_or_nothing = true;
        self
    }

    /// Whether [`finish`](Self::finish) failed because another writer took the LSNs that the files
    /// of this append carry: nothing of it is stored, and the same rows in a new stream, begun by
    /// [`append_behind`](Self::append_behind) or with the same [id](Self::append_id), go behind
    /// them. Only an append of several files that are shown all at once can be outrun.
    pub fn was_outrun(&self) -> bool {
        self.was_outrun
    }

    /// Rows that earlier runs of the same [append id](Self::append_id) stored, and that this one
    /// skips.
    pub fn rows_stored_before(&self) -> u64 {
        self.append.as_ref().map_or(0, Append::rows_stored_before)
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
        if let Some((writer, tail)) = self.last.take() {
            match self.ready.is_empty() {
                true => self.store_one(writer, tail).await?,
                false => self.store_all(writer, tail).await?,
            }
        }
        Ok(self.stored.clone())
    }

    /// Takes back what was sent and is not stored; what is stays.
    pub async fn abort(mut self) -> Result<()> {
        let ready = std::mem::take(&mut self.ready).into_iter().map(|(writer, _)| writer);
        let last = self.last.take().map(|(writer, _)| writer);
        let mut aborted = Ok(());
        for writer in ready.chain(last).chain(self.writer.take()) {
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
                StreamOutput::Tail(tail) => self.end_file(tail).await?,
                StreamOutput::File(file) => {
                    let message = "a file came with LSNs that nobody chose; report this";
                    return Err(Error::new(ErrorKind::Internal, message).at(file.key.as_str()));
                }
            }
        }
        Ok(worked?)
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if self.writer.is_none() {
            // Not earlier: the one that turns out to be the last has nothing to wait for.
            if let Some((writer, tail)) = self.last.take() {
                let mut file = self.name(writer, &tail).await?;
                file.0.stage(&file.1.key, Hold::Nothing).await?;
                self.ready.push_back(file);
            }
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let begun = match &self.key {
                    Some(key) => self.storage.create(key).await?,
                    None => self.storage.create_data(self.tenant_id, &self.collection).await?,
                };
                self.writer.insert(begun)
            }
        };
        writer.write(bytes).await
    }

    async fn end_file(&mut self, tail: FileTail) -> Result<()> {
        let Some(writer) = self.writer.take() else {
            let message = "a file ended that had not begun; report this";
            return Err(Error::new(ErrorKind::Internal, message));
        };
        if self.all_or_nothing {
            self.last = Some((writer, tail));
            return Ok(());
        }
        self.store_one(writer, tail).await
    }
}
