//! Cold storage for rows: typed, lossless Parquet in S3-compatible storage or a local folder.
//!
//! ```
//! # async fn example() -> coldpress::Result<()> {
//! use coldpress::{ColdStorage, ColdStorageConfig, Projection};
//! use serde_json::json;
//!
//! let config = ColdStorageConfig { local_dir: Some("cold".into()), ..Default::default() };
//! let storage = ColdStorage::new(config)?;
//! let rows = [("a".to_owned(), json!({ "n": 1 })), ("b".to_owned(), json!({ "n": "two" }))];
//! let key = storage.encode_and_upload("events", 7, &rows, 100, 101).await?;
//! assert_eq!(key, "data/7/events/lsn-100-101.parquet");
//! assert_eq!(storage.read_rows(&key, &Projection::All).await?, rows);
//! # Ok(())
//! # }
//! ```
//!
//! Objects are never overwritten: putting the same content again is success, and putting other
//! content is [`ErrorKind::Conflict`]. The methods need a tokio runtime.
#![forbid(unsafe_code)]

mod backoff;
mod config;
mod credentials;
mod error;
mod grants;
mod process;
mod quiet;
mod random;
#[cfg(feature = "arrow")]
mod record_batches;
mod scan;
#[doc(hidden)]
pub mod staged;
mod storage;
mod store;
mod table;
mod tails;
mod threads;
mod time;
mod transport;
mod under_way;
mod upload;
mod wal;

#[cfg(feature = "arrow")]
pub use arrow_array;
pub use coldpress_core::{
    ArchivedNow, ChunkReport, Codec as ParquetCompression, Column, ColumnType, Digits, Document,
    Element, EncodedFile, Encoder, Encodings, Error as CoreError, ErrorKind as CoreErrorKind,
    Exposure, Fetch, Fetched, FileReport, Footer, Form, Gap, Grant, GrantRequest, GrantedWrite,
    HeldUp, IdSource, IntegerBounds, JsonStep, KeyPrefix, KeyTarget, LsnRange, LsnWidth, Method,
    MultipartGrant, Names, NewFields, NextTry, Nulls, Numbers, ObjectKey, OwnFieldIds, ParquetFile,
    Phase, Policy, Progress, Projection, ReadGrant, ReadGrantPage, ReadGrantRequest, ReadLimits,
    Rescued, RowGroupReport, Rows, Scan, ScanFile, ScanProgress, ScanQuery as Query, ScanSettings,
    ScanStep, Schema, SealedRule, SegmentChecksum, SegmentNames, Settings, Sha256Digest,
    SignedRequest, StoredRow, StreamSettings, Summary, Target, TextForm, TextTypes, TimeUnit,
    Unfinished, UploadSettings, Uploaded, Verified, WalSettings, WalSummary, Zone, filter,
};
pub use {bytes, object_store, serde_json};

pub use config::ColdStorageConfig;
pub use credentials::{CredentialProvider, CredentialSource, Credentials, Environment};
pub use error::{Error, ErrorKind, Result};
pub use futures_util::Stream;
pub use quiet::quietly;
#[cfg(feature = "arrow")]
pub use record_batches::{BatchSettings, read_parquet_with_predicate, read_parquet_with_settings};
pub use scan::{JsonRows, JsonScan, RowScan, ScanReport};
pub use storage::{
    ColdStorage, Contents, DamagedObject, Examined, FOREIGN_NAMES_KEPT, ForeignName, ForeignNames,
    Leftover, Likeness, ObjectWriter, Proof, Repaired, RowStream, StoredContent, StoredFile,
    StoredObject, ToKey, VerifiedObject,
};
pub use store::{AwsDefaults, GrantLimits, PutOutcome};
pub use table::{Clash, FileSchemas, TableSchema};
pub use time::TimeOfDay;
pub use upload::{UploadOptions, no_more_grants, upload, upload_until};
pub use wal::{
    SegmentCheck, SegmentPut, SegmentState, WalArchiver, WalEvent, WalRange, WalRemoval,
    WalRemoved, WalRestored, WalStatus,
};
