//! The hashes of objects' contents. An object is read once for all requests that need its hash, and
//! the hash is remembered.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coldpress::StoredContent;
use coldpress_core::Sha256Digest;
use tokio::sync::OnceCell;

/// The most hashes to remember: at most about 1 KiB each, if keys are as long as possible.
const HASHES_MAX: usize = 4_096;

/// The longest ETag of an object whose hash is remembered. S3's have about 40 bytes.
const ETAG_BYTES_MAX: usize = 256;

/// Known hashes, and those that are being computed.
#[derive(Debug, Default)]
pub(super) struct Hashes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: HashMap<StoredContent, Sha256Digest>,
    /// The keys of `known`, the oldest first.
    ages: VecDeque<StoredContent>,
    asked: HashMap<StoredContent, Arc<OnceCell<Sha256Digest>>>,
}

/// A request that waits for a hash.
struct Asking<'h> {
    hashes: &'h Hashes,
    content: &'h StoredContent,
    cell: Option<Arc<OnceCell<Sha256Digest>>>,
}

impl Hashes {
    /// The hash of this content. If several requests need it at the same time, one of them runs
    /// `read`. If that fails, or its client goes away, the next one runs its own.
    pub(super) async fn get<E, F>(
        &self,
        content: &StoredContent,
        read: impl FnOnce() -> F,
    ) -> Result<Sha256Digest, E>
    where
        F: Future<Output = Result<Sha256Digest, E>>,
    {
        if let Some(hash) = self.state().known.get(content) {
            return Ok(*hash);
        }
        let cell = Arc::clone(self.state().asked.entry(content.clone()).or_default());
        let asking = Asking { hashes: self, content, cell: Some(Arc::clone(&cell)) };
        let finding = async {
            let hash = read().await?;
            self.state().remember(content, hash);
            Ok(hash)
        };
        let found = cell.get_or_try_init(|| finding).await.copied();
        drop((cell, asking));
        found
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, content: &StoredContent, hash: Sha256Digest) {
        if content.etag.as_ref().is_none_or(|etag| etag.len() > ETAG_BYTES_MAX) {
            return;
        }
        if self.known.insert(content.clone(), hash).is_some() {
            return;
        }
        self.ages.push_back(content.clone());
        if self.ages.len() > HASHES_MAX
            && let Some(oldest) = self.ages.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut state = self.hashes.state();
        self.cell = None;
        // The last request removes the entry.
        let alone = |cell: &Arc<OnceCell<_>>| Arc::strong_count(cell) == 1;
        if state.asked.get(self.content).is_some_and(alone) {
            state.asked.remove(self.content);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use coldpress_core::{KeyPrefix, ObjectKey};
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    fn content(etag: &str) -> StoredContent {
        StoredContent {
            key: ObjectKey::parse(&KeyPrefix::default(), "7/c/lsn-1-2.parquet").unwrap(),
            etag: Some(etag.to_owned()),
            bytes: 58,
        }
    }

    const HASH: Sha256Digest = Sha256Digest([7; 32]);

    #[test]
    fn all_who_ask_at_once_share_one_read_and_it_is_remembered() {
        let (hashes, reads, content) = (Hashes::default(), Cell::new(0), content("a"));
        let (done, gate) = oneshot::channel();
        let gate = Cell::new(Some(gate));
        let ask = || {
            Box::pin(hashes.get(&content, || {
                reads.set(reads.get() + 1);
                let gate = gate.take();
                async move { gate.unwrap().await.map_err(|_| ()) }
            }))
        };
        let mut asking: Vec<_> = (0..180).map(|_| ask()).collect();
        assert!(asking.iter_mut().all(|one| one.now_or_never().is_none()));
        assert_eq!(reads.get(), 1, "one reads for all");
        done.send(HASH).unwrap();
        assert!(asking.into_iter().all(|one| one.now_or_never() == Some(Ok(HASH))));
        assert_eq!(ask().now_or_never(), Some(Ok(HASH)));
        assert_eq!(reads.get(), 1, "and nobody again");
        assert!(hashes.state().asked.is_empty());
    }

    #[test]
    fn another_content_is_read_and_what_fails_or_goes_away_is_taken_over() {
        let hashes = Hashes::default();
        let (first, second) = (content("a"), content("b"));
        let mut leaves = Box::pin(hashes.get(&first, pending::<Result<Sha256Digest, ()>>));
        assert!((&mut leaves).now_or_never().is_none());
        let mut next = Box::pin(hashes.get(&first, || ready(Err(()))));
        assert!((&mut next).now_or_never().is_none());
        drop(leaves);
        assert_eq!(next.now_or_never(), Some(Err(())));
        let found = hashes.get(&first, || ready(Ok::<_, ()>(HASH))).now_or_never();
        assert_eq!(found, Some(Ok(HASH)), "an error is not remembered");
        let other = Sha256Digest([8; 32]);
        let found = hashes.get(&second, || ready(Ok::<_, ()>(other))).now_or_never();
        assert_eq!(found, Some(Ok(other)), "another ETag is another content");
        assert!(hashes.state().asked.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let hashes = Hashes::default();
        for number in 0..=HASHES_MAX {
            hashes.state().remember(&content(&number.to_string()), HASH);
        }
        hashes.state().remember(&content(&"x".repeat(ETAG_BYTES_MAX + 1)), HASH);
        hashes.state().remember(&StoredContent { etag: None, ..content("") }, HASH);
        let state = hashes.state();
        assert_eq!((state.known.len(), state.ages.len()), (HASHES_MAX, HASHES_MAX));
        assert!(!state.known.contains_key(&content("0")));
    }
}
