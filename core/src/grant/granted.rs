//! A grant and its invariants.

use super::fields::wrong_with_upload_id;
use super::request::{Method, SignedRequest};
use crate::{Encodings, Error, KeyPrefix, KeyTarget, LsnWidth, ObjectKey, Result, Target};

/// The most parts of a multipart upload: S3's own limit.
pub const PARTS_MAX: usize = 10_000;

/// The largest single put or part, in bytes: S3's own limit (5 GiB).
pub const PART_BYTES_MAX: u64 = 5 << 30;

/// The metadata of an object that holds its SHA-256. With it, an upload whose answer was lost can
/// tell its own object from another one, without reading the object.
pub(crate) const SHA256_HEADER: &str = "x-amz-meta-coldpress-sha256";

/// The right to write one object, once: its key, and signed requests for its bytes.
///
/// A server that has credentials of the store makes a grant. A device without credentials uploads
/// by it. Its JSON form (version 1) is [`Grant::to_json`]:
///
/// ```
/// use coldpress_core::Grant;
///
/// let grant = Grant::from_json(r#"{
///     "version": 1, "prefix": "data/", "key": "data/7/people/lsn-41-42.parquet",
///     "expires_ms": 1763900000000, "bytes_max": 5368709120,
///     "put": {"method": "PUT",
///             "url": "https://s3.example/b/data/7/people/lsn-41-42.parquet?X-Amz-Signature=1",
///             "headers": {"content-type": "application/vnd.apache.parquet",
///                         "if-none-match": "*"}},
///     "check": {"method": "HEAD",
///               "url": "https://s3.example/b/data/7/people/lsn-41-42.parquet?X-Amz-Signature=2",
///               "headers": {}}
/// }"#)?;
/// // Encode the rows for this target, so that the file agrees with its key.
/// assert_eq!((grant.target().tenant_id, grant.target().collection.as_str()), (7, "people"));
/// # Ok::<(), coldpress_core::Error>(())
/// ```
///
/// # Invariants
///
/// * the key is the key of a data file, and lies under the prefix
/// * `put` or each part is a PUT, `check` a HEAD, `complete` a POST, `abort` a DELETE
/// * there are 1 to [`PARTS_MAX`] parts, of 1 to [`PART_BYTES_MAX`] bytes each
/// * `bytes_max` is at least 1, and the parts or the put can hold it
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub(super) prefix: KeyPrefix,
    pub(super) key: ObjectKey,
    pub(super) expires_ms: u64,
    pub(super) bytes_max: u64,
    pub(super) write: GrantedWrite,
    pub(super) check: SignedRequest,
    pub(super) encodings: Option<Encodings>,
}

/// The requests that store the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantedWrite {
    /// One request for the whole object.
    Put(SignedRequest),
    /// A multipart upload that the grant server has begun for the device.
    Multipart(MultipartGrant),
}

/// A multipart upload. The grant server has begun it; the device sends the parts and completes it.
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
    /// Aborts the upload, which removes its parts.
    pub abort: SignedRequest,
}

impl Grant {
    /// A grant of these requests. Lowers `bytes_max` to what the requests can carry.
    ///
    /// # Errors
    ///
    /// `Settings` or `Key` if an invariant does not hold.
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
                "{key} is not the key of a data file; a grant can only be for a data file"
            )));
        }
        if bytes_max == 0 {
            return Err(Error::settings(
                "the grant has a \"bytes_max\" of 0; it must be at least 1",
            ));
        }
        demand(&check, Method::Head, "\"check\" of the grant")?;
        let bytes_max = bytes_max.min(write.check()?);
        Ok(Grant { prefix, key, expires_ms, bytes_max, write, check, encodings: None })
    }

    /// The grant with the set of encodings for its file; `None` leaves the choice to the device.
    #[must_use]
    pub fn with_encodings(self, encodings: Option<Encodings>) -> Self {
        Grant { encodings, ..self }
    }

    /// The folder of all keys.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// The key of the object.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The target to pass to the [`Encoder`](crate::Encoder), so that the metadata of the file
    /// agrees with its key.
    pub fn target(&self) -> Target {
        let KeyTarget::Data { tenant_id, collection, lsns } = self.key.target() else {
            // `new` refuses every other key.
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

    /// The set of encodings that the engines of this store can read, for a device that does not
    /// choose one itself.
    pub fn encodings(&self) -> Option<Encodings> {
        self.encodings
    }

    /// When its requests expire, in milliseconds since 1970 by the clock of the grant server.
    pub fn expires_ms(&self) -> u64 {
        self.expires_ms
    }

    /// The largest file that it allows, in bytes.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// The requests that store the bytes.
    pub fn write(&self) -> &GrantedWrite {
        &self.write
    }

    /// The request (HEAD) that looks at the object at the key.
    pub fn check(&self) -> &SignedRequest {
        &self.check
    }
}

impl GrantedWrite {
    /// The most bytes that the requests can store; an error if an invariant does not hold.
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
            return wrong(format!("has {parts} \"parts\"; it must have 1 to {PARTS_MAX}"));
        }
        if part_bytes == 0 || part_bytes > PART_BYTES_MAX {
            return wrong(format!(
                "has \"part_bytes\" of {part_bytes}; it must be from 1 to {PART_BYTES_MAX}"
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

/// An error if the request does not have this method. `place` names the request.
pub(super) fn demand(request: &SignedRequest, method: Method, place: &str) -> Result<()> {
    match request.method() == method {
        true => Ok(()),
        false => Err(Error::settings(format!(
            "{place} has the \"method\" {}; it must be {method}",
            request.method()
        ))),
    }
}
