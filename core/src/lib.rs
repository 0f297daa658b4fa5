//! Sans-IO core of Coldpress: rows become Parquet bytes and object keys, and rows again.
//!
//! The core uses no file, socket, clock, randomness or thread. It takes bytes and values, and gives
//! bytes and values. The caller, a *host*, reads and writes. The same rows with the same settings
//! give the same bytes on every host.
//!
//! The whole loop, as a host drives it:
//!
//! ```
//! use coldpress_core::{Encoder, LsnRange, ParquetFile, Projection, Settings, Target};
//!
//! // Rows come in slices of any size, wherever they are cut.
//! let slices = [
//!     r#"{"name":"Ada","born":18"#,
//!     "15}\n{\"name\":\"Grace\",",
//!     "\"langs\":[\"COBOL\"]}\n",
//! ];
//! let mut encoder = Encoder::new(Settings::default())?;
//! for slice in slices {
//!     encoder.push_json(slice.as_bytes())?;
//! }
//! let lsns = Some(LsnRange::new(41, 42)?);
//! let file = encoder.finish(&Target { lsns, ..Target::new(7, "people") })?;
//!
//! // The host stores `file.bytes` under `file.key`, and one day fetches them again.
//! assert_eq!(file.key.as_str(), "7/people/lsn-41-42.parquet");
//! let stored = ParquetFile::open(file.bytes)?;
//! let mut ndjson = Vec::new();
//! for row in stored.rows(&Projection::Columns(vec!["name".into(), "langs".into()]))? {
//!     row?.write_json(&mut ndjson);
//!     ndjson.push(b'\n');
//! }
//! assert_eq!(ndjson, b"{\"name\":\"Ada\"}\n{\"name\":\"Grace\",\"langs\":[\"COBOL\"]}\n");
//! # Ok::<(), coldpress_core::Error>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

// As WebAssembly, `#[test]` is what wasm-bindgen's runner collects.
#[cfg(all(test, target_arch = "wasm32"))]
#[macro_use(test)]
extern crate coldpress_wasm_test;

#[cfg(feature = "decode")]
mod by_name;
mod claim;
mod columns;
#[cfg(feature = "decode")]
mod decode;
mod encode;
mod error;
mod format;
mod grant;
pub mod json;
mod key;
mod put;
mod resolve;
mod retry;
#[cfg(feature = "decode")]
mod scan;
mod schema;
mod settings;
mod sort;
mod target;
mod text;
mod time;
mod wal;
mod work;

pub use claim::{ClaimMark, ClaimName, ClaimStep, Claiming, Refusal, SeenClaim, Wanted, free_lsn};
#[cfg(all(feature = "arrow", feature = "decode"))]
pub use decode::foreign;
#[cfg(feature = "decode")]
pub use decode::{
    ChunkReport, FileReport, Footer, IntegerBounds, ParquetFile, Projection, ReadLimits,
    RowGroupReport, Rows, StoredRow, Verified,
};
pub use encode::{
    Document, EncodedFile, Encoder, FileTail, StreamEncoder, StreamOutput, StreamSettings,
    StreamedFile, Summary,
};
pub use error::{Error, ErrorKind, Result};
pub use format::rescued::Rescued;
pub use grant::{
    Grant, GrantRequest, GrantedWrite, Method, MultipartGrant, PART_BYTES_MAX, PARTS_MAX,
    READ_GRANTS_MAX, ReadGrant, ReadGrantPage, ReadGrantRequest, Sha256Digest, SignedRequest,
    complete_multipart_body, entity_tag, upload_id_in,
};
#[cfg(feature = "sign")]
pub use grant::{GrantTerms, Parts, ReadTerms, Signer, SignerConfig};
pub use key::{KeyPrefix, KeyTarget, LsnRange, LsnWidth, ObjectKey, SEGMENT_BYTES_MAX};
pub use put::{
    Action, BufferPolicy, FirstGrant, Found, Meaning, Next, NextTry, OwnAction, Phase, Progress,
    Put, PutBody, PutFault, PutRule, PutWay, RequestBody, SignedBy, StoreAnswer, StoreRequest,
    StoreStep, UploadSettings, Uploaded, Verdict, judge, judge_deleted,
};
pub use retry::{Backoff, Random, Retry};
#[cfg(feature = "decode")]
pub use scan::filter;
#[cfg(feature = "decode")]
pub use scan::{
    Fetch, Fetched, JsonStep, Scan, ScanFile, ScanProgress, ScanQuery, ScanSettings, ScanStep,
};
pub use schema::{
    Column, ColumnType, Digits, Element, Form, ID_COLUMN, Names, OwnFieldIds, RESCUED_COLUMN,
    Schema, TextForm, TimeUnit, Zone,
};
pub use settings::{
    Codec, Encodings, IdSource, NewFields, Nulls, Numbers, Policy, Settings, TextTypes,
};
pub use target::Target;
pub use time::{listed_time_ms, retry_after_ms, rfc3339_ms};
pub use wal::{
    ArchiveMark, ArchivedNow, ArchivedSegment, Exposure, Gap, HeldUp, LocalSegment,
    RECORDED_SEGMENT_BYTES_MAX, SealedRule, SegmentChecksum, SegmentNames, SegmentOrder,
    SegmentPlace, SegmentRecord, Unfinished, WalAction, WalPlan, WalSettings, WalSummary,
    archived_segments,
};

/// Runs the example of README.md as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
