//! A Coldpress file back into rows, exactly as they came.

mod assemble;
mod bits;
mod column;
mod document;
mod extent;
mod footer;
mod group;
mod indexes;
mod limits;
mod outline;
mod pages;
mod report;
mod thrift;
mod values;
mod verify;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use parquet::file::metadata::ParquetMetaData;
use serde_json::Value;

use crate::resolve::OwnId;
use crate::schema::names::folded;
use crate::schema::{ID_COLUMN, RESCUED_COLUMN};
use crate::{Error, KeyTarget, LsnRange, ObjectKey, Result, Schema};
use assemble::Assembler;
use document::Item;
use limits::Terms;

pub use limits::ReadLimits;
pub use report::{ChunkReport, FileReport, RowGroupReport};
pub use verify::Verified;

/// A Coldpress file whose footer has been read and checked.
///
/// Only files that Coldpress wrote open: their metadata says how the rows stood, which Parquet
/// alone does not. A damaged file gives an error of kind `Corrupt`, here or while its rows are
/// read.
pub struct ParquetFile {
    bytes: Bytes,
    terms: Terms,
    metadata: ParquetMetaData,
    footer: Footer,
    has_rescued: bool,
    own_id: OwnId,
}

/// What the footer of a Coldpress file says: known from its last bytes, its pages unread.
///
/// The columns are checked against the schema, but no page is: a file whose footer reads can still
/// be damaged.
#[derive(Debug, Clone)]
pub struct Footer {
    schema: Schema,
    tenant_id: u64,
    collection: String,
    lsns: LsnRange,
    rows_count: u64,
    append: Option<(String, u64)>,
}

impl Footer {
    /// How many bytes at the end of a file [`Footer::read`] needs, said by the file's last 8 (or
    /// more). `Corrupt` where it is no Parquet file.
    pub fn bytes_needed(tail: &[u8]) -> Result<u64> {
        footer::footer_bytes(tail)
    }

    /// Reads the footer of a file of `file_bytes` bytes, of which `tail` is the end.
    pub fn read(tail: &[u8], file_bytes: u64) -> Result<Self> {
        Self::read_within(tail, file_bytes, &ReadLimits::default())
    }

    /// [`Footer::read`] within other limits than the default ones: an error of kind `Limit` where
    /// the footer is larger than [`ReadLimits::footer_bytes_max`].
    ///
    /// The work and the memory it takes grow with the bytes of the footer, whatever they say.
    pub fn read_within(tail: &[u8], file_bytes: u64, limits: &ReadLimits) -> Result<Self> {
        guarded(|| footer::read(tail, file_bytes, limits))
    }

    /// The columns of the documents, with those that had only nulls.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many rows the file holds.
    pub fn rows_count(&self) -> u64 {
        self.rows_count
    }

    /// The tenant whose rows they are.
    pub fn tenant_id(&self) -> u64 {
        self.tenant_id
    }

    /// The collection they belong to.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// The LSNs they have.
    pub fn lsns(&self) -> LsnRange {
        self.lsns
    }

    /// The id of the append that the rows belong to, and how many rows of it come before them; none
    /// where the append had no id.
    pub fn append(&self) -> Option<(&str, u64)> {
        self.append.as_ref().map(|(id, row)| (id.as_str(), *row))
    }

    /// An error of kind `Corrupt` where the file was made for another key than this, so that the
    /// rows of one tenant or collection pass for those of another.
    pub fn check_key(&self, key: &ObjectKey) -> Result<()> {
        let KeyTarget::Data { tenant_id, collection, lsns } = key.target() else {
            return Err(Error::corrupt("a file of rows lies where a segment of a log should be"));
        };
        if (self.tenant_id, &self.collection, self.lsns) == (*tenant_id, collection, *lsns) {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "the file was made for tenant {}, collection {:?}, LSNs {}, and its key says otherwise; put it where it belongs",
            self.tenant_id, self.collection, self.lsns
        )))
    }
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetFile")
            .field("tenant_id", &self.footer.tenant_id)
            .field("collection", &self.footer.collection)
            .field("lsns", &self.footer.lsns)
            .field("rows_count", &self.footer.rows_count)
            .finish_non_exhaustive()
    }
}

/// Which fields of the documents to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Projection {
    /// All of them.
    #[default]
    All,
    /// The fields of these names. `_id` names the document's own, where it has one; a row's id
    /// always comes.
    Columns(Vec<String>),
}

impl Projection {
    fn takes(&self, name: &str) -> bool {
        match self {
            Projection::All => true,
            Projection::Columns(names) => names.iter().any(|taken| taken == name),
        }
    }
}

/// One row of a file.
#[derive(Debug, Clone)]
pub struct StoredRow {
    id: String,
    document: Item,
}

impl StoredRow {
    /// The row's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Appends the document as compact JSON, every number exactly as it was.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.document.write_json(out);
    }

    /// The document; an error of kind `Limit` where it holds a number that a `Value` would round,
    /// or nests deeper than 1,000: then [`StoredRow::write_json`] still gives it.
    pub fn to_value(&self) -> Result<Value> {
        self.document.to_value().map_err(|error| error.with_id(&self.id))
    }
}

impl ParquetFile {
    /// Opens a whole file.
    pub fn open(bytes: Bytes) -> Result<Self> {
        Self::open_within(bytes, &ReadLimits::default())
    }

    /// Opens a whole file, which is read within these limits.
    pub fn open_within(bytes: Bytes, limits: &ReadLimits) -> Result<Self> {
        guarded(|| footer::open(bytes, limits))
    }

    /// Lets a host end the work: once `stop` is true, [`ParquetFile::verify`] and [`Rows`] give an
    /// error of kind `Aborted`. They look at it before each page and every thousand rows.
    pub fn stop_when(&mut self, stop: Arc<AtomicBool>) {
        self.terms.stop = Some(stop);
    }

    /// What its footer says.
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// The columns of the documents, with those that had only nulls.
    pub fn schema(&self) -> &Schema {
        &self.footer.schema
    }

    /// How many rows it holds.
    pub fn rows_count(&self) -> u64 {
        self.footer.rows_count
    }

    /// The tenant whose rows they are.
    pub fn tenant_id(&self) -> u64 {
        self.footer.tenant_id
    }

    /// The collection they belong to.
    pub fn collection(&self) -> &str {
        &self.footer.collection
    }

    /// The LSNs they have.
    pub fn lsns(&self) -> LsnRange {
        self.footer.lsns
    }

    /// The rows in order, with the fields that `projection` names; an error of kind `Settings`
    /// where it names a field the file does not know.
    ///
    /// [`Projection::All`] asks for [`ParquetFile::check_outline`] first. Named columns are read
    /// whatever became of the rest of the file, so they can be saved from a damaged one.
    pub fn rows(&self, projection: &Projection) -> Result<Rows<'_>> {
        if *projection == Projection::All {
            self.check_outline()?;
        }
        if let Projection::Columns(names) = projection
            && let Some(name) = names.iter().find(|name| !self.knows(name))
        {
            return Err(self.unknown_column(name));
        }
        let assembler = Assembler::new(self, projection)?;
        Ok(Rows { file: self, assembler, group: 0, rows: None, row: 0, failed: false })
    }

    /// Checks the whole file: the pages of every column, read to their last value, against their
    /// checksums and the footer; the indexes and bloom filters against the pages; and all bytes
    /// against the file's own checksum, so that any flipped bit is found. The error, of kind
    /// `Corrupt`, says where.
    ///
    /// Files written before `coldpress version 1.1.0` have no checksum of the whole, and
    /// [`Verified::whole`] says so: a flipped bit outside their pages can stay unseen.
    ///
    /// ```
    /// use coldpress_core::{Encoder, ParquetFile, Settings, Target};
    ///
    /// let mut encoder = Encoder::new(Settings::default())?;
    /// encoder.push_json(br#"{"title":"Alien"}"#)?;
    /// let bytes = encoder.finish(&Target::new(0, "films"))?.bytes;
    /// let mut damaged = bytes.to_vec();
    /// damaged[5] ^= 1;
    ///
    /// assert!(ParquetFile::open(bytes)?.verify()?.whole);
    /// assert!(ParquetFile::open(damaged.into())?.verify().is_err());
    /// # Ok::<(), coldpress_core::Error>(())
    /// ```
    pub fn verify(&self) -> Result<Verified> {
        guarded(|| verify::verify(self))
    }

    /// Checks that the headers of all pages, the indexes and the bloom filters make sense; an error
    /// of kind `Corrupt` or `Limit` where one does not. No value is looked at:
    /// [`ParquetFile::verify`] does that too.
    pub fn check_outline(&self) -> Result<()> {
        outline::check(self)
    }

    /// What an inspector wants to know: metadata, row groups, and every column chunk.
    pub fn report(&self) -> FileReport {
        report::report(self)
    }

    /// Whether the rows may have a field of this name: as a column, or rescued because of its name.
    fn knows(&self, name: &str) -> bool {
        let columns = self.footer.schema.columns().iter().map(|column| column.name.as_str());
        let mut names = columns.chain([ID_COLUMN, RESCUED_COLUMN]);
        name == ID_COLUMN
            || self.footer.schema.column(name).is_some()
            || self.has_rescued
                && (name.is_empty() || names.any(|other| folded(other) == folded(name)))
    }

    fn unknown_column(&self, name: &str) -> Error {
        const SHOWN: usize = 20;
        let columns = self.footer.schema.columns();
        let names: Vec<String> =
            columns.iter().take(SHOWN).map(|column| format!("{:?}", column.name)).collect();
        let more = if columns.len() > SHOWN { ", …" } else { "" };
        Error::settings(format!(
            "the file has no column {name:?}; it has \"_id\", {}{more}",
            names.join(", ")
        ))
    }
}

/// Iterates over the rows of a file; ends after the first error.
pub struct Rows<'f> {
    file: &'f ParquetFile,
    assembler: Assembler,
    /// The next row group.
    group: usize,
    rows: Option<group::GroupReader>,
    row: u64,
    failed: bool,
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("row", &self.row).finish_non_exhaustive()
    }
}

impl Rows<'_> {
    /// The next row; none at the end of the file.
    fn next_row(&mut self) -> Result<Option<StoredRow>> {
        loop {
            if let Some(rows) = &mut self.rows {
                if let Some(leaves) = rows.next_row()? {
                    return self.assembler.row(leaves).map(Some);
                }
                self.rows = None;
            }
            if self.group == self.file.metadata.num_row_groups() {
                return Ok(None);
            }
            self.rows =
                Some(group::GroupReader::open(self.file, self.group, self.assembler.leaves())?);
            self.group += 1;
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<StoredRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.next_row() {
            Ok(Some(row)) => {
                self.row += 1;
                Some(Ok(row))
            }
            Ok(None) => None,
            Err(error) => {
                self.failed = true;
                Some(Err(error.at_row(self.row)))
            }
        }
    }
}

/// Opens with the parquet crate, which panics on some damage to a footer that it does not expect.
fn guarded<T>(open: impl FnOnce() -> Result<T>) -> Result<T> {
    // Nothing that `open` leaves half-done is used after a panic: the caller only reports the
    // error.
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without words");
        Err(corrupt(format!("its footer makes no sense ({said})")))
    })
}

fn corrupt(what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("the file is damaged: {what}; fetch it again, or restore it"))
}

fn damaged_page() -> Error {
    corrupt("a page makes no sense")
}

/// A name that many rows share.
type Name = Arc<str>;

#[cfg(test)]
mod tests;
