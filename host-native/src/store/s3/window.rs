//! The bytes of a body that may have to be sent again.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// The bytes of a body, from the first part that is not stored yet.
#[derive(Debug)]
pub(super) struct Window {
    part_bytes: u64,
    /// The number of the first part that is kept; parts are counted from 0.
    first: u64,
    /// Full parts; once the body has ended, also the last part.
    parts: VecDeque<Bytes>,
    filling: BytesMut,
    total: u64,
    /// Whether no bytes are kept any more.
    is_forgotten: bool,
}

impl Window {
    /// For a body that comes piece by piece.
    pub(super) fn new(part_bytes: u64) -> Self {
        Window {
            part_bytes: part_bytes.max(1),
            first: 0,
            parts: VecDeque::new(),
            filling: BytesMut::new(),
            total: 0,
            is_forgotten: false,
        }
    }

    /// For a body that is complete and goes by one request.
    pub(super) fn whole(bytes: Bytes) -> Self {
        let total = bytes.len() as u64;
        Window { total, parts: VecDeque::from([bytes]), ..Window::new(u64::MAX) }
    }

    /// How many bytes the body has so far.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Whether the body has more bytes than one part.
    pub(super) fn exceeds_a_part(&self) -> bool {
        self.total > self.part_bytes
    }

    pub(super) fn push(&mut self, mut bytes: Bytes) {
        self.total += bytes.len() as u64;
        while !bytes.is_empty() && !self.is_forgotten {
            let room = self.part_bytes.saturating_sub(self.filling.len() as u64);
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            self.filling.extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            if self.filling.len() as u64 == self.part_bytes {
                self.parts.push_back(self.filling.split().freeze());
            }
        }
    }

    /// Ends the body.
    pub(super) fn end(&mut self) {
        if !self.filling.is_empty() {
            self.parts.push_back(self.filling.split().freeze());
        }
    }

    /// Drops the parts that end at or before this byte.
    pub(super) fn release(&mut self, before: u64) {
        while self.first.saturating_add(1).saturating_mul(self.part_bytes) <= before
            && self.parts.pop_front().is_some()
        {
            self.first += 1;
        }
    }

    /// Drops all bytes, also those that are still to come.
    pub(super) fn forget(&mut self) {
        self.is_forgotten = true;
        self.parts.clear();
        self.filling = BytesMut::new();
    }

    /// These bytes, which are within one part.
    pub(super) fn slice(&self, range: &Range<u64>) -> Bytes {
        let part = (range.start / self.part_bytes).checked_sub(self.first);
        let part = part.and_then(|i| self.parts.get(usize::try_from(i).ok()?));
        let begins = range.start - range.start % self.part_bytes;
        match part {
            Some(part) => {
                let at = |n: u64| usize::try_from(n - begins).unwrap_or(usize::MAX).min(part.len());
                part.slice(at(range.start)..at(range.end))
            }
            None => Bytes::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_until_they_are_released() {
        let mut window = Window::new(4);
        for piece in [&b"abc"[..], b"defghij", b""] {
            window.push(Bytes::copy_from_slice(piece));
        }
        assert_eq!((window.total(), window.parts.len(), window.filling.len()), (10, 2, 2));
        assert_eq!(window.slice(&(4..8)), "efgh");
        window.release(7);
        assert_eq!(window.slice(&(0..4)), "abcd"[..0], "the first is stored, the second is not");
        assert_eq!(window.slice(&(4..8)), "efgh");
        window.end();
        assert_eq!(window.slice(&(8..10)), "ij");
        window.forget();
        window.push(Bytes::from_static(b"more"));
        assert_eq!((window.total(), window.parts.len(), window.filling.len()), (14, 0, 0));
    }

    #[test]
    fn a_whole_body_is_not_copied() {
        let bytes = Bytes::from_static(b"whole");
        let window = Window::whole(bytes.clone());
        assert_eq!(window.slice(&(0..5)).as_ptr(), bytes.as_ptr());
        assert_eq!(Window::whole(Bytes::new()).slice(&(0..0)), "");
    }
}
