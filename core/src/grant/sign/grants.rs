//! Grants, made of signed requests.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::signer::{LIFETIME_SECONDS_MAX, Signer, Unsigned, lifetime_seconds};
use crate::grant::digest::Sha256Digest;
use crate::grant::granted::{
    Grant, GrantedWrite, MultipartGrant, PART_BYTES_MAX, PARTS_MAX, SHA256_HEADER,
};
use crate::grant::request::{Method, SignedRequest};
use crate::{Encodings, Error, ErrorKind, KeyPrefix, ObjectKey, Result};

/// The media type of Parquet, as registered with IANA.
const CONTENT_TYPE: &str = "application/vnd.apache.parquet";

/// The smallest part that S3 accepts, except for the last one (5 MiB).
const PART_BYTES_MIN: u64 = 5 << 20;

/// How much longer than the other requests the abort is valid. A device may have to clean up after
/// its grant has expired, and an abort can harm only the upload of that grant.
const ABORT_EXTRA_MS: u64 = 24 * 3_600_000;

const LIFETIME_MS_MAX: u64 = LIFETIME_SECONDS_MAX * 1_000;

/// What a grant allows. The default: any one file of up to 5 GiB, for 15 minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantTerms {
    /// How long the requests are valid: 1 second to 7 days. Default: 15 minutes.
    pub lifetime_ms: u64,
    /// The largest file. The store itself enforces only an exact size, in `bytes`. Default: 5 GiB.
    pub bytes_max: u64,
    /// The exact size of the file. The signature covers it as `content-length`, so the store
    /// refuses every other size.
    pub bytes: Option<u64>,
    /// The SHA-256 of the file. The object gets it as metadata. In a grant of a single put, the
    /// signature also covers it as `x-amz-checksum-sha256`, so the store refuses other content.
    pub sha256: Option<Sha256Digest>,
    /// The set of encodings for the file. Default: the device chooses.
    pub encodings: Option<Encodings>,
}

impl Default for GrantTerms {
    fn default() -> Self {
        GrantTerms {
            lifetime_ms: 15 * 60_000,
            bytes_max: PART_BYTES_MAX,
            bytes: None,
            sha256: None,
            encodings: None,
        }
    }
}

/// How a multipart upload is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// The size of every part but the last, from 5 MiB to 5 GiB (S3's limits).
    pub part_bytes: u64,
    /// The number of parts, from 1 to 10,000 (S3's limit).
    pub count: usize,
}

impl Parts {
    /// The parts of a file of `bytes`. If that is more than [`PARTS_MAX`](crate::PARTS_MAX) parts,
    /// it raises `part_bytes` to the next whole MiB that is enough.
    ///
    /// # Errors
    ///
    /// `Limit` if the parts are outside S3's limits.
    pub fn of_file(bytes: u64, part_bytes: u64) -> Result<Self> {
        const MIB: u64 = 1 << 20;
        let crowded = part_bytes > 0 && bytes.div_ceil(part_bytes) > PARTS_MAX as u64;
        let part_bytes = match crowded {
            true => bytes.div_ceil(PARTS_MAX as u64).div_ceil(MIB) * MIB,
            false => part_bytes,
        };
        let count = if part_bytes == 0 { 0 } else { bytes.div_ceil(part_bytes) };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let parts = Parts { part_bytes, count };
        parts.check().map(|()| parts)
    }

    fn check(self) -> Result<()> {
        if self.count == 0 || self.count > PARTS_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "the multipart upload would have {} parts; it must have 1 to {PARTS_MAX}",
                    self.count
                ),
            ));
        }
        let least = if self.count == 1 { 1 } else { PART_BYTES_MIN };
        if self.part_bytes < least || self.part_bytes > PART_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "a part would have {} bytes; it must have {least} to {PART_BYTES_MAX}",
                    self.part_bytes
                ),
            ));
        }
        Ok(())
    }
}

impl Signer {
    /// A grant of one create-only PUT.
    ///
    /// The signature covers `if-none-match: *`, the content type, and the size and SHA-256 that
    /// `terms` name. The store refuses a request that differs in any of them.
    pub fn grant_put(
        &self,
        prefix: &KeyPrefix,
        key: &ObjectKey,
        terms: &GrantTerms,
        now_ms: u64,
    ) -> Result<Grant> {
        terms.check(PART_BYTES_MAX)?;
        let mut headers = described(terms);
        headers.push(("if-none-match", "*".to_owned()));
        if let Some(bytes) = terms.bytes {
            headers.push(("content-length", bytes.to_string()));
        }
        if let Some(digest) = terms.sha256 {
            headers.push(("x-amz-checksum-sha256", digest.to_base64()));
        }
        let request =
            Unsigned { method: Method::Put, key: key.as_str(), query: &[], headers: &headers };
        let put = self.sign(&request, terms.lifetime_ms, now_ms)?;
        self.grant(prefix, key, GrantedWrite::Put(put), terms, now_ms)
    }

    /// The request that begins a multipart upload. The grant server sends it itself,
    /// [`upload_id_in`](crate::upload_id_in) reads the answer, and [`Signer::grant_multipart`]
    /// makes the grant.
    pub fn begin_multipart(
        &self,
        key: &str,
        terms: &GrantTerms,
        now_ms: u64,
    ) -> Result<SignedRequest> {
        let headers = described(terms);
        let query = [("uploads", "")];
        let request = Unsigned { method: Method::Post, key, query: &query, headers: &headers };
        self.sign(&request, terms.lifetime_ms, now_ms)
    }

    /// A grant to send the parts of the multipart upload `upload_id`, and to complete it
    /// create-only or abort it. If the size of the file is known, the signature of each part covers
    /// its size.
    pub fn grant_multipart(
        &self,
        prefix: &KeyPrefix,
        key: &ObjectKey,
        upload_id: &str,
        parts: Parts,
        terms: &GrantTerms,
        now_ms: u64,
    ) -> Result<Grant> {
        parts.check()?;
        terms.check(parts.part_bytes.saturating_mul(parts.count as u64))?;
        let lifetime_ms = terms.lifetime_ms;
        let signed_parts = (0..parts.count).map(|i| {
            let bytes = terms.bytes.map(|bytes| {
                let rest = bytes.saturating_sub(parts.part_bytes.saturating_mul(i as u64));
                rest.min(parts.part_bytes)
            });
            self.part(key.as_str(), upload_id, i + 1, bytes, lifetime_ms, now_ms)
        });
        let parts_signed = signed_parts.collect::<Result<_>>()?;
        let abort_ms = lifetime_ms.saturating_add(ABORT_EXTRA_MS).min(LIFETIME_MS_MAX);
        let write = GrantedWrite::Multipart(MultipartGrant {
            upload_id: upload_id.to_owned(),
            part_bytes: parts.part_bytes,
            parts: parts_signed,
            complete: self.complete_multipart(key.as_str(), upload_id, lifetime_ms, now_ms)?,
            abort: self.abort_multipart(key.as_str(), upload_id, abort_ms, now_ms)?,
        });
        self.grant(prefix, key, write, terms, now_ms)
    }

    /// The request that stores part `number`, counted from 1. If `bytes` names the size of the
    /// part, the signature covers it.
    pub fn part(
        &self,
        key: &str,
        upload_id: &str,
        number: usize,
        bytes: Option<u64>,
        lifetime_ms: u64,
        now_ms: u64,
    ) -> Result<SignedRequest> {
        let number = number.to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", upload_id)];
        let length = bytes.map(|bytes| ("content-length", bytes.to_string()));
        let (key, headers) = (key, length.as_slice());
        self.sign(
            &Unsigned { method: Method::Put, key, query: &query, headers },
            lifetime_ms,
            now_ms,
        )
    }

    /// The request that completes a multipart upload create-only. Its body comes from
    /// [`complete_multipart_body`](crate::complete_multipart_body).
    pub fn complete_multipart(
        &self,
        key: &str,
        upload_id: &str,
        lifetime_ms: u64,
        now_ms: u64,
    ) -> Result<SignedRequest> {
        let query = [("uploadId", upload_id)];
        let headers =
            [("content-type", "application/xml".to_owned()), ("if-none-match", "*".to_owned())];
        let (method, key) = (Method::Post, key);
        self.sign(&Unsigned { method, key, query: &query, headers: &headers }, lifetime_ms, now_ms)
    }

    /// The request that aborts a multipart upload, which removes its parts. `key` is the key of the
    /// object in the store.
    pub fn abort_multipart(
        &self,
        key: &str,
        upload_id: &str,
        lifetime_ms: u64,
        now_ms: u64,
    ) -> Result<SignedRequest> {
        let query = [("uploadId", upload_id)];
        let request = Unsigned { method: Method::Delete, key, query: &query, headers: &[] };
        self.sign(&request, lifetime_ms, now_ms)
    }

    /// The request that deletes many objects (DeleteObjects). `md5` and `sha256` are the digests of
    /// its body, the list of keys. Some stores demand the one, some the other.
    pub fn delete_objects(
        &self,
        md5: [u8; 16],
        sha256: Sha256Digest,
        lifetime_ms: u64,
        now_ms: u64,
    ) -> Result<SignedRequest> {
        let query = [("delete", "")];
        let headers = [
            ("content-md5", BASE64_STANDARD.encode(md5)),
            ("content-type", "application/xml".to_owned()),
            ("x-amz-checksum-sha256", sha256.to_base64()),
        ];
        let request = Unsigned { method: Method::Post, key: "", query: &query, headers: &headers };
        self.sign(&request, lifetime_ms, now_ms)
    }

    /// The request that lists the multipart uploads under way whose keys begin with `prefix`, at
    /// most 1,000 of them.
    pub fn list_multipart_uploads(
        &self,
        prefix: &str,
        lifetime_ms: u64,
        now_ms: u64,
    ) -> Result<SignedRequest> {
        let query = [("prefix", prefix), ("uploads", "")];
        self.sign(
            &Unsigned { method: Method::Get, key: "", query: &query, headers: &[] },
            lifetime_ms,
            now_ms,
        )
    }

    /// The request for one page of a listing (ListObjectsV2): at most 1,000 objects whose keys
    /// begin with `prefix`.
    ///
    /// With `delimiter`, keys that contain it after the prefix come as common prefixes. `token`
    /// comes from the page before. The request asks the store to percent-encode the keys, because
    /// XML cannot represent every character of a key.
    pub fn list_objects(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<&str>,
        lifetime_ms: u64,
        now_ms: u64,
    ) -> Result<SignedRequest> {
        let mut query = vec![("encoding-type", "url"), ("list-type", "2"), ("prefix", prefix)];
        query.extend(delimiter.map(|delimiter| ("delimiter", delimiter)));
        query.extend(token.map(|token| ("continuation-token", token)));
        let request = Unsigned { method: Method::Get, key: "", query: &query, headers: &[] };
        self.sign(&request, lifetime_ms, now_ms)
    }

    fn grant(
        &self,
        prefix: &KeyPrefix,
        key: &ObjectKey,
        write: GrantedWrite,
        terms: &GrantTerms,
        now_ms: u64,
    ) -> Result<Grant> {
        let check = Unsigned { method: Method::Head, key: key.as_str(), query: &[], headers: &[] };
        let check = self.sign(&check, terms.lifetime_ms, now_ms)?;
        let lifetime_ms = lifetime_seconds(terms.lifetime_ms)? * 1_000;
        let expires_ms = now_ms / 1_000 * 1_000 + lifetime_ms;
        let bytes_max = terms.bytes.unwrap_or(terms.bytes_max);
        let grant = Grant::new(prefix.clone(), key.clone(), write, check, expires_ms, bytes_max)?;
        Ok(grant.with_encodings(terms.encodings))
    }
}

impl GrantTerms {
    fn check(&self, room: u64) -> Result<()> {
        match self.bytes {
            Some(0) => {
                Err(Error::settings("a file of 0 bytes is not a Parquet file; name its true size"))
            }
            Some(bytes) if bytes > self.bytes_max.min(room) => Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "the file has {bytes} bytes, but a grant here allows at most {}; split the \
                     rows",
                    self.bytes_max.min(room)
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// The content type and the metadata of the object, as headers.
fn described(terms: &GrantTerms) -> Vec<(&'static str, String)> {
    let mut headers = vec![("content-type", CONTENT_TYPE.to_owned())];
    if let Some(digest) = terms.sha256 {
        headers.push((SHA256_HEADER, digest.to_string()));
    }
    headers
}
