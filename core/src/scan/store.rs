//! The ranges of a file that a scan has asked for, and those that have arrived.

use std::collections::VecDeque;
use std::iter;
use std::ops::Range;

use bytes::Bytes;

use super::progress::ScanProgress;
use super::query::ScanFile;
use crate::decode::corrupt;
use crate::sort::{sort, sort_by};
use crate::{Error, ErrorKind, Result};

/// A range to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetch {
    /// Names the request to [`Scan::handle_bytes`](crate::Scan::handle_bytes).
    pub id: u64,
    /// The bytes of the file; never empty.
    pub range: Range<u64>,
    /// The ETag that the file must have (`If-Match`), if it is known.
    pub etag: Option<String>,
}

/// What came back for a [`Fetch`], as the server said it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Fetched {
    /// The bytes.
    pub bytes: Bytes,
    /// Where they begin in the file (`Content-Range`), if the server said it.
    pub start: Option<u64>,
    /// How long the file is (`Content-Range`), if the server said it.
    pub file_bytes: Option<u64>,
    /// Its ETag, if the server said it.
    pub etag: Option<String>,
}

impl Fetched {
    /// These bytes, from a place that says nothing more, such as a local file.
    pub fn new(bytes: Bytes) -> Self {
        Fetched { bytes, ..Fetched::default() }
    }
}

/// Asks for ranges and keeps what arrived.
pub(super) struct Store {
    file: ScanFile,
    /// What has arrived, by its start, in order. Pieces may overlap.
    held: Vec<(u64, Bytes)>,
    queue: VecDeque<Fetch>,
    asked: Vec<(u64, Range<u64>)>,
    next_id: u64,
}

impl Store {
    pub(super) fn new(file: ScanFile) -> Self {
        let (held, queue, asked) = (Vec::new(), VecDeque::new(), Vec::new());
        Store { file, held, queue, asked, next_id: 0 }
    }

    /// Asks for the end of the file, so many bytes, unless it is held. Returns where it begins.
    pub(super) fn ask_for_tail(&mut self, bytes: u64, progress: &mut ScanProgress) -> u64 {
        let end = self.file.bytes;
        if let Some(held) = self.file.tail.take().filter(|held| !held.is_empty())
            && let Some(start) = end.checked_sub(held.len() as u64)
        {
            self.hold(start, held);
            return start;
        }
        let start = end.saturating_sub(bytes);
        self.ask(iter::once(start..end), 0, progress);
        start
    }

    pub(super) fn etag(&self) -> Option<&str> {
        self.file.etag.as_deref()
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.file.bytes
    }

    pub(super) fn poll(&mut self) -> Option<Fetch> {
        self.queue.pop_front()
    }

    /// Whether a request has no answer yet.
    pub(super) fn waits(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Asks for what is not held of these ranges. Ranges with at most `gap` bytes between them
    /// become one.
    pub(super) fn ask(
        &mut self,
        ranges: impl IntoIterator<Item = Range<u64>>,
        gap: u64,
        progress: &mut ScanProgress,
    ) {
        for range in joined(self.lacking(ranges), gap) {
            let id = self.next_id;
            self.next_id += 1;
            progress.requests += 1;
            progress.bytes_asked += range.end - range.start;
            self.asked.push((id, range.clone()));
            self.queue.push_back(Fetch { id, range, etag: self.file.etag.clone() });
        }
    }

    /// Takes an answer. One to a request that has its answer already counts for nothing.
    pub(super) fn take(
        &mut self,
        id: u64,
        fetched: Fetched,
        progress: &mut ScanProgress,
    ) -> Result<()> {
        let asked = self.asked.iter().position(|(asked, _)| *asked == id);
        let Some(at) = asked else { return Ok(()) };
        let range = self.asked[at].1.clone();
        self.check(&range, &fetched)?;
        if self.file.etag.is_none() {
            self.file.etag = fetched.etag;
        }
        self.asked.swap_remove(at);
        progress.bytes += fetched.bytes.len() as u64;
        self.hold(range.start, fetched.bytes);
        Ok(())
    }

    fn hold(&mut self, start: u64, bytes: Bytes) {
        match self.held.binary_search_by_key(&start, |(at, _)| *at) {
            Ok(at) => self.held[at].1 = bytes,
            Err(at) => self.held.insert(at, (start, bytes)),
        }
    }

    fn check(&self, range: &Range<u64>, fetched: &Fetched) -> Result<()> {
        let asked = format!("bytes {} to {} were asked for", range.start, range.end - 1);
        if let (Some(etag), Some(found)) = (&self.file.etag, &fetched.etag)
            && etag != found
        {
            return Err(changed(format!("its ETag was {etag} and is {found}")));
        }
        if let Some(found) = fetched.file_bytes
            && found != self.file.bytes
        {
            return Err(changed(format!("it had {} bytes and has {found}", self.file.bytes)));
        }
        if let Some(start) = fetched.start
            && start != range.start
        {
            return Err(wrong_range(format!("{asked}, but the answer begins at byte {start}")));
        }
        let (found, wanted) = (fetched.bytes.len() as u64, range.end - range.start);
        if found != wanted {
            let how = if found < wanted { "too short" } else { "too long" };
            let what = format!("{asked}, {wanted} in all, but the answer is {how}: {found} bytes");
            return Err(wrong_range(what));
        }
        Ok(())
    }

    /// The bytes of a range that has been asked for.
    pub(super) fn get(&self, range: &Range<u64>) -> Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let unasked = "a scan reads bytes that it did not ask for: a bug of Coldpress; report it";
        self.held(range).ok_or_else(|| Error::misuse(unasked))
    }

    /// The bytes of a range; `None` if they are not all held.
    fn held(&self, range: &Range<u64>) -> Option<Bytes> {
        if let Some(piece) = self.piece(range) {
            return Some(piece);
        }
        let bytes = usize::try_from(range.end - range.start).ok()?;
        let mut all = Vec::new();
        all.try_reserve_exact(bytes).ok()?;
        for (at, piece) in &self.held {
            let next = range.start + all.len() as u64;
            let Some(known) = next.checked_sub(*at).and_then(|known| usize::try_from(known).ok())
            else {
                continue;
            };
            let new = piece.get(known..).unwrap_or_default();
            all.extend_from_slice(&new[..new.len().min(bytes - all.len())]);
        }
        (all.len() == bytes).then(|| Bytes::from(all))
    }

    fn piece(&self, range: &Range<u64>) -> Option<Bytes> {
        // A later piece can be shorter than an earlier one that holds the range.
        let behind = self.held.partition_point(|(start, _)| *start <= range.start);
        self.held[..behind].iter().rev().find_map(|(start, bytes)| {
            let from = usize::try_from(range.start - start).ok()?;
            let end = usize::try_from(range.end - start).ok()?;
            (end <= bytes.len()).then(|| bytes.slice(from..end))
        })
    }

    /// Makes one piece of the last bytes of the file, from `start` on, which have arrived in
    /// neighbouring pieces.
    pub(super) fn join_tail(&mut self, start: u64) -> Result<()> {
        let tail = self.tail(self.file.bytes - start);
        let tail = tail.ok_or_else(|| corrupt("its footer does not fit memory"))?;
        self.held.retain(|(at, _)| *at < start);
        self.hold(start, tail);
        Ok(())
    }

    /// The last bytes of the file; `None` if they are not all held.
    pub(super) fn tail(&self, bytes: u64) -> Option<Bytes> {
        let end = self.file.bytes;
        let start = end.checked_sub(bytes)?;
        self.held(&(start..end))
    }

    /// Lets go of all bytes but those at the end of the file, so many.
    pub(super) fn keep_tail(&mut self, bytes: u64) {
        let start = self.file.bytes.saturating_sub(bytes);
        self.held.retain(|(at, piece)| *at + piece.len() as u64 > start);
    }

    /// What is not held of these ranges.
    pub(super) fn lacking(&self, ranges: impl IntoIterator<Item = Range<u64>>) -> Vec<Range<u64>> {
        let mut lacking = Vec::new();
        for range in ranges {
            let mut from = range.start;
            for (start, piece) in &self.held {
                let end = start + piece.len() as u64;
                if from < *start && from < range.end {
                    lacking.push(from..range.end.min(*start));
                }
                from = from.max(end);
            }
            if from < range.end {
                lacking.push(from..range.end);
            }
        }
        lacking
    }

    /// How many bytes of these ranges are not held.
    pub(super) fn lacks(&self, ranges: &[Range<u64>]) -> u64 {
        let lacking = self.lacking(ranges.iter().cloned());
        joined(lacking, 0).iter().map(|range| range.end - range.start).sum()
    }
}

/// The ranges in order, without what lies in two of them, and with what lies between neighbours.
pub(super) fn joined(mut ranges: Vec<Range<u64>>, gap: u64) -> Vec<Range<u64>> {
    sort_by(&mut ranges, |one, other| (one.start, one.end).cmp(&(other.start, other.end)));
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(gap) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// Joins ranges further, the closest first, until there are at most `most`, or until only gaps of
/// more than `gap` bytes are left between them.
pub(super) fn joined_to(mut ranges: Vec<Range<u64>>, most: usize, gap: u64) -> Vec<Range<u64>> {
    ranges = joined(ranges, 0);
    let mut gaps: Vec<u64> = ranges.windows(2).map(|of| of[1].start - of[0].end).collect();
    sort(&mut gaps);
    let too_many = ranges.len().saturating_sub(most);
    match too_many.checked_sub(1).and_then(|at| gaps.get(at)) {
        Some(needed) => joined(ranges, gap.min(*needed)),
        None => ranges,
    }
}

fn wrong_range(what: String) -> Error {
    let message = format!("the server sent other bytes than it was asked for: {what}; try again");
    Error::new(ErrorKind::Unavailable, message)
}

fn changed(what: String) -> Error {
    let message = format!("the file changed while it was read: {what}; begin the scan again");
    Error::new(ErrorKind::Conflict, message)
}
