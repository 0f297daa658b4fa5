//! What scans ask of a real S3 server: requests and bytes, counted before the server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use coldpress::filter::Filter;
use coldpress::{ColdStorage, ColdStorageConfig, LsnRange, ParquetFile, Query, ScanReport};
use common::prng::SplitMix64;
use common::proxy::{Fault, FaultProxy, Rule};
use common::seaweed::Seaweed;
use common::seaweed_config;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value};

const FILES: u64 = 200;
const ROWS: u64 = 20_000;
const COLUMNS: usize = 10;

/// Bytes of the text in each column but one: all of them together make 5 MB a file.
const TEXT: usize = 38;

/// Ranges that were asked for, by key.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<(String, u64)>>>);

impl Asked {
    /// Requests and bytes by key since the last call.
    fn take(&self) -> BTreeMap<String, (u64, u64)> {
        let mut by_key: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (key, bytes) in self.0.lock().unwrap().drain(..) {
            let of_key = by_key.entry(key).or_default();
            *of_key = (of_key.0 + 1, of_key.1 + bytes);
        }
        by_key
    }
}

/// A proxy that writes down what is asked for.
fn counting(config: &ColdStorageConfig) -> (FaultProxy, ColdStorageConfig, Asked) {
    let (proxy, asked) = (FaultProxy::before(&config.endpoint, 13), Asked::default());
    let notes = asked.clone();
    proxy.follow([Rule::new(Fault::internal_error()).on(move |request| {
        if request.method == "GET" && request.target.contains(".parquet") {
            let Some(range) = request.header("range") else { return false };
            let (start, end) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            let bytes = end.parse::<u64>().unwrap() + 1 - start.parse::<u64>().unwrap();
            let key = request.target.split('?').next().unwrap().to_owned();
            notes.0.lock().unwrap().push((key, bytes));
        }
        assert_ne!(request.method, "HEAD");
        false
    })]);
    let config = ColdStorageConfig { endpoint: proxy.endpoint(), ..config.clone() };
    (proxy, config, asked)
}

/// The id of a row: a random UUID as text.
fn id(row: u64) -> String {
    let mut random = SplitMix64::new(row ^ 0x5EED);
    let (a, b) = (random.next_bits(), random.next_bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xFFFF,
        a & 0xFFF,
        b >> 52,
        b & 0xFFFF_FFFF_FFFF
    )
}

/// A file of rows whose values no codec makes smaller.
fn rows(file: u64) -> Vec<(String, Value)> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = SplitMix64::new(file);
    let row = |row: u64| {
        let mut document = Map::new();
        document.insert("number".to_owned(), Value::from(row));
        for column in 1..COLUMNS {
            let mut text = String::with_capacity(TEXT);
            while text.len() < TEXT {
                let bits = random.next_bits();
                for at in 0..10 {
                    text.push(char::from(LETTERS[(bits >> (6 * at) & 63) as usize]));
                }
            }
            text.truncate(TEXT);
            document.insert(format!("text{column}"), Value::from(text));
        }
        (id(row), Value::Object(document))
    };
    (file * ROWS..(file + 1) * ROWS).map(row).collect()
}

async fn store(storage: &ColdStorage) {
    let put = |file: u64| async move {
        let rows = tokio::task::spawn_blocking(move || rows(file)).await.unwrap();
        let (min, max) = (file * ROWS, file * ROWS + ROWS - 1);
        storage.encode_and_upload("big", 1, rows, min, max).await.map(|_| ())
    };
    stream::iter(0..FILES).map(put).buffer_unordered(2).try_collect::<()>().await.unwrap();
}

/// How many rows a query gives, and what it cost.
async fn scanned(storage: &ColdStorage, query: Query) -> (usize, ScanReport) {
    let mut rows = storage.scan(1, "big", query).await.unwrap();
    let mut count = 0;
    while rows.next().await.unwrap().is_some() {
        count += 1;
    }
    (count, rows.report())
}

fn of_id(row: u64) -> Query {
    let mut query = Query::default();
    query.id = Some(id(row));
    query
}

/// The bytes of a column in the first file. All files are alike.
async fn column_bytes(storage: &ColdStorage, column: &str) -> u64 {
    let key = storage.list(1, "big", None).await.unwrap()[0].key.clone();
    let file = ParquetFile::open(storage.download_parquet(&key).await.unwrap()).unwrap();
    let report = file.report();
    let chunks = report.row_groups.iter().flat_map(|group| &group.chunks);
    chunks.filter(|chunk| chunk.column == column).map(|chunk| chunk.compressed_bytes).sum()
}

/// One test, because the gigabyte is stored once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gigabyte_is_asked_for_no_more_than_it_takes() {
    let config = seaweed_config(Seaweed::shared(), "scans/");
    store(&ColdStorage::new(config.clone()).unwrap()).await;
    let (_proxy, config, asked) = counting(&config);
    let mut said = String::new();

    // By id, cold: the end of each file, and of the file that has the row the column of ids and two
    // ranges more.
    let storage = ColdStorage::new(config.clone()).unwrap();
    let (found, report) = scanned(&storage, of_id(123 * ROWS + 77)).await;
    assert_eq!((found, report.files), (1, FILES));
    assert!(report.file_bytes > 1_000_000_000, "{}", report.file_bytes);
    let by_key = asked.take();
    assert_eq!(by_key.len() as u64, FILES);
    let more: Vec<u64> = by_key.values().map(|(requests, _)| requests - 1).collect();
    assert!(more.iter().all(|more| *more <= 3), "{by_key:?}");
    let bytes: u64 = by_key.values().map(|(_, bytes)| bytes).sum();
    writeln!(said, "by id, cold: {} requests, {bytes} bytes", more.iter().sum::<u64>() + FILES)
        .unwrap();

    // Warm: nothing but those. Few files say maybe in vain.
    let (mut vain, mut worst, mut total) = (0, 0, 0);
    const LOOKUPS: u64 = 50;
    for lookup in 0..LOOKUPS {
        let (found, report) = scanned(&storage, of_id(lookup * 79_999 % (FILES * ROWS))).await;
        let by_key = asked.take();
        assert_eq!((found, report.requests), (1, by_key.values().map(|of| of.0).sum()));
        assert!(by_key.values().all(|(requests, _)| *requests <= 3), "{by_key:?}");
        vain += report.files_read - 1;
        let bytes = by_key.values().map(|(_, bytes)| bytes).sum::<u64>();
        (worst, total) = (worst.max(bytes), total + bytes);
    }
    assert!(vain * 50 <= LOOKUPS * FILES, "{vain} of {} files", LOOKUPS * FILES);
    let vain_part = vain as f64 / (LOOKUPS * FILES) as f64;
    writeln!(
        said,
        "by id, warm: {} bytes on average, {worst} at worst; a vain maybe in {:.2} % of files",
        total / LOOKUPS,
        100.0 * vain_part
    )
    .unwrap();
    let (found, _) = scanned(&storage, of_id(FILES * ROWS + 5)).await;
    assert_eq!(found, 0);
    asked.take();

    // One percent of the LSNs: two files, and no others.
    let mut query = Query::default();
    query.lsns = Some(LsnRange::new(40 * ROWS, 42 * ROWS - 1).unwrap());
    let (found, _) = scanned(&storage, query).await;
    let by_key = asked.take();
    assert_eq!((found as u64, by_key.len()), (2 * ROWS, 2));

    // One column of ten, cold: its share, and the ends of the files.
    let storage = ColdStorage::new(config.clone()).unwrap();
    let mut query = Query::default();
    query.columns = Some(vec!["text4".parse().unwrap()]);
    query.without_ids = true;
    let (found, report) = scanned(&storage, query).await;
    assert_eq!(found as u64, FILES * ROWS);
    let by_key = asked.take();
    let bytes: u64 = by_key.values().map(|(_, bytes)| bytes).sum();
    let share = FILES * column_bytes(&storage, "text4").await / 100 * 101;
    assert!(bytes <= share + FILES * (64 << 10), "{bytes}, and its share is {share}");
    assert!(by_key.values().all(|(requests, _)| *requests <= 2), "{by_key:?}");
    writeln!(said, "one column of ten: {bytes} of {} bytes", report.file_bytes).unwrap();

    // Ten rows: one row group of one file.
    let storage = ColdStorage::new(config.clone()).unwrap();
    let mut query = Query::default();
    query.limit = Some(10);
    let (found, report) = scanned(&storage, query).await;
    assert_eq!((found, report.row_groups_read, asked.take().len()), (10, 1, 1));

    // A filter on a column that climbs: only the files and pages that can have such rows.
    let mut query = Query::default();
    query.filter = Some(Filter::parse("number >= 1000000 and number < 1000100").unwrap());
    let (found, report) = scanned(&storage, query).await;
    assert_eq!((found, report.files_read), (100, 1));
    println!("{said}");
}
