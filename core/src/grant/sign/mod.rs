//! Signs requests that others send: AWS Signature Version 4, in the query of the URL.
//!
//! The signature is a pure function of credentials, request and time. Rules: "Authenticating
//! Requests: Using Query Parameters" and "Signature Calculations" of the Amazon S3 API reference.

mod endpoint;
mod grants;
mod object;
mod read;
mod signer;

pub use grants::{GrantTerms, Parts};
pub use read::ReadTerms;
pub use signer::{Signer, SignerConfig};

#[cfg(test)]
mod tests;
