//! The machine over a file in memory.

mod counts;
mod hostile;
mod same_rows;

use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::{ColumnType, ParquetFile, Projection, Result, StoredRow};

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

fn begin(file: &Bytes, query: ScanQuery, settings: ScanSettings) -> Scan {
    Scan::new(ScanFile::new(file.len() as u64), query, settings).unwrap()
}

fn scan(file: &Bytes, query: ScanQuery, settings: ScanSettings) -> (Vec<Row>, ScanProgress) {
    let mut scan = begin(file, query, settings);
    let rows = run(&mut scan, file).unwrap();
    (rows, scan.progress().clone())
}

/// All rows, read from the whole file.
fn all(file: &Bytes) -> Vec<Row> {
    let file = ParquetFile::open(file.clone()).unwrap();
    file.rows(&Projection::All).unwrap().map(|row| shown(&row.unwrap())).collect()
}

fn path(dotted: &str) -> Vec<String> {
    dotted.split('.').map(str::to_owned).collect()
}

fn at<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.as_object()?.get(name))
}

/// Takes the rows whose field is a whole number of this range.
struct Between(Vec<String>, i64, i64);

impl Between {
    fn boxed(dotted: &str, min: i64, max: i64) -> Option<Box<dyn RowFilter + Send + Sync>> {
        Some(Box::new(Between(path(dotted), min, max)))
    }

    fn takes(&self, document: &Value) -> bool {
        let number = at(document, &self.0).and_then(Value::as_i64);
        number.is_some_and(|number| (self.1..=self.2).contains(&number))
    }
}

impl RowFilter for Between {
    fn columns(&self) -> Vec<Vec<String>> {
        vec![self.0.clone()]
    }

    fn matches(&self, row: &StoredRow) -> Result<bool> {
        Ok(self.takes(&row.to_value()?))
    }

    fn may_match(&self, rows: &dyn ZoneFacts) -> bool {
        let Some(facts) = rows.field(&self.0) else { return true };
        // A text is no number. So a number that was rescued from a column of texts is lost, if facts
        // are given where it hides.
        if facts.nulls == Some(facts.rows) || *facts.column_type == ColumnType::String {
            return false;
        }
        let above = !matches!(facts.max, Some(Bound::Integer(max)) if max < self.1);
        let below = !matches!(facts.min, Some(Bound::Integer(min)) if min > self.2);
        above && below
    }
}
