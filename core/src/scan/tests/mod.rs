//! The machine over a file in memory.

mod counts;
mod filtered;
mod hostile;
mod pages;
mod same_rows;

use bytes::Bytes;

use super::filter::{ColumnPath, Filter};
use super::*;
use crate::{ParquetFile, Projection, Result, StoredRow};

/// The id and the JSON of a row.
type Row = (String, String);

fn shown(row: &StoredRow) -> Row {
    let mut json = Vec::new();
    row.write_json(&mut json);
    (row.id().to_owned(), String::from_utf8(json).unwrap())
}

/// Runs a scan to its end over a file in memory.
fn run(scan: &mut Scan, file: &Bytes) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    loop {
        match scan.poll_row()? {
            ScanStep::Row(row) => rows.push(shown(&row)),
            ScanStep::Done => return Ok(rows),
            ScanStep::Wait => {
                let mut asked = 0;
                while let Some(fetch) = scan.poll_fetch() {
                    asked += 1;
                    let range = fetch.range.start as usize..fetch.range.end as usize;
                    scan.handle_bytes(fetch.id, Fetched::new(file.slice(range)))?;
                }
                assert!(asked > 0, "the scan waits for nothing");
            }
        }
    }
}

/// The same by a scan that writes JSON.
fn write(scan: &mut Scan, file: &Bytes) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    loop {
        let mut json = String::new();
        match scan.poll_json(&mut json)? {
            JsonStep::Row(id) => rows.push((id, json)),
            JsonStep::Done => return Ok(rows),
            JsonStep::Wait => {
                while let Some(fetch) = scan.poll_fetch() {
                    let range = fetch.range.start as usize..fetch.range.end as usize;
                    scan.handle_bytes(fetch.id, Fetched::new(file.slice(range)))?;
                }
            }
        }
    }
}

fn begin(file: &Bytes, query: ScanQuery, settings: ScanSettings) -> Scan {
    Scan::new(ScanFile::new(file.len() as u64), query, settings).unwrap()
}

fn scan(file: &Bytes, query: ScanQuery, settings: ScanSettings) -> (Vec<Row>, ScanProgress) {
    let mut scan = begin(file, query.clone(), settings.clone());
    let rows = run(&mut scan, file).unwrap();
    let mut written = begin(file, query, settings);
    assert_eq!(write(&mut written, file).unwrap(), rows);
    assert_eq!(written.progress(), scan.progress());
    (rows, scan.progress().clone())
}

/// All rows, read from the whole file.
fn all(file: &Bytes) -> Vec<Row> {
    let file = ParquetFile::open(file.clone()).unwrap();
    file.rows(&Projection::All).unwrap().map(|row| shown(&row.unwrap())).collect()
}

fn path(dotted: &str) -> ColumnPath {
    dotted.parse().unwrap()
}

/// Takes the rows whose field is a number of this range.
fn between(dotted: &str, min: i64, max: i64) -> Option<Filter> {
    Some(Filter::parse(&format!("{dotted} >= {min} and {dotted} <= {max}")).unwrap())
}
