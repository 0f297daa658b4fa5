//! Rows without end in, files as long as they should be out.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::Value;

use super::document::Document;
use super::group_size::{GroupSize, StreamSettings};
use super::intake::Intake;
use super::open_file::OpenFile;
use super::summary::no_rows;
use super::tail::{FileTail, StreamedFile, key, no_lsns_left};
use crate::columns::Builder;
use crate::{Error, ErrorKind, LsnRange, NewFields, Result, Schema, Settings, Target};

/// JSON is read in slices of this size, so that few bytes wait while the builder is full.
const SLICE_BYTES: usize = 1 << 20;

/// What a [`StreamEncoder`] gives, in this order: all bytes of a file, then the end of the file,
/// then the next file.
#[derive(Debug, Clone)]
pub enum StreamOutput {
    /// The next bytes of the current file.
    Bytes(Bytes),
    /// The bytes since the last `File` are one whole file.
    File(StreamedFile),
    /// The file lacks only its tail. The host chooses the LSNs and seals the tail with them. Comes
    /// instead of `File` after [`StreamEncoder::late_lsns`].
    Tail(FileTail),
}

/// Turns any number of rows into Parquet files: it takes rows or JSON bytes, and gives finished
/// bytes as row groups close. [`StreamSettings`] bounds its memory, not the number of rows.
///
/// The caller pushes rows. After each push it calls [`poll`](Self::poll) until that gives `None`.
/// At the end it calls [`finish`](Self::finish), and polls once more. After an error the encoder
/// takes nothing more, and the caller throws the current file away. Files whose
/// [`StreamOutput::File`] has come are whole.
///
/// The first rows of a file, those that fit into [`StreamSettings::row_group_bytes_max`], decide
/// its columns. Values of later rows that do not fit these columns are rescued, and so are new
/// fields. The next file keeps the columns with their types, and new fields become columns behind
/// them; with a given schema only under [`NewFields::Column`]. Rows that fit all at once give the
/// same file as an [`Encoder`](super::Encoder) gives. The bytes do not depend on the slices in which
/// rows are pushed.
///
/// A key names the last LSN of its file, which is known only at the end. So `File` comes after the
/// bytes. Where [`Target::lsns`] names the range, the key is known, and all rows go into one file
/// of any size.
///
/// ```
/// use coldpress_core::{Settings, StreamEncoder, StreamOutput, StreamSettings, Target};
///
/// // Far smaller than anybody wants it, so that a few rows make two files.
/// let cut = StreamSettings { row_group_bytes_max: 10_000, file_bytes_max: 1, first_lsn: 100 };
/// let mut stream = StreamEncoder::new(Settings::default(), cut, Target::new(7, "people"))?;
/// let (mut file, mut stored) = (Vec::new(), Vec::new());
/// for n in 0..500 {
///     stream.push_json(format!("{{\"name\":\"person {n}\",\"n\":{n}}}\n").as_bytes())?;
///     if n == 499 {
///         stream.finish()?;
///     }
///     while let Some(output) = stream.poll() {
///         match output {
///             StreamOutput::Bytes(bytes) => file.extend_from_slice(&bytes),
///             // The host stores the file under its key.
///             StreamOutput::File(end) => stored.push((end, std::mem::take(&mut file))),
///             StreamOutput::Tail(_) => unreachable!("only a stream of late LSNs has tails"),
///         }
///     }
/// }
/// assert!(stored.len() > 1 && file.is_empty());
/// assert!(stored[0].0.key.as_str().starts_with("7/people/lsn-100-"));
/// assert_eq!(stored.iter().map(|(end, _)| end.summary.rows).sum::<u64>(), 500);
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug)]
pub struct StreamEncoder {
    settings: Settings,
    cut: StreamSettings,
    sizes: GroupSize,
    target: Target,
    /// The LSN of the next row; `None` after the highest possible LSN.
    next_lsn: Option<u64>,
    pub(super) intake: Intake,
    file: Option<OpenFile>,
    outputs: VecDeque<StreamOutput>,
    /// The host chooses the LSNs of each file at its end.
    late: bool,
    append_id: Option<String>,
    /// The first rows, which are stored already: they are read and counted, and nothing else.
    pub(super) skipped: u64,
    finished: bool,
}

impl StreamEncoder {
    /// A stream for that target. An error of kind `Settings` or `Key` if the settings or the target
    /// are not valid.
    pub fn new(settings: Settings, cut: StreamSettings, target: Target) -> Result<Self> {
        settings.check()?;
        if cut.row_group_bytes_max == 0 || cut.file_bytes_max == 0 {
            return Err(Error::settings(
                "row_group_bytes_max or file_bytes_max is 0; both must be at least 1",
            ));
        }
        let first_lsn = target.lsns.map_or(cut.first_lsn, LsnRange::min);
        // Before the work, not after it.
        let lsns = target.lsns.map_or_else(|| LsnRange::new(first_lsn, first_lsn), Ok)?;
        key(&target, lsns)?;
        let sizes = GroupSize::new(&cut, target.lsns.is_some());
        Ok(StreamEncoder {
            intake: Intake::new(&settings, Some(sizes.next(0))),
            sizes,
            settings,
            cut,
            target,
            next_lsn: Some(first_lsn),
            file: None,
            outputs: VecDeque::new(),
            late: false,
            append_id: None,
            skipped: 0,
            finished: false,
        })
    }

    /// Gives the end of each file as [`StreamOutput::Tail`], so that the host can choose the LSNs
    /// of a file once its rows are written. [`StreamSettings::first_lsn`] and [`Target::lsns`] then
    /// choose no LSNs. With [`Target::lsns`] all rows still go into one file.
    #[must_use]
    pub fn late_lsns(mut self) -> Self {
        self.late = true;
        self
    }

    /// Keeps the columns of an earlier file of the collection, with their types; new fields become
    /// columns behind them. Without effect if the settings have a schema.
    ///
    /// An error of kind `Misuse` if a row has come already or [`resume`](Self::resume) was called,
    /// and of kind `Settings` if the settings do not allow such columns.
    pub fn keep_columns(&mut self, schema: &Schema) -> Result<()> {
        self.check()?;
        if self.rows() > 0 || self.skipped > 0 {
            return Err(Error::misuse(
                "give the columns to keep before the first row, and before resuming",
            ));
        }
        if self.settings.schema.is_some() {
            return Ok(());
        }
        let settings = Settings {
            schema: Some(schema.clone()),
            new_fields: NewFields::Column,
            ..self.settings.clone()
        };
        settings.check()?;
        self.intake = Intake::new(&settings, Some(self.sizes.next(0)));
        self.settings = settings;
        Ok(())
    }

    /// Skips the first `rows_stored` rows: it reads and counts them, so that later rows keep their
    /// numbers, and does not write them. The metadata of each file names the append by `append_id`.
    ///
    /// An error of kind `Misuse` if a row has come already. [`finish`](Self::finish) then refuses a
    /// stream of fewer rows, and makes no file of exactly that many.
    pub fn resume(&mut self, append_id: Option<&str>, rows_stored: u64) -> Result<()> {
        self.check()?;
        if self.rows() > 0 {
            return Err(Error::misuse("name the append before its first row is pushed"));
        }
        self.append_id = append_id.map(str::to_owned);
        self.skipped = rows_stored;
        self.intake.stop_before_row(rows_stored);
        Ok(())
    }

    /// As [`Encoder::push_row`](super::Encoder::push_row).
    pub fn push_row(&mut self, id: &str, document: &Value) -> Result<()> {
        self.check()?;
        let room = self.intake.no_open_text().and_then(|()| self.make_room());
        let pushed = room.and_then(|()| self.intake.row(id, document));
        self.intake.note(pushed)
    }

    /// As [`Encoder::push_document`](super::Encoder::push_document).
    pub fn push_document(
        &mut self,
        write: impl FnOnce(&mut Document<'_>) -> Result<()>,
    ) -> Result<()> {
        self.check()?;
        let room = self.intake.no_open_text().and_then(|()| self.make_room());
        let pushed = room.and_then(|()| self.intake.document(write));
        self.intake.note(pushed)
    }

    /// As [`Encoder::push_json`](super::Encoder::push_json).
    pub fn push_json(&mut self, bytes: &[u8]) -> Result<()> {
        self.check()?;
        for slice in bytes.chunks(SLICE_BYTES) {
            let pushed = self.push_slice(slice);
            self.intake.note(pushed)?;
        }
        Ok(())
    }

    /// As [`Encoder::end_json`](super::Encoder::end_json).
    pub fn end_json(&mut self) -> Result<()> {
        self.check()?;
        let ended = self.end_text();
        self.intake.note(ended)
    }

    /// The rows so far, as [`Encoder::rows`](super::Encoder::rows) counts them.
    pub fn rows(&self) -> u64 {
        self.intake.builder.row_number()
    }

    /// The columns of the file that is under way; `None` until its first row group is written.
    pub fn schema(&self) -> Option<&Schema> {
        self.file.as_ref().and_then(|file| file.settings.schema.as_ref())
    }

    /// Ends the last file: no row comes any more. Then [`poll`](Self::poll) gives what is left.
    ///
    /// An error if there was no row at all, or the JSON ends within a document.
    pub fn finish(&mut self) -> Result<()> {
        self.check()?;
        let ended = self.end_text().and_then(|()| {
            if self.rows() < self.skipped {
                return Err(fewer_than_stored(self.rows(), self.skipped));
            }
            if self.rows() == 0 {
                return Err(no_rows());
            }
            self.write_rows(true)?;
            self.end_file()
        });
        self.finished = true;
        self.intake.note(ended)
    }

    /// The next output, if there is one now.
    pub fn poll(&mut self) -> Option<StreamOutput> {
        self.outputs.pop_front()
    }

    fn push_slice(&mut self, slice: &[u8]) -> Result<()> {
        self.intake.json(slice)?;
        while self.intake.is_stopped() {
            self.write_rows(false)?;
            self.intake.resume_json()?;
        }
        Ok(())
    }

    fn end_text(&mut self) -> Result<()> {
        self.intake.end_json()?;
        while self.intake.is_stopped() {
            self.write_rows(false)?;
            self.intake.end_json()?;
        }
        Ok(())
    }

    /// Writes the rows of the builder if it is full.
    pub(super) fn make_room(&mut self) -> Result<()> {
        let all_skipped = self.intake.builder.rows() > 0 && self.rows() == self.skipped;
        match all_skipped || self.intake.is_full() {
            true => self.write_rows(false),
            false => Ok(()),
        }
    }

    /// Writes the rows of the builder into the current file. It begins a new file if there is none,
    /// or if the rows do not fit the current one.
    fn write_rows(&mut self, last: bool) -> Result<()> {
        let rows = self.intake.builder.rows() as u64;
        if rows == 0 {
            return Ok(());
        }
        let held = self.intake.builder.bytes();
        let following = Builder::following(&self.settings, self.intake.builder.row_number());
        let builder = std::mem::replace(&mut self.intake.builder, following);
        // The intake stops after the last skipped row, so no builder has skipped and new rows.
        if builder.row_number() <= self.skipped {
            return Ok(());
        }
        // The metadata says once, for the whole file, where the ids are, and whether each document
        // has an `_id` of its own.
        if self.file.as_ref().is_some_and(|file| !file.takes(&builder)) {
            self.end_file()?;
        }
        match &mut self.file {
            Some(file) => file.write(builder, last)?,
            None => self.file = Some(OpenFile::begin(builder, &self.settings, last)?),
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.rows += rows;
        let bytes = file.writer.take()?;
        file.bytes += bytes.len() as u64;
        self.sizes.note(held, bytes.len());
        let full = file.bytes >= self.cut.file_bytes_max && self.target.lsns.is_none();
        self.intake.builder = Builder::in_file(&file.settings, self.intake.builder.row_number());
        self.outputs.push_back(StreamOutput::Bytes(bytes));
        if full && !last {
            self.end_file()?;
            self.intake.builder =
                Builder::following(&self.settings, self.intake.builder.row_number());
        }
        let file_bytes = self.file.as_ref().map_or(0, |file| file.bytes);
        self.intake.stop_at(self.sizes.next(file_bytes));
        Ok(())
    }

    fn end_file(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let rows = file.rows;
        if self.settings.schema.is_none() || self.settings.new_fields == NewFields::Column {
            // Files of one collection must agree on the types of their columns: engines that read
            // them together take the types of one file for all.
            self.settings.schema = Some(file.schema.clone());
            self.settings.new_fields = NewFields::Column;
        }
        let tail = file.end(&self.target, self.append_id.as_deref())?;
        if self.late {
            self.outputs.push_back(StreamOutput::Tail(tail));
            return Ok(());
        }
        let lsns = match self.target.lsns {
            Some(lsns) => lsns,
            None => self.counted(rows)?,
        };
        let (bytes, file) = tail.seal(lsns)?;
        self.outputs.push_back(StreamOutput::Bytes(bytes));
        self.outputs.push_back(StreamOutput::File(file));
        Ok(())
    }

    /// The LSNs of the next `rows` rows.
    fn counted(&mut self, rows: u64) -> Result<LsnRange> {
        let range = self.next_lsn.and_then(|min| Some((min, min.checked_add(rows - 1)?)));
        let (min, max) = range.ok_or_else(no_lsns_left)?;
        self.next_lsn = max.checked_add(1);
        LsnRange::new(min, max)
    }

    pub(super) fn check(&self) -> Result<()> {
        self.intake.check()?;
        match self.finished {
            true => Err(Error::misuse("this stream has finished; start a new one for more rows")),
            false => Ok(()),
        }
    }
}

fn fewer_than_stored(rows: u64, stored: u64) -> Error {
    Error::new(
        ErrorKind::Row,
        format!(
            "the input has {rows} rows, but {stored} rows of this append are stored already; give \
             the same rows again from the first one on, or use another id for other rows"
        ),
    )
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
