//! The values of a page out of each encoding (`Encodings.md`).

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::schema::types::ColumnDescriptor;

use super::bits::{Deltas, Hybrid};

/// What byte strings that share prefixes may take above the bytes of their page, once put together. An
/// encoder ends a page at 1 MiB of whole values, but not within a row, and a row of a list has many.
const PREFIXED_BYTES_MAX: usize = 4 << 20;
const PREFIXED_LIST_BYTES_MAX: usize = 256 << 20;

/// Values of one column, nulls left out.
pub(super) enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    /// Byte strings of any width, or all of one: parts of what they were read from.
    Bytes(Vec<Bytes>),
}

/// What the values of a column are.
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

/// The values of one page, read as far as asked.
pub(super) struct Decoder {
    form: Form,
    bytes: Bytes,
    /// The next byte of `bytes`; of booleans the next bit; of split bytes the next value.
    at: usize,
}

enum Form {
    Plain,
    /// So many values, byte by byte.
    Split(usize),
    Deltas(Deltas),
    Lengths(Deltas),
    Prefixed {
        prefixes: Deltas,
        lengths: Deltas,
        before: Bytes,
        /// Bytes that the values may still take once put together.
        left: usize,
    },
    Indexes(Hybrid),
}

impl Kind {
    /// None for INT96, which no Coldpress writes, and for a width that is none.
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

    pub(super) fn values(self) -> Values {
        match self {
            Kind::Boolean => Values::Boolean(Vec::new()),
            Kind::Int32 => Values::Int32(Vec::new()),
            Kind::Int64 => Values::Int64(Vec::new()),
            Kind::Float => Values::Float(Vec::new()),
            Kind::Double => Values::Double(Vec::new()),
            Kind::Bytes | Kind::Fixed(_) => Values::Bytes(Vec::new()),
        }
    }
}

impl Decoder {
    /// None where the encoding is none of this kind, or the bytes are not in it. A row of a column that is
    /// `flat` has one value at most.
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
                let left = if flat { PREFIXED_BYTES_MAX } else { PREFIXED_LIST_BYTES_MAX };
                let left = left.saturating_add(bytes.len());
                let form = Form::Prefixed { prefixes, lengths, before: Bytes::new(), left };
                return Some(Decoder { form, bytes, at });
            }
            _ => return None,
        };
        Some(Decoder { form, bytes, at: 0 })
    }

    /// Appends the next `count` values, those of a dictionary where the page has indexes.
    pub(super) fn read(
        &mut self,
        kind: Kind,
        count: usize,
        dictionary: Option<&Values>,
        out: &mut Values,
    ) -> Option<()> {
        if let Form::Indexes(indexes) = &mut self.form {
            return look_up(indexes, count, dictionary?, out);
        }
        match (out, kind) {
            (Values::Boolean(out), _) => {
                // The bits are there before memory is.
                (self.at.checked_add(count)? <= self.bytes.len().checked_mul(8)?).then_some(())?;
                out.try_reserve(count).ok()?;
                for _ in 0..count {
                    let byte = self.bytes.get(self.at / 8)?;
                    out.push(byte >> (self.at % 8) & 1 == 1);
                    self.at += 1;
                }
                Some(())
            }
            (Values::Int32(out), _) => match &mut self.form {
                // The difference of two 32-bit integers wraps around; its low bits are right.
                Form::Deltas(deltas) => {
                    each(count, out, || deltas.next().map(|value| value as i32))
                }
                _ => self.numbers(count, out, i32::from_le_bytes),
            },
            (Values::Int64(out), _) => match &mut self.form {
                Form::Deltas(deltas) => each(count, out, || deltas.next()),
                _ => self.numbers(count, out, i64::from_le_bytes),
            },
            (Values::Float(out), _) => self.numbers(count, out, f32::from_le_bytes),
            (Values::Double(out), _) => self.numbers(count, out, f64::from_le_bytes),
            (Values::Bytes(out), Kind::Fixed(width)) => each(count, out, || self.take(width)),
            (Values::Bytes(out), _) if matches!(self.form, Form::Prefixed { .. }) => {
                self.prefixed(count, out)
            }
            (Values::Bytes(out), _) => each(count, out, || self.next_bytes()),
        }
    }

    /// Whether every value and every byte of the page was read.
    pub(super) fn is_used_up(&self, kind: Kind) -> bool {
        match &self.form {
            Form::Plain if matches!(kind, Kind::Boolean) => self.at.div_ceil(8) == self.bytes.len(),
            Form::Plain => self.at == self.bytes.len(),
            Form::Split(values) => self.at == *values,
            Form::Deltas(deltas) => deltas.is_used_up(),
            Form::Lengths(lengths) => lengths.is_read() && self.at == self.bytes.len(),
            Form::Prefixed { prefixes, lengths, .. } => {
                prefixes.is_read() && lengths.is_read() && self.at == self.bytes.len()
            }
            Form::Indexes(indexes) => indexes.is_used_up(),
        }
    }

    /// Whether the values are those of a dictionary.
    pub(super) fn is_looked_up(&self) -> bool {
        matches!(self.form, Form::Indexes(_))
    }

    /// Numbers as they stand, or byte by byte.
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

    /// Byte strings that share prefixes, put together in one buffer.
    fn prefixed(&mut self, count: usize, out: &mut Vec<Bytes>) -> Option<()> {
        let Form::Prefixed { prefixes, lengths, before, left } = &mut self.form else {
            return None;
        };
        let mut buffer = before.to_vec();
        let mut last = 0..buffer.len();
        let mut places = Vec::new();
        for _ in 0..count {
            let (prefix, length) = (prefixes.next_length()?, lengths.next_length()?);
            let end = self.at.checked_add(length)?;
            let rest = self.bytes.get(self.at..end)?;
            let shared =
                last.start..last.start.checked_add(prefix).filter(|end| *end <= last.end)?;
            if rest.is_empty() {
                last = shared;
            } else {
                let start = buffer.len();
                *left = left.checked_sub(shared.len() + rest.len())?;
                if buffer.capacity() - start < shared.len() + rest.len() {
                    buffer.try_reserve(start.max(shared.len() + rest.len())).ok()?;
                }
                buffer.extend_from_within(shared);
                buffer.extend_from_slice(rest);
                last = start..buffer.len();
            }
            places.push(last.clone());
            self.at = end;
        }
        let buffer = Bytes::from(buffer);
        *before = buffer.slice(last);
        out.extend(places.into_iter().map(|place| buffer.slice(place)));
        Some(())
    }

    fn take(&mut self, length: usize) -> Option<Bytes> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let value = self.bytes.slice(self.at..end);
        self.at = end;
        Some(value)
    }
}

fn each<T>(count: usize, out: &mut Vec<T>, mut next: impl FnMut() -> Option<T>) -> Option<()> {
    // `count` entries have been read before it, but a value of no bits costs no bytes: step by step.
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
    dictionary: &Values,
    out: &mut Values,
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
        (Values::Int32(entries), Values::Int32(out)) => of(&found, entries, out),
        (Values::Int64(entries), Values::Int64(out)) => of(&found, entries, out),
        (Values::Float(entries), Values::Float(out)) => of(&found, entries, out),
        (Values::Double(entries), Values::Double(out)) => of(&found, entries, out),
        (Values::Bytes(entries), Values::Bytes(out)) => of(&found, entries, out),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [Kind; 7] = [
        Kind::Boolean,
        Kind::Int32,
        Kind::Int64,
        Kind::Float,
        Kind::Double,
        Kind::Bytes,
        Kind::Fixed(3),
    ];
    const ENCODINGS: [Encoding; 7] = [
        Encoding::PLAIN,
        Encoding::RLE_DICTIONARY,
        Encoding::BYTE_STREAM_SPLIT,
        Encoding::DELTA_BINARY_PACKED,
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Encoding::DELTA_BYTE_ARRAY,
        Encoding::RLE,
    ];

    impl Values {
        fn len(&self) -> usize {
            match self {
                Values::Boolean(values) => values.len(),
                Values::Int32(values) => values.len(),
                Values::Int64(values) => values.len(),
                Values::Float(values) => values.len(),
                Values::Double(values) => values.len(),
                Values::Bytes(values) => values.len(),
            }
        }
    }

    /// Bytes that often start as some encoding does.
    fn pages() -> impl Strategy<Value = Vec<u8>> {
        let head = prop_oneof![
            Just(Vec::new()),
            Just(vec![1]),
            (0..4_u8, 0..40_u8).prop_map(|(count, first)| vec![0x80, 1, 4, count, first]),
            Just(vec![0x80, 1, 4, 3, 4, 2, 0, 0, 0, 0, 0x80, 1, 4, 3, 2, 0, 1, 0, 0, 0]),
        ];
        (head, prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..400))
            .prop_map(|(head, rest)| [head, rest].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn no_page_makes_it_panic_or_give_another_count(page in pages(), counts in prop::collection::vec(0..70_usize, 1..4)) {
            for kind in KINDS {
                let mut dictionary = kind.values();
                let entries = Bytes::from(vec![1; 24]);
                let mut plain = Decoder::new(kind, true, Encoding::PLAIN, entries).unwrap();
                plain.read(kind, 2, None, &mut dictionary);
                for encoding in ENCODINGS {
                    let page = Bytes::copy_from_slice(&page);
                    let Some(mut decoder) = Decoder::new(kind, true, encoding, page) else { continue };
                    let mut out = kind.values();
                    let mut expected = 0;
                    for count in &counts {
                        if decoder.read(kind, *count, Some(&dictionary), &mut out).is_none() {
                            break;
                        }
                        expected += count;
                        prop_assert_eq!(out.len(), expected);
                    }
                }
            }
        }
    }
}
