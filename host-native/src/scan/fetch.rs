//! Fetches ranges of one object.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use coldpress_core::{Fetch, Fetched};
use futures_util::StreamExt;
use object_store::path::Path as StorePath;
use object_store::{
    Error as StoreError, GetOptions, GetRange, GetResult, GetResultPayload, ObjectStore,
};

use crate::error::Result;
use crate::store::error::StoreErrors;

/// What a failed request was for.
const DOING: &str = "read a part of the object";

/// Where the objects are, and how long one request may take.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) errors: StoreErrors,
    pub(super) limit_ms: u64,
    /// Whether the store is a folder, where a request costs little.
    pub(super) is_folder: bool,
}

impl Place {
    /// What the store has in this range. The store's client retries.
    pub(super) async fn fetch(&self, path: &StorePath, fetch: &Fetch) -> Result<Fetched> {
        let key = path.as_ref();
        let range = Some(GetRange::Bounded(fetch.range.clone()));
        let work = async {
            let options = GetOptions { range, ..GetOptions::default() };
            let found = self.store.get_opts(path, options).await?;
            let mut fetched = Fetched::default();
            fetched.start = Some(found.range.start);
            fetched.file_bytes = Some(found.meta.size);
            fetched.etag = found.meta.e_tag.clone();
            fetched.bytes = body(found, fetch.range.end - fetch.range.start).await?;
            Ok(fetched)
        };
        tokio::time::timeout(Duration::from_millis(self.limit_ms), work)
            .await
            .map_err(|_| self.errors.too_slow(DOING, key, self.limit_ms))?
            .map_err(|error| self.errors.error(&error, DOING, key))
    }
}

/// The body of an answer. Of one that is longer than it may be, no more is read than shows that.
async fn body(found: GetResult, bytes: u64) -> object_store::Result<Bytes> {
    if let GetResultPayload::File(file, _) = found.payload {
        let read = tokio::task::spawn_blocking(move || read(file, found.range));
        let read = read.await.map_err(|source| StoreError::JoinError { source })?;
        let failed = |error| StoreError::Generic { store: "folder", source: Box::new(error) };
        return read.map_err(failed);
    }
    let mut parts = found.into_stream();
    let mut body = BytesMut::new();
    while (body.len() as u64) <= bytes
        && let Some(part) = parts.next().await
    {
        let part = part?;
        if body.is_empty() && part.len() as u64 == bytes {
            // The usual answer of a small range comes in one piece.
            match parts.next().await {
                None => return Ok(part),
                Some(next) => {
                    body.extend_from_slice(&part);
                    body.extend_from_slice(&next?);
                }
            }
            continue;
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

/// The bytes of a file in this range; fewer, if it ends before. Their memory is not cleared first.
fn read(mut file: File, range: Range<u64>) -> io::Result<Bytes> {
    let length = range.end.saturating_sub(range.start);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(length).map_err(io::Error::other)?)?;
    file.seek(SeekFrom::Start(range.start))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
