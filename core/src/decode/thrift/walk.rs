//! Walks a struct by its table, before parquet's decoder reads it.

use super::shape::{Kind, Shape};
use crate::format::thrift::{I32, LIST, Reader, STRUCT};

/// The value of a field that the walk has passed.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Found<'b> {
    /// A whole number of any width.
    Int(i64),
    /// A string or other bytes.
    Bytes(&'b [u8]),
    /// A list: how many elements it has, and their bytes.
    List(usize, &'b [u8]),
    /// Anything else.
    Other,
}

impl<'b> Reader<'b> {
    /// Walks one struct, and calls `on` for each field that its table has. `None` if a field has
    /// another type than in the table, comes twice or out of order, or if a required field is
    /// missing.
    ///
    /// Thrift allows fields in any order. Writers sort them by id, so the walk refuses every other
    /// order.
    pub(in super::super) fn structure(
        &mut self,
        shape: &'static Shape,
        on: &mut dyn FnMut(i16, Found<'b>) -> Option<()>,
    ) -> Option<()> {
        let (mut last, mut required) = (0, shape.required.iter().peekable());
        while let Some((id, wire)) = self.next_field(last)? {
            // `required` is in ascending order, and so are the fields.
            match required.peek() {
                Some(next) if **next < id => return None,
                Some(next) if **next == id => drop(required.next()),
                _ => {}
            }
            match shape.fields.iter().find(|(known, _)| *known == id) {
                Some((_, kind)) => {
                    let found = self.known(kind, wire)?;
                    on(id, found)?;
                }
                None => self.skip(wire)?,
            }
            last = id;
        }
        required.next().is_none().then_some(())
    }

    /// The next field of a struct. Its id must be above that of the field before. `Some(None)` at
    /// the end of the struct.
    pub(super) fn next_field(&mut self, last: i16) -> Option<Option<(i16, u8)>> {
        match self.field(last)? {
            Some((id, _)) if id <= last => None,
            field => Some(field),
        }
    }

    /// Reads the head of a list with elements of this kind; gives their number. An element takes at
    /// least one byte, so there cannot be more elements than bytes left.
    pub(super) fn list(&mut self, kind: &Kind) -> Option<usize> {
        let head = self.byte()?;
        // Some writers do not write an element type for an empty list.
        if head == 0 {
            return Some(0);
        }
        let count = match head >> 4 {
            15 => usize::try_from(self.unsigned()?).ok()?,
            count => usize::from(count),
        };
        (is(kind, head & 0x0F) && count <= self.rest()).then_some(count)
    }

    /// The value of a field of this kind; `None` if the field has another type.
    pub(super) fn known(&mut self, kind: &Kind, wire: u8) -> Option<Found<'b>> {
        if !is(kind, wire) {
            return None;
        }
        match kind {
            // The type of a boolean field is its value, so no byte follows (Thrift compact
            // protocol).
            Kind::Bool => Some(Found::Other),
            kind => self.value(kind),
        }
    }

    /// A value, but not that of a boolean field.
    fn value(&mut self, kind: &Kind) -> Option<Found<'b>> {
        Some(match kind {
            Kind::Bool => return (self.byte()? <= 2).then_some(Found::Other),
            Kind::I8 => Found::Int(i64::from(self.byte()?.cast_signed())),
            Kind::I16 => Found::Int(i64::from(i16::try_from(self.signed()?).ok()?)),
            Kind::I32 => Found::Int(i64::from(self.i32(I32)?)),
            Kind::I64 => Found::Int(self.signed()?),
            Kind::Double => {
                self.past(8)?;
                Found::Other
            }
            Kind::Binary => Found::Bytes(self.binary()?),
            Kind::List(element) => {
                let count = self.list(element)?;
                let from = self.at;
                for _ in 0..count {
                    self.value(element)?;
                }
                Found::List(count, &self.bytes[from..self.at])
            }
            Kind::Struct(shape) => {
                self.structure(shape, &mut |_, _| Some(()))?;
                Found::Other
            }
        })
    }

    /// A string or other bytes.
    pub(in super::super) fn binary(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        let from = self.at;
        self.past(length)?;
        Some(&self.bytes[from..self.at])
    }
}

/// Whether a value of this kind has this type in the compact protocol.
fn is(kind: &Kind, wire: u8) -> bool {
    match kind {
        Kind::Bool => matches!(wire, 1 | 2),
        Kind::I8 => wire == 3,
        Kind::I16 => wire == 4,
        Kind::I32 => wire == I32,
        Kind::I64 => wire == 6,
        Kind::Double => wire == 7,
        Kind::Binary => wire == 8,
        Kind::List(_) => wire == LIST,
        Kind::Struct(_) => wire == STRUCT,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BLOOM_FILTER_HEADER, COLUMN_INDEX, OFFSET_INDEX};
    use super::*;

    fn walk(shape: &'static Shape, bytes: &[u8]) -> Option<usize> {
        let mut reader = Reader::for_parquet(bytes);
        reader.structure(shape, &mut |_, _| Some(()))?;
        Some(reader.at())
    }

    #[test]
    fn indexes_and_headers_are_walked_to_their_last_byte() {
        // One page at 4, of 9 bytes, from row 0 on; and one length.
        let offset_index = [0x19, 0x1C, 0x16, 8, 0x15, 18, 0x16, 0, 0, 0x19, 0x16, 2, 0];
        // One page, no null page, "a" to "b", in ascending order, no nulls.
        let column_index =
            [0x19, 0x11, 2, 0x19, 0x18, 1, b'a', 0x19, 0x18, 1, b'b', 0x15, 2, 0x19, 0x16, 0, 0];
        let bloom = [0x15, 64, 0x1C, 0x1C, 0, 0, 0x1C, 0x1C, 0, 0, 0x1C, 0x1C, 0, 0, 0];
        for (shape, bytes) in [
            (&OFFSET_INDEX, &offset_index[..]),
            (&COLUMN_INDEX, &column_index),
            (&BLOOM_FILTER_HEADER, &bloom),
        ] {
            assert_eq!(walk(shape, bytes), Some(bytes.len()));
            for end in 0..bytes.len() {
                assert_eq!(walk(shape, &bytes[..end]), None, "{end}");
            }
        }
    }

    #[test]
    fn claims_and_other_types_than_the_tables_are_refused() {
        for bytes in [
            // 2^31 - 1 page locations in a few bytes.
            &[0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0, 0][..],
            // A list of integers where page locations stand.
            &[0x19, 0x15, 2, 0],
            // No page locations at all, and twice the same field.
            &[0],
            &[0x19, 0x0C, 0x09, 2, 0x0C, 0],
            // Two bytes of a string that says to be longer.
            &[0x19, 0x0C, 0x38, 0x7F, b'a', b'b', 0],
        ] {
            assert_eq!(walk(&OFFSET_INDEX, bytes), None, "{bytes:?}");
        }
    }
}
