//! Scans: core's machine, whose requests JavaScript performs.

mod answers;
mod grant;
mod query;
mod report;

use bytes::Bytes;
use coldpress_core::{Error, Fetch, Fetched, KeyPrefix, ObjectKey};
use coldpress_core::{JsonStep, Scan, ScanFile, ScanSettings};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Fault;
use crate::batch::Batch;

pub use answers::{RawVerdict, judge_read, next_try};
pub use grant::{RawReadGrant, read_grant};
pub use query::RawQuery;

/// Rows go to JavaScript as soon as their text has this length. A reader that wants only the first
/// rows should not wait for many more.
const BATCH_BYTES: usize = 256 << 10;

/// The machine that scans one file.
#[wasm_bindgen]
pub struct RawScan {
    scan: Scan,
    batch: Batch,
    /// The row under way.
    json: String,
    rows: u64,
    /// What ended it; JavaScript first gets the rows that came before.
    failed: Option<Error>,
}

/// A range to fetch.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawFetch(Fetch);

#[wasm_bindgen]
impl RawScan {
    /// A scan of a file of so many bytes. `tail_bytes` is what an earlier scan said in
    /// [`RawScan::progress`]. `ids` and `ndjson` are those of `decode`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        bytes: f64,
        tail_bytes: Option<f64>,
        query: &RawQuery,
        ids: bool,
        ndjson: bool,
    ) -> Result<RawScan, Fault> {
        let mut file = ScanFile::new(bytes as u64);
        file.tail_bytes = tail_bytes.map(|bytes| bytes as u64);
        let mut query = query.0.clone();
        query.without_ids = !ids;
        let scan = Scan::new(file, query, ScanSettings::default())?;
        let (batch, json) = (Batch::new(ids, ndjson), String::new());
        Ok(RawScan { scan, batch, json, rows: 0, failed: None })
    }

    /// Goes on as far as the bytes reach: `rows` (there are some: take them), `wait` (it needs the
    /// bytes of its requests) or `done`.
    pub fn poll(&mut self) -> Result<String, Fault> {
        let state = loop {
            if self.batch.bytes() >= BATCH_BYTES {
                break "rows";
            }
            match self.step() {
                Ok(JsonStep::Row(_)) => {}
                Ok(_) if !self.batch.is_empty() => break "rows",
                Ok(JsonStep::Wait) => break "wait",
                Ok(JsonStep::Done) => break "done",
                Err(error) if self.batch.is_empty() => return Err(error.into()),
                Err(error) => {
                    self.failed = Some(error);
                    break "rows";
                }
            }
        };
        Ok(state.to_owned())
    }

    fn step(&mut self) -> coldpress_core::Result<JsonStep> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.json.clear();
        let step = self.scan.poll_json(&mut self.json)?;
        if let JsonStep::Row(id) = &step {
            self.batch.add_json(id, &self.json, self.rows)?;
            self.rows += 1;
        }
        Ok(step)
    }

    /// Whether the rows have marks (see `exact.rs`). Ask before they are taken.
    #[wasm_bindgen(js_name = isMarked)]
    pub fn is_marked(&self) -> bool {
        self.batch.is_marked()
    }

    /// The rows that are there, as JSON or NDJSON.
    #[wasm_bindgen(js_name = takeRows)]
    pub fn take_rows(&mut self) -> String {
        let text = self.batch.text().to_owned();
        self.batch.clear();
        text
    }

    /// The next range to fetch; undefined if every request has been given.
    #[wasm_bindgen(js_name = pollFetch)]
    pub fn poll_fetch(&mut self) -> Option<RawFetch> {
        self.scan.poll_fetch().map(RawFetch)
    }

    /// Takes the bytes of a range.
    #[wasm_bindgen(js_name = handleBytes)]
    pub fn handle_bytes(&mut self, id: f64, bytes: Vec<u8>) -> Result<(), Fault> {
        Ok(self.scan.handle_bytes(id as u64, Fetched::new(Bytes::from(bytes)))?)
    }

    /// Requests, bytes asked for, bytes that arrived, bytes of the tail; row groups: all, left out
    /// by LSNs, statistics, bloom filters and page index, read; rows: read, given.
    pub fn progress(&self) -> Vec<f64> {
        let progress = self.scan.progress();
        [
            progress.requests,
            progress.bytes_asked,
            progress.bytes,
            progress.tail_bytes,
            progress.row_groups,
            progress.pruned_by_lsns,
            progress.pruned_by_statistics,
            progress.pruned_by_bloom_filters,
            progress.pruned_by_page_index,
            progress.row_groups_read,
            progress.rows_read,
            progress.rows,
        ]
        .map(|number| number as f64)
        .to_vec()
    }

    /// What the footer says, as JSON; undefined until it has been read.
    pub fn footer(&self) -> Option<String> {
        self.scan.footer().map(report::footer)
    }

    /// The columns, as JSON; undefined until the footer has been read.
    pub fn schema(&self) -> Option<String> {
        self.scan.footer().map(|footer| footer.schema().to_json())
    }

    /// The paths of the columns that the query names and that the file does not have.
    #[wasm_bindgen(js_name = unknownColumns)]
    pub fn unknown_columns(&self) -> Vec<String> {
        self.scan.unknown_columns().into_iter().map(ToString::to_string).collect()
    }

    /// Whether its pages are in a codec that only the module with all codecs reads.
    #[wasm_bindgen(js_name = needsAllCodecs)]
    pub fn needs_all_codecs(&self) -> bool {
        self.scan.needs_all_codecs()
    }

    /// The row groups and their column chunks, as JSON; undefined until the footer has been read.
    pub fn layout(&self) -> Option<String> {
        self.scan.report().map(|file| report::layout(&file))
    }

    /// An error if the footer says that the file was made for another key.
    #[wasm_bindgen(js_name = checkKey)]
    pub fn check_key(&self, prefix: &str, key: &str) -> Result<(), Fault> {
        let key = ObjectKey::parse(&KeyPrefix::new(prefix)?, key)?;
        Ok(self.scan.footer().map_or(Ok(()), |footer| footer.check_key(&key))?)
    }
}

#[wasm_bindgen]
impl RawFetch {
    /// Names the request to [`RawScan::handle_bytes`].
    pub fn id(&self) -> f64 {
        self.0.id as f64
    }

    /// Its first byte.
    pub fn start(&self) -> f64 {
        self.0.range.start as f64
    }

    /// The byte behind its last.
    pub fn end(&self) -> f64 {
        self.0.range.end as f64
    }
}
