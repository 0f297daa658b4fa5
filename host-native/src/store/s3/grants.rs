//! Grants: each allows one object to be written or read, signed with this store's credentials.

use std::sync::Arc;
use std::time::Duration;

use coldpress_core::{
    Encodings, Grant, GrantRequest, GrantTerms, KeyPrefix, ObjectKey, PART_BYTES_MAX, Parts,
    ReadGrant, ReadTerms, Signer, entity_tag,
};

use crate::error::Result;
use crate::store::s3::client::S3Store;
use crate::store::s3::credentials::provider::left_ms;
use crate::threads::blocking;
use crate::time::whole_ms;

/// How long a request is retried while a client waits for its grant.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The limits of one server's grants: what [`ColdStorage::grant`](crate::ColdStorage::grant) and
/// [`ColdStorage::grant_scan`](crate::ColdStorage::grant_scan) decide beyond what a client asks
/// for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantLimits {
    /// How long a grant is valid, from 1 second to 7 days. Default: 15 minutes.
    pub lifetime: Duration,
    /// The largest file. Default: 5 GiB.
    pub bytes_max: u64,
    /// A file larger than this goes up in parts of this size; at least 5 MiB. Default: 16 MiB.
    pub part_bytes: u64,
    /// How many parts to grant if the client names no size; `None`, the default, is a single put.
    pub parts: Option<usize>,
    /// The set of encodings that files must use, so that the engines of this store can read them.
    /// Default: the device chooses.
    pub encodings: Option<Encodings>,
    /// The most files of one page of read grants, from 1 to 1,000. Default: 200.
    pub page_files_max: usize,
}

/// An object that may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Readable {
    pub(crate) key: ObjectKey,
    pub(crate) bytes: u64,
    /// As the store wrote it.
    pub(crate) etag: Option<String>,
}

impl Default for GrantLimits {
    fn default() -> Self {
        GrantLimits {
            lifetime: Duration::from_secs(15 * 60),
            bytes_max: PART_BYTES_MAX,
            part_bytes: 16 << 20,
            parts: None,
            encodings: None,
            page_files_max: 200,
        }
    }
}

impl GrantLimits {
    /// The parts to grant; `None` for a single put.
    fn parts(&self, bytes: Option<u64>) -> Result<Option<Parts>> {
        if let Some(count) = self.parts {
            return Ok(Some(Parts { part_bytes: self.part_bytes, count }));
        }
        match bytes {
            Some(bytes) if bytes > self.part_bytes => {
                Ok(Some(Parts::of_file(bytes, self.part_bytes)?))
            }
            _ => Ok(None),
        }
    }
}

impl S3Store {
    /// A grant for `key`. A grant of parts begins a multipart upload, or continues one.
    pub(crate) async fn grant(
        self: &Arc<Self>,
        prefix: &KeyPrefix,
        key: &ObjectKey,
        asked: &GrantRequest,
        limits: &GrantLimits,
    ) -> Result<Grant> {
        let (signer, terms) = self.grantor(key, asked, limits).await?;
        let Some(parts) = limits.parts(asked.bytes)? else {
            let grant = signer.grant_put(prefix, key, &terms, self.clock.now_ms())?;
            self.rule().await?;
            return Ok(grant);
        };
        // Signed first with a made-up upload id, so that bad terms are an error before an upload
        // is begun.
        signer.grant_multipart(prefix, key, "none-yet", parts, &terms, self.clock.now_ms())?;
        self.require_create_only_parts().await?;
        let upload_id = match &asked.upload_id {
            Some(upload_id) => upload_id.clone(),
            None => self.begin_multipart(key, &terms, PATIENCE).await?,
        };
        // The credentials may be new by now.
        let (signer, terms) = self.grantor(key, asked, limits).await?;
        Ok(signer.grant_multipart(prefix, key, &upload_id, parts, &terms, self.clock.now_ms())?)
    }

    /// Grants to read these objects, in their order. `place` names them all in an error.
    pub(crate) async fn grant_reads(
        &self,
        prefix: &KeyPrefix,
        objects: Vec<Readable>,
        lifetime: Duration,
        place: &str,
    ) -> Result<Vec<ReadGrant>> {
        let (signer, lifetime_ms) = self.lender(place, lifetime).await?;
        let (now_ms, prefix) = (self.clock.now_ms(), prefix.clone());
        let sign = move |object: Readable| {
            let etag = object.etag.as_deref().and_then(entity_tag);
            let terms = ReadTerms { lifetime_ms, bytes: object.bytes, etag };
            Ok(signer.grant_read(&prefix, &object.key, &terms, now_ms)?)
        };
        // A page has hundreds of signatures.
        blocking(move || objects.into_iter().map(sign).collect()).await
    }

    async fn grantor(
        &self,
        key: &ObjectKey,
        asked: &GrantRequest,
        limits: &GrantLimits,
    ) -> Result<(Signer, GrantTerms)> {
        let (signer, lifetime_ms) = self.lender(key.as_str(), limits.lifetime).await?;
        let terms = GrantTerms {
            lifetime_ms,
            bytes_max: limits.bytes_max,
            bytes: asked.bytes,
            sha256: asked.sha256,
            encodings: limits.encodings,
        };
        Ok((signer, terms))
    }

    /// The signer of a grant, and its lifetime in milliseconds. A grant ends no later than the
    /// credentials that sign it: the store would refuse what the grant still calls valid.
    async fn lender(&self, place: &str, lifetime: Duration) -> Result<(Signer, u64)> {
        let credentials = self.current_credentials("sign a grant", place).await?;
        let left_ms = left_ms(&credentials, self.clock.now_ms()).unwrap_or(u64::MAX);
        let whole_seconds_ms = left_ms / 1_000 * 1_000;
        let lifetime_ms = whole_ms(lifetime).min(whole_seconds_ms);
        Ok((self.signer_with(&credentials)?, lifetime_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_go_up_in_parts() {
        let limits = GrantLimits::default();
        assert_eq!(limits.parts(None).unwrap(), None);
        assert_eq!(limits.parts(Some(16 << 20)).unwrap(), None);
        let parts = limits.parts(Some((16 << 20) + 1)).unwrap();
        assert_eq!(parts, Some(Parts { part_bytes: 16 << 20, count: 2 }));
        let named = GrantLimits { parts: Some(3), ..limits };
        assert_eq!(named.parts(None).unwrap().map(|parts| parts.count), Some(3));
    }
}
