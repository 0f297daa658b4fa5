//! Rows in, one Parquet file out.

#[cfg(feature = "arrow")]
mod batch;
mod bloom;
mod choose;
mod document;
mod feed;
mod group_size;
mod ids;
mod intake;
mod leaf;
mod open_file;
mod pages;
mod refused;
mod stream;
mod summary;
mod tail;
mod value;
mod write;

pub use document::Document;
pub use group_size::StreamSettings;
pub use stream::{StreamEncoder, StreamOutput};
pub use summary::{EncodedFile, Summary};
pub use tail::{FileTail, StreamedFile};

use serde_json::Value;

use crate::resolve::{Opened, resolve};
use crate::{Encodings, LsnRange, ObjectKey, Result, Settings, Target};
use ids::IdTally;
use intake::Intake;
use summary::no_rows;
use write::FileWriter;

/// Turns rows into one Parquet file: rows or JSON bytes in, the file's bytes and key out.
///
/// [`Encoder::finish`] chooses the types of the columns, over all rows. After an error the encoder
/// takes nothing more and makes no file.
///
/// ```
/// use coldpress_core::{Encoder, ParquetFile, Projection, Settings, Target};
/// use serde_json::json;
///
/// let mut encoder = Encoder::new(Settings::default())?;
/// encoder.push_row("a", &json!({"title": "Alien", "year": 1979}))?;
/// encoder.push_row("b", &json!({"title": 1984}))?;
/// let file = encoder.finish(&Target::new(0, "films"))?;
/// assert_eq!(file.key.as_str(), "0/films/lsn-0-1.parquet");
/// // One stray number does not make text of a column, or text of itself.
/// let rescued = &file.summary.rescued[0];
/// assert_eq!((rescued.path.as_str(), rescued.count), ("title", 1));
///
/// let stored = ParquetFile::open(file.bytes)?;
/// let last = stored.rows(&Projection::All)?.last().expect("two rows")?;
/// assert_eq!(last.to_value()?, json!({"title": 1984}));
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    settings: Settings,
    intake: Intake,
}

impl Encoder {
    /// An encoder with these settings. An error of kind `Settings` if they are not valid.
    pub fn new(settings: Settings) -> Result<Self> {
        settings.check()?;
        let intake = Intake::new(&settings, None);
        Ok(Encoder { settings, intake })
    }

    /// Takes one row with an id of its own. The document must be a JSON object, and its own `_id`,
    /// if it has one, must equal `id`. Where [`Settings::id`] names a field, that field must be
    /// there and equal `id`, and `_id` is a field like any other.
    pub fn push_row(&mut self, id: &str, document: &Value) -> Result<()> {
        self.intake.check()?;
        let pushed = self.intake.no_open_text().and_then(|()| self.intake.row(id, document));
        self.intake.note(pushed)
    }

    /// Takes rows as [`Encoder::push_row`] does, but faster: it loads several documents from memory
    /// at once.
    pub fn push_rows(&mut self, rows: &[(String, Value)]) -> Result<()> {
        let mut ahead = rows.chunks(value::TOUCHED_ROWS).skip(1);
        for chunk in rows.chunks(value::TOUCHED_ROWS) {
            value::touch_texts(chunk);
            value::touch_fields(ahead.next().unwrap_or_default());
            for (id, document) in chunk {
                self.push_row(id, document)?;
            }
        }
        Ok(())
    }

    /// Takes one row whose document the caller writes as [`Events`](crate::json::Events), from
    /// whatever it has; its id comes from [`Settings::id`].
    ///
    /// An error of kind `Misuse` if the events are out of order, or else the error that `write`
    /// gives.
    ///
    /// ```
    /// use coldpress_core::json::{Events, Number};
    /// use coldpress_core::{Encoder, Settings, Target};
    ///
    /// let mut encoder = Encoder::new(Settings::default())?;
    /// encoder.push_document(|document| {
    ///     document.open_object();
    ///     document.key("year");
    ///     document.number(Number::Int(1979));
    ///     document.close_object();
    ///     Ok(())
    /// })?;
    /// assert_eq!(encoder.finish(&Target::new(0, "films"))?.summary.rows, 1);
    /// # Ok::<(), coldpress_core::Error>(())
    /// ```
    pub fn push_document(
        &mut self,
        write: impl FnOnce(&mut Document<'_>) -> Result<()>,
    ) -> Result<()> {
        self.intake.check()?;
        let pushed = self.intake.no_open_text().and_then(|()| self.intake.document(write));
        self.intake.note(pushed)
    }

    /// Takes JSON objects in slices of any size. They follow one another with any white space
    /// between them (NDJSON), or are the elements of one JSON array. Ids come from
    /// [`Settings::id`].
    ///
    /// An error names the line, the row and the reason.
    pub fn push_json(&mut self, bytes: &[u8]) -> Result<()> {
        self.intake.check()?;
        let pushed = self.intake.json(bytes);
        self.intake.note(pushed)
    }

    /// Ends the JSON text pushed so far. An error if it ends within a document. The next push
    /// begins a new text, which may be an array or not; its lines count from 1.
    pub fn end_json(&mut self) -> Result<()> {
        self.intake.check()?;
        let ended = self.intake.end_json();
        self.intake.note(ended)
    }

    /// Changes the set of encodings. A grant may name one after the rows were pushed.
    pub fn set_encodings(&mut self, encodings: Encodings) {
        self.settings.encodings = encodings;
    }

    /// The number of rows so far. The last rows of JSON text may still wait for more text;
    /// [`Encoder::end_json`] reads them all.
    pub fn rows(&self) -> u64 {
        self.intake.builder.rows() as u64
    }

    /// Chooses the columns and writes the file.
    ///
    /// An error if there is no row, if the JSON ends within a document, if a strict schema refuses
    /// a value, if ids must be unique and are not, or if the target has no key.
    pub fn finish(mut self, target: &Target) -> Result<EncodedFile> {
        self.intake.check()?;
        self.intake.end_json()?;
        let rows = self.rows();
        if rows == 0 {
            return Err(no_rows());
        }
        let lsns = match target.lsns {
            Some(lsns) => lsns,
            None => LsnRange::new(0, rows - 1)?,
        };
        let Target { prefix, tenant_id, collection, lsn_width, .. } = target;
        let key = ObjectKey::data(prefix, *tenant_id, collection, lsns, *lsn_width)?;
        let mut ids = IdTally::new(self.settings.unique_ids);
        ids.add(&self.intake.builder.ids, 0, true)?;
        let mut columns = resolve(self.intake.builder, &self.settings, Opened::default())?;
        let mut file = FileWriter::open(&columns, &self.settings)?;
        file.write(&mut columns, &self.settings)?;
        let bytes = file.close(&columns.schema, target, lsns)?;
        Ok(EncodedFile { key, bytes, summary: Summary::of(columns, ids.duplicates()) })
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod limit_tests;
