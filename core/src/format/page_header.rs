//! Headers of pages, in Thrift's compact protocol (`parquet.thrift`, `PageHeader`), with checksums.

use parquet::basic::Encoding;

use super::bits;
use super::crc32::crc32;
#[cfg(feature = "decode")]
use super::thrift::Reader;
use super::thrift::{I32, STRUCT};

/// The facts of a page in its header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageHeader {
    pub(crate) kind: PageKind,
    pub(crate) encoding: Encoding,
    /// Entries of a data page, or of a dictionary.
    pub(crate) entries: usize,
    pub(crate) uncompressed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageKind {
    /// A data page of version 1, its levels in the RLE hybrid.
    Data,
    Dictionary,
}

/// The byte after the last field of a struct.
const STOP: u8 = 0;

/// Appends a header and its page, which is compressed already; gives the length of the header.
pub(crate) fn append(out: &mut Vec<u8>, header: &PageHeader, page: &[u8]) -> usize {
    let from = out.len();
    let (page_type, skipped) = match header.kind {
        PageKind::Data => (0, 1),
        PageKind::Dictionary => (2, 3),
    };
    i32_field(out, page_type);
    i32_field(out, header.uncompressed as i32);
    i32_field(out, page.len() as i32);
    i32_field(out, crc32(page).cast_signed());
    out.push(skipped << 4 | STRUCT);
    i32_field(out, header.entries as i32);
    i32_field(out, header.encoding as i32);
    if header.kind == PageKind::Data {
        i32_field(out, Encoding::RLE as i32);
        i32_field(out, Encoding::RLE as i32);
    }
    out.extend_from_slice(&[STOP, STOP]);
    let bytes = out.len() - from;
    out.extend_from_slice(page);
    bytes
}

/// Appends an i32 as the next field.
fn i32_field(out: &mut Vec<u8>, value: i32) {
    out.push(1 << 4 | I32);
    bits::unsigned(out, u64::from(((value << 1) ^ (value >> 31)).cast_unsigned()));
}

/// A header that was read from a file.
#[cfg(feature = "decode")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadHeader {
    pub(crate) page: PageHeader,
    /// Bytes of the header.
    pub(crate) bytes: usize,
    /// Bytes of the page after it.
    pub(crate) compressed: usize,
    pub(crate) checksum: Option<u32>,
}

/// The encodings of `parquet.thrift` that Coldpress writes, by their numbers. Number 2 is
/// PLAIN_DICTIONARY, the older name of RLE_DICTIONARY, which parquet's writer once used.
#[cfg(feature = "decode")]
const ENCODINGS: [(i32, Encoding); 7] = [
    (0, Encoding::PLAIN),
    (2, Encoding::RLE_DICTIONARY),
    (5, Encoding::DELTA_BINARY_PACKED),
    (6, Encoding::DELTA_LENGTH_BYTE_ARRAY),
    (7, Encoding::DELTA_BYTE_ARRAY),
    (8, Encoding::RLE_DICTIONARY),
    (9, Encoding::BYTE_STREAM_SPLIT),
];

#[cfg(feature = "decode")]
impl ReadHeader {
    /// The header at the start of `bytes`; `None` if it cannot be decoded, or if Coldpress does not
    /// write such pages.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        const DATA_PAGE: i32 = 0;
        const DICTIONARY_PAGE: i32 = 2;
        let mut reader = Reader::new(bytes);
        let (mut page_type, mut uncompressed, mut compressed) = (None, None, None);
        let (mut checksum, mut data, mut dictionary) = (None, None, None);
        let mut last = 0;
        while let Some((id, kind)) = reader.field(last)? {
            match id {
                1 => page_type = Some(reader.i32(kind)?),
                2 => uncompressed = Some(reader.i32(kind)?),
                3 => compressed = Some(reader.i32(kind)?),
                4 => checksum = Some(reader.i32(kind)?.cast_unsigned()),
                5 => data = Some(Self::entries_and_encoding(&mut reader, kind)?),
                7 => dictionary = Some(Self::entries_and_encoding(&mut reader, kind)?),
                _ => reader.skip(kind)?,
            }
            last = id;
        }
        let (kind, (entries, encoding)) = match page_type? {
            DATA_PAGE => (PageKind::Data, data?),
            DICTIONARY_PAGE => (PageKind::Dictionary, dictionary?),
            _ => return None,
        };
        let page = PageHeader {
            kind,
            encoding: ENCODINGS.iter().find(|(number, _)| *number == encoding)?.1,
            entries: usize::try_from(entries).ok()?,
            uncompressed: usize::try_from(uncompressed?).ok()?,
        };
        let compressed = usize::try_from(compressed?).ok()?;
        Some(ReadHeader { page, bytes: reader.at(), compressed, checksum })
    }

    /// The first two fields in the header of a data page, and of a dictionary page. The encodings
    /// of the levels are not read: no writer has used another one than RLE since 2013.
    fn entries_and_encoding(reader: &mut Reader<'_>, kind: u8) -> Option<(i32, i32)> {
        if kind != STRUCT {
            return None;
        }
        let (mut entries, mut encoding) = (None, None);
        let mut last = 0;
        while let Some((id, kind)) = reader.field(last)? {
            match id {
                1 => entries = Some(reader.i32(kind)?),
                2 => encoding = Some(reader.i32(kind)?),
                _ => reader.skip(kind)?,
            }
            last = id;
        }
        entries.zip(encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_compact_protocol() {
        let mut out = Vec::new();
        let header = PageHeader {
            kind: PageKind::Data,
            encoding: Encoding::PLAIN,
            entries: 3,
            uncompressed: 200,
        };
        let bytes = append(&mut out, &header, b"123456789");
        // The checksum of these nine bytes is CRC-32's own check value, 0xCBF43926.
        let checksum = u64::from((0xCBF4_3926_u32.cast_signed() << 1 ^ -1).cast_unsigned());
        let mut expected = vec![0x15, 0, 0x15, 0x90, 0x03, 0x15, 18, 0x15];
        bits::unsigned(&mut expected, checksum);
        expected.extend([0x1C, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0]);
        assert_eq!(bytes, expected.len());
        expected.extend(b"123456789");
        assert_eq!(out, expected);
    }
}

#[cfg(all(test, feature = "decode"))]
mod read_tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_are_read_with_what_other_writers_add() {
        // Type 0, 200 and 9 bytes, a checksum, and a data page of 3 entries in PLAIN with
        // statistics.
        let bytes = [
            0x15, 0, 0x15, 0x90, 3, 0x15, 18, 0x15, 2, 0x1C, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6,
            0x1C, 0x18, 1, b'z', 0, 0, 0,
        ];
        let header = ReadHeader::read(&bytes).unwrap();
        assert_eq!(header.bytes, bytes.len());
        assert_eq!(
            (header.page.kind, header.page.entries, header.page.encoding),
            (PageKind::Data, 3, Encoding::PLAIN)
        );
        assert_eq!(
            (header.page.uncompressed, header.compressed, header.checksum),
            (200, 9, Some(1))
        );
        for end in 0..bytes.len() {
            assert!(ReadHeader::read(&bytes[..end]).is_none(), "{end}");
        }
    }

    fn cases(count: u32) -> ProptestConfig {
        ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
    }

    proptest! {
        #![proptest_config(cases(2_000))]

        #[test]
        fn no_header_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(header) = ReadHeader::read(&bytes) {
                prop_assert!(header.bytes <= bytes.len());
            }
        }
    }
}
