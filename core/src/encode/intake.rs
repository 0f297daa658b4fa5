//! The intake of both encoders, for rows in every form: it owns the builder, and keeps the first
//! error. After an error it accepts nothing more.

#[cfg(feature = "arrow")]
use arrow_array::RecordBatch;
use serde_json::Value;

use super::document::Document;
use super::feed::JsonFeed;
use super::value;
#[cfg(feature = "arrow")]
use crate::columns::BatchRows;
use crate::columns::Builder;
use crate::{Error, IdSource, Result, Settings};

/// The rows of one encoder on their way into columns.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) builder: Builder,
    feed: JsonFeed,
    id: IdSource,
    /// The objects and arrays that a [`Document`] has begun and not ended. Empty between rows.
    open: Vec<bool>,
    /// The error after which nothing more is accepted.
    refused: Option<Error>,
}

impl Intake {
    /// An intake for these settings. With `bytes_max` it stops in JSON text before a row if the
    /// builder holds that many bytes already.
    pub(super) fn new(settings: &Settings, bytes_max: Option<usize>) -> Self {
        Intake {
            builder: Builder::new(settings),
            feed: JsonFeed::new(settings.row_bytes_max, bytes_max),
            id: settings.id.clone(),
            open: Vec::new(),
            refused: None,
        }
    }

    /// An error of kind `Misuse` if a row was refused before.
    #[inline]
    pub(super) fn check(&self) -> Result<()> {
        match &self.refused {
            Some(error) => Err(Error::misuse(format!(
                "this encoder has refused a row and accepts no more; start a new one (the refusal: \
                 {error})"
            ))),
            None => Ok(()),
        }
    }

    /// Keeps the error of a push, so that [`Intake::check`] refuses the next one.
    #[inline]
    pub(super) fn note(&mut self, result: Result<()>) -> Result<()> {
        if let Err(error) = &result {
            self.refused = Some(error.clone());
        }
        result
    }

    /// An error if JSON text waits for its rest: a row pushed now would come before it.
    #[inline]
    pub(super) fn no_open_text(&self) -> Result<()> {
        self.feed.no_open_text()
    }

    /// Takes one row with an id of its own. Comes after [`Intake::no_open_text`].
    #[inline]
    pub(super) fn row(&mut self, id: &str, document: &Value) -> Result<()> {
        self.builder.begin_row();
        value::pass_on(document, self.builder.row_number(), &mut self.builder)?;
        self.builder.end_row(id)
    }

    /// Takes one row whose document the caller writes. Comes after [`Intake::no_open_text`].
    #[inline]
    pub(super) fn document(
        &mut self,
        write: impl FnOnce(&mut Document<'_>) -> Result<()>,
    ) -> Result<()> {
        self.builder.begin_row();
        let mut document = Document::new(&mut self.builder, &mut self.open);
        write(&mut document)?;
        document.end()?;
        self.builder.end_row_of(&self.id)
    }

    /// The rows of a batch, which come next. Comes after [`Intake::no_open_text`].
    #[cfg(feature = "arrow")]
    pub(super) fn rows_of(&self, batch: &RecordBatch) -> Result<BatchRows> {
        BatchRows::read(batch, &self.builder, &self.id)
    }

    /// Takes rows of a batch from `from` on, at most `rows_max`, until the builder is full. Gives
    /// how many.
    #[cfg(feature = "arrow")]
    pub(super) fn batch(&mut self, rows: &BatchRows, from: usize, rows_max: u64) -> Result<usize> {
        self.builder.declare(rows)?;
        let count = self.builder.rows_until_full(rows, from, self.feed.bytes_max());
        let count = count.min(usize::try_from(rows_max).unwrap_or(usize::MAX));
        self.builder.push_batch(rows, from..from + count);
        Ok(count)
    }

    /// Takes the rows of a slice of JSON text, until the builder is full.
    pub(super) fn json(&mut self, bytes: &[u8]) -> Result<()> {
        self.feed.push(bytes, &self.id, &mut self.builder)
    }

    /// Continues in the JSON text at the place where it stopped, with a builder that has room.
    pub(super) fn resume_json(&mut self) -> Result<()> {
        self.feed.resume(&self.id, &mut self.builder)
    }

    /// Ends the JSON text. If it stops instead, call it again with a builder that has room.
    pub(super) fn end_json(&mut self) -> Result<()> {
        self.feed.end(&self.id, &mut self.builder)
    }

    /// Whether it stopped in JSON text, before a row that has no room.
    pub(super) fn is_stopped(&self) -> bool {
        self.feed.is_stopped()
    }

    /// Whether the builder is full, so that it gets no more rows.
    pub(super) fn is_full(&self) -> bool {
        self.feed.is_full(&self.builder)
    }

    /// Sets what a builder may hold before another row begins.
    pub(super) fn stop_at(&mut self, bytes_max: usize) {
        self.feed.stop_at(bytes_max);
    }

    /// Stops before this row too.
    pub(super) fn stop_before_row(&mut self, row: u64) {
        self.feed.stop_before_row(row);
    }
}
