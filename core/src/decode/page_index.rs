//! The indexes of a column chunk (`OffsetIndex` and `ColumnIndex` of `parquet.thrift`): where its
//! data pages lie, and what it says of their values.

use std::ops::Range;

use bytes::Bytes;
use parquet::basic::Type;

use super::ends::{Ends, StoredEnd};
use super::thrift::{COLUMN_INDEX, Found, OFFSET_INDEX, PAGE_LOCATION};
use crate::format::thrift::Reader;

/// The indexes of all chunks: those of each row group, leaf by leaf.
pub(super) type FileIndexes = Vec<Vec<PageIndex>>;

/// What the indexes of a chunk say. Nobody has compared it with the pages.
#[derive(Debug, Default)]
pub(crate) struct PageIndex {
    /// The data pages, in order; empty without an offset index.
    pub(crate) places: Vec<IndexedPage>,
    pub(crate) facts: Option<PageFacts>,
}

/// A data page, as the offset index names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexedPage {
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// Its bytes in the file, with its header.
    pub(crate) bytes: u64,
    /// The number of its first row in the row group.
    pub(crate) first_row: usize,
}

/// What the column index says of the pages.
#[derive(Debug)]
pub(crate) struct PageFacts {
    /// The bytes of the index.
    bytes: Bytes,
    kind: Type,
    pages: Vec<FactsOfPage>,
    /// The nulls of each page; empty if the index does not say it.
    nulls: Vec<i64>,
}

/// The places of the smallest and the largest value in the bytes of the index; `None` if all values
/// are null.
type FactsOfPage = Option<(Range<u32>, Range<u32>)>;

impl PageFacts {
    /// The number of pages.
    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    /// How many values of the page are null, if the index says it.
    pub(crate) fn nulls(&self, page: usize) -> Option<u64> {
        self.nulls.get(page).and_then(|nulls| u64::try_from(*nulls).ok())
    }

    /// The smallest and the largest value of the page.
    pub(crate) fn ends(&self, page: usize) -> Ends<'_> {
        let Some(Some((min, max))) = self.pages.get(page) else { return (None, None) };
        let end = |at: &Range<u32>| {
            stored(self.kind, self.bytes.get(at.start as usize..at.end as usize)?)
        };
        (end(min), end(max))
    }
}

impl IndexedPage {
    /// Reads an offset index; `None` if it cannot be decoded.
    pub(super) fn read_all(bytes: &[u8]) -> Option<Vec<Self>> {
        let mut reader = Reader::for_parquet(bytes);
        let mut list = None;
        reader.structure(&OFFSET_INDEX, &mut |id, found| {
            if let (1, Found::List(count, elements)) = (id, found) {
                list = Some((count, elements));
            }
            Some(())
        })?;
        let (count, elements) = list?;
        let mut reader = Reader::for_parquet(elements);
        (0..count).map(|_| Self::read(&mut reader)).collect()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut numbers = [0; 3];
        reader.structure(&PAGE_LOCATION, &mut |id, found| {
            if let (1..=3, Found::Int(number)) = (id, found) {
                numbers[id as usize - 1] = number;
            }
            Some(())
        })?;
        let [offset, bytes, first_row] = numbers;
        Some(IndexedPage {
            offset: u64::try_from(offset).ok()?,
            bytes: u64::try_from(bytes).ok()?,
            first_row: usize::try_from(first_row).ok()?,
        })
    }
}

impl PageFacts {
    /// Reads the column index of a leaf of this type; `None` if it cannot be decoded, or if it does
    /// not have as many of each thing as pages.
    pub(super) fn read(bytes: Bytes, kind: Type) -> Option<Self> {
        let nothing = (0, &[][..]);
        let (mut all_null, mut min, mut max, mut nulls) = (nothing, nothing, nothing, None);
        Reader::for_parquet(&bytes).structure(&COLUMN_INDEX, &mut |id, found| {
            match (id, found) {
                (1, Found::List(count, elements)) => all_null = (count, elements),
                (2, Found::List(count, elements)) => min = (count, elements),
                (3, Found::List(count, elements)) => max = (count, elements),
                (5, Found::List(count, elements)) => nulls = Some((count, elements)),
                _ => {}
            }
            Some(())
        })?;
        let count = all_null.0;
        if min.0 != count || max.0 != count || nulls.is_some_and(|nulls| nulls.0 != count) {
            return None;
        }
        let (mut min, mut max) = (Reader::for_parquet(min.1), Reader::for_parquet(max.1));
        let mut next = |all_null: bool| {
            let (min, max) = (place(&bytes, min.binary()?), place(&bytes, max.binary()?));
            if all_null {
                return Some(None);
            }
            let both = (min?, max?);
            let fits = |at: &Range<u32>| fits(kind, at.len());
            (fits(&both.0) && fits(&both.1)).then_some(Some(both))
        };
        let pages = all_null.1.iter().map(|byte| next(*byte == TRUE)).collect::<Option<_>>()?;
        let (count, elements) = nulls.unwrap_or(nothing);
        let mut reader = Reader::for_parquet(elements);
        let nulls = (0..count).map(|_| reader.signed()).collect::<Option<_>>()?;
        Some(PageFacts { bytes: bytes.clone(), kind, pages, nulls })
    }
}

/// `true` as an element of a list, in Thrift's compact protocol.
const TRUE: u8 = 1;

/// Where a part of the bytes lies in them.
fn place(bytes: &[u8], part: &[u8]) -> Option<Range<u32>> {
    let start = (part.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
    let range = start..start.checked_add(part.len())?;
    Some(u32::try_from(range.start).ok()?..u32::try_from(range.end).ok()?)
}

/// Whether a value of this type can have so many bytes.
fn fits(kind: Type, bytes: usize) -> bool {
    match kind {
        Type::BOOLEAN => bytes == 1,
        Type::INT32 | Type::FLOAT => bytes == 4,
        Type::INT64 | Type::DOUBLE => bytes == 8,
        Type::INT96 => bytes == 12,
        Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => true,
    }
}

/// The value of these bytes.
fn stored(kind: Type, bytes: &[u8]) -> Option<StoredEnd<'_>> {
    Some(match kind {
        Type::BOOLEAN => StoredEnd::Boolean(*bytes.first()? != 0),
        Type::INT32 => StoredEnd::Integer(i32::from_le_bytes(bytes.try_into().ok()?).into()),
        Type::INT64 => StoredEnd::Integer(i64::from_le_bytes(bytes.try_into().ok()?)),
        Type::FLOAT => StoredEnd::Float(f32::from_le_bytes(bytes.try_into().ok()?)),
        Type::DOUBLE => StoredEnd::Double(f64::from_le_bytes(bytes.try_into().ok()?)),
        Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => StoredEnd::Bytes(bytes),
        Type::INT96 => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The column index of two pages: which have only nulls, the smallest values, the largest.
    fn index(nulls: &[u8], min: &[&[u8]], max: &[&[u8]]) -> Bytes {
        let texts = |texts: &[&[u8]]| {
            let head = [0x19, (texts.len() as u8) << 4 | 8];
            let text = |text: &&[u8]| [&[text.len() as u8], *text].concat();
            [&head[..], &texts.iter().flat_map(text).collect::<Vec<_>>()].concat()
        };
        let nulls = [&[0x19, (nulls.len() as u8) << 4 | 1], nulls].concat();
        // Field 4: the order of the pages, none.
        [nulls, texts(min), texts(max), vec![0x15, 0, 0]].concat().into()
    }

    #[test]
    fn bounds_have_the_size_of_their_type_unless_all_values_are_null() {
        let read = |kind, bytes| PageFacts::read(bytes, kind);
        let five = 5_i32.to_le_bytes();
        let facts = read(Type::INT32, index(&[1, 2], &[b"", &five], &[b"", &five])).unwrap();
        assert_eq!((facts.len(), facts.ends(0), facts.nulls(1)), (2, (None, None), None));
        assert_eq!(facts.ends(1), (Some(StoredEnd::Integer(5)), Some(StoredEnd::Integer(5))));
        assert_eq!(facts.ends(2), (None, None));
        assert!(read(Type::INT64, index(&[1, 2], &[b"", &five], &[b"", &five])).is_none());
        assert!(read(Type::INT32, index(&[2, 2], &[b"", &five], &[b"", &five])).is_none());
        assert!(read(Type::BYTE_ARRAY, index(&[2, 2], &[b"", b"a"], &[b"", b"b"])).is_some());
    }

    #[test]
    fn an_index_has_as_many_of_each_thing_as_pages() {
        let texts = [&b"a"[..], b"b", b"c"];
        for (nulls, min, max) in [(2, 2, 2), (3, 3, 3), (2, 3, 3), (3, 2, 3), (3, 3, 2), (0, 1, 1)]
        {
            let index = index(&[2, 2, 2][..nulls], &texts[..min], &texts[..max]);
            let read = PageFacts::read(index, Type::BYTE_ARRAY);
            assert_eq!(read.is_some(), nulls == min && nulls == max, "{nulls} {min} {max}");
        }
    }

    #[test]
    fn no_number_of_an_offset_index_is_negative() {
        let page = |numbers: [u8; 3]| {
            let [offset, bytes, row] = numbers;
            IndexedPage::read_all(&[0x19, 0x1C, 0x16, offset, 0x15, bytes, 0x16, row, 0, 0])
        };
        let read = page([8, 18, 2]).unwrap();
        assert_eq!((read[0].offset, read[0].bytes, read[0].first_row), (4, 9, 1));
        for negative in [[7, 18, 2], [8, 17, 2], [8, 18, 1]] {
            assert!(page(negative).is_none(), "{negative:?}");
        }
    }

    /// Three pages of most columns; the first of `late` has only nulls.
    #[cfg(feature = "arrow")]
    fn file_of_pages() -> Bytes {
        let settings = crate::Settings { codec: crate::Codec::None, ..Default::default() };
        let mut encoder = crate::Encoder::new(settings).unwrap();
        for at in 0..45_000 {
            let late = (at > 25_000).then_some(at);
            let (half, text) = (f64::from(at) / 2.0, format!("text {at}"));
            let row = serde_json::json!({"half": half, "text": text, "late": late, "l": [at % 2]});
            encoder.push_row(&format!("{at:06}"), &row).unwrap();
        }
        encoder.finish(&crate::Target::new(1, "c")).unwrap().bytes
    }

    /// Parquet's own decoder is the reference.
    #[cfg(feature = "arrow")]
    #[test]
    fn an_index_says_what_parquet_reads_in_it() {
        use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};

        let bytes = file_of_pages();
        let file = crate::ParquetFile::open(bytes.clone()).unwrap();
        let ours = crate::decode::indexes::of_file(&file).unwrap();
        let theirs = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&bytes)
            .unwrap();
        let (columns, offsets) = (theirs.column_index().unwrap(), theirs.offset_index().unwrap());
        let mut pages = 0;
        for (group, leaves) in ours.iter().enumerate() {
            for (leaf, index) in leaves.iter().enumerate() {
                let theirs = offsets[group][leaf].page_locations();
                assert_eq!(index.places.len(), theirs.len());
                for (own, other) in index.places.iter().zip(theirs) {
                    let own = (own.offset as i64, own.bytes as i32, own.first_row as i64);
                    let (offset, bytes) = (other.offset, other.compressed_page_size);
                    assert_eq!(own, (offset, bytes, other.first_row_index));
                }
                let (facts, theirs) = (index.facts.as_ref().unwrap(), &columns[group][leaf]);
                assert_eq!(facts.len() as u64, theirs.num_pages());
                for page in 0..facts.len() {
                    let nulls = theirs.null_count(page).map(|nulls| nulls as u64);
                    assert_eq!(facts.nulls(page), nulls);
                    assert_eq!(facts.ends(page), super::super::ends::ends_of_page(theirs, page));
                    pages += 1;
                }
            }
        }
        assert!(pages > 10, "{pages}");
    }
}
