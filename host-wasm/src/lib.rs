//! The core for JavaScript: a thin layer that the npm package `coldpress` (in `js/`) stands on.
//!
//! Only bytes, text, numbers and typed arrays come in and go out. `js/` decides what a JavaScript
//! value means, how rows are walked, and how errors look.

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
