//! Rows without end in, files as long as they should be out.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::Value;

use super::feed::{self, JsonFeed};
use super::group_size::GroupSize;
use super::open_file::OpenFile;
use super::tail::{FileTail, StreamedFile, key, no_lsns_left};
use super::{Document, Target};
use crate::build::Builder;
use crate::resolve::own_id;
use crate::{Error, ErrorKind, LsnRange, Result, Settings};

/// JSON is read in slices of this size, so that what waits behind a full builder is never much.
const SLICE_BYTES: usize = 1 << 20;

/// How a stream is cut: plain data, checked by [`StreamEncoder::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSettings {
    /// The most that rows take in memory before they are written, about; at least 1. A row that is larger alone
    /// is taken all the same. Default: 64 MiB.
    pub row_group_bytes_max: usize,
    /// The size from which on a file ends where a row group does; at least 1. Where a whole row
    /// group would bring the file far past this size, the row group ends earlier, but not before
    /// 256 KiB in memory. Has no effect where
    /// [`Target::lsns`] names the range of the one file. Default: 256 MiB.
    pub file_bytes_max: u64,
    /// The LSN of the first row, where [`Target::lsns`] is `None`: rows count on from it. Default: 0.
    pub first_lsn: u64,
}

impl Default for StreamSettings {
    fn default() -> Self {
        StreamSettings { row_group_bytes_max: 64 << 20, file_bytes_max: 256 << 20, first_lsn: 0 }
    }
}

/// What comes out of a [`StreamEncoder`], in this order: all bytes of a file, then the file's end, then the next file.
#[derive(Debug, Clone)]
pub enum StreamOutput {
    /// The next bytes of the file at hand.
    Bytes(Bytes),
    /// The bytes since the last `File` are one whole file.
    File(StreamedFile),
    /// Where [`StreamEncoder::late_lsns`] was asked for, instead of `File`: the file is whole but
    /// for its tail, which the host seals with the LSNs that it chooses.
    Tail(FileTail),
}

/// Turns rows without end into Parquet files: rows or JSON bytes in, finished bytes out as row groups close, in memory
/// that [`StreamSettings`] bounds and not the number of rows.
///
/// Its caller pushes, and after each push calls [`poll`](Self::poll) until it gives `None`; at the end it calls
/// [`finish`](Self::finish) and polls once more. After an error nothing more is taken, and the file at hand is to be thrown
/// away; those whose [`StreamOutput::File`] has come are whole.
///
/// A file's columns are chosen over the rows that fit into [`StreamSettings::row_group_bytes_max`], its first ones.
/// Later rows keep to them: what does not fit is rescued, a new field too, until the next file begins and
/// chooses anew. So rows that fit at once make the very file that an [`Encoder`](super::Encoder) makes of them. In whatever
/// slices rows are pushed, the bytes are the same.
///
/// A key names the last LSN of its file, which is known only at the end: hence `File` comes behind its bytes. Where
/// [`Target::lsns`] names the range, there is one file, of any size, under that known key.
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
    /// Those of the next row; none behind the highest there can be.
    next_lsn: Option<u64>,
    builder: Builder,
    feed: JsonFeed,
    open: Vec<bool>,
    file: Option<OpenFile>,
    outputs: VecDeque<StreamOutput>,
    /// The host chooses the LSNs of each file at its end.
    late: bool,
    append_id: Option<String>,
    /// The first rows, which are stored already: they are read and counted, and nothing else.
    skipped: u64,
    /// Why nothing more is taken.
    refused: Option<Error>,
    finished: bool,
}

impl StreamEncoder {
    /// A stream for that target; an error of kind `Settings` or `Key` where the settings or the target are
    /// not valid.
    pub fn new(settings: Settings, cut: StreamSettings, target: Target) -> Result<Self> {
        settings.check()?;
        if cut.row_group_bytes_max == 0 || cut.file_bytes_max == 0 {
            return Err(Error::settings(
                "row_group_bytes_max and file_bytes_max must be at least 1",
            ));
        }
        let first_lsn = target.lsns.map_or(cut.first_lsn, LsnRange::min);
        // Before the work, not after it.
        let lsns = target.lsns.map_or_else(|| LsnRange::new(first_lsn, first_lsn), Ok)?;
        key(&target, lsns)?;
        let sizes = GroupSize::new(&cut, target.lsns.is_some());
        Ok(StreamEncoder {
            builder: Builder::new(&settings),
            feed: JsonFeed::new(settings.row_bytes_max, Some(sizes.next(0))),
            sizes,
            settings,
            cut,
            target,
            next_lsn: Some(first_lsn),
            open: Vec::new(),
            file: None,
            outputs: VecDeque::new(),
            late: false,
            append_id: None,
            skipped: 0,
            refused: None,
            finished: false,
        })
    }

    /// Gives the end of each file as [`StreamOutput::Tail`], so that the host may choose its LSNs
    /// when the file is whole. [`StreamSettings::first_lsn`] and [`Target::lsns`] then choose none;
    /// a file still has any size where the latter is given.
    #[must_use]
    pub fn late_lsns(mut self) -> Self {
        self.late = true;
        self
    }

    /// Skips the first `rows_stored` rows: they are read and counted, so that rows behind them keep
    /// their numbers, and are not written. `append_id` names the append that the rows belong to, in
    /// the metadata of each file.
    ///
    /// An error of kind `Misuse` where a row has come already. [`finish`](Self::finish) then
    /// refuses a stream of fewer rows, and makes no file where there are just as many.
    pub fn resume(&mut self, append_id: Option<&str>, rows_stored: u64) -> Result<()> {
        self.check()?;
        if self.rows() > 0 {
            return Err(Error::misuse("name the append before its first row is pushed"));
        }
        self.append_id = append_id.map(str::to_owned);
        self.skipped = rows_stored;
        self.feed.stop_before_row(rows_stored);
        Ok(())
    }

    /// As [`Encoder::push_row`](super::Encoder::push_row).
    pub fn push_row(&mut self, id: &str, document: &Value) -> Result<()> {
        self.check()?;
        let pushed = self.feed.no_open_text().and_then(|()| {
            self.make_room()?;
            self.builder.begin_row();
            feed::value(document, self.builder.row_number(), &mut self.builder)?;
            self.builder.end_row(id)
        });
        self.note(pushed)
    }

    /// As [`Encoder::push_document`](super::Encoder::push_document).
    pub fn push_document(
        &mut self,
        write: impl FnOnce(&mut Document<'_>) -> Result<()>,
    ) -> Result<()> {
        self.check()?;
        let pushed = self.feed.no_open_text().and_then(|()| {
            self.make_room()?;
            self.builder.begin_row();
            let mut document = Document::new(&mut self.builder, &mut self.open);
            write(&mut document)?;
            document.end()?;
            self.builder.end_row_of(&self.settings.id)
        });
        self.note(pushed)
    }

    /// As [`Encoder::push_json`](super::Encoder::push_json).
    pub fn push_json(&mut self, bytes: &[u8]) -> Result<()> {
        self.check()?;
        for slice in bytes.chunks(SLICE_BYTES) {
            let pushed = self.push_slice(slice);
            self.note(pushed)?;
        }
        Ok(())
    }

    /// As [`Encoder::end_json`](super::Encoder::end_json).
    pub fn end_json(&mut self) -> Result<()> {
        self.check()?;
        let ended = self.end_text();
        self.note(ended)
    }

    /// Rows taken so far, as [`Encoder::rows`](super::Encoder::rows) counts them.
    pub fn rows(&self) -> u64 {
        self.builder.row_number()
    }

    /// No row comes any more: ends the last file. Then [`poll`](Self::poll) gives what is left.
    ///
    /// An error where there was no row at all, or the JSON ends within a document.
    pub fn finish(&mut self) -> Result<()> {
        self.check()?;
        let ended = self.end_text().and_then(|()| {
            if self.rows() < self.skipped {
                return Err(fewer_than_stored(self.rows(), self.skipped));
            }
            if self.rows() == 0 {
                return Err(super::no_rows());
            }
            self.write_rows(true)?;
            self.end_file()
        });
        self.finished = true;
        self.note(ended)
    }

    /// What comes next, where there is anything yet.
    pub fn poll(&mut self) -> Option<StreamOutput> {
        self.outputs.pop_front()
    }

    fn push_slice(&mut self, slice: &[u8]) -> Result<()> {
        self.feed.push(slice, &self.settings.id, &mut self.builder)?;
        while self.feed.is_stopped() {
            self.write_rows(false)?;
            self.feed.resume(&self.settings.id, &mut self.builder)?;
        }
        Ok(())
    }

    fn end_text(&mut self) -> Result<()> {
        self.feed.end(&self.settings.id, &mut self.builder)?;
        while self.feed.is_stopped() {
            self.write_rows(false)?;
            self.feed.end(&self.settings.id, &mut self.builder)?;
        }
        Ok(())
    }

    /// Writes what the builder holds, where another row would be too much.
    fn make_room(&mut self) -> Result<()> {
        let all_skipped = self.builder.rows() > 0 && self.rows() == self.skipped;
        match all_skipped || self.feed.is_full(&self.builder) {
            true => self.write_rows(false),
            false => Ok(()),
        }
    }

    /// Writes the rows at hand into the file at hand, or into a new one where there is none or they do not fit it.
    fn write_rows(&mut self, last: bool) -> Result<()> {
        let rows = self.builder.rows() as u64;
        if rows == 0 {
            return Ok(());
        }
        let held = self.builder.bytes();
        let following = Builder::following(&self.settings, self.builder.row_number());
        let builder = std::mem::replace(&mut self.builder, following);
        // Readers stop behind the last of these, so that no builder has some of both.
        if builder.row_number() <= self.skipped {
            return Ok(());
        }
        // That each document has an id of its own is told once for a whole file.
        let found = own_id(&builder);
        if self.file.as_ref().is_some_and(|file| !file.takes(found)) {
            self.end_file()?;
        }
        match &mut self.file {
            Some(file) => file.write(builder)?,
            None => self.file = Some(OpenFile::begin(builder, &self.settings, last)?),
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.rows += rows;
        let bytes = file.writer.take()?;
        file.bytes += bytes.len() as u64;
        self.sizes.note(held, bytes.len());
        let full = file.bytes >= self.cut.file_bytes_max && self.target.lsns.is_none();
        self.builder = Builder::following(&file.settings, self.builder.row_number());
        self.outputs.push_back(StreamOutput::Bytes(bytes));
        if full && !last {
            self.end_file()?;
            self.builder = Builder::following(&self.settings, self.builder.row_number());
        }
        let file_bytes = self.file.as_ref().map_or(0, |file| file.bytes);
        self.feed.stop_at(self.sizes.next(file_bytes));
        Ok(())
    }

    fn end_file(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let rows = file.rows;
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

    fn check(&self) -> Result<()> {
        match &self.refused {
            Some(error) => Err(super::refused_before(error)),
            None if self.finished => {
                Err(Error::misuse("this stream is finished; start a new one for more rows"))
            }
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

fn fewer_than_stored(rows: u64, stored: u64) -> Error {
    Error::new(
        ErrorKind::Row,
        format!(
            "the input has {rows} rows, and {stored} rows of it are stored and to be skipped; give the same rows again from the first one on, or rows of another append under another id"
        ),
    )
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
