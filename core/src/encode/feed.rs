//! JSON text in slices of any size, cut into rows.

use crate::columns::Builder;
use crate::json;
use crate::json::fault::Fault;
use crate::json::tokenizer::{Tokenizer, skip_white_space};
use crate::{Error, ErrorKind, IdSource, Result};

/// How much of a slice is copied at a time while the start of a row waits.
const PIECE_BYTES: usize = 1 << 20;

/// What the buffer of waiting bytes keeps between rows.
const KEPT_BYTES: usize = 4 * PIECE_BYTES;

const BYTE_ORDER_MARK: &str = "\u{feff}";
const BYTE_ORDER_MARK_START: u8 = 0xef;
/// Why a byte order mark is refused elsewhere than at the start.
const MARK_WITHIN: &str =
    "a byte order mark (U+FEFF) is inside the text, perhaps because files were joined; remove it";

/// Cuts JSON text into rows, whatever slices it comes in.
///
/// Reads each row as soon as it is whole. The start of a row that is not whole yet waits in
/// `waiting`, and is read again from its start once twice as much has come: so the work stays
/// linear. No more of a row waits than a row may be long.
#[derive(Debug)]
pub(super) struct JsonFeed {
    tokenizer: Tokenizer,
    waiting: Vec<u8>,
    /// How many bytes must wait before the next try.
    worth_trying: usize,
    /// Lines before `waiting`.
    lines: u64,
    form: Form,
    /// The most bytes of text that one row may have.
    row_bytes_max: usize,
    /// Where reading stops: what a builder may hold before another row begins.
    bytes_max: Option<usize>,
    /// Also stop before this row, if the builder has rows before it.
    stop_row: Option<u64>,
    /// It stopped there: [`JsonFeed::resume`] goes on, with another builder.
    stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    /// Nothing but white space has come.
    #[default]
    Unknown,
    /// Objects, one after the other.
    Lines,
    /// In an array, before an element. Before the first one, the array may also end.
    Element { first: bool },
    /// In an array, after an element.
    BehindElement,
    /// After the array.
    Ended,
}

impl JsonFeed {
    /// A feed of rows of at most `row_bytes_max` bytes. With `bytes_max` it stops before a row if
    /// the builder holds that many bytes already.
    pub(super) fn new(row_bytes_max: usize, bytes_max: Option<usize>) -> Self {
        JsonFeed {
            tokenizer: Tokenizer::default(),
            waiting: Vec::new(),
            worth_trying: 0,
            lines: 0,
            form: Form::default(),
            row_bytes_max,
            bytes_max,
            stop_row: None,
            stopped: false,
        }
    }

    /// Sets what a builder may hold before another row begins.
    pub(super) fn stop_at(&mut self, bytes_max: usize) {
        self.bytes_max = Some(bytes_max);
    }

    /// What a builder may hold before another row begins.
    #[cfg(feature = "arrow")]
    pub(super) fn bytes_max(&self) -> Option<usize> {
        self.bytes_max
    }

    /// Whether a builder is full, so that it gets no more rows.
    pub(super) fn is_full(&self, builder: &Builder) -> bool {
        self.bytes_max.is_some_and(|max| builder.bytes() >= max)
    }

    /// Stops before this row too.
    pub(super) fn stop_before_row(&mut self, row: u64) {
        self.stop_row = Some(row);
    }

    /// Whether a full builder stopped it.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        id: &IdSource,
        builder: &mut Builder,
    ) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.waiting.is_empty() {
                let taken = self.take(rest, false, id, builder)?;
                self.wait_for_more(&rest[taken..], builder)?;
                self.worth_trying = self.next_try();
                return Ok(());
            }
            // Waiting bytes are copied, so add only a piece of a large slice, and not all of it.
            let (piece, behind) = rest.split_at(rest.len().min(PIECE_BYTES));
            self.wait_for_more(piece, builder)?;
            rest = behind;
            // A full builder gets no row, so there is nothing to try.
            if !self.stopped && self.waiting.len() >= self.worth_trying {
                self.read_waiting(false, id, builder)?;
                self.worth_trying = self.next_try();
            }
        }
        Ok(())
    }

    /// How much must wait before another try: twice as much, or more than a row may have.
    fn next_try(&self) -> usize {
        (self.waiting.len() * 2).min(self.row_bytes_max.saturating_add(1))
    }

    fn wait_for_more(&mut self, bytes: &[u8], builder: &Builder) -> Result<()> {
        if bytes.len() > self.waiting.capacity() - self.waiting.len() {
            // Twice the room, but no more than the longest row needs: memory then grows with what
            // has come.
            let length = self.waiting.len() + bytes.len();
            let most = self.row_bytes_max.saturating_add(PIECE_BYTES).max(length);
            let room = length.saturating_mul(2).min(most) - self.waiting.len();
            if self.waiting.try_reserve_exact(room).is_err() {
                let message = format!(
                    "there is not enough memory for a row of {length} bytes and more; split the \
                     row, or lower row_bytes_max"
                );
                return Err(Error::new(ErrorKind::Limit, message)
                    .at_row(builder.row_number())
                    .at_line(self.lines + 1));
            }
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    /// Continues after the row that filled the last builder.
    pub(super) fn resume(&mut self, id: &IdSource, builder: &mut Builder) -> Result<()> {
        self.read_waiting(false, id, builder)?;
        self.worth_trying = self.next_try();
        Ok(())
    }

    fn read_waiting(&mut self, last: bool, id: &IdSource, builder: &mut Builder) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let taken = self.take(&waiting, last, id, builder)?;
        self.waiting = waiting;
        self.waiting.drain(..taken);
        // One long row is no reason to hold its memory until the end.
        if self.waiting.capacity() > KEPT_BYTES && self.waiting.len() < KEPT_BYTES {
            self.waiting.shrink_to(KEPT_BYTES);
        }
        Ok(())
    }

    /// Reads the waiting bytes, and is then ready for another text. An error if they are not whole
    /// rows. If it stops at a full builder, call it again with another builder.
    pub(super) fn end(&mut self, id: &IdSource, builder: &mut Builder) -> Result<()> {
        self.read_waiting(true, id, builder)?;
        if self.stopped {
            return Ok(());
        }
        if matches!(self.form, Form::Element { .. } | Form::BehindElement) {
            let message = "the JSON array has no end: the input is cut off; give the whole text";
            return Err(Error::new(ErrorKind::Row, message).at_line(self.lines + 1));
        }
        (self.form, self.lines, self.worth_trying) = (Form::Unknown, 0, 0);
        Ok(())
    }

    /// An error if JSON text waits for its rest: a row pushed now would come before it.
    pub(super) fn no_open_text(&self) -> Result<()> {
        let open = !self.waiting.iter().all(u8::is_ascii_whitespace)
            || matches!(self.form, Form::Element { .. } | Form::BehindElement);
        if open {
            return Err(Error::misuse(
                "the JSON text that was pushed has not ended; push its rest before a row",
            ));
        }
        Ok(())
    }

    /// Reads all whole rows of `bytes`; how many bytes that took.
    fn take(
        &mut self,
        bytes: &[u8],
        last: bool,
        id: &IdSource,
        builder: &mut Builder,
    ) -> Result<usize> {
        self.stopped = false;
        let text = self.text(bytes, last)?;
        let taken = self.rows(text, last, id, builder)?;
        self.lines += json::newlines(&bytes[..taken]);
        Ok(taken)
    }

    /// `bytes` as text; a character cut off at the end waits for its rest.
    fn text<'b>(&self, bytes: &'b [u8], last: bool) -> Result<&'b str> {
        let whole = match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() && !last => &bytes[..error.valid_up_to()],
            _ => bytes,
        };
        json::utf8(whole, self.lines + 1)
    }

    fn rows(
        &mut self,
        text: &str,
        last: bool,
        id: &IdSource,
        builder: &mut Builder,
    ) -> Result<usize> {
        let bytes = text.as_bytes();
        let mut at = 0;
        if self.form == Form::Unknown && self.lines == 0 && text.starts_with(BYTE_ORDER_MARK) {
            at = BYTE_ORDER_MARK.len();
        }
        loop {
            let start = skip_white_space(bytes, at);
            let Some(&byte) = bytes.get(start) else { return Ok(start) };
            at = match (self.form, byte) {
                (_, BYTE_ORDER_MARK_START) if text[start..].starts_with(BYTE_ORDER_MARK) => {
                    let fault = Fault::new(start, MARK_WITHIN);
                    return Err(self.fault(bytes, fault, builder));
                }
                (Form::Unknown, b'[') => {
                    self.form = Form::Element { first: true };
                    start + 1
                }
                (Form::Element { first: true } | Form::BehindElement, b']') => {
                    self.form = Form::Ended;
                    start + 1
                }
                (Form::BehindElement, b',') => {
                    self.form = Form::Element { first: false };
                    start + 1
                }
                (Form::BehindElement, _) => {
                    let fault = Fault::new(start, "expected ',' or ']' after a row");
                    return Err(self.fault(bytes, fault, builder));
                }
                (Form::Ended, _) => {
                    let fault = Fault::new(start, "text follows the end of the array");
                    return Err(self.fault(bytes, fault, builder));
                }
                (Form::Unknown | Form::Lines | Form::Element { .. }, _) => {
                    if self.is_full(builder)
                        || (self.stop_row == Some(builder.row_number()) && builder.rows() > 0)
                    {
                        self.stopped = true;
                        return Ok(start);
                    }
                    match self.row(text, start, last, id, builder)? {
                        Some(end) => end,
                        None => return Ok(start),
                    }
                }
            };
        }
    }

    /// Reads one row. Gives the place of its end; `None` if its end has not come yet.
    fn row(
        &mut self,
        text: &str,
        start: usize,
        last: bool,
        id: &IdSource,
        builder: &mut Builder,
    ) -> Result<Option<usize>> {
        // Do not read past the longest row that is allowed.
        let longest = text.floor_char_boundary(start.saturating_add(self.row_bytes_max));
        let is_cut = longest < text.len();
        let line = || self.lines + 1 + json::newlines(&text.as_bytes()[..start]);
        builder.begin_row();
        match self.tokenizer.document(&text[..longest], start, builder) {
            Ok(end) => {
                builder.end_row_of(id).map_err(|error| error.at_line(line()))?;
                self.form = match self.form {
                    Form::Unknown | Form::Lines => Form::Lines,
                    _ => Form::BehindElement,
                };
                Ok(Some(end))
            }
            Err(fault) if fault.unfinished && (is_cut || builder.refuses_row()) => {
                Err(builder.row_too_large().at_line(line()))
            }
            Err(fault) if fault.unfinished && !last => {
                builder.abandon_row();
                Ok(None)
            }
            Err(fault) => Err(self.fault(text.as_bytes(), fault, builder)),
        }
    }

    fn fault(&self, bytes: &[u8], fault: Fault, builder: &Builder) -> Error {
        json::syntax_error(bytes, fault, self.lines + 1).at_row(builder.row_number())
    }
}
