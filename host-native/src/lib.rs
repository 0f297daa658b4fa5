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
//! Objects are never overwritten: the same content again is success, other content is
//! [`ErrorKind::Conflict`]. The methods want a tokio runtime.
#![forbid(unsafe_code)]

mod answer;
mod backoff;
mod claims;
mod config;
mod contents;
mod create;
mod delete;
mod deleting;
mod error;
mod grant;
mod http;
mod leftovers;
#[cfg(feature = "listen")]
pub mod listen;
mod listing;
mod local;
mod local_store;
mod persist;
mod quiet;
mod random;
mod remote;
mod repair;
mod resume;
mod rows;
#[cfg(feature = "serve")]
pub mod serve;
mod storage;
mod stored;
mod threads;
mod upload;
mod uploads;
mod verify;
mod wal;
mod writer;

pub use coldpress_core::Codec as ParquetCompression;
pub use coldpress_core::{
    ArchivedNow, EncodedFile, Encodings, Exposure, Gap, Grant, GrantRequest, HeldUp, KeyPrefix,
    LsnRange, LsnWidth, NextTry, ObjectKey, Phase, Progress, Projection, ReadLimits, SealedRule,
    SegmentChecksum, SegmentNames, Settings, Sha256Digest, StreamSettings, Target, Unfinished,
    UploadSettings, Uploaded, WalSettings, WalSummary,
};

pub use config::ColdStorageConfig;
pub use error::{Error, ErrorKind, Result};
pub use grant::GrantLimits;
pub use listing::{
    Contents, FOREIGN_NAMES_KEPT, ForeignName, ForeignNames, Leftover, StoredObject,
};
pub use quiet::quietly;
pub use repair::{DamagedObject, Examined, Likeness, Proof, Repaired};
pub use rows::{RowStream, StoredFile};
pub use storage::{ColdStorage, PutOutcome};
pub use upload::{UploadOptions, no_more_grants, upload, upload_until};
pub use verify::VerifiedObject;
pub use wal::{
    SegmentCheck, SegmentPut, SegmentState, WalArchiver, WalEvent, WalRange, WalRemoval,
    WalRemoved, WalRestored, WalStatus,
};
pub use writer::ObjectWriter;
