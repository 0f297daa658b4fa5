//! Rows as text for JavaScript, some thousands at a time.

use coldpress_core::Result;
#[cfg(feature = "decode")]
use coldpress_core::StoredRow;

use crate::exact;

/// Rows as one text. As NDJSON it has a line for each row, with every number as it is. Otherwise it
/// is a JSON array, in which a number that JavaScript cannot represent exactly is a marked string
/// (see `exact.rs`).
#[derive(Debug, Default)]
pub(crate) struct Batch {
    ndjson: bool,
    /// Whether a document without an `_id` gets the id of its row.
    ids: bool,
    out: String,
    document: Vec<u8>,
    marked: bool,
}

impl Batch {
    pub(crate) fn new(ids: bool, ndjson: bool) -> Self {
        Batch { ndjson, ids, ..Batch::default() }
    }

    /// Adds a row, whose number an error names. After an error the batch is as it was before.
    #[cfg(feature = "decode")]
    pub(crate) fn add(&mut self, row: &StoredRow, number: u64) -> Result<()> {
        let mut document = std::mem::take(&mut self.document);
        document.clear();
        row.write_json(&mut document);
        let added = self.add_with_id(&mut document, row.id(), number);
        self.document = document;
        added
    }

    /// The same of a row's id and JSON.
    #[cfg(feature = "scan")]
    pub(crate) fn add_json(&mut self, id: &str, json: &str, number: u64) -> Result<()> {
        if !self.ids {
            return self.add_document(json.as_bytes(), number);
        }
        let mut document = std::mem::take(&mut self.document);
        document.clear();
        document.extend_from_slice(json.as_bytes());
        let added = self.add_with_id(&mut document, id, number);
        self.document = document;
        added
    }

    fn add_with_id(&mut self, document: &mut Vec<u8>, id: &str, number: u64) -> Result<()> {
        if self.ids {
            exact::with_id(document, id)?;
        }
        self.add_document(document, number)
    }

    fn add_document(&mut self, document: &[u8], row: u64) -> Result<()> {
        let text = exact::text(document)?;
        if self.ndjson {
            self.out.push_str(text);
            self.out.push('\n');
            return Ok(());
        }
        let before = self.out.len();
        self.out.push(if self.out.is_empty() { '[' } else { ',' });
        if !exact::needs_marks(document)? {
            self.out.push_str(text);
            return Ok(());
        }
        let written = exact::write_marked(document, row, &mut self.out);
        match written {
            Ok(()) => self.marked = true,
            Err(_) => self.out.truncate(before),
        }
        written
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The length of its text, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.out.len()
    }

    /// Whether it has marks.
    pub(crate) fn is_marked(&self) -> bool {
        self.marked
    }

    /// The text, in the form that JavaScript takes.
    pub(crate) fn text(&mut self) -> &str {
        if !self.ndjson && !self.out.is_empty() {
            self.out.push(']');
        }
        &self.out
    }

    pub(crate) fn clear(&mut self) {
        self.out.clear();
        self.marked = false;
    }
}
