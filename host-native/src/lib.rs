//! Cold storage for rows: typed, lossless Parquet in S3-compatible storage or a local folder.
#![forbid(unsafe_code)]

mod config;
mod error;
mod storage;

pub use coldpress_core::Codec as ParquetCompression;

pub use config::ColdStorageConfig;
pub use error::{Error, ErrorKind, Result};
pub use storage::{ColdStorage, PutOutcome, StoredObject};
