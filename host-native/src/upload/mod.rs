//! Uploads by a grant, without credentials of the store.

mod drive;

pub use drive::{UploadOptions, no_more_grants, upload, upload_until};
