//! The byte strings of DELTA_BYTE_ARRAY: each begins with a part of the one before it.

use bytes::Bytes;

use crate::format::bits::Deltas;

/// How many bytes more than their page the byte strings of DELTA_BYTE_ARRAY may take once they are
/// whole. Without a limit, shared prefixes would let a small page take any amount of memory. An
/// encoder ends a page at 1 MiB of whole values, but only at the end of a row, and a row of a list
/// can have many values.
const PREFIXED_BYTES_MAX: usize = 4 << 20;
const PREFIXED_LIST_BYTES_MAX: usize = 256 << 20;

/// Values to go past at once.
const STEP: usize = 1_024;

pub(super) struct Prefixed {
    prefixes: Deltas,
    lengths: Deltas,
    /// The whole value before the next one.
    before: Bytes,
    /// Bytes that the remaining values may take once they are whole.
    left: usize,
    /// The prefixes and lengths of some values: memory that is used again.
    some: (Vec<i64>, Vec<i64>),
}

impl Prefixed {
    /// Of a page of so many bytes. `flat`: a row has at most one value in the column.
    pub(super) fn new(prefixes: Deltas, lengths: Deltas, flat: bool, bytes: usize) -> Self {
        let left = if flat { PREFIXED_BYTES_MAX } else { PREFIXED_LIST_BYTES_MAX };
        let left = left.saturating_add(bytes);
        let (before, some) = (Bytes::new(), (Vec::new(), Vec::new()));
        Prefixed { prefixes, lengths, before, left, some }
    }

    /// Whether every prefix and length was read.
    pub(super) fn is_read(&self) -> bool {
        self.prefixes.is_read() && self.lengths.is_read()
    }

    /// Appends the next `count` values, made whole in one buffer. Their own bytes begin at `at`,
    /// which moves past them.
    pub(super) fn read(
        &mut self,
        bytes: &Bytes,
        at: &mut usize,
        count: usize,
        out: &mut Vec<Bytes>,
    ) -> Option<()> {
        let mut buffer: Vec<u8> = Vec::new();
        // The value before the next one: in the buffer, once that has one.
        let mut last = 0..0;
        let mut places = Vec::new();
        for _ in 0..count {
            let (prefix, length) = (self.prefixes.next_length()?, self.lengths.next_length()?);
            let end = at.checked_add(length)?;
            let rest = bytes.get(*at..end)?;
            *at = end;
            let in_buffer = !buffer.is_empty();
            if prefix > if in_buffer { last.len() } else { self.before.len() } {
                return None;
            }
            match (in_buffer, rest.is_empty()) {
                (true, true) => last.end = last.start + prefix,
                (false, true) => {
                    // It takes no memory of its own.
                    self.before.truncate(prefix);
                    out.push(self.before.clone());
                    continue;
                }
                (_, false) => {
                    let (start, more) = (buffer.len(), prefix + rest.len());
                    self.left = self.left.checked_sub(more)?;
                    if buffer.capacity() - start < more {
                        buffer.try_reserve(start.max(more)).ok()?;
                    }
                    match in_buffer {
                        true => buffer.extend_from_within(last.start..last.start + prefix),
                        false => buffer.extend_from_slice(self.before.get(..prefix)?),
                    }
                    buffer.extend_from_slice(rest);
                    last = start..buffer.len();
                }
            }
            places.push(last.clone());
        }
        if !buffer.is_empty() {
            let buffer = Bytes::from(buffer);
            self.before = buffer.slice(last);
            out.extend(places.into_iter().map(|place| buffer.slice(place)));
        }
        Some(())
    }

    /// Goes past the next `count` values. Of these, only the last one is made whole.
    pub(super) fn skip(&mut self, bytes: &Bytes, at: &mut usize, count: usize) -> Option<()> {
        let mut left = count;
        while left > 0 {
            let now = left.min(STEP);
            left -= now;
            let (prefixes, lengths) = &mut self.some;
            prefixes.clear();
            lengths.clear();
            self.prefixes.read(now, prefixes)?;
            self.lengths.read(now, lengths)?;
            let mut end = *at;
            for length in lengths {
                end = end.checked_add(usize::try_from(*length).ok()?)?;
            }
            if end > bytes.len() {
                return None;
            }
            self.make_last(bytes, end, end - *at)?;
            *at = end;
        }
        Some(())
    }

    /// Makes the last one of `some` whole. Their own bytes, so many, end at `end`.
    fn make_last(&mut self, bytes: &[u8], end: usize, own_bytes: usize) -> Option<()> {
        let (prefixes, lengths) = &self.some;
        let part = |of: &i64| usize::try_from(*of).ok();
        let size = part(prefixes.last()?)?.checked_add(part(lengths.last()?)?)?;
        // No value is longer than all that it can be made of.
        if size > self.before.len() + own_bytes {
            return None;
        }
        self.left = self.left.checked_sub(size)?;
        let mut value = Vec::new();
        value.try_reserve_exact(size).ok()?;
        value.resize(size, 0);
        // From the end back: a value above gives what it has of the first `missing` bytes.
        let (mut missing, mut start) = (size, end);
        for (prefix, length) in prefixes.iter().zip(lengths).rev() {
            let (prefix, length) = (part(prefix)?, part(length)?);
            start -= length;
            if prefix < missing {
                let own = bytes.get(start..start + length)?.get(..missing - prefix)?;
                value.get_mut(prefix..missing)?.copy_from_slice(own);
                missing = prefix;
            }
        }
        value.get_mut(..missing)?.copy_from_slice(self.before.get(..missing)?);
        self.before = Bytes::from(value);
        Some(())
    }
}
