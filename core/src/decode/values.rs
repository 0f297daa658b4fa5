//! Decodes the values of a page from each encoding (`Encodings.md`).

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::schema::types::ColumnDescriptor;

use super::prefixed::Prefixed;
use crate::format::bits::{Deltas, Hybrid};

/// Decoded values of one column, without nulls.
pub(super) enum DecodedValues {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    /// Byte strings, of any width or all of one width. They share the memory of their page.
    Bytes(Vec<Bytes>),
}

/// The physical type of the values of a column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Boolean,
    Int32,
    Int64,
    Float,
    Double,
    Bytes,
    /// Byte strings of this width.
    Fixed(usize),
}

/// Reads the values of one page, no further than asked.
pub(super) struct Decoder {
    form: Form,
    bytes: Bytes,
    /// The next byte of `bytes`; for booleans the next bit; for split bytes the next value.
    at: usize,
}

/// The encoding of a page, with its state.
enum Form {
    Plain,
    /// BYTE_STREAM_SPLIT of this many values.
    Split(usize),
    /// DELTA_BINARY_PACKED.
    Deltas(Deltas),
    /// DELTA_LENGTH_BYTE_ARRAY.
    Lengths(Deltas),
    /// DELTA_BYTE_ARRAY.
    Prefixed(Box<Prefixed>),
    /// RLE_DICTIONARY.
    Indexes(Hybrid),
}

impl Kind {
    /// `None` for INT96, which Coldpress never writes, and for a width below 1.
    pub(super) fn of(descriptor: &ColumnDescriptor) -> Option<Self> {
        Some(match descriptor.physical_type() {
            Type::BOOLEAN => Kind::Boolean,
            Type::INT32 => Kind::Int32,
            Type::INT64 => Kind::Int64,
            Type::FLOAT => Kind::Float,
            Type::DOUBLE => Kind::Double,
            Type::BYTE_ARRAY => Kind::Bytes,
            Type::FIXED_LEN_BYTE_ARRAY => {
                Kind::Fixed(usize::try_from(descriptor.type_length()).ok().filter(|w| *w > 0)?)
            }
            Type::INT96 => return None,
        })
    }

    /// The bytes of a plain value; 0 where they differ, or are bits.
    fn width(self) -> usize {
        match self {
            Kind::Boolean | Kind::Bytes => 0,
            Kind::Int32 | Kind::Float => 4,
            Kind::Int64 | Kind::Double => 8,
            Kind::Fixed(width) => width,
        }
    }

    pub(super) fn values(self) -> DecodedValues {
        match self {
            Kind::Boolean => DecodedValues::Boolean(Vec::new()),
            Kind::Int32 => DecodedValues::Int32(Vec::new()),
            Kind::Int64 => DecodedValues::Int64(Vec::new()),
            Kind::Float => DecodedValues::Float(Vec::new()),
            Kind::Double => DecodedValues::Double(Vec::new()),
            Kind::Bytes | Kind::Fixed(_) => DecodedValues::Bytes(Vec::new()),
        }
    }
}

impl Decoder {
    /// `None` if the kind does not have this encoding, or if the bytes are damaged. `flat`: a row
    /// has at most one value in the column.
    pub(super) fn new(kind: Kind, flat: bool, encoding: Encoding, bytes: Bytes) -> Option<Self> {
        let form = match (encoding, kind) {
            (Encoding::PLAIN, _) => Form::Plain,
            (Encoding::RLE_DICTIONARY, _) => {
                let width = u32::from(*bytes.first()?);
                Form::Indexes(Hybrid::new(bytes.slice(1..), width)?)
            }
            (Encoding::BYTE_STREAM_SPLIT, Kind::Float | Kind::Double) => {
                let width = if matches!(kind, Kind::Float) { 4 } else { 8 };
                let count = bytes.len() / width;
                if count * width != bytes.len() {
                    return None;
                }
                Form::Split(count)
            }
            (Encoding::DELTA_BINARY_PACKED, Kind::Int32 | Kind::Int64) => {
                Form::Deltas(Deltas::new(bytes.clone())?)
            }
            (Encoding::DELTA_LENGTH_BYTE_ARRAY, Kind::Bytes) => {
                let at = Deltas::new(bytes.clone())?.end()?;
                let lengths = Deltas::new(bytes.clone())?;
                return Some(Decoder { form: Form::Lengths(lengths), bytes, at });
            }
            (Encoding::DELTA_BYTE_ARRAY, Kind::Bytes) => {
                let lengths_at = Deltas::new(bytes.clone())?.end()?;
                let rest = bytes.slice(lengths_at..);
                let at = lengths_at + Deltas::new(rest.clone())?.end()?;
                let (prefixes, lengths) = (Deltas::new(bytes.clone())?, Deltas::new(rest)?);
                let prefixed = Prefixed::new(prefixes, lengths, flat, bytes.len());
                return Some(Decoder { form: Form::Prefixed(Box::new(prefixed)), bytes, at });
            }
            _ => return None,
        };
        Some(Decoder { form, bytes, at: 0 })
    }

    /// Appends the next `count` values. If the page has indexes, they come from the dictionary.
    pub(super) fn read(
        &mut self,
        kind: Kind,
        count: usize,
        dictionary: Option<&DecodedValues>,
        out: &mut DecodedValues,
    ) -> Option<()> {
        if let Form::Indexes(indexes) = &mut self.form {
            return look_up(indexes, count, dictionary?, out);
        }
        if let (Form::Prefixed(prefixed), DecodedValues::Bytes(out)) = (&mut self.form, &mut *out) {
            return prefixed.read(&self.bytes, &mut self.at, count, out);
        }
        match (out, kind) {
            (DecodedValues::Boolean(out), _) => {
                // Check that the bits exist before memory is taken for their values.
                (self.at.checked_add(count)? <= self.bytes.len().checked_mul(8)?).then_some(())?;
                out.try_reserve(count).ok()?;
                for _ in 0..count {
                    let byte = self.bytes.get(self.at / 8)?;
                    out.push(byte >> (self.at % 8) & 1 == 1);
                    self.at += 1;
                }
                Some(())
            }
            (DecodedValues::Int32(out), _) => match &mut self.form {
                // Differences of 32-bit integers wrap around, so the low 32 bits are the value.
                Form::Deltas(deltas) => {
                    each(count, out, || deltas.next().map(|value| value as i32))
                }
                _ => self.numbers(count, out, i32::from_le_bytes),
            },
            (DecodedValues::Int64(out), _) => match &mut self.form {
                Form::Deltas(deltas) => deltas.read(count, out),
                _ => self.numbers(count, out, i64::from_le_bytes),
            },
            (DecodedValues::Float(out), _) => self.numbers(count, out, f32::from_le_bytes),
            (DecodedValues::Double(out), _) => self.numbers(count, out, f64::from_le_bytes),
            (DecodedValues::Bytes(out), Kind::Fixed(width)) => {
                each(count, out, || self.take(width))
            }
            (DecodedValues::Bytes(out), _) => each(count, out, || self.next_bytes()),
        }
    }

    /// Goes past the next `count` values.
    pub(super) fn skip(&mut self, kind: Kind, count: usize) -> Option<()> {
        let (bytes, at) = (&self.bytes, &mut self.at);
        let (next, end) = match (&mut self.form, kind) {
            (Form::Indexes(indexes), _) => return indexes.skip(count, None).map(drop),
            (Form::Deltas(deltas), _) => return deltas.skip(count),
            (Form::Prefixed(prefixed), _) => return prefixed.skip(bytes, at, count),
            (Form::Split(values), _) => (at.checked_add(count)?, *values),
            (Form::Lengths(lengths), _) => {
                let lengths = (0..count).map(|_| lengths.next_length());
                (added(*at, lengths)?, bytes.len())
            }
            (Form::Plain, Kind::Boolean) => (at.checked_add(count)?, bytes.len().checked_mul(8)?),
            (Form::Plain, Kind::Bytes) => {
                for _ in 0..count {
                    let length = u32::from_le_bytes(*bytes.get(*at..)?.first_chunk()?);
                    *at = at.checked_add(4)?.checked_add(usize::try_from(length).ok()?)?;
                }
                (*at, bytes.len())
            }
            (Form::Plain, kind) => (at.checked_add(count.checked_mul(kind.width())?)?, bytes.len()),
        };
        *at = next;
        (next <= end).then_some(())
    }

    /// Whether every value and every byte of the page has been read.
    pub(super) fn is_used_up(&self, kind: Kind) -> bool {
        match &self.form {
            Form::Plain if matches!(kind, Kind::Boolean) => self.at.div_ceil(8) == self.bytes.len(),
            Form::Plain => self.at == self.bytes.len(),
            Form::Split(values) => self.at == *values,
            Form::Deltas(deltas) => deltas.is_used_up(),
            Form::Lengths(lengths) => lengths.is_read() && self.at == self.bytes.len(),
            Form::Prefixed(prefixed) => prefixed.is_read() && self.at == self.bytes.len(),
            Form::Indexes(indexes) => indexes.is_used_up(),
        }
    }

    /// Whether the values come from a dictionary.
    pub(super) fn is_looked_up(&self) -> bool {
        matches!(self.form, Form::Indexes(_))
    }

    /// Appends the places in the dictionary of the next `count` values, which come from there.
    pub(super) fn places(&mut self, count: usize, out: &mut Vec<u32>) -> Option<()> {
        match &mut self.form {
            Form::Indexes(indexes) => indexes.read(count, out, |index| index),
            _ => None,
        }
    }

    /// Appends numbers of PLAIN or BYTE_STREAM_SPLIT.
    fn numbers<T, const WIDTH: usize>(
        &mut self,
        count: usize,
        out: &mut Vec<T>,
        of: impl Fn([u8; WIDTH]) -> T,
    ) -> Option<()> {
        if let Form::Split(values) = self.form {
            let from = self.at;
            self.at = from.checked_add(count).filter(|at| *at <= values)?;
            out.try_reserve(count).ok()?;
            let bytes = &self.bytes;
            out.extend(
                (from..self.at).map(|at| of(std::array::from_fn(|k| bytes[k * values + at]))),
            );
            return Some(());
        }
        let length = count.checked_mul(WIDTH)?;
        let bytes = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        out.try_reserve(count).ok()?;
        out.extend(bytes.as_chunks::<WIDTH>().0.iter().map(|bytes| of(*bytes)));
        Some(())
    }

    fn next_bytes(&mut self) -> Option<Bytes> {
        match &mut self.form {
            Form::Lengths(lengths) => {
                let length = lengths.next_length()?;
                self.take(length)
            }
            _ => {
                let length = self.bytes.get(self.at..)?.first_chunk()?;
                self.at += length.len();
                self.take(usize::try_from(u32::from_le_bytes(*length)).ok()?)
            }
        }
    }

    fn take(&mut self, length: usize) -> Option<Bytes> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let value = self.bytes.slice(self.at..end);
        self.at = end;
        Some(value)
    }
}

fn added(start: usize, lengths: impl Iterator<Item = Option<usize>>) -> Option<usize> {
    let mut lengths = lengths;
    lengths.try_fold(start, |sum, length| sum.checked_add(length?))
}

fn each<T>(count: usize, out: &mut Vec<T>, mut next: impl FnMut() -> Option<T>) -> Option<()> {
    // Take memory step by step, not for `count` at once: values of 0 bits cost the file no bytes,
    // so `count` may be a lie.
    for _ in 0..count {
        if out.len() == out.capacity() {
            out.try_reserve(count.min(out.len().max(64))).ok()?;
        }
        out.push(next()?);
    }
    Some(())
}

fn look_up(
    indexes: &mut Hybrid,
    count: usize,
    dictionary: &DecodedValues,
    out: &mut DecodedValues,
) -> Option<()> {
    fn of<T: Clone>(indexes: &[u32], entries: &[T], out: &mut Vec<T>) -> Option<()> {
        out.try_reserve(indexes.len()).ok()?;
        for index in indexes {
            out.push(entries.get(*index as usize)?.clone());
        }
        Some(())
    }
    let mut found = Vec::new();
    indexes.read(count, &mut found, |index| index)?;
    match (dictionary, out) {
        (DecodedValues::Int32(entries), DecodedValues::Int32(out)) => of(&found, entries, out),
        (DecodedValues::Int64(entries), DecodedValues::Int64(out)) => of(&found, entries, out),
        (DecodedValues::Float(entries), DecodedValues::Float(out)) => of(&found, entries, out),
        (DecodedValues::Double(entries), DecodedValues::Double(out)) => of(&found, entries, out),
        (DecodedValues::Bytes(entries), DecodedValues::Bytes(out)) => of(&found, entries, out),
        _ => None,
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
