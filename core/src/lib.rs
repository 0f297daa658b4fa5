//! Sans-IO core of Coldpress: rows become Parquet bytes and object keys, and rows again.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod build;
mod decode;
mod encode;
mod error;
pub mod json;
mod key;
mod resolve;
mod schema;
mod settings;

pub use decode::{
    ChunkReport, FileReport, ParquetFile, Projection, RowGroupReport, Rows, StoredRow,
};
pub use encode::{EncodedFile, Encoder, Summary, Target};
pub use error::{Error, ErrorKind, Result};
pub use key::{KeyPrefix, KeyTarget, LsnRange, LsnWidth, ObjectKey, SEGMENT_BYTES_MAX};
pub use schema::{Column, ColumnType, Form, ID_COLUMN, RESCUED_COLUMN, Schema, TimeUnit};
pub use settings::{Codec, IdSource, Nulls, Policy, Settings};
