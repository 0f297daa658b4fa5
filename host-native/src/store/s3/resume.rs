//! Reads that continue after a cut connection, and that tell a missing object from a missing
//! bucket.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, unfold};
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetRange, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result,
};

use crate::backoff::Tries;

/// The most times that one read is resumed, even if each time brings some bytes.
const RESUMES_MAX: u32 = 100;

/// A store whose reads continue where a body was cut.
///
/// A read continues only in the same object, which its ETag proves: an object that was replaced in
/// between would give a mix of two. If a HEAD finds nothing, a GET asks again, because only its
/// answer has a body, which says whether the object or the bucket is missing.
#[derive(Debug)]
pub(crate) struct Resuming {
    inner: Arc<dyn ObjectStore>,
    /// How long a read that gets no new bytes is retried.
    patience: Duration,
}

impl Resuming {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, patience: Duration) -> Self {
        Resuming { inner, patience }
    }
}

impl fmt::Display for Resuming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Resuming {
    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> Result<GetResult> {
        let is_head = options.head;
        let found = self.inner.get_opts(location, options.clone()).await;
        if is_head {
            return match found {
                Err(StoreError::NotFound { .. }) => {
                    let range = Some(GetRange::Bounded(0..1));
                    let options = GetOptions { head: false, range, ..options };
                    self.inner.get_opts(location, options).await
                }
                found => found,
            };
        }
        let mut result = found?;
        result.payload = match result.payload {
            GetResultPayload::Stream(body) => {
                let reading = Reading {
                    store: Arc::clone(&self.inner),
                    location: location.clone(),
                    options,
                    etag: result.meta.e_tag.clone(),
                    left: result.range.clone(),
                    body,
                    patience: self.patience,
                    tries: None,
                    resumes: 0,
                    is_over: false,
                };
                GetResultPayload::Stream(reading.into_stream())
            }
            other => other,
        };
        Ok(result)
    }

    async fn put_opts(
        &self,
        location: &StorePath,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<StorePath>>,
    ) -> BoxStream<'static, Result<StorePath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&StorePath>,
        offset: &StorePath,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &StorePath,
        to: &StorePath,
        options: CopyOptions,
    ) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A read that has begun.
struct Reading {
    store: Arc<dyn ObjectStore>,
    location: StorePath,
    options: GetOptions,
    etag: Option<String>,
    /// The bytes that have not come yet.
    left: Range<u64>,
    body: BoxStream<'static, Result<Bytes>>,
    patience: Duration,
    /// The tries since the last bytes came.
    tries: Option<Tries>,
    resumes: u32,
    is_over: bool,
}

impl Reading {
    fn into_stream(self) -> BoxStream<'static, Result<Bytes>> {
        unfold(self, |mut reading| async move {
            let next = reading.next().await?;
            Some((next, reading))
        })
        // A reader may poll once more after the end, and `unfold` would panic.
        .fuse()
        .boxed()
    }

    async fn next(&mut self) -> Option<Result<Bytes>> {
        while !self.is_over {
            let broken = match self.body.next().await {
                Some(Ok(bytes)) => {
                    self.left.start = self.left.start.saturating_add(bytes.len() as u64);
                    if !bytes.is_empty() {
                        self.tries = None;
                    }
                    return Some(Ok(bytes));
                }
                None if self.left.start >= self.left.end => return None,
                Some(Err(error)) => error,
                None => short(&self.left),
            };
            if let Err(error) = self.resume(broken).await {
                self.is_over = true;
                return Some(Err(error));
            }
        }
        None
    }

    /// Asks for the bytes that are left. If the read cannot continue, the error is that of the cut.
    async fn resume(&mut self, broken: StoreError) -> Result<()> {
        let Some(etag) = self.etag.clone() else { return Err(broken) };
        self.resumes += 1;
        let patience = self.patience;
        let tries = self.tries.get_or_insert_with(|| Tries::new(patience));
        if self.resumes > RESUMES_MAX || !tries.again().await {
            return Err(broken);
        }
        tracing::debug!(path = %self.location, left = ?self.left, %broken, "resuming a read");
        let range = Some(GetRange::Bounded(self.left.clone()));
        let options = GetOptions { range, ..self.options.clone() };
        let result = self.store.get_opts(&self.location, options).await?;
        let is_same = result.meta.e_tag.as_deref() == Some(&etag) && result.range == self.left;
        match result.payload {
            GetResultPayload::Stream(body) if is_same => {
                self.body = body;
                Ok(())
            }
            _ => Err(StoreError::Generic {
                store: "S3",
                source: "the object changed while it was read; read it again".into(),
            }),
        }
    }
}

fn short(left: &Range<u64>) -> StoreError {
    let message = format!("the answer ended {} bytes early", left.end - left.start);
    StoreError::Generic { store: "S3", source: message.into() }
}
