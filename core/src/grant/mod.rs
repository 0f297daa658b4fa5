//! Grants: a grant lets a device without credentials write exactly one object.

mod ask;
mod digest;
mod fields;
mod granted;
mod json;
mod request;
#[cfg(feature = "sign")]
mod sign;
pub(crate) mod xml;

pub use ask::GrantRequest;
pub use digest::Sha256Digest;
pub(crate) use granted::SHA256_HEADER;
pub use granted::{Grant, GrantedWrite, MultipartGrant, PART_BYTES_MAX, PARTS_MAX};
pub use request::{Method, SignedRequest};
#[cfg(feature = "sign")]
pub use sign::{GrantTerms, Parts, Signer, SignerConfig};
pub use xml::{complete_multipart_body, upload_id_in};

#[cfg(test)]
mod tests;
