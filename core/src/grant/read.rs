//! A grant to read one object, and its invariants.

use super::granted::demand;
use super::request::{Method, SignedRequest};
use crate::{Error, KeyPrefix, KeyTarget, LsnRange, ObjectKey, Result};

/// The longest ETag that is accepted, in bytes. S3's have about 40.
const ETAG_BYTES_MAX: usize = 1_024;

/// Headers that the reader of a range sets itself.
const OF_THE_READER: [&str; 4] = ["range", "if-range", "if-match", "if-none-match"];

/// The right to read one object until the grant expires: its key, its size, its ETag, and a signed
/// `GET`.
///
/// A server that has credentials of the store makes it. The reader sends the request as it is, with
/// one header more: `Range: bytes=A-B`. The signature covers the `host` alone, so a range needs no
/// signature of its own, and a page can send it to another origin without asking first (a single
/// range with both ends is safelisted in CORS).
///
/// An object of one key never changes, unless somebody deletes it and stores another one. To notice
/// that, a reader compares the ETag of every answer with [`ReadGrant::etag`], and the size in
/// `Content-Range` with [`ReadGrant::bytes`]. A reader that is no web page also sends the ETag as
/// `If-Match`.
///
/// Its JSON form (version 1) is [`ReadGrant::to_json`]:
///
/// ```
/// use coldpress_core::ReadGrant;
///
/// let grant = ReadGrant::from_json(r#"{
///     "version": 1, "prefix": "data/", "key": "data/7/people/lsn-41-42.parquet",
///     "tenant_id": "7", "collection": "people", "min_lsn": "41", "max_lsn": "42",
///     "bytes": 12345, "etag": "\"9bb58f26192e4ba00f01e2e7b136bbd8\"",
///     "expires_ms": 1763900900000,
///     "get": {"method": "GET",
///             "url": "https://s3.example/b/data/7/people/lsn-41-42.parquet?X-Amz-Signature=1",
///             "headers": {}}
/// }"#)?;
/// assert_eq!((grant.bytes(), grant.lsns().min(), grant.collection()), (12_345, 41, "people"));
/// # Ok::<(), coldpress_core::Error>(())
/// ```
///
/// # Invariants
///
/// * the key is the key of a data file, and lies under the prefix
/// * the request is a `GET` without a range and without conditions
/// * the ETag is a strong one, in its quotes, of at most 1,024 bytes of visible ASCII
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadGrant {
    pub(super) prefix: KeyPrefix,
    pub(super) key: ObjectKey,
    pub(super) tenant_id: u64,
    pub(super) collection: String,
    pub(super) lsns: LsnRange,
    pub(super) bytes: u64,
    pub(super) etag: Option<String>,
    pub(super) get: SignedRequest,
    pub(super) expires_ms: u64,
}

impl ReadGrant {
    /// A grant to read the object at the key, of this size and with this ETag, by this request.
    ///
    /// # Errors
    ///
    /// `Settings` or `Key` if an invariant does not hold.
    pub fn new(
        prefix: KeyPrefix,
        key: ObjectKey,
        bytes: u64,
        etag: Option<String>,
        get: SignedRequest,
        expires_ms: u64,
    ) -> Result<Self> {
        let key = ObjectKey::parse(&prefix, key.as_str())?;
        let KeyTarget::Data { tenant_id, collection, lsns } = key.target() else {
            return Err(Error::key(format!(
                "{key} is not the key of a data file; a grant can only be for a data file"
            )));
        };
        let (tenant_id, collection, lsns) = (*tenant_id, collection.clone(), *lsns);
        let wrong = |what: String| Err(Error::settings(format!("the read grant {what}")));
        if let Some(etag) = &etag
            && entity_tag(etag).as_ref() != Some(etag)
        {
            return wrong(format!(
                "has an \"etag\" that is not a strong ETag in quotes: {:?}",
                etag.chars().take(80).collect::<String>()
            ));
        }
        demand(&get, Method::Get, "\"get\" of the read grant")?;
        let set = get.headers().iter().find(|(name, _)| OF_THE_READER.contains(&name.as_str()));
        if let Some((name, _)) = set {
            return wrong(format!("has the header {name:?} in \"get\", which the reader sets"));
        }
        Ok(ReadGrant { prefix, key, tenant_id, collection, lsns, bytes, etag, get, expires_ms })
    }

    /// The folder of all keys.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// The key of the object.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The tenant whose rows it holds.
    pub fn tenant_id(&self) -> u64 {
        self.tenant_id
    }

    /// The collection of its rows.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// The LSNs of its rows.
    pub fn lsns(&self) -> LsnRange {
        self.lsns
    }

    /// The size of the object.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The ETag that every answer must have, in its quotes. `None` if the store did not name one:
    /// then every answer must have that of the first one.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The request, to send with a `Range` header. It is a secret until it expires.
    pub fn get(&self) -> &SignedRequest {
        &self.get
    }

    /// When the request expires, in milliseconds since 1970 by the clock of the grant server.
    pub fn expires_ms(&self) -> u64 {
        self.expires_ms
    }
}

/// The ETag that a store wrote, in quotes. Some stores leave the quotes out of their listings.
///
/// `None` if it is weak, because then the same ETag does not promise the same bytes (RFC 9110,
/// section 8.8.1), or if it is not an ETag.
///
/// ```
/// use coldpress_core::entity_tag;
///
/// assert_eq!(entity_tag("abc-2").as_deref(), Some("\"abc-2\""));
/// assert_eq!(entity_tag("\"abc-2\"").as_deref(), Some("\"abc-2\""));
/// assert_eq!(entity_tag("W/\"abc\""), None);
/// ```
pub fn entity_tag(text: &str) -> Option<String> {
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let inner = quoted.unwrap_or(text);
    let legal = |b: u8| b.is_ascii_graphic() && b != b'"';
    let is_tag = !inner.is_empty() && inner.bytes().all(legal) && inner.len() + 2 <= ETAG_BYTES_MAX;
    is_tag.then(|| format!("\"{inner}\""))
}
