//! Multipart uploads: our own, which are taken back where nobody ends them; and those that others left, found and taken
//! away.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{GrantTerms, Next, ObjectKey, StoreStep, listed_time_ms};

use crate::grant::now_ms;
use crate::http::{element, elements, unescaped};
use crate::remote::RemoteStore;
use crate::{Error, Result};

/// How long a signature holds: longer than any one request with all its retries.
pub(crate) const LIFETIME_MS: u64 = 6 * 3_600_000;
/// How long taking parts back is tried again.
pub(crate) const ABORT_PATIENCE: Duration = Duration::from_secs(10);

/// An upload that was begun just now.
#[derive(Debug)]
pub(crate) struct BegunUpload {
    pub(crate) id: String,
    /// Where it is more than one, an earlier one may have begun another upload, whose id nobody knows.
    pub(crate) tries: u32,
}

/// An upload of ours. Dropped before it is over, it is aborted.
#[derive(Debug)]
pub(crate) struct OwnUpload {
    remote: Arc<RemoteStore>,
    key: ObjectKey,
    id: String,
    /// An answer was lost, and with it perhaps the id of another one.
    has_double: bool,
    is_over: bool,
}

impl OwnUpload {
    pub(crate) async fn begin(remote: &Arc<RemoteStore>, key: &ObjectKey) -> Result<Self> {
        remote.require_create_only_parts().await?;
        let (at, key) = (Arc::clone(remote), key.clone());
        // Whoever stops waiting leaves no upload behind whose id was on its way.
        remote.to_its_end(Self::begin_now(at, key)).await
    }

    async fn begin_now(remote: Arc<RemoteStore>, key: ObjectKey) -> Result<Self> {
        let terms = GrantTerms { lifetime_ms: LIFETIME_MS, ..GrantTerms::default() };
        let begun = remote.begin_multipart(&key, &terms, remote.patience()).await?;
        let BegunUpload { id, tries } = begun;
        Ok(OwnUpload { remote, key, id, has_double: tries > 1, is_over: false })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// It was completed, or is gone. Whether another of ours may be left.
    pub(crate) fn ended(mut self) -> bool {
        self.is_over = true;
        self.has_double
    }

    pub(crate) async fn abort(mut self) -> Result<()> {
        let aborted = abort(&self.remote, self.key.as_str(), &self.id, ABORT_PATIENCE).await;
        self.is_over = true;
        aborted
    }
}

impl Drop for OwnUpload {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (remote, key) = (Arc::clone(&self.remote), self.key.clone());
        let id = std::mem::take(&mut self.id);
        self.remote.tie_up(async move {
            if let Err(error) = abort(&remote, key.as_str(), &id, ABORT_PATIENCE).await {
                tracing::warn!(%key, %error, "parts stay in the store");
            }
        });
    }
}

/// An upload under way, or one that somebody left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OpenUpload {
    pub(crate) key: String,
    pub(crate) id: String,
    /// Milliseconds since 1970, by the store's clock; none where it does not say.
    pub(crate) begun_ms: Option<u64>,
}

/// The uploads of keys that begin with `prefix`: one page, a thousand at most.
pub(crate) async fn list(
    remote: &RemoteStore,
    prefix: &str,
    patience: Duration,
) -> Result<Vec<OpenUpload>> {
    let doing = "list uploads that others left";
    let request = remote.signer().list_multipart_uploads(prefix, LIFETIME_MS, now_ms())?;
    let step = StoreStep::ListUploads;
    let heard = remote.perform(step, &request, Bytes::new(), patience, doing, prefix).await?;
    Ok(uploads(&remote.done(heard, doing, prefix)?.body))
}

/// Takes the parts of an upload away; one that is gone already is no error.
pub(crate) async fn abort(
    remote: &RemoteStore,
    key: &str,
    id: &str,
    patience: Duration,
) -> Result<()> {
    let doing = "take the parts of an upload away";
    let request = remote.signer().abort_multipart(key, id, LIFETIME_MS, now_ms())?;
    let step = StoreStep::Abort;
    let heard = remote.perform(step, &request, Bytes::new(), patience, doing, key).await?;
    match heard.verdict.next {
        Next::Absent => Ok(()),
        _ => remote.done(heard, doing, key).map(|_| ()),
    }
}

/// Aborts every upload of this key, at which an object lies: none of them can be completed any more.
pub(crate) async fn sweep(remote: &RemoteStore, key: &str) {
    let swept = async {
        for upload in list(remote, key, ABORT_PATIENCE).await? {
            if upload.key == key {
                abort(remote, key, &upload.id, ABORT_PATIENCE).await?;
                tracing::info!(key, "aborted an upload that somebody left");
            }
        }
        Ok::<(), Error>(())
    };
    // The object is stored; who may not list still may put.
    if let Err(error) = swept.await {
        tracing::warn!(key, %error, "parts that others left may stay in the store");
    }
}

/// Each upload in a listing.
fn uploads(body: &str) -> Vec<OpenUpload> {
    let named = |upload: &str, name| element(upload, name).map(unescaped);
    let read = |upload| {
        let begun_ms = element(upload, "Initiated").and_then(listed_time_ms);
        Some(OpenUpload { key: named(upload, "Key")?, id: named(upload, "UploadId")?, begun_ms })
    };
    elements(body, "Upload").filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_read_from_a_listing() {
        let body = "<?xml?><ListMultipartUploadsResult><Bucket>b</Bucket><Upload><Key>a&amp;b/lsn-0-1.parquet</Key><UploadId>x</UploadId><Initiator><ID>i</ID></Initiator><Initiated>1970-01-02T00:00:01.500Z</Initiated></Upload><Upload><Key>k</Key><UploadId>y</UploadId></Upload></ListMultipartUploadsResult>";
        let upload = |key: &str, id: &str, begun_ms| OpenUpload {
            key: key.to_owned(),
            id: id.to_owned(),
            begun_ms,
        };
        let expected =
            [upload("a&b/lsn-0-1.parquet", "x", Some(86_401_000)), upload("k", "y", None)];
        assert_eq!(uploads(body), expected);
        assert_eq!(uploads("<ListMultipartUploadsResult></ListMultipartUploadsResult>"), []);
    }
}
