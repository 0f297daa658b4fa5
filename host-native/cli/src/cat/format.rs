//! Prints rows as NDJSON.

use std::io::Write;

use coldpress_core::StoredRow;

use super::id_field::put_id_first;
use crate::failure::Failure;

/// Prints rows.
pub(super) trait Printer {
    fn row(&mut self, row: &StoredRow) -> Result<(), Failure>;

    /// Prints what is left.
    fn end(&mut self) -> Result<(), Failure>;
}

/// One JSON object for each row.
pub(super) struct Ndjson<W> {
    out: W,
    with_id: bool,
    line: Vec<u8>,
}

impl<W: Write> Ndjson<W> {
    pub(super) fn new(out: W, with_id: bool) -> Self {
        Ndjson { out, with_id, line: Vec::new() }
    }
}

impl<W: Write> Printer for Ndjson<W> {
    fn row(&mut self, row: &StoredRow) -> Result<(), Failure> {
        self.line.clear();
        row.write_json(&mut self.line);
        if self.with_id {
            put_id_first(row.id(), &mut self.line);
        }
        self.line.push(b'\n');
        self.out.write_all(&self.line).map_err(Failure::output)
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::output)
    }
}
