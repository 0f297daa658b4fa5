//! A local folder as a store.

pub(crate) mod folder;
pub(crate) mod guarded;
pub(crate) mod list;
