//! Grants to read.

use super::signer::{Signer, Unsigned, lifetime_seconds};
use crate::grant::read::ReadGrant;
use crate::grant::request::Method;
use crate::{KeyPrefix, ObjectKey, Result};

/// What the owner of a store knows of an object, and for how long it may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTerms {
    /// How long the grant is valid: 1 second to 7 days.
    pub lifetime_ms: u64,
    /// The size of the object.
    pub bytes: u64,
    /// Its ETag in quotes, if the store names one ([`entity_tag`](crate::entity_tag)).
    pub etag: Option<String>,
}

impl Signer {
    /// A grant to read one object.
    ///
    /// The signature covers the `host` alone, so that a reader can add `Range` and `If-Match`. A
    /// presigned request cannot bind the ETag without a header that pages would have to ask for
    /// first, so the grant names the ETag and the reader compares it.
    ///
    /// # Errors
    ///
    /// `Limit` for a lifetime outside S3's limits; `Settings` or `Key` if an invariant of
    /// [`ReadGrant`] does not hold.
    pub fn grant_read(
        &self,
        prefix: &KeyPrefix,
        key: &ObjectKey,
        terms: &ReadTerms,
        now_ms: u64,
    ) -> Result<ReadGrant> {
        let request = Unsigned { method: Method::Get, key: key.as_str(), query: &[], headers: &[] };
        let get = self.sign(&request, terms.lifetime_ms, now_ms)?;
        let lifetime_ms = lifetime_seconds(terms.lifetime_ms)? * 1_000;
        let expires_ms = now_ms / 1_000 * 1_000 + lifetime_ms;
        let etag = terms.etag.clone();
        ReadGrant::new(prefix.clone(), key.clone(), terms.bytes, etag, get, expires_ms)
    }
}
