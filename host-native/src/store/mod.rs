//! The two kinds of store: a local folder, and a bucket of an S3 store.

pub(crate) mod error;
pub(crate) mod listed;
pub(crate) mod local;
pub(crate) mod outcome;
pub(crate) mod path;
pub(crate) mod place;
pub(crate) mod s3;
pub(crate) mod secrets;

pub use outcome::PutOutcome;
pub use s3::credentials::AwsDefaults;
pub use s3::grants::GrantLimits;
