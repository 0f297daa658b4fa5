//! The core for JavaScript: a thin layer that the npm package `coldpress` (in `js/`) stands on.
//!
//! Only bytes, text, numbers and typed arrays come in and go out. `js/` decides what a JavaScript
//! value means, how rows are walked, and how errors look.

#[cfg(any(feature = "decode", feature = "scan"))]
mod batch;
#[cfg(feature = "decode")]
mod decode;
#[cfg(feature = "encode")]
mod encoder;
#[cfg(any(feature = "decode", feature = "scan"))]
mod exact;
mod fault;
#[cfg(feature = "encode")]
mod file;
#[cfg(feature = "encode")]
mod key;
#[cfg(feature = "scan")]
mod scan;
#[cfg(feature = "encode")]
mod tape;
#[cfg(feature = "upload")]
mod upload;

pub use fault::{Fault, last_panic, watch_panics};

#[cfg(feature = "decode")]
pub use decode::{decode, inspect};
#[cfg(feature = "encode")]
pub use encoder::{RawEncoder, RawSettings};
#[cfg(feature = "encode")]
pub use file::RawFile;
#[cfg(feature = "encode")]
pub use key::{RawKey, object_key, parse_object_key};
#[cfg(feature = "scan")]
pub use scan::{
    RawFetch, RawQuery, RawReadGrant, RawScan, RawVerdict, judge_read, next_try, read_grant,
};
#[cfg(feature = "upload")]
pub use upload::{RawAction, RawFirstGrant, RawProgress, RawUpload, RawUploaded};
