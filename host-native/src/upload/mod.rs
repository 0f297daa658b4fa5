//! Uploads by a grant, without credentials of the store.

pub(crate) mod transport;
