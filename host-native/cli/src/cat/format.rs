//! Prints rows as NDJSON.

use std::io::Write;

use super::id_field::put_id_first;
use crate::failure::Failure;

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

    pub(super) fn row(&mut self, id: &str, json: &str) -> Result<(), Failure> {
        self.line.clear();
        self.line.extend_from_slice(json.as_bytes());
        if self.with_id {
            put_id_first(id, &mut self.line);
        }
        self.line.push(b'\n');
        self.out.write_all(&self.line).map_err(Failure::output)
    }

    pub(super) fn end(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::output)
    }
}
