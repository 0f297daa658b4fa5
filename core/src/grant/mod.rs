//! Grants: a grant lets a device without credentials write, or read, exactly one object.

mod ask;
mod digest;
mod fields;
mod granted;
mod json;
mod read;
mod read_json;
mod read_page;
mod request;
mod request_json;
#[cfg(feature = "sign")]
mod sign;
pub(crate) mod xml;

pub use ask::GrantRequest;
pub use digest::Sha256Digest;
pub(crate) use granted::SHA256_HEADER;
pub use granted::{Grant, GrantedWrite, MultipartGrant, PART_BYTES_MAX, PARTS_MAX};
pub use read::{ReadGrant, entity_tag};
pub use read_page::{READ_GRANTS_MAX, ReadGrantPage, ReadGrantRequest};
pub use request::{Method, SignedRequest};
#[cfg(feature = "sign")]
pub use sign::{GrantTerms, Parts, ReadTerms, Signer, SignerConfig};
pub use xml::{complete_multipart_body, upload_id_in};

#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod tests;
