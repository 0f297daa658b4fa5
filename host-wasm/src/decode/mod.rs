//! Decodes files into rows, and reports the facts of a file.

mod exact;
mod report;

use bytes::Bytes;
use coldpress_core::{ParquetFile, Projection};
use js_sys::{Function, JsString};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::Fault;

/// Rows go to JavaScript as soon as their text has this length: enough to make each call cheap, and
/// little enough to keep memory small.
const BATCH_BYTES: usize = 1 << 20;

/// Passes the rows of a file to `take`, some thousands at a time.
///
/// With `ids`, a document without an `_id` gets the id of its row. With `ndjson`, rows come as
/// lines with every number as it is. Otherwise they come as JSON arrays, in which a number that
/// JavaScript cannot represent exactly is a marked string (see `exact.rs`); the second argument of
/// `take` says whether there is one.
///
/// Returns the columns, as JSON.
#[wasm_bindgen]
pub fn decode(
    bytes: Vec<u8>,
    columns: Option<Vec<String>>,
    ids: bool,
    ndjson: bool,
    take: &Function,
) -> Result<String, JsValue> {
    let file = ParquetFile::open(Bytes::from(bytes)).map_err(Fault::from)?;
    let projection = columns.map_or(Projection::All, Projection::Columns);
    let mut batch = Batch { ndjson, ..Batch::default() };
    for (number, row) in file.rows(&projection).map_err(Fault::from)?.enumerate() {
        let row = row.map_err(Fault::from)?;
        let mut document = std::mem::take(&mut batch.document);
        document.clear();
        row.write_json(&mut document);
        if ids {
            exact::with_id(&mut document, row.id()).map_err(Fault::from)?;
        }
        batch.add(&document, number as u64).map_err(Fault::from)?;
        batch.document = document;
        if batch.out.len() >= BATCH_BYTES {
            batch.hand_over(take)?;
        }
    }
    batch.hand_over(take)?;
    Ok(file.schema().to_json())
}

/// The facts of a file, as JSON; an error if its page headers, its indexes or its rescued values
/// cannot be decoded.
#[wasm_bindgen]
pub fn inspect(bytes: Vec<u8>) -> Result<String, Fault> {
    let size = bytes.len();
    let file = ParquetFile::open(Bytes::from(bytes))?;
    file.check_outline()?;
    let rescued = file.rescued()?;
    Ok(report::json(&file, size, &rescued))
}

#[derive(Default)]
struct Batch {
    ndjson: bool,
    out: String,
    document: Vec<u8>,
    marked: bool,
}

impl Batch {
    fn add(&mut self, document: &[u8], row: u64) -> coldpress_core::Result<()> {
        let text = exact::text(document)?;
        if self.ndjson {
            self.out.push_str(text);
            self.out.push('\n');
            return Ok(());
        }
        self.out.push(if self.out.is_empty() { '[' } else { ',' });
        if exact::needs_marks(document)? {
            exact::write_marked(document, row, &mut self.out)?;
            self.marked = true;
        } else {
            self.out.push_str(text);
        }
        Ok(())
    }

    fn hand_over(&mut self, take: &Function) -> Result<(), JsValue> {
        if self.out.is_empty() {
            return Ok(());
        }
        if !self.ndjson {
            self.out.push(']');
        }
        let rows: JsValue = JsString::from(self.out.as_str()).into();
        take.call2(&JsValue::NULL, &rows, &self.marked.into())?;
        self.out.clear();
        self.marked = false;
        Ok(())
    }
}
