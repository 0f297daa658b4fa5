//! How the names of staged files begin and end: of files that are still being written. Public only
//! for `coldpress-dev-store`, which writes into the same folders as
//! [`ColdStorage`](crate::ColdStorage).

/// A dot in front: engines that scan folders ignore such a name.
pub const STAGED_START: &str = ".coldpress-";
/// A `#` and digits at the end: object_store's local listing ignores such a name.
pub const STAGED_END: &str = "#0";
