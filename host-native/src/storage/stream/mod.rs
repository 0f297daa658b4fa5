//! Endless rows into the store: encoded on a thread of their own, and sent while more rows come.

mod append;
mod append_state;
mod columns;
mod encoder;
mod publish;
mod row_stream;
mod together;

pub use row_stream::{RowStream, StoredFile};

use std::collections::VecDeque;

use bytes::Bytes;
use coldpress_core::{
    BufferPolicy, FileTail, LsnRange, ObjectKey, Schema, Settings, StreamEncoder, StreamOutput,
    StreamSettings,
};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::stream::append_state::{AppendMode, AppendState};
use crate::storage::stream::encoder::{Encoded, Encoding};

impl ColdStorage {
    /// Begins a stream of rows into this collection. With `lsns`, the stream becomes one object
    /// with that range. Otherwise it becomes as many objects as `cut` says, and their LSNs count up
    /// from [`StreamSettings::first_lsn`].
    ///
    /// The stream uses these settings; those of the configuration are for `encode_and_upload`.
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
        let keeps_columns = settings.schema.is_none();
        let encoder = StreamEncoder::new(settings, cut, target)?.late_lsns();
        Ok(RowStream {
            storage: self,
            tenant_id,
            collection: collection.to_owned(),
            lsns,
            key,
            next_lsn,
            append: None,
            keeps_columns,
            agrees_with: None,
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
    /// Appends the rows: they get the LSNs after the highest one of the collection, whatever
    /// [`StreamSettings::first_lsn`] says. It lists the store to find that LSN. An error of kind
    /// `Misuse` if the stream was begun with a range, and of kind `Key` if no LSN is left.
    ///
    /// The columns keep the types that they have in the collection's last file, because engines that
    /// read several files together take the types of one for all. A value of another type is
    /// rescued, and [`Summary::rescued`](coldpress_core::Summary::rescued) counts it; new fields
    /// become new columns. [`Settings::schema`] or [`new_schema`](Self::new_schema) choose otherwise.
    /// An error of kind `Corrupt` if that file is damaged or was not written by Coldpress.
    ///
    /// If an append of the same rows crashed after it had stored some of its objects, this append
    /// resumes it.
    pub async fn append(self) -> Result<Self> {
        self.begin_append(AppendMode::MayResume).await
    }

    /// Refuses rows whose columns have other types than in this file of the same collection, before
    /// a file of them is published: an error of kind `Settings`, whose path is this key. For a
    /// stream that does not append; [`ColdStorage::schema_of`] reads the columns of a stored file.
    /// Without effect if [`Settings::schema`] is given.
    #[must_use]
    pub fn agreeing_with(mut self, key: ObjectKey, schema: Schema) -> Self {
        self.agrees_with = Some((key, schema));
        self
    }

    /// Makes an append infer its columns anew, whatever types they have in the collection's files.
    /// Call it before the append begins. Engines that read the folder as one table may then refuse
    /// it, or give other values. It also turns [`agreeing_with`](Self::agreeing_with) off.
    #[must_use]
    pub fn new_schema(mut self) -> Self {
        self.keeps_columns = false;
        self
    }

    /// As [`append`](Self::append), but never resumes a crashed append. Use it after an append that
    /// [`was_outrun`](Self::was_outrun).
    pub async fn append_behind(self) -> Result<Self> {
        self.begin_append(AppendMode::OnlyBehind).await
    }

    /// As [`append`](Self::append), with an id that makes it safe to run again: this run finds the
    /// rows that earlier runs with the same id stored, and continues after them. Push the same rows
    /// again from the first one; the stored ones are skipped.
    ///
    /// Rows are identified only by their number: other rows under the same id count as the same
    /// rows. Fewer rows than are stored are an error of kind `Row`. While another run with the same
    /// id stores rows, this is `Conflict`.
    pub async fn append_id(self, id: &str) -> Result<Self> {
        self.begin_append_id(id).await
    }

    /// Skips the first rows that are pushed, because they are already stored. They are read and
    /// counted, so that later rows keep their numbers. An append with an id does this by itself.
    pub async fn skip_rows(self, rows: u64) -> Result<Self> {
        self.begin_skipping(rows).await
    }

    /// Publishes no file before [`finish`](Self::finish) has all rows, so that a row that is
    /// refused late leaves no file behind. Until then, files wait in the store: as parts, or under
    /// names that no listing shows.
    #[must_use]
    pub fn all_or_nothing(mut self) -> Self {
        self.all_or_nothing = true;
        self
    }

    /// Whether another writer was faster than this append, so that it failed with `Conflict` and
    /// nothing is stored. Push the same rows into a new stream, begun with
    /// [`append_behind`](Self::append_behind) or with the same [id](Self::append_id).
    ///
    /// This happens if the other one took the LSNs that are written in the files of this append
    /// (only if it has several files, all published at the end), or if both bring the same new
    /// column with different types.
    pub fn was_outrun(&self) -> bool {
        self.was_outrun
    }

    /// The columns that this append keeps: those of the collection's last file when it began.
    /// `None` if there was none, if this stream does not append, or if the caller chose otherwise.
    pub fn kept_columns(&self) -> Option<&Schema> {
        self.append.as_ref().and_then(AppendState::kept_columns)
    }

    /// How many rows earlier runs with the same [append id](Self::append_id) stored. This run skips
    /// them.
    pub fn rows_stored_before(&self) -> u64 {
        self.append.as_ref().map_or(0, AppendState::rows_stored_before)
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

    /// How many rows were taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The files that are stored, in the order of their rows.
    pub fn stored(&self) -> &[StoredFile] {
        &self.stored
    }

    /// Stores the rest of the rows. If it returns an error, [`stored`](Self::stored) still says
    /// which files are stored.
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

    /// Removes what was sent and is not stored. Stored files stay.
    pub async fn abort(mut self) -> Result<()> {
        let ready = std::mem::take(&mut self.ready).into_iter().map(|(writer, _)| writer);
        let last = self.last.take().map(|(writer, _)| writer);
        let mut aborted = Ok(());
        for writer in ready.chain(last).chain(self.writer.take()) {
            aborted = writer.abort().await.and(aborted);
        }
        self.storage.place().cleanups_ended().await;
        aborted
    }

    /// Lets the encoder work, and sends its output. Parts of earlier output are sent in the
    /// meantime.
    pub(super) async fn encode(
        &mut self,
        work: impl FnOnce(&mut StreamEncoder) -> coldpress_core::Result<()> + Send + 'static,
    ) -> Result<()> {
        let Encoded { worked, rows, outputs } = self.encoding.encode(work).await?;
        self.rows = rows;
        // Files that were finished before a row was refused are stored even so.
        for output in outputs {
            match output {
                StreamOutput::Bytes(bytes) => self.write(bytes).await?,
                StreamOutput::Tail(tail) => self.end_file(tail).await?,
                StreamOutput::File(file) => {
                    let message = "the encoder chose LSNs for a file; report this";
                    return Err(Error::new(ErrorKind::Internal, message).at(file.key.as_str()));
                }
            }
        }
        Ok(worked?)
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if self.writer.is_none() {
            // A file is staged only when a next one begins: the last file is published directly.
            if let Some((writer, tail)) = self.last.take() {
                let mut file = self.name(writer, &tail).await?;
                file.0.stage(&file.1.key, BufferPolicy::Nothing).await?;
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
            let message = "the encoder ended a file that it had not begun; report this";
            return Err(Error::new(ErrorKind::Internal, message));
        };
        if let Err(error) = self.check_agreement(&tail) {
            return Err(writer.give_up(error).await);
        }
        if self.all_or_nothing {
            self.last = Some((writer, tail));
            return Ok(());
        }
        self.store_one(writer, tail).await
    }
}
