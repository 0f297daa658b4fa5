//! Decodes files into rows, and reports the facts of a file.

mod report;

use bytes::Bytes;
use coldpress_core::{ParquetFile, Projection};
use js_sys::{Function, JsString};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::Fault;
use crate::batch::Batch;

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
    let mut batch = Batch::new(ids, ndjson);
    for (number, row) in file.rows(&projection).map_err(Fault::from)?.enumerate() {
        batch.add(&row.map_err(Fault::from)?, number as u64).map_err(Fault::from)?;
        if batch.bytes() >= BATCH_BYTES {
            hand_over(&mut batch, take)?;
        }
    }
    hand_over(&mut batch, take)?;
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

fn hand_over(batch: &mut Batch, take: &Function) -> Result<(), JsValue> {
    if batch.is_empty() {
        return Ok(());
    }
    let marked = batch.is_marked();
    let rows: JsValue = JsString::from(batch.text()).into();
    take.call2(&JsValue::NULL, &rows, &marked.into())?;
    batch.clear();
    Ok(())
}
