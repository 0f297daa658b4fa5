//! Requests about multipart uploads: begin one, list the open ones, abort one.

use std::time::Duration;

use bytes::Bytes;
use coldpress_core::{
    GrantTerms, Next, ObjectKey, Signer, StoreStep, listed_time_ms, upload_id_in,
};

use crate::error::{Error, Result};
use crate::store::s3::client::{LIFETIME_MS, S3Store};
use crate::store::s3::xml::{element, elements, unescaped};
use crate::time::now_ms;

/// The size of every part of a multipart upload but the last, which some stores want equal.
pub(crate) const PART_BYTES: u64 = 16 << 20;

/// How long an abort is retried.
pub(crate) const ABORT_PATIENCE: Duration = Duration::from_secs(10);

/// How long a request is retried while somebody waits for a grant or a probe.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1_500);

impl S3Store {
    /// Begins a multipart upload for a grant or a probe. Returns its id.
    pub(crate) async fn begin_multipart(
        &self,
        key: &ObjectKey,
        terms: &GrantTerms,
        patience: Duration,
    ) -> Result<String> {
        let doing = "begin a multipart upload";
        let (step, path) = (StoreStep::BeginUpload, key.as_str());
        let sign = |signer: &Signer| signer.begin_multipart(path, terms, now_ms());
        let judged = self.perform_own(step, sign, Bytes::new(), patience, (doing, path)).await?;
        let answer = self.expect_done(judged, doing, path)?;
        upload_id_in(&answer.body).map_err(|error| Error::from(error).at(path))
    }
}

/// The error of a part whose answer has no ETag.
pub(crate) fn no_etag(path: &str) -> Error {
    let message = "the store's answer to a part has no ETag, which is needed to complete the \
        upload; is the endpoint an S3 store?";
    Error::settings(message).at(path)
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OpenUpload {
    pub(crate) key: String,
    pub(crate) id: String,
    /// Milliseconds since 1970, by the store's clock; `None` if the store does not say.
    pub(crate) begun_ms: Option<u64>,
}

/// The open uploads of keys that begin with `prefix`: one page, a thousand at most.
pub(crate) async fn list(
    s3: &S3Store,
    prefix: &str,
    patience: Duration,
) -> Result<Vec<OpenUpload>> {
    let doing = "list the open multipart uploads";
    let sign = |signer: &Signer| signer.list_multipart_uploads(prefix, LIFETIME_MS, now_ms());
    let step = StoreStep::ListUploads;
    let judged = s3.perform_own(step, sign, Bytes::new(), patience, (doing, prefix)).await?;
    Ok(uploads(&s3.expect_done(judged, doing, prefix)?.body))
}

/// Aborts an upload. One that is gone already counts as aborted.
pub(crate) async fn abort(s3: &S3Store, key: &str, id: &str, patience: Duration) -> Result<()> {
    let doing = "abort the multipart upload";
    let sign = |signer: &Signer| signer.abort_multipart(key, id, LIFETIME_MS, now_ms());
    let step = StoreStep::Abort;
    let judged = s3.perform_own(step, sign, Bytes::new(), patience, (doing, key)).await?;
    match judged.verdict.next {
        Next::Absent => Ok(()),
        _ => s3.expect_done(judged, doing, key).map(|_| ()),
    }
}

/// Aborts every open upload of this key. For a key that has an object: since objects are
/// create-only, none of its uploads can be completed any more.
pub(crate) async fn abort_all_at(s3: &S3Store, key: &str) {
    let swept = async {
        for upload in list(s3, key, ABORT_PATIENCE).await? {
            if upload.key == key {
                abort(s3, key, &upload.id, ABORT_PATIENCE).await?;
                tracing::info!(key, "aborted a multipart upload that nobody can complete");
            }
        }
        Ok::<(), Error>(())
    };
    // No error: the object is stored, and a put does not need the permission to list.
    if let Err(error) = swept.await {
        tracing::warn!(key, %error, "could not abort open uploads; their parts stay in the store");
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
        let body = "<?xml?><ListMultipartUploadsResult><Bucket>b</Bucket>\
            <Upload><Key>a&amp;b/lsn-0-1.parquet</Key><UploadId>x</UploadId>\
            <Initiator><ID>i</ID></Initiator>\
            <Initiated>1970-01-02T00:00:01.500Z</Initiated></Upload>\
            <Upload><Key>k</Key><UploadId>y</UploadId></Upload></ListMultipartUploadsResult>";
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
