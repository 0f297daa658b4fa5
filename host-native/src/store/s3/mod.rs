//! A bucket of a store that speaks S3.

pub(crate) mod cleanup;
pub(crate) mod client;
pub(crate) mod credentials;
pub(crate) mod delete;
pub(crate) mod grants;
pub(crate) mod http;
pub(crate) mod list;
pub(crate) mod listing_page;
pub(crate) mod multipart;
mod own_request;
pub(crate) mod probe;
pub(crate) mod put;
pub(crate) mod put_driver;
mod put_error;
mod renewal;
pub(crate) mod resume;
pub(crate) mod retry;
mod window;
pub(crate) mod writer;
pub(crate) mod xml;
