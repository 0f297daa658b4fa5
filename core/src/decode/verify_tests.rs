//! What can be shown without a panic of parquet, which a test in WebAssembly does not outlive. That
//! every flipped bit is found: `tests/tests/damage.rs`.

use bytes::Bytes;

use parquet::file::metadata::ParquetMetaData;

use super::super::chunk::ChunkPages;
use super::super::limits::Terms;
use super::super::pages::PagePlace;
use super::super::tests::{file, scattered_file};
use super::*;
use crate::{Codec, Encoder, ErrorKind, LsnRange, ObjectKey, Settings, Target};

/// A file of [`file`]'s rows, written before files had a checksum of the whole.
const OLD: &[u8] = include_bytes!("../../../tests/golden/files/version-1.0.0.parquet");

fn check(bytes: Vec<u8>) -> Result<Verified> {
    ParquetFile::open(Bytes::from(bytes))?.verify()
}

/// A byte of each file changed as `change` says: an error of kind `Corrupt` each time.
#[track_caller]
fn found(bytes: &[u8], at: usize, flips: u8) {
    let mut damaged = bytes.to_vec();
    damaged[at] ^= flips;
    let error = check(damaged).expect_err(&format!("byte {at} of {} xor {flips}", bytes.len()));
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{at}: {error}");
}

/// Where the chunk of a column lies, its bloom filter, and its offset index.
fn chunk_of(bytes: &Bytes, name: &str) -> (ColumnChunkMetaData, ParquetMetaData) {
    let file = ParquetFile::open(bytes.clone()).unwrap();
    let chunks = file.layout.metadata.row_group(0).columns();
    let chunk = chunks.iter().find(|chunk| chunk.column_path().parts()[0] == name).unwrap();
    (chunk.clone(), file.layout.metadata.clone())
}

#[test]
fn a_whole_file_is_counted() {
    for codec in Codec::ALL {
        let bytes = file(codec, 50);
        let verified = check(bytes.to_vec()).unwrap();
        assert!(verified.whole);
        assert_eq!(verified.rows, 50);
        let report = ParquetFile::open(bytes).unwrap().report();
        let chunks: Vec<_> = report.row_groups.iter().flat_map(|group| &group.chunks).collect();
        let dictionary = |encoding: &String| encoding == "RLE_DICTIONARY";
        let dictionaries = chunks.iter().filter(|c| c.encodings.iter().any(dictionary)).count();
        // Row groups of 40 rows: one page each, and the dictionaries.
        assert!(dictionaries > 0);
        assert_eq!(verified.pages as usize, chunks.len() + dictionaries);
    }
}

#[test]
fn the_error_says_where() {
    let bytes = file(Codec::Zstd(1), 100);
    let (chunk, metadata) = chunk_of(&bytes, "t");
    let (start, length) = chunk.byte_range();
    let last_of_chunk = (start + length - 1) as usize;
    let damage = |at: usize, count: usize, parts: &[&str]| {
        let mut damaged = bytes.to_vec();
        damaged[at..at + count].iter_mut().for_each(|byte| *byte ^= 0x10);
        let error = check(damaged).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    damage(last_of_chunk, 1, &["row group 0", "column t:", "checksum"]);
    damage(0, 1, &["does not begin"]);
    let offset_index = chunk.offset_index_offset().unwrap() as usize;
    damage(offset_index + 4, 1, &["do not match its checksum"]);
    damage(bytes.len() - 60, 1, &["checksum"]);
    assert_eq!(metadata.num_row_groups(), 3);
}

#[test]
fn indexes_and_filters_are_held_against_the_pages() {
    let bytes = scattered_file(Codec::None, 100);
    let (chunk, _) = chunk_of(&bytes, "t");
    let (id, _) = chunk_of(&bytes, "_id");
    // A checksum that agrees with the damage leaves it to the other checks, as an encoder's bug
    // would.
    let damage = |range: std::ops::Range<usize>, byte: u8| {
        let mut damaged = bytes.to_vec();
        damaged[range].fill(byte);
        let at = digits_at(&damaged).unwrap();
        damaged[at..at + 8].copy_from_slice(NO_DIGITS.as_bytes());
        assert!(FileChecksum::default().seal(&mut damaged));
        check(damaged)
    };
    assert!(damage(0..0, 0).unwrap().whole);
    let filter = id.bloom_filter_offset().unwrap() as usize;
    let filter = filter + 20..filter + id.bloom_filter_length().unwrap() as usize;
    let error = damage(filter, 0).unwrap_err().to_string();
    assert!(error.contains("column _id") && error.contains("denies"), "{error}");
    // A list of one struct: its first field is the page's offset, behind the list's head and the
    // field's.
    let offset_index = chunk.offset_index_offset().unwrap() as usize;
    let moved = bytes[offset_index + 3] ^ 1;
    let error = damage(offset_index + 3..offset_index + 4, moved).unwrap_err().to_string();
    assert!(error.contains("column t:") && error.contains("offset index"), "{error}");
    let column_index = chunk.column_index_offset().unwrap() as usize;
    let length = chunk.column_index_length().unwrap() as usize;
    let error = damage(column_index..column_index + length, 0).unwrap_err().to_string();
    assert!(error.contains("index"), "{error}");
}

#[test]
fn a_file_of_before_the_checksum_reads_and_verifies_as_far_as_its_pages_go() {
    let old = Bytes::from_static(OLD);
    let rows = |bytes: Bytes| -> Vec<Vec<u8>> {
        let file = ParquetFile::open(bytes).unwrap();
        let rows = file.rows(&crate::Projection::All).unwrap();
        let row = |row: Result<crate::StoredRow>| {
            let mut json = Vec::new();
            row.unwrap().write_json(&mut json);
            json
        };
        rows.map(row).collect()
    };
    assert_eq!(rows(old.clone()), rows(file(Codec::Zstd(1), 50)));
    let verified = check(OLD.to_vec()).unwrap();
    assert_eq!((verified.rows, verified.whole), (50, false));

    let metadata = ParquetFile::open(old.clone()).unwrap().layout.metadata;
    let pages = |chunk| {
        let pages = ChunkPages::whole(&old, 0, chunk, 0).unwrap();
        let places = PageReader::new(pages, chunk, &Terms::default()).unwrap().places().unwrap();
        let start = chunk.byte_range().0 as usize;
        // A header takes less than 40 bytes, and what is behind it is under the page's checksum.
        let body = |place: PagePlace| {
            start + (place.start + 40).min(place.start + place.length)
                ..start + place.start + place.length
        };
        places.into_iter().map(body).collect::<Vec<_>>()
    };
    let bodies: Vec<_> =
        metadata.row_groups().iter().flat_map(|group| group.columns()).flat_map(pages).collect();
    let mut flipped = 0;
    for at in bodies.into_iter().flatten() {
        found(OLD, at, 1 << (at % 8));
        flipped += 1;
    }
    assert!(flipped > 500, "{flipped}");
}

#[test]
fn a_new_file_without_its_checksum_is_no_old_one() {
    let bytes = file(Codec::None, 5);
    let at = digits_at(&bytes).unwrap();
    // The key's last letter: then there is no such pair.
    found(&bytes, at - 3, 1);
    // Upper-case digits are the same number, and not the same bytes.
    let lettered = (1..50).find_map(|rows| {
        let bytes = file(Codec::None, rows);
        let at = digits_at(&bytes).unwrap();
        let letter = (at..at + 8).find(|at| bytes[*at].is_ascii_lowercase())?;
        Some((bytes, letter))
    });
    let (bytes, letter) = lettered.unwrap();
    found(&bytes, letter, 0x20);
}

#[test]
fn a_file_belongs_to_one_key() {
    let lsns = LsnRange::new(4, 9).unwrap();
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    encoder.push_json(b"{}").unwrap();
    let target = Target { lsns: Some(lsns), ..Target::new(7, "people") };
    let made = encoder.finish(&target).unwrap();
    let footer = ParquetFile::open(made.bytes).unwrap().footer().clone();
    footer.check_key(&made.key).unwrap();
    let prefix = crate::KeyPrefix::new("elsewhere").unwrap();
    let parse = |path: &str| ObjectKey::parse(&prefix, &format!("elsewhere/{path}")).unwrap();
    footer.check_key(&parse("7/people/lsn-4-9.parquet")).unwrap();
    for other in [
        "8/people/lsn-4-9.parquet",
        "7/People/lsn-4-9.parquet",
        "7/people/lsn-4-10.parquet",
        "7/people/lsn-3-9.parquet",
        "wal/people",
    ] {
        let error = footer.check_key(&parse(other)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}
