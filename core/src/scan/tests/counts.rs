//! How many requests a scan sends, and how many bytes it moves.

use serde_json::json;

use super::*;
use crate::{Codec, Encoder, Settings, Target};

/// 60,000 rows in one row group: pages of 20,480 rows, with ids in no order if `scattered`.
pub(super) fn pages_file(scattered: bool) -> Bytes {
    rows_file(60_000, 1 << 20, scattered)
}

fn rows_file(rows: u64, row_group_rows_max: usize, scattered: bool) -> Bytes {
    let settings = Settings { codec: Codec::None, row_group_rows_max, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    for at in 0..rows {
        let few = ["red", "green"][at as usize % 2];
        let document = json!({
            "i": at, "few": few,
            "list": vec![at % 7; at as usize % 4], "t": format!("text {}", scatter(at)),
        });
        encoder.push_row(&id(at, scattered), &document).unwrap();
    }
    encoder.finish(&Target::new(1, "c")).unwrap().bytes
}

fn scatter(at: u64) -> u64 {
    at.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn id(at: u64, scattered: bool) -> String {
    if scattered { format!("{:016x}", scatter(at)) } else { format!("{at:016}") }
}

fn of_id(id: String) -> ScanQuery {
    ScanQuery { id: Some(id), ..ScanQuery::default() }
}

#[test]
fn a_small_file_is_one_request() {
    let file = rows_file(100, 30, false);
    let (rows, progress) = scan(&file, ScanQuery::default(), ScanSettings::default());
    assert_eq!((rows.len(), progress.requests), (100, 1));
    assert_eq!((progress.bytes, progress.row_groups_read), (file.len() as u64, 4));
}

#[test]
fn one_column_moves_its_share_and_the_tail() {
    let file = pages_file(true);
    let settings = ScanSettings { join_gap_bytes: 0, ..ScanSettings::default() };
    let query = ScanQuery { columns: Some(vec![path("i")]), ..ScanQuery::default() };
    let (rows, progress) = scan(&file, query, settings);
    assert_eq!(rows.len(), 60_000);
    let metadata = ParquetFile::open(file.clone()).unwrap().report();
    let chunks = &metadata.row_groups[0].chunks;
    let wanted = |column: &&crate::ChunkReport| ["_id", "i"].contains(&column.column.as_str());
    let share: u64 = chunks.iter().filter(wanted).map(|chunk| chunk.compressed_bytes).sum();
    assert!(progress.bytes <= share + (64 << 10), "{} of {share}", progress.bytes);
    assert!(progress.bytes * 2 < file.len() as u64, "{} of {}", progress.bytes, file.len());
}

#[test]
fn an_id_that_is_nowhere_costs_the_tail() {
    let file = rows_file(60_000, 10_000, true);
    let tail_bytes = 256 << 10;
    let settings = ScanSettings { tail_bytes, ..ScanSettings::default() };
    let (rows, progress) = scan(&file, of_id("7f".to_owned()), settings);
    assert_eq!((rows.len(), progress.requests, progress.row_groups_read), (0, 1, 0));
    assert_eq!((progress.bytes, progress.pruned_by_bloom_filters), (tail_bytes, 6));
}

#[test]
fn a_row_by_its_id_costs_its_pages() {
    for scattered in [true, false] {
        let file = pages_file(scattered);
        let settings = ScanSettings { join_gap_bytes: 4 << 10, ..ScanSettings::default() };
        let rows = all(&file);
        for at in [0, 20_479, 20_480, 41_000, 59_999] {
            let (found, progress) = scan(&file, of_id(id(at, scattered)), settings.clone());
            assert_eq!(found, [rows[at as usize].clone()], "{at}");
            // The whole column of the ids, if they are in no order; and one page of each column.
            let most = if scattered { file.len() / 10 * 7 } else { file.len() / 2 };
            assert!(progress.bytes < most as u64, "{at}: {progress:?} of {}", file.len());
            assert_eq!(progress.row_groups_read, 1);
        }
    }
}

#[test]
fn a_known_tail_is_one_request_with_all_that_plans_a_lookup() {
    let file = rows_file(60_000, 10_000, true);
    let small = ScanSettings { tail_bytes: 8, join_gap_bytes: 0, ..ScanSettings::default() };
    let (_, cold) = scan(&file, of_id("7f".to_owned()), small.clone());
    assert!(cold.requests > 1);
    assert_eq!(cold.bytes, cold.tail_bytes);
    let mut known = ScanFile::new(file.len() as u64);
    known.tail_bytes = Some(cold.tail_bytes);
    let mut again = Scan::new(known, of_id("7f".to_owned()), small).unwrap();
    run(&mut again, &file).unwrap();
    assert_eq!((again.progress().requests, again.progress().bytes), (1, cold.tail_bytes));
}

#[test]
fn no_byte_is_fetched_twice() {
    let file = rows_file(3_000, 1_000, true);
    let rows = all(&file);
    for tail_bytes in (8..file.len() as u64).step_by(4_999) {
        let settings = ScanSettings { tail_bytes, join_gap_bytes: 0, ..ScanSettings::default() };
        let (found, progress) = scan(&file, ScanQuery::default(), settings);
        assert_eq!(found, rows);
        // Only the first four bytes and what the query does not need stay where they are.
        assert!(progress.bytes < file.len() as u64, "{tail_bytes}: {progress:?}");
    }
}

#[test]
fn a_tail_that_the_host_kept_is_not_fetched_again() {
    let file = rows_file(60_000, 10_000, true);
    let small = ScanSettings { tail_bytes: 8, join_gap_bytes: 0, ..ScanSettings::default() };
    let mut cold = begin(&file, of_id("7f".to_owned()), small.clone());
    assert_eq!(cold.tail(), None);
    run(&mut cold, &file).unwrap();
    let tail = cold.tail().unwrap();
    assert_eq!(tail, file.slice(file.len() - tail.len()..));
    let mut known = ScanFile::new(file.len() as u64);
    known.tail = Some(tail.clone());
    let mut again = Scan::new(known.clone(), of_id("7f".to_owned()), small.clone()).unwrap();
    run(&mut again, &file).unwrap();
    assert_eq!((again.progress().requests, again.progress().pruned_by_bloom_filters), (0, 6));
    let wanted = id(41, true);
    let mut again = Scan::new(known, of_id(wanted), small).unwrap();
    assert_eq!(run(&mut again, &file).unwrap(), [all(&file)[41].clone()]);
    assert_eq!(again.tail(), Some(tail));
}

#[test]
fn the_row_of_an_id_takes_three_requests_behind_the_tail() {
    let long = |at: u64| format!("{:016x}{:016x}", scatter(at), scatter(at * 3 + 1));
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    for at in 0..60_000 {
        let fields = (0..8_u64).map(|field| {
            let words = [1, 2, 3].map(|more| format!("{:x}", scatter(at * 31 + field * 7 + more)));
            (format!("f{field}"), words.join(" ").into())
        });
        let document = serde_json::Value::Object(fields.collect());
        encoder.push_row(&long(at), &document).unwrap();
    }
    let file = encoder.finish(&Target::new(1, "c")).unwrap().bytes;
    for at in [5, 30_000, 59_999] {
        let (rows, progress) = scan(&file, of_id(long(at)), ScanSettings::default());
        assert_eq!((rows.len(), progress.pruned_by_bloom_filters), (1, 1));
        assert!(progress.requests <= 4, "{progress:?}");
        assert!(progress.bytes < file.len() as u64 / 10 * 8, "{progress:?} of {}", file.len());
    }
}

#[test]
fn a_range_of_a_sorted_column_reads_its_pages_alone() {
    let file = pages_file(true);
    let rows = all(&file);
    for (min, max) in [(100, 140), (20_479, 20_481), (40_000, 45_000)] {
        let query = ScanQuery { filter: between("i", min, max), ..ScanQuery::default() };
        let settings = ScanSettings { join_gap_bytes: 1 << 10, ..ScanSettings::default() };
        let (found, progress) = scan(&file, query, settings);
        assert_eq!(found, rows[min as usize..=max as usize]);
        assert!(progress.bytes < file.len() as u64 * 3 / 4, "{progress:?} of {}", file.len());
        assert!(progress.rows_read < 41_000, "{progress:?}");
    }
}

#[test]
fn row_groups_that_cannot_match_are_not_read() {
    let file = rows_file(1_000, 100, true);
    let query = || ScanQuery { filter: between("i", 250, 360), ..ScanQuery::default() };
    let tail_bytes = 1_000;
    let settings = ScanSettings { tail_bytes, join_gap_bytes: 0, ..ScanSettings::default() };
    let (rows, progress) = scan(&file, query(), settings.clone());
    assert_eq!((rows.len(), progress.row_groups_read, progress.pruned_by_statistics), (111, 2, 8));
    let blind = ScanSettings { use_statistics: false, use_page_index: false, ..settings };
    let (same, progress) = scan(&file, query(), blind);
    assert_eq!((same, progress.row_groups_read), (rows, 10));
}

#[test]
fn a_limit_reads_no_further() {
    let file = rows_file(60_000, 10_000, true);
    let query = ScanQuery { limit: Some(10), ..ScanQuery::default() };
    let (rows, progress) = scan(&file, query, ScanSettings::default());
    assert_eq!((rows.len(), progress.row_groups_read, progress.rows_read), (10, 1, 10));
    let query = ScanQuery { limit: Some(0), ..ScanQuery::default() };
    let (rows, progress) = scan(&file, query, ScanSettings::default());
    assert_eq!((rows.len(), progress.requests), (0, 1));
}

#[test]
fn a_second_round_comes_only_if_it_saves_more_than_a_request() {
    let file = rows_file(2_000, 1_000, true);
    let query = || ScanQuery { filter: between("i", 5, 5), ..ScanQuery::default() };
    let tail_bytes = 8 << 10;
    let settings = |join_gap_bytes| ScanSettings {
        tail_bytes,
        join_gap_bytes,
        use_page_index: false,
        use_statistics: false,
        ..ScanSettings::default()
    };
    let (rows, cheap) = scan(&file, query(), settings(1 << 20));
    assert_eq!((rows.len(), cheap.requests), (1, 2));
    let (rows, apart) = scan(&file, query(), settings(100));
    assert_eq!(rows.len(), 1);
    assert!(apart.requests > 2 && apart.bytes < cheap.bytes, "{apart:?} {cheap:?}");
}

#[test]
fn a_field_of_a_struct_moves_its_own_bytes() {
    let settings = Settings { codec: Codec::None, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    for at in 0..20_000_u64 {
        let document = json!({"s": {"text": format!("{:x}", scatter(at)), "x": at % 50}});
        encoder.push_row(&id(at, false), &document).unwrap();
    }
    let file = encoder.finish(&Target::new(1, "c")).unwrap().bytes;
    let moved = |column| {
        let tail_bytes = 4 << 10;
        let settings = ScanSettings { tail_bytes, join_gap_bytes: 0, ..ScanSettings::default() };
        let query = ScanQuery { columns: Some(vec![path(column)]), ..ScanQuery::default() };
        let (rows, progress) = scan(&file, query, settings);
        assert_eq!(rows.len(), 20_000);
        progress.bytes
    };
    let (whole, one) = (moved("s"), moved("s.x"));
    assert!(one + 20_000 * 15 < whole, "{one} of {whole}");
}
