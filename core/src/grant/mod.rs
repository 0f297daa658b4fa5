//! Grants: what lets a device without credentials write exactly one object.

mod ask;
mod digest;
mod fields;
mod json;
mod request;
#[cfg(feature = "sign")]
mod sign;
pub(crate) mod xml;

use serde_json::Value;

pub use ask::GrantRequest;
pub use digest::Sha256Digest;
pub use request::{Method, SignedRequest};
#[cfg(feature = "sign")]
pub use sign::{GrantTerms, Parts, Signer, SignerConfig, upload_id_in};
pub use xml::complete_multipart_body;

use crate::{Encodings, Error, KeyPrefix, KeyTarget, LsnWidth, ObjectKey, Result, Target};
use fields::Fields;

/// The most parts of a multipart upload: S3's own limit.
pub const PARTS_MAX: usize = 10_000;

/// The largest single put or part, in bytes: S3's own limit (5 GiB).
pub const PART_BYTES_MAX: u64 = 5 << 30;

/// The metadata that tells the same content from other after an answer was lost.
pub(crate) const SHA256_HEADER: &str = "x-amz-meta-coldpress-sha256";

/// The longest upload id that is taken; stores give some 40 to 150 characters.
const UPLOAD_ID_BYTES_MAX: usize = 2_048;

/// The right to write one object, once: signed requests for its bytes, and its key.
///
/// Whoever has store credentials makes one, and a device that has none uploads by it. Its JSON form
/// (version 1) is [`Grant::to_json`]:
///
/// ```
/// use coldpress_core::Grant;
///
/// let grant = Grant::from_json(r#"{
///     "version": 1, "prefix": "data/", "key": "data/7/people/lsn-41-42.parquet",
///     "expires_ms": 1763900000000, "bytes_max": 5368709120,
///     "put": {"method": "PUT", "url": "https://s3.example/b/data/7/people/lsn-41-42.parquet?X-Amz-Signature=1",
///             "headers": {"content-type": "application/vnd.apache.parquet", "if-none-match": "*"}},
///     "check": {"method": "HEAD", "url": "https://s3.example/b/data/7/people/lsn-41-42.parquet?X-Amz-Signature=2",
///               "headers": {}}
/// }"#)?;
/// // What to encode the rows for, so that the file agrees with its key.
/// assert_eq!((grant.target().tenant_id, grant.target().collection.as_str()), (7, "people"));
/// # Ok::<(), coldpress_core::Error>(())
/// ```
///
/// # Invariants
///
/// * the key is that of a data file and lies under the prefix
/// * `put` or each part is a PUT, `check` a HEAD, `complete` a POST, `abort` a DELETE
/// * there are 1 to [`PARTS_MAX`] parts, of 1 to [`PART_BYTES_MAX`] bytes each
/// * `bytes_max` is at least 1, and the parts or the put can hold it
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    prefix: KeyPrefix,
    key: ObjectKey,
    expires_ms: u64,
    bytes_max: u64,
    write: GrantedWrite,
    check: SignedRequest,
    encodings: Option<Encodings>,
}

/// The requests that store the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantedWrite {
    /// One request for the whole object.
    Put(SignedRequest),
    /// A multipart upload that was begun for the device.
    Multipart(MultipartGrant),
}

/// A multipart upload, begun by whoever granted, to be filled and completed by the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartGrant {
    /// The store's name for the upload.
    pub upload_id: String,
    /// The size of every part but the last.
    pub part_bytes: u64,
    /// The requests of the parts, the first one first.
    pub parts: Vec<SignedRequest>,
    /// Makes the object out of the parts.
    pub complete: SignedRequest,
    /// Takes the parts away.
    pub abort: SignedRequest,
}

impl Grant {
    /// A grant of these requests. `Settings` or `Key` where an invariant does not hold; `bytes_max`
    /// is lowered to what the requests can hold.
    pub fn new(
        prefix: KeyPrefix,
        key: ObjectKey,
        write: GrantedWrite,
        check: SignedRequest,
        expires_ms: u64,
        bytes_max: u64,
    ) -> Result<Self> {
        let key = ObjectKey::parse(&prefix, key.as_str())?;
        if !matches!(key.target(), KeyTarget::Data { .. }) {
            return Err(Error::key(format!(
                "{key} is no key of a data file, and grants are for those"
            )));
        }
        if bytes_max == 0 {
            return Err(Error::settings(
                "the grant has a \"bytes_max\" of 0; grant at least 1 byte",
            ));
        }
        demand(&check, Method::Head, "\"check\" of the grant")?;
        let bytes_max = bytes_max.min(write.check()?);
        Ok(Grant { prefix, key, expires_ms, bytes_max, write, check, encodings: None })
    }

    /// The grant with the set of encodings that its file is to have; `None` leaves it to the
    /// device.
    #[must_use]
    pub fn with_encodings(self, encodings: Option<Encodings>) -> Self {
        Grant { encodings, ..self }
    }

    /// Reads the JSON form. Fields it does not know are passed over; another version is an error,
    /// and every error names its field.
    pub fn from_json(text: &str) -> Result<Self> {
        json::read(text)
    }

    /// The JSON form, on one line. It is a secret until the grant expires.
    pub fn to_json(&self) -> String {
        json::write(self)
    }

    /// The folder of all keys.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// The key of the object.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// What to hand to the [`Encoder`](crate::Encoder), so that the file's metadata agrees with its
    /// key.
    pub fn target(&self) -> Target {
        let KeyTarget::Data { tenant_id, collection, lsns } = self.key.target() else {
            // `new` lets no other in.
            return Target::new(0, "");
        };
        let mut target = Target {
            prefix: self.prefix.clone(),
            tenant_id: *tenant_id,
            collection: collection.clone(),
            lsns: Some(*lsns),
            lsn_width: LsnWidth::Unpadded,
        };
        let unpadded =
            ObjectKey::data(&self.prefix, *tenant_id, collection, *lsns, LsnWidth::Unpadded);
        if !unpadded.is_ok_and(|key| key == self.key) {
            target.lsn_width = LsnWidth::Padded;
        }
        target
    }

    /// The set of encodings that the engines of this store read, for a device that chooses none
    /// itself.
    pub fn encodings(&self) -> Option<Encodings> {
        self.encodings
    }

    /// When its requests stop to work, in milliseconds since 1970 by the clock of who granted.
    pub fn expires_ms(&self) -> u64 {
        self.expires_ms
    }

    /// The largest file it takes.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// The requests that store the bytes.
    pub fn write(&self) -> &GrantedWrite {
        &self.write
    }

    /// Looks at what lies at the key.
    pub fn check(&self) -> &SignedRequest {
        &self.check
    }
}

impl GrantedWrite {
    /// The most bytes it can store, or what is wrong with it.
    fn check(&self) -> Result<u64> {
        let multipart = match self {
            GrantedWrite::Put(put) => {
                demand(put, Method::Put, "\"put\" of the grant")?;
                return Ok(PART_BYTES_MAX);
            }
            GrantedWrite::Multipart(multipart) => multipart,
        };
        let wrong =
            |what: String| Err(Error::settings(format!("\"multipart\" of the grant {what}")));
        if let Some(wrong_id) = wrong_with_upload_id(&multipart.upload_id) {
            return wrong(format!("has an \"upload_id\" that {wrong_id}"));
        }
        let (parts, part_bytes) = (multipart.parts.len(), multipart.part_bytes);
        if parts == 0 || parts > PARTS_MAX {
            return wrong(format!("has {parts} \"parts\"; there can be 1 to {PARTS_MAX}"));
        }
        if part_bytes == 0 || part_bytes > PART_BYTES_MAX {
            return wrong(format!(
                "has \"part_bytes\" of {part_bytes}; there can be 1 to {PART_BYTES_MAX}"
            ));
        }
        for (i, part) in multipart.parts.iter().enumerate() {
            demand(part, Method::Put, &format!("\"parts\"[{i}] of the grant"))?;
        }
        demand(&multipart.complete, Method::Post, "\"complete\" of the grant")?;
        demand(&multipart.abort, Method::Delete, "\"abort\" of the grant")?;
        Ok(part_bytes.saturating_mul(parts as u64))
    }
}

fn demand(request: &SignedRequest, method: Method, place: &str) -> Result<()> {
    match request.method() == method {
        true => Ok(()),
        false => Err(Error::settings(format!(
            "{place} has the \"method\" {}; it must be {method}",
            request.method()
        ))),
    }
}

fn wrong_with_upload_id(id: &str) -> Option<&'static str> {
    if id.is_empty() {
        return Some("is empty");
    }
    if id.len() > UPLOAD_ID_BYTES_MAX {
        return Some("is longer than 2,048 bytes");
    }
    (!id.bytes().all(|b| b.is_ascii_graphic())).then_some("holds more than visible ASCII")
}

fn upload_id(fields: &Fields<'_>) -> Result<String> {
    let id = fields.text("upload_id")?;
    match wrong_with_upload_id(id) {
        Some(wrong) => Err(fields.error(format_args!("has an \"upload_id\" that {wrong}"))),
        None => Ok(id.to_owned()),
    }
}

fn read_json(text: &str, what: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Error::settings(format!("{what} is not JSON: {error}")))
}

fn write_json(value: &impl serde::Serialize) -> String {
    // Structs of strings, numbers and string maps, which always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
