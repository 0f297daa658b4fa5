//! A Coldpress file back into rows.
#![allow(missing_docs)]
use bytes::Bytes;
use serde_json::Value;
use crate::*;

/// A Coldpress file, its footer read and checked.
#[derive(Debug)]
pub struct ParquetFile {}
impl ParquetFile {
    pub fn open(_bytes: Bytes) -> Result<Self> { todo!() }
    pub fn schema(&self) -> &Schema { todo!() }
    pub fn rows_count(&self) -> u64 { todo!() }
    pub fn tenant_id(&self) -> u64 { todo!() }
    pub fn collection(&self) -> &str { todo!() }
    pub fn lsns(&self) -> LsnRange { todo!() }
    pub fn rows(&self, _projection: &Projection) -> Result<Rows<'_>> { todo!() }
    /// What an inspector wants to know of the file: row groups, column chunks, encodings, sizes.
    pub fn report(&self) -> FileReport { todo!() }
}

/// Which top-level columns to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Projection { #[default] All, Columns(Vec<String>) }

/// Iterates over rows
pub struct Rows<'f>(std::marker::PhantomData<&'f ()>);
impl Iterator for Rows<'_> { type Item = Result<StoredRow>; fn next(&mut self) -> Option<Self::Item> { todo!() } }

#[derive(Debug, Clone)]
pub struct StoredRow {}
impl StoredRow {
    pub fn id(&self) -> &str { todo!() }
    /// The document as JSON text, compact, every number exactly as stored
    pub fn write_json(&self, _out: &mut Vec<u8>) { todo!() }
    /// An error where a number is one that `serde_json::Value` would round.
    pub fn to_value(&self) -> Result<Value> { todo!() }
}

#[derive(Debug, Clone)]
pub struct FileReport { pub created_by: String, pub metadata: Vec<(String, String)>, pub row_groups: Vec<RowGroupReport> }
#[derive(Debug, Clone)]
pub struct RowGroupReport { pub rows: u64, pub bytes: u64, pub chunks: Vec<ChunkReport> }
/// One column chunk
#[derive(Debug, Clone)]
pub struct ChunkReport {
    /// e.g. `address.city`, for people
    pub column: String,
    pub field_id: i32,
    /// e.g. `INT64`
    pub physical_type: String,
    /// e.g. `STRING`, `DECIMAL(20,0)`; empty where none
    pub logical_type: String,
    pub codec: String,
    pub encodings: Vec<String>,
    pub values: u64,
    pub nulls: Option<u64>,
    pub min: Option<String>,
    pub max: Option<String>,
    pub compressed_bytes: u64,
    pub uncompressed_bytes: u64,
    pub bloom_filter: bool,
    pub column_index: bool,
    pub offset_index: bool,
}
