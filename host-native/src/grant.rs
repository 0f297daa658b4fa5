//! Grants: this store's credentials, lent for one object.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use coldpress_core::{
    Encodings, Grant, GrantRequest, GrantTerms, GrantedWrite, KeyPrefix, Meaning, Next, ObjectKey,
    PART_BYTES_MAX, Parts, StoreStep, complete_multipart_body, upload_id_in,
};

use crate::leftovers::{parts_key, probe_name};
use crate::persist::Heard;
use crate::remote::{PROBES_MAX, PutRule, RemoteStore};
use crate::uploads::BegunUpload;
use crate::{Error, ErrorKind, Result};

/// How long a request of a grant is tried again: somebody waits for it.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How far the grants of one server go: what [`ColdStorage::grant`](crate::ColdStorage::grant)
/// gives beyond what a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantLimits {
    /// How long a grant holds, 1 second to 7 days. Default: 15 minutes.
    pub lifetime_ms: u64,
    /// The largest file. Default: 5 GiB.
    pub bytes_max: u64,
    /// The size above which a file goes up in parts, and of each part; at least 5 MiB. Default: 16
    /// MiB.
    pub part_bytes: u64,
    /// How many parts to grant where the client names no size; `None` is a single put. Default:
    /// none.
    pub parts: Option<usize>,
    /// The set of encodings that files are to have, which the engines of this store read. Default:
    /// the device chooses.
    pub encodings: Option<Encodings>,
}

impl Default for GrantLimits {
    fn default() -> Self {
        GrantLimits {
            lifetime_ms: 15 * 60_000,
            bytes_max: PART_BYTES_MAX,
            part_bytes: 16 << 20,
            parts: None,
            encodings: None,
        }
    }
}

impl GrantLimits {
    /// The parts to grant; none for a single put.
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

impl RemoteStore {
    /// A grant for `key`. A multipart upload is begun for it, or gone on with.
    pub(crate) async fn grant(
        self: &Arc<Self>,
        prefix: &KeyPrefix,
        key: &ObjectKey,
        asked: &GrantRequest,
        limits: &GrantLimits,
    ) -> Result<Grant> {
        let terms = GrantTerms {
            lifetime_ms: limits.lifetime_ms,
            bytes_max: limits.bytes_max,
            bytes: asked.bytes,
            sha256: asked.sha256,
            encodings: limits.encodings,
        };
        let signer = self.signer();
        let Some(parts) = limits.parts(asked.bytes)? else {
            let grant = signer.grant_put(prefix, key, &terms, now_ms())?;
            self.rule().await?;
            return Ok(grant);
        };
        // Terms that cannot be met are found before anything is begun.
        signer.grant_multipart(prefix, key, "none-yet", parts, &terms, now_ms())?;
        self.require_create_only_parts().await?;
        let upload_id = match &asked.upload_id {
            Some(upload_id) => upload_id.clone(),
            None => self.begin_multipart(key, &terms, PATIENCE).await?.id,
        };
        Ok(signer.grant_multipart(prefix, key, &upload_id, parts, &terms, now_ms())?)
    }

    /// Begins a multipart upload.
    pub(crate) async fn begin_multipart(
        &self,
        key: &ObjectKey,
        terms: &GrantTerms,
        patience: Duration,
    ) -> Result<BegunUpload> {
        let doing = "begin a multipart upload";
        let request = self.signer().begin_multipart(key, terms, now_ms())?;
        let (step, path) = (StoreStep::BeginUpload, key.as_str());
        let heard = self.perform(step, &request, Bytes::new(), patience, doing, path).await?;
        let tries = heard.tries;
        let answer = self.done(heard, doing, path)?;
        let id = upload_id_in(&answer.body).map_err(|error| Error::from(error).at(path))?;
        Ok(BegunUpload { id, tries })
    }

    /// As [`parts_rule`](Self::parts_rule); an error where looking first was not allowed.
    pub(crate) async fn require_create_only_parts(self: &Arc<Self>) -> Result<()> {
        match self.parts_rule().await? {
            PutRule::Conditional => Ok(()),
            PutRule::LookFirst => self.without_condition().map(|_| ()),
        }
    }

    /// Finds out once whether completing a multipart upload honours `If-None-Match`, as a put does:
    /// the two are implemented apart, and a store can have the one without the other.
    pub(crate) async fn parts_rule(self: &Arc<Self>) -> Result<PutRule> {
        match self.rule().await? {
            PutRule::LookFirst => Ok(PutRule::LookFirst),
            PutRule::Conditional => {
                let remote = Arc::clone(self);
                let probe = async move {
                    remote.parts_rule.get_or_try_init(|| remote.probe_parts()).await.copied()
                };
                match self.parts_rule.get() {
                    Some(rule) => Ok(*rule),
                    None => self.to_its_end(probe).await,
                }
            }
        }
    }

    /// Puts an object of its own, then completes a multipart upload over it, which must be refused.
    async fn probe_parts(&self) -> Result<PutRule> {
        let doing = "try whether the store refuses to overwrite by a multipart upload";
        let mut tries = 0;
        loop {
            let (prefix, key) = parts_key(&probe_name(self.prefix()))?;
            self.put_probe(key.as_str()).await?;
            let completed = self.complete_over(&prefix, &key, doing).await;
            self.delete_probe(key.as_str()).await;
            let verdict = completed?.verdict;
            tries += 1;
            match (verdict.next, verdict.meaning) {
                (Next::LookThenRetry, _) => return Ok(PutRule::Conditional),
                // A process whose clock is ahead may have swept the object away, or the upload.
                (Next::Done | Next::LookThenBeginAnew | Next::BeginAnew, _)
                    if tries < PROBES_MAX => {}
                (Next::Done, _) | (_, Meaning::Unsupported) => {
                    return Ok(self.found_out(PutRule::LookFirst));
                }
                _ => return Err(self.answers().judged(&verdict, doing, key.as_str())),
            }
        }
    }

    /// The answer to completing a multipart upload of one small part; or to the part, where its
    /// upload is gone.
    async fn complete_over(
        &self,
        prefix: &KeyPrefix,
        key: &ObjectKey,
        doing: &str,
    ) -> Result<Heard> {
        let terms = GrantTerms { lifetime_ms: 10 * 60_000, ..GrantTerms::default() };
        let path = key.as_str();
        let upload_id = self.begin_multipart(key, &terms, PATIENCE).await?.id;
        let parts = Parts { part_bytes: 1 << 20, count: 1 };
        let grant =
            self.signer().grant_multipart(prefix, key, &upload_id, parts, &terms, now_ms())?;
        let GrantedWrite::Multipart(multipart) = grant.write() else {
            return Err(Error::new(ErrorKind::Internal, "a grant of parts has none; report this"));
        };
        let part = Bytes::from_static(b"second");
        let (step, request) = (StoreStep::PutPart, &multipart.parts[0]);
        let part = self.perform(step, request, part, PATIENCE, doing, path).await?;
        let completed = match part.verdict.next {
            Next::BeginAnew => Ok(part),
            _ => match self.done(part, doing, path)?.header("etag") {
                Some(etag) => {
                    let body = Bytes::from(complete_multipart_body([etag]));
                    let (step, request) = (StoreStep::Complete, &multipart.complete);
                    self.perform(step, request, body, PATIENCE, doing, path).await
                }
                None => Err(no_etag(path)),
            },
        };
        let (step, request) = (StoreStep::Abort, &multipart.abort);
        let aborted = self.perform(step, request, Bytes::new(), PATIENCE, doing, path).await;
        if let Err(error) = aborted {
            tracing::warn!(%error, "the probe's multipart upload stays open; abort it by hand");
        }
        completed
    }
}

/// The error of a part whose ETag the store did not tell.
pub(crate) fn no_etag(path: &str) -> Error {
    let message = "the store's answer to a part has no ETag, which is needed to complete the upload; is the endpoint an S3 store?";
    Error::settings(message).at(path)
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
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
