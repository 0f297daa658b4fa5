//! Rows in, one Parquet file out.

mod bloom;
mod checksum;
mod choose;
mod document;
mod feed;
mod group_size;
mod leaf;
mod open_file;
mod pages;
mod stream;
mod tail;
mod write;

#[cfg(feature = "decode")]
pub(crate) use checksum::{FileChecksum, NO_DIGITS, digits_at};
pub use document::Document;
#[cfg(feature = "decode")]
pub(crate) use pages::{DICTIONARY_BYTES_MAX, PAGE_ENTRIES_MAX, ROW_ENTRIES_MAX};
pub use stream::{StreamEncoder, StreamOutput, StreamSettings};
pub use tail::{FileTail, StreamedFile};
#[cfg(all(test, feature = "decode"))]
pub(crate) use write::compression;
#[cfg(feature = "decode")]
pub(crate) use write::{
    CREATED_BY_WITHOUT_CHECKSUM, FORMAT_VERSION, FORMAT_VERSION_NUMBERED, metadata_key,
};

use bytes::Bytes;
use serde_json::Value;

use crate::build::Builder;
use crate::resolve::{Columns, Opened, resolve};
use crate::{
    Encodings, Error, ErrorKind, KeyPrefix, LsnRange, LsnWidth, ObjectKey, Result, Schema, Settings,
};
use feed::JsonFeed;
use write::FileWriter;

/// Turns rows into one Parquet file: rows or JSON bytes in, the file's bytes and key out.
///
/// The columns' types are chosen by [`Encoder::finish`], over all rows. After an error the encoder
/// takes nothing more, and no file comes of it.
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
/// assert_eq!(file.summary.rescued, [("title".to_owned(), 1)]);
///
/// let stored = ParquetFile::open(file.bytes)?;
/// let last = stored.rows(&Projection::All)?.last().expect("two rows")?;
/// assert_eq!(last.to_value()?, json!({"title": 1984}));
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    settings: Settings,
    builder: Builder,
    feed: JsonFeed,
    /// What a [`Document`] has open; empty between rows.
    open: Vec<bool>,
    /// Why nothing more is taken.
    refused: Option<Error>,
}

/// Whose rows a file holds, and so where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The folder of all keys.
    pub prefix: KeyPrefix,
    /// The tenant whose rows they are.
    pub tenant_id: u64,
    /// The collection they belong to: any name that [`ObjectKey`] can encode.
    pub collection: String,
    /// The LSNs of the rows; `None`: from 0 to the number of rows less one.
    pub lsns: Option<LsnRange>,
    /// How LSNs stand in the key.
    pub lsn_width: LsnWidth,
}

impl Target {
    /// The target without a prefix, with LSNs that count the rows.
    pub fn new(tenant_id: u64, collection: impl Into<String>) -> Self {
        Target {
            prefix: KeyPrefix::default(),
            tenant_id,
            collection: collection.into(),
            lsns: None,
            lsn_width: LsnWidth::default(),
        }
    }
}

/// A finished file, not yet stored.
#[derive(Debug, Clone)]
pub struct EncodedFile {
    /// Where it belongs.
    pub key: ObjectKey,
    /// The whole file.
    pub bytes: Bytes,
    /// What it holds.
    pub summary: Summary,
}

/// What became of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rows in the file.
    pub rows: u64,
    /// Columns at the top of the file, `_id` and `_rescued_data` among them.
    pub columns: usize,
    /// Values in `_rescued_data`, by the path of their column (`order.items[].price`), sorted.
    pub rescued: Vec<(String, u64)>,
    /// Keys that stood twice in one JSON object; the last value was kept, as JSON parsers do.
    pub duplicate_keys: u64,
    /// The columns, with those that had only nulls.
    pub schema: Schema,
}

impl Encoder {
    /// An encoder with these settings; an error of kind `Settings` where they are not valid.
    pub fn new(settings: Settings) -> Result<Self> {
        settings.check()?;
        let builder = Builder::new(&settings);
        let feed = JsonFeed::new(settings.row_bytes_max, None);
        Ok(Encoder { settings, builder, feed, open: Vec::new(), refused: None })
    }

    /// Takes one row with an id of its own. The document must be a JSON object, and its own `_id`,
    /// if it has one, must equal `id`.
    pub fn push_row(&mut self, id: &str, document: &Value) -> Result<()> {
        self.check()?;
        let pushed = self.feed.no_open_text().and_then(|()| {
            self.builder.begin_row();
            feed::value(document, self.builder.row_number(), &mut self.builder)?;
            self.builder.end_row(id)
        });
        self.note(pushed)
    }

    /// Takes rows as [`Encoder::push_row`] does, and faster: it asks memory for several documents
    /// at once.
    pub fn push_rows(&mut self, rows: &[(String, Value)]) -> Result<()> {
        let mut ahead = rows.chunks(feed::TOUCHED_ROWS).skip(1);
        for chunk in rows.chunks(feed::TOUCHED_ROWS) {
            feed::touch_texts(chunk);
            feed::touch_fields(ahead.next().unwrap_or_default());
            for (id, document) in chunk {
                self.push_row(id, document)?;
            }
        }
        Ok(())
    }

    /// Takes one row whose document the caller writes as [`Events`](crate::json::Events), from
    /// whatever it has; its id comes from [`Settings::id`].
    ///
    /// An error of kind `Misuse` where the events are out of order; else whatever error `write`
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
        self.check()?;
        let pushed = self.feed.no_open_text().and_then(|()| {
            self.builder.begin_row();
            let mut document = Document::new(&mut self.builder, &mut self.open);
            write(&mut document)?;
            document.end()?;
            self.builder.end_row_of(&self.settings.id)
        });
        self.note(pushed)
    }

    /// Takes JSON objects, one behind the other with any white space between (NDJSON), or as the
    /// elements of one JSON array; in slices of any size. Ids come from [`Settings::id`].
    ///
    /// An error names the line, the row and the reason.
    pub fn push_json(&mut self, bytes: &[u8]) -> Result<()> {
        self.check()?;
        let pushed = self.feed.push(bytes, &self.settings.id, &mut self.builder);
        self.note(pushed)
    }

    /// Ends the JSON text pushed so far: an error where it ends within a document. What is pushed
    /// next is a text of its own, an array or not, whose lines count from 1 again.
    pub fn end_json(&mut self) -> Result<()> {
        self.check()?;
        let ended = self.feed.end(&self.settings.id, &mut self.builder);
        self.note(ended)
    }

    /// Chooses the set of encodings anew: a grant may name one when the rows are taken already.
    pub fn set_encodings(&mut self, encodings: Encodings) {
        self.settings.encodings = encodings;
    }

    /// Rows taken so far. Of JSON, the last rows pushed may still wait for more to be read with
    /// them; [`Encoder::end_json`] reads them all.
    pub fn rows(&self) -> u64 {
        self.builder.rows() as u64
    }

    /// Chooses the columns and writes the file.
    ///
    /// An error where there is no row, the JSON ends within a document, a strict schema refuses a
    /// value, or the target has no key.
    pub fn finish(mut self, target: &Target) -> Result<EncodedFile> {
        self.check()?;
        self.feed.end(&self.settings.id, &mut self.builder)?;
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
        let mut columns = resolve(self.builder, &self.settings, Opened::default())?;
        let mut file = FileWriter::open(&columns, &self.settings)?;
        file.write(&mut columns, &self.settings)?;
        let bytes = file.close(&columns.schema, columns.own_id, target, lsns)?;
        Ok(EncodedFile { key, bytes, summary: summary(columns) })
    }

    fn check(&self) -> Result<()> {
        match &self.refused {
            Some(error) => Err(refused_before(error)),
            None => Ok(()),
        }
    }

    fn note(&mut self, result: Result<()>) -> Result<()> {
        if let Err(error) = &result {
            self.refused = Some(error.clone());
        }
        result
    }
}

fn refused_before(error: &Error) -> Error {
    Error::misuse(format!(
        "this encoder refused a row and takes no more; start a new one (it said: {error})"
    ))
}

fn no_rows() -> Error {
    Error::new(ErrorKind::Row, "the file has no rows, and needs one at least")
}

/// How many columns the top of a file of this schema has, `_id` and `_rescued_data` among them.
fn columns_in_file(schema: &Schema, has_rescued: bool) -> usize {
    use crate::ColumnType::Null;
    let stored = schema.columns().iter().filter(|column| column.column_type != Null).count();
    1 + stored + usize::from(has_rescued)
}

fn summary(columns: Columns) -> Summary {
    Summary {
        rows: columns.rows as u64,
        columns: columns_in_file(&columns.schema, columns.has_rescued),
        rescued: columns.rescued,
        duplicate_keys: columns.duplicate_keys,
        schema: columns.schema,
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod limit_tests;
