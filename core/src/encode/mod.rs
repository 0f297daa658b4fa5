//! Rows in, one Parquet file out.
#![allow(missing_docs)]
use bytes::Bytes;
use serde_json::Value;
use crate::*;

/// Whose rows a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub prefix: KeyPrefix,
    pub tenant_id: u64,
    pub collection: String,
    /// `None`: 0..rows-1
    pub lsns: Option<LsnRange>,
    pub lsn_width: LsnWidth,
}

/// A finished file.
#[derive(Debug, Clone)]
pub struct EncodedFile { pub key: ObjectKey, pub bytes: Bytes, pub summary: Summary }

#[derive(Debug, Clone)]
pub struct Summary {
    pub rows: u64,
    /// top-level columns, `_id` and `_rescued_data` included
    pub columns: usize,
    /// Values in `_rescued_data` by the path of their column
    pub rescued: Vec<(String, u64)>,
    /// keys that stood twice in one object (the last value was kept)
    pub duplicate_keys: u64,
    pub schema: Schema,
}

pub struct Encoder {}
impl Encoder {
    pub fn new(_settings: Settings) -> Result<Self> { todo!() }
    /// One row with an id of its own. The document must be an object.
    pub fn push_row(&mut self, _id: &str, _document: &Value) -> Result<()> { todo!() }
    /// NDJSON (any white space between documents), or one JSON array of objects; in slices of any size.
    pub fn push_json(&mut self, _bytes: &[u8]) -> Result<()> { todo!() }
    pub fn rows(&self) -> u64 { todo!() }
    /// An error where there is no row, or the JSON pushed ends within a document.
    pub fn finish(self, _target: &Target) -> Result<EncodedFile> { todo!() }
}
