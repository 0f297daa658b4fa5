//! The pages of a column chunk, one after the other: header, checksum, codec.

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::file::metadata::ColumnChunkMetaData;

use super::extent::Extent;
use super::limits::{DICTIONARY_PAGE_BYTES_MAX, PAGE_VALUES_MAX, Terms, no_memory, too_much};
use super::thrift::{Reader, STRUCT};
use super::values::Kind;
use super::{corrupt, damaged_page};
use crate::Result;
use crate::codec::{Decompressor, Undone};

/// Reads the pages of one column chunk.
pub(super) struct Pages {
    terms: Terms,
    bytes: Bytes,
    kind: Kind,
    definition_max: i16,
    repetition_max: i16,
    decompressor: Decompressor,
    /// What the pages still to come may have before the codec, by the footer.
    uncompressed_left: usize,
}

/// One page, without its codec.
pub(super) struct Page {
    pub(super) dictionary: bool,
    pub(super) entries: usize,
    pub(super) encoding: Encoding,
    pub(super) bytes: Bytes,
}

/// Where a page lies, by its header.
pub(super) struct PagePlace {
    /// Bytes of the chunk before it.
    pub(super) start: usize,
    /// Bytes it takes, its header among them.
    pub(super) length: usize,
    pub(super) dictionary: bool,
    pub(super) entries: usize,
}

impl Pages {
    pub(super) fn new(file: &Bytes, chunk: &ColumnChunkMetaData, terms: &Terms) -> Result<Self> {
        let first = chunk.data_page_offset();
        let start = chunk.dictionary_page_offset().map_or(first, |start| start.min(first));
        let range = || {
            let start = usize::try_from(start).ok()?;
            let end = start.checked_add(usize::try_from(chunk.compressed_size()).ok()?)?;
            (end <= file.len()).then(|| file.slice(start..end))
        };
        let (codec, descriptor) = (chunk.compression(), chunk.column_descr());
        Ok(Pages {
            terms: terms.clone(),
            kind: Kind::of(descriptor).ok_or_else(|| corrupt("it has an INT96 column"))?,
            definition_max: descriptor.max_def_level(),
            repetition_max: descriptor.max_rep_level(),
            bytes: range().ok_or_else(|| corrupt("a column chunk lies outside the file"))?,
            decompressor: Decompressor::new(codec)
                .ok_or_else(|| corrupt(format!("it has pages in the codec {codec}")))?,
            uncompressed_left: usize::try_from(chunk.uncompressed_size()).map_err(corrupt)?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Where the pages still to come lie, unread.
    pub(super) fn places(&self) -> Result<Vec<PagePlace>> {
        let mut places = Vec::new();
        let mut start = 0;
        while start < self.bytes.len() {
            let (header, _, length) = first_page(&self.bytes[start..])?;
            let Header { dictionary, entries, .. } = header;
            places.push(PagePlace { start, length, dictionary, entries });
            start += length;
        }
        Ok(places)
    }

    /// An error where what a page says of itself is more than a page can be.
    pub(super) fn check_headers(&self) -> Result<()> {
        let mut bytes = &self.bytes[..];
        while !bytes.is_empty() {
            let (header, _, length) = first_page(bytes)?;
            self.check(&header)?;
            bytes = &bytes[length..];
        }
        Ok(())
    }

    /// The next page; none at the end of the chunk.
    pub(super) fn next(&mut self) -> Result<Option<Page>> {
        self.terms.go_on()?;
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let (header, header_bytes, end) = first_page(&self.bytes)?;
        self.check(&header)?;
        let stored = self.bytes.slice(header_bytes..end);
        self.bytes = self.bytes.slice(end..);
        // A fuzzer is to get behind the checksum.
        let verified = !cfg!(fuzzing);
        if verified && header.checksum.is_some_and(|checksum| checksum != crc32(&stored)) {
            return Err(corrupt("the bytes of a page are not those of its checksum"));
        }
        let uncompressed = header_bytes.checked_add(header.uncompressed);
        self.uncompressed_left = uncompressed
            .and_then(|uncompressed| self.uncompressed_left.checked_sub(uncompressed))
            .ok_or_else(|| corrupt("the pages of a column are longer than its footer says"))?;
        let mut extent = self.extent(&header);
        let needs_more = |there: &[u8]| self.terms.go_on().is_ok() && extent.needs_more(there);
        let bytes = self.decompressor.decompress(stored, header.uncompressed, needs_more);
        let bytes = bytes.map_err(|undone| match undone {
            Undone::Damaged => damaged_page(),
            Undone::NoMemory => no_memory(format!("a page of {} bytes", header.uncompressed)),
        });
        self.terms.go_on()?;
        Ok(Some(Page {
            dictionary: header.dictionary,
            entries: header.entries,
            encoding: header.encoding,
            bytes: bytes?,
        }))
    }

    /// What the page claims, held against what a page can be, before any memory is taken for it.
    fn check(&self, header: &Header) -> Result<()> {
        let limits = &self.terms.limits;
        let Header { entries, uncompressed, .. } = *header;
        if header.dictionary {
            return match uncompressed <= DICTIONARY_PAGE_BYTES_MAX {
                true => Ok(()),
                false => Err(corrupt("a dictionary is larger than any encoder makes one")),
            };
        }
        if self.repetition_max == 0 && entries > limits.page_rows_max {
            let what = format!("a page says to hold {entries} rows");
            return Err(too_much(what, "page_rows_max", limits.page_rows_max));
        }
        if entries > PAGE_VALUES_MAX {
            return Err(corrupt("a page says to hold more values than any encoder writes"));
        }
        if uncompressed > limits.page_bytes_max {
            let what = format!("a page says to be {uncompressed} bytes before its codec");
            return Err(too_much(what, "page_bytes_max", limits.page_bytes_max));
        }
        if self.extent(header).bytes_max().is_some_and(|most| uncompressed > most) {
            return Err(corrupt("a page says to be longer than its values are"));
        }
        Ok(())
    }

    fn extent(&self, header: &Header) -> Extent {
        Extent {
            kind: self.kind,
            encoding: header.encoding,
            entries: header.entries,
            definition_max: if header.dictionary { 0 } else { self.definition_max },
            repetition_max: if header.dictionary { 0 } else { self.repetition_max },
            values: None,
        }
    }
}

/// The header of the page that `bytes` begin with, the bytes it takes, and those of the whole page.
fn first_page(bytes: &[u8]) -> Result<(Header, usize, usize)> {
    let (header, header_bytes) =
        Header::read(bytes).ok_or_else(|| corrupt("the header of a page makes no sense"))?;
    let end = header_bytes.checked_add(header.compressed).filter(|end| *end <= bytes.len());
    let end = end.ok_or_else(|| corrupt("a page is longer than its column chunk"))?;
    Ok((header, header_bytes, end))
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut checksum = flate2::Crc::new();
    checksum.update(bytes);
    checksum.sum()
}

/// What `parquet.thrift` has in a `PageHeader`, as far as our pages have it.
struct Header {
    dictionary: bool,
    uncompressed: usize,
    compressed: usize,
    checksum: Option<u32>,
    entries: usize,
    encoding: Encoding,
}

/// The encodings of `parquet.thrift` that Coldpress writes; PLAIN_DICTIONARY is what parquet's writer once called
/// that of a dictionary.
const ENCODINGS: [(i32, Encoding); 7] = [
    (0, Encoding::PLAIN),
    (2, Encoding::RLE_DICTIONARY),
    (5, Encoding::DELTA_BINARY_PACKED),
    (6, Encoding::DELTA_LENGTH_BYTE_ARRAY),
    (7, Encoding::DELTA_BYTE_ARRAY),
    (8, Encoding::RLE_DICTIONARY),
    (9, Encoding::BYTE_STREAM_SPLIT),
];

impl Header {
    /// The header at the start of `bytes`, and how many it takes; none where it makes no sense, or is that of
    /// a page which Coldpress does not write.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
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
        let (is_dictionary, (entries, encoding)) = match page_type? {
            DATA_PAGE => (false, data?),
            DICTIONARY_PAGE => (true, dictionary?),
            _ => return None,
        };
        let header = Header {
            dictionary: is_dictionary,
            uncompressed: usize::try_from(uncompressed?).ok()?,
            compressed: usize::try_from(compressed?).ok()?,
            checksum,
            entries: usize::try_from(entries).ok()?,
            encoding: ENCODINGS.iter().find(|(number, _)| *number == encoding)?.1,
        };
        Some((header, reader.at()))
    }

    /// The first two fields of a data page's header and of a dictionary's. (Levels are in the RLE hybrid: no
    /// writer has used another encoding since 2013.)
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_are_read_with_what_other_writers_add() {
        // Type 0, 200 and 9 bytes, a checksum, and a data page of 3 entries in PLAIN with statistics.
        let bytes = [
            0x15, 0, 0x15, 0x90, 3, 0x15, 18, 0x15, 2, 0x1C, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6,
            0x1C, 0x18, 1, b'z', 0, 0, 0,
        ];
        let (header, length) = Header::read(&bytes).unwrap();
        assert_eq!(length, bytes.len());
        assert_eq!(
            (header.dictionary, header.entries, header.encoding),
            (false, 3, Encoding::PLAIN)
        );
        assert_eq!((header.uncompressed, header.compressed, header.checksum), (200, 9, Some(1)));
        for end in 0..bytes.len() {
            assert!(Header::read(&bytes[..end]).is_none(), "{end}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn no_header_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some((_, length)) = Header::read(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
