//! The core for JavaScript: a thin layer that the npm package `coldpress` (in `js/`) stands on.
//!
//! What comes in and goes out is plain: bytes, text, numbers and typed arrays. What a JavaScript value is
//! worth, how rows are walked and how errors look is decided in `js/`.

mod encoder;
mod fault;
mod file;
mod key;
mod tape;

#[cfg(feature = "decode")]
mod decode;
#[cfg(feature = "upload")]
mod upload;

pub use encoder::{RawEncoder, RawSettings};
pub use fault::{Fault, last_panic, watch_panics};
pub use file::RawFile;
pub use key::{RawKey, object_key, parse_object_key};

#[cfg(feature = "decode")]
pub use decode::{decode, inspect};
#[cfg(feature = "upload")]
pub use upload::{RawAction, RawFirstGrant, RawProgress, RawUpload, RawUploaded};
