//! Servers and files that lie.

use serde_json::json;

use super::counts::pages_file;
use super::*;
use crate::{Codec, Encoder, Error, ErrorKind, ReadLimits, Settings, Target};

fn file() -> Bytes {
    let settings = Settings { codec: Codec::None, row_group_rows_max: 20, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    for at in 0..60 {
        let document = json!({"i": at, "list": vec![at; at % 3], "t": format!("text {at}")});
        encoder.push_row(&format!("id-{}", at * 7 % 60), &document).unwrap();
    }
    encoder.finish(&Target::new(1, "c")).unwrap().bytes
}

fn small() -> ScanSettings {
    ScanSettings { tail_bytes: 8, join_gap_bytes: 0, ..ScanSettings::default() }
}

/// What a scan says if the answer to its request of this number is changed so.
fn answered(number: u64, change: impl Fn(&mut Fetched, u64)) -> Error {
    let file = file();
    let mut scan = begin(&file, ScanQuery::default(), small());
    loop {
        while let Some(fetch) = scan.poll_fetch() {
            let range = fetch.range.start as usize..fetch.range.end as usize;
            let mut fetched = Fetched::new(file.slice(range));
            fetched.etag = Some("\"1\"".to_owned());
            if fetch.id == number {
                change(&mut fetched, fetch.range.start);
            }
            if let Err(error) = scan.handle_bytes(fetch.id, fetched) {
                assert!(matches!(scan.poll_row(), Ok(ScanStep::Done)));
                return error;
            }
        }
        assert!(!matches!(scan.poll_row().unwrap(), ScanStep::Done), "no error");
    }
}

#[test]
fn an_answer_that_is_short_long_or_shifted_is_an_error_that_says_so() {
    for number in 0..3 {
        let short = answered(number, |fetched, _| fetched.bytes.truncate(3));
        let long = answered(number, |fetched, _| {
            fetched.bytes = [&fetched.bytes[..], b"x"].concat().into();
        });
        let shifted = answered(number, |fetched, start| fetched.start = Some(start + 1));
        for (error, said) in [(short, "too short"), (long, "too long"), (shifted, "begins at")] {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}

#[test]
fn a_file_that_changes_is_an_error_that_says_so() {
    let etag = answered(1, |fetched, _| fetched.etag = Some("\"2\"".to_owned()));
    let size = answered(0, |fetched, _| fetched.file_bytes = Some(7));
    for error in [etag, size] {
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("changed"), "{error}");
    }
}

#[test]
fn the_etag_of_the_first_answer_is_asked_for_from_then_on() {
    let file = file();
    let mut scan = begin(&file, ScanQuery::default(), small());
    let first = scan.poll_fetch().unwrap();
    assert_eq!(first.etag, None);
    let mut fetched = Fetched::new(file.slice(file.len() - 8..));
    fetched.etag = Some("\"1\"".to_owned());
    scan.handle_bytes(first.id, fetched.clone()).unwrap();
    scan.handle_bytes(first.id, fetched).unwrap();
    assert!(matches!(scan.poll_row().unwrap(), ScanStep::Wait));
    assert_eq!(scan.poll_fetch().unwrap().etag.as_deref(), Some("\"1\""));
}

#[test]
fn the_error_of_a_host_ends_the_scan() {
    let mut scan = begin(&file(), ScanQuery::default(), small());
    scan.handle_error(Error::new(ErrorKind::Denied, "no"));
    assert_eq!(scan.poll_row().unwrap_err().kind(), ErrorKind::Denied);
    assert!(matches!(scan.poll_row(), Ok(ScanStep::Done)));
}

#[test]
fn a_footer_above_the_limit_is_not_fetched() {
    let file = file();
    let limits = ReadLimits { footer_bytes_max: 100, ..ReadLimits::default() };
    let mut scan = begin(&file, ScanQuery::default(), ScanSettings { limits, ..small() });
    let error = run(&mut scan, &file).unwrap_err();
    assert_eq!((error.kind(), scan.progress().bytes), (ErrorKind::Limit, 8));
}

#[test]
fn one_flipped_bit_gives_the_same_rows_or_an_error() {
    let file = file();
    let rows = all(&file);
    let queries: [fn() -> ScanQuery; 3] = [
        ScanQuery::default,
        || ScanQuery { id: Some("id-7".to_owned()), ..ScanQuery::default() },
        || ScanQuery { filter: between("i", 15, 25), ..ScanQuery::default() },
    ];
    let metadata = ParquetFile::open(file.clone()).unwrap().report();
    let pages: u64 = metadata.row_groups.iter().map(|group| group.bytes).sum();
    // The pages carry checksums, so damage to them must show.
    for at in (4..pages as usize).step_by(7) {
        let mut damaged = file.to_vec();
        damaged[at] ^= 1 << (at % 8);
        let damaged = Bytes::from(damaged);
        for query in queries {
            let whole = scan(&file, query(), small()).0;
            match run(&mut begin(&damaged, query(), small()), &damaged) {
                Ok(found) => assert_eq!(found, whole, "{at}"),
                Err(error) => assert!(
                    [ErrorKind::Corrupt, ErrorKind::Limit].contains(&error.kind()),
                    "{at}: {error}"
                ),
            }
        }
    }
    assert_eq!(rows.len(), 60);
}

#[test]
fn one_flipped_bit_in_an_index_never_mixes_rows() {
    let file = pages_file(false);
    let rows = all(&file);
    let opened = ParquetFile::open(file.clone()).unwrap();
    let pages: u64 = opened.report().row_groups.iter().map(|group| group.bytes).sum();
    let footer = crate::Footer::bytes_needed(&file).unwrap();
    let (mut wrong, mut harmless) = (0, 0);
    for at in (4 + pages as usize..file.len() - footer as usize).step_by(11) {
        let mut damaged = file.to_vec();
        damaged[at] ^= 1 << (at % 8);
        let damaged = Bytes::from(damaged);
        let query = ScanQuery { filter: between("i", 40_955, 40_965), ..ScanQuery::default() };
        let mut scan = begin(&damaged, query, small());
        match run(&mut scan, &damaged) {
            Ok(found) => {
                // A wrong bound can hide rows: only the checksum of the whole file would show it.
                assert!(found.iter().all(|row| rows[40_955..=40_965].contains(row)), "{at}");
                harmless += 1;
            }
            Err(error) => {
                let kinds = [ErrorKind::Corrupt, ErrorKind::Limit];
                assert!(kinds.contains(&error.kind()), "{at}: {error}");
                wrong += 1;
            }
        }
    }
    assert!(wrong > 10 && harmless > 10, "{wrong} {harmless}");
}

/// The pages of a list do not say how many rows they hold, before they are read to their end.
#[test]
fn an_offset_index_that_names_other_rows_of_a_list_is_noticed() {
    const LIST: usize = 3;
    let file = pages_file(false);
    let rows = all(&file);
    let layout = crate::decode::Layout::read(&file, file.len() as u64, &ReadLimits::default());
    let (layout, mut wrong) = (layout.unwrap(), 0);
    let chunk = layout.chunk(0, LIST).unwrap();
    assert_eq!(chunk.column_path().parts()[0], "list");
    let start = chunk.offset_index_offset().unwrap() as usize;
    for bit in 0..8 * chunk.offset_index_length().unwrap() as usize {
        let mut damaged = file.to_vec();
        damaged[start + bit / 8] ^= 1 << (bit % 8);
        let damaged = Bytes::from(damaged);
        let query = ScanQuery { filter: between("i", 40_955, 40_965), ..ScanQuery::default() };
        match run(&mut begin(&damaged, query, small()), &damaged) {
            Ok(found) => assert_eq!(found, rows[40_955..=40_965], "{bit}"),
            Err(_) => wrong += 1,
        }
    }
    assert!(wrong > 100, "{wrong}");
}
