//! A body cut into the requests that carry it.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::grant::PARTS_MAX;
use crate::retry::Retry;

/// The body, cut into the parts of a grant or of a multipart upload of our own; or one chunk, if
/// one request carries the whole body.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    bytes: u64,
    pub(super) chunk_bytes: u64,
    /// The chunks to send: the time before which none is sent, and the chunk.
    pub(super) waiting: BTreeSet<(u64, usize)>,
    pub(super) retries: Vec<Retry>,
    etags: Vec<Option<String>>,
    /// At least this many chunks from the first one on are stored.
    stored_prefix: usize,
    pub(super) done_bytes: u64,
}

impl Chunks {
    pub(super) fn new(bytes: u64, chunk_bytes: u64, now_ms: u64) -> Self {
        let count = usize::try_from(bytes.div_ceil(chunk_bytes.max(1))).unwrap_or(usize::MAX);
        Chunks {
            bytes,
            chunk_bytes,
            waiting: (0..count).map(|i| (now_ms, i)).collect(),
            retries: vec![Retry::default(); count],
            etags: vec![None; count],
            stored_prefix: 0,
            done_bytes: 0,
        }
    }

    /// The parts of a body that has no bytes yet.
    pub(super) fn of_parts(chunk_bytes: u64) -> Self {
        Chunks { chunk_bytes, ..Chunks::default() }
    }

    /// A body that one request carries, even if it is empty.
    pub(super) fn whole(bytes: u64, now_ms: u64) -> Self {
        let mut chunks = Chunks { bytes, ..Chunks::of_parts(bytes.max(1)) };
        chunks.push(now_ms);
        chunks
    }

    /// The body has this many bytes now. Cuts the parts that are full and have more bytes behind
    /// them. The last part may be smaller, so it is cut only when the body has ended.
    pub(super) fn grow(&mut self, bytes: u64, is_ended: bool, now_ms: u64) {
        self.bytes = bytes;
        let count = match is_ended {
            true => bytes.div_ceil(self.chunk_bytes.max(1)),
            false => bytes.saturating_sub(1) / self.chunk_bytes.max(1),
        };
        while (self.count() as u64) < count.min(PARTS_MAX as u64 + 1) {
            self.push(now_ms);
        }
    }

    fn push(&mut self, now_ms: u64) {
        self.waiting.insert((now_ms, self.count()));
        self.retries.push(Retry::default());
        self.etags.push(None);
    }

    pub(super) fn etags(&self) -> impl Iterator<Item = &str> {
        self.etags.iter().flatten().map(String::as_str)
    }

    /// Whether there are chunks, and all of them are stored.
    pub(super) fn is_stored(&self) -> bool {
        !self.etags.is_empty() && self.etags.iter().all(Option::is_some)
    }

    /// The bytes before the first chunk that is not stored.
    pub(super) fn stored_prefix_bytes(&self) -> u64 {
        let stored = self.etags[self.stored_prefix..].iter().take_while(|etag| etag.is_some());
        let count = (self.stored_prefix + stored.count()) as u64;
        count.saturating_mul(self.chunk_bytes).min(self.bytes)
    }

    /// The chunk to send next, and the time before which it is not sent. At most `open_max` chunks
    /// are begun and not stored. A chunk that waits for another try counts among them, so no new
    /// chunk takes its place and delays that try.
    pub(super) fn next(&self, open_max: usize) -> Option<(u64, usize)> {
        let begun = self.retries[self.stored_prefix..].iter().filter(|retry| retry.has_begun());
        let has_room = begun.count() < open_max;
        self.waiting.iter().find(|(_, i)| has_room || self.retry(*i).has_begun()).copied()
    }

    pub(super) fn begin_try(&mut self, i: usize, now_ms: u64) {
        if let Some(retry) = self.retries.get_mut(i) {
            retry.begin(now_ms);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.etags.len()
    }

    /// The tries of one chunk so far.
    pub(super) fn retry(&self, i: usize) -> Retry {
        self.retries.get(i).copied().unwrap_or_default()
    }

    pub(super) fn bytes_of(&self, i: usize) -> u64 {
        let range = self.range(i);
        range.end - range.start
    }

    pub(super) fn range(&self, i: usize) -> Range<u64> {
        let start = self.chunk_bytes.saturating_mul(i as u64).min(self.bytes);
        start..start.saturating_add(self.chunk_bytes).min(self.bytes)
    }

    /// Keeps the store's ETag of a chunk; whether all chunks are stored.
    pub(super) fn done(&mut self, i: usize, etag: String) -> bool {
        self.done_bytes += self.bytes_of(i);
        self.retries[i] = Retry::default();
        self.etags[i] = Some(etag);
        while self.etags.get(self.stored_prefix).is_some_and(Option::is_some) {
            self.stored_prefix += 1;
        }
        self.stored_prefix == self.count()
    }
}
