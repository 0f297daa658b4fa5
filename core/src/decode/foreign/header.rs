//! Headers of pages of any writer (`parquet.thrift`, `PageHeader`).

use parquet::basic::Encoding;

use crate::format::thrift::{Reader, STRUCT};

/// What a header says of its page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes of the header, and of the page behind it.
    pub(super) bytes: usize,
    pub(super) stored: usize,
    /// Bytes of the page before the codec.
    pub(super) uncompressed: usize,
    pub(super) checksum: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Data {
        entries: u32,
        encoding: Encoding,
        definitions: Encoding,
        repetitions: Encoding,
    },
    DataV2(DataV2),
    Dictionary {
        entries: u32,
        encoding: Encoding,
        sorted: bool,
    },
    /// A page that no reader needs.
    Other,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct DataV2 {
    pub(super) entries: u32,
    pub(super) nulls: u32,
    pub(super) rows: u32,
    pub(super) encoding: Encoding,
    /// Bytes of the levels, which stand before the values and are never compressed.
    pub(super) definition_bytes: u32,
    pub(super) repetition_bytes: u32,
    pub(super) compressed: bool,
}

/// The fields of a struct that are numbers or booleans, by id.
#[derive(Default, Clone, Copy)]
struct Fields([Option<i32>; 9]);

impl Fields {
    fn read(reader: &mut Reader<'_>, wire: u8) -> Option<Self> {
        if wire != STRUCT {
            return None;
        }
        let (mut fields, mut last) = (Fields::default(), 0);
        while let Some((id, wire)) = reader.field(last)? {
            let slot = usize::try_from(id).ok().and_then(|id| fields.0.get_mut(id));
            match (slot, wire) {
                // The type of a boolean field is its value.
                (Some(slot), 1 | 2) => *slot = Some(i32::from(wire == 1)),
                (Some(slot), crate::format::thrift::I32) => *slot = Some(reader.i32(wire)?),
                _ => reader.skip(wire)?,
            }
            last = id;
        }
        Some(fields)
    }

    fn count(&self, id: usize) -> Option<u32> {
        u32::try_from(self.0[id]?).ok()
    }

    fn encoding(&self, id: usize) -> Option<Encoding> {
        encoding(self.0[id]?)
    }
}

fn encoding(number: i32) -> Option<Encoding> {
    Some(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        #[allow(deprecated)] // files of its time have it
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return None,
    })
}

impl Header {
    /// The header at the start of `bytes`; `None` if it cannot be decoded.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let mut top = Fields::default();
        let (mut data, mut dictionary, mut data_v2) = (None, None, None);
        let mut last = 0;
        while let Some((id, wire)) = reader.field(last)? {
            match id {
                1..=4 => top.0[usize::try_from(id).ok()?] = Some(reader.i32(wire)?),
                5 => data = Some(Fields::read(&mut reader, wire)?),
                7 => dictionary = Some(Fields::read(&mut reader, wire)?),
                8 => data_v2 = Some(Fields::read(&mut reader, wire)?),
                _ => reader.skip(wire)?,
            }
            last = id;
        }
        let kind = match top.0[1]? {
            0 => Self::data(data?)?,
            2 => Self::dictionary(dictionary?)?,
            3 => Self::data_v2(data_v2?)?,
            _ => Kind::Other,
        };
        Some(Header {
            kind,
            bytes: reader.at(),
            stored: usize::try_from(top.0[3]?).ok()?,
            uncompressed: usize::try_from(top.0[2]?).ok()?,
            checksum: top.0[4].map(i32::cast_unsigned),
        })
    }

    fn data(fields: Fields) -> Option<Kind> {
        Some(Kind::Data {
            entries: fields.count(1)?,
            encoding: fields.encoding(2)?,
            definitions: fields.encoding(3)?,
            repetitions: fields.encoding(4)?,
        })
    }

    fn dictionary(fields: Fields) -> Option<Kind> {
        let (entries, encoding) = (fields.count(1)?, fields.encoding(2)?);
        Some(Kind::Dictionary { entries, encoding, sorted: fields.0[3] == Some(1) })
    }

    fn data_v2(fields: Fields) -> Option<Kind> {
        Some(Kind::DataV2(DataV2 {
            entries: fields.count(1)?,
            nulls: fields.count(2)?,
            rows: fields.count(3)?,
            encoding: fields.encoding(4)?,
            definition_bytes: fields.count(5)?,
            repetition_bytes: fields.count(6)?,
            compressed: fields.0[7] != Some(0),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_version_2_is_read_and_its_codec_can_be_off() {
        // Type 3, 20 and 9 bytes; 3 entries, 1 null, 3 rows, PLAIN, 2 and 0 bytes of levels.
        let head = [0x15, 6, 0x15, 40, 0x15, 18, 0x5C, 0x15, 6, 0x15, 2, 0x15, 6, 0x15, 0];
        for (end, compressed) in
            [(&[0x15, 4, 0x15, 0, 0, 0][..], true), (&[0x15, 4, 0x15, 0, 0x12, 0, 0], false)]
        {
            let bytes = [&head[..], end].concat();
            let header = Header::read(&bytes).unwrap();
            let Kind::DataV2(page) = header.kind else { panic!("{header:?}") };
            assert_eq!((header.bytes, header.stored, header.uncompressed), (bytes.len(), 9, 20));
            assert_eq!((page.entries, page.nulls, page.rows, page.definition_bytes), (3, 1, 3, 2));
            assert_eq!(page.compressed, compressed);
            for end in 0..bytes.len() {
                assert!(Header::read(&bytes[..end]).is_none(), "{end}");
            }
        }
    }
}
