//! Headers of pages, in Thrift's compact protocol (`parquet.thrift`, `PageHeader`), with checksums.

use parquet::basic::Encoding;

/// What a page is, as its header says it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) encoding: Encoding,
    /// Entries of a data page, or of a dictionary.
    pub(super) entries: usize,
    pub(super) uncompressed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A data page of version 1, its levels in the RLE hybrid.
    Data,
    Dictionary,
}

/// A field of type i32, and one that is a struct, so many field ids behind the one before.
const I32: u8 = 0x05;
const STRUCT: u8 = 0x0C;
const STOP: u8 = 0;

/// Appends a page, which is compressed already, behind its header; the bytes of the header.
pub(super) fn append(out: &mut Vec<u8>, header: &Header, page: &[u8]) -> usize {
    let from = out.len();
    let mut checksum = flate2::Crc::new();
    checksum.update(page);
    let (page_type, skipped) = match header.kind {
        Kind::Data => (0, 1),
        Kind::Dictionary => (2, 3),
    };
    i32_field(out, page_type);
    i32_field(out, header.uncompressed as i32);
    i32_field(out, page.len() as i32);
    i32_field(out, checksum.sum().cast_signed());
    out.push(skipped << 4 | STRUCT);
    i32_field(out, header.entries as i32);
    i32_field(out, header.encoding as i32);
    if header.kind == Kind::Data {
        i32_field(out, Encoding::RLE as i32);
        i32_field(out, Encoding::RLE as i32);
    }
    out.extend_from_slice(&[STOP, STOP]);
    let bytes = out.len() - from;
    out.extend_from_slice(page);
    bytes
}

/// The next field, an i32.
fn i32_field(out: &mut Vec<u8>, value: i32) {
    out.push(1 << 4 | I32);
    super::bits::unsigned(out, u64::from(((value << 1) ^ (value >> 31)).cast_unsigned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_compact_protocol() {
        let mut out = Vec::new();
        let header =
            Header { kind: Kind::Data, encoding: Encoding::PLAIN, entries: 3, uncompressed: 200 };
        let bytes = append(&mut out, &header, b"123456789");
        // The checksum of these nine bytes is CRC-32's own check value, 0xCBF43926.
        let checksum = u64::from((0xCBF4_3926_u32.cast_signed() << 1 ^ -1).cast_unsigned());
        let mut expected = vec![0x15, 0, 0x15, 0x90, 0x03, 0x15, 18, 0x15];
        super::super::bits::unsigned(&mut expected, checksum);
        expected.extend([0x1C, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0]);
        assert_eq!(bytes, expected.len());
        expected.extend(b"123456789");
        assert_eq!(out, expected);
    }
}
