//! Drives a scan over a file in memory.

use bytes::Bytes;
use coldpress_core::{
    Fetched, ParquetFile, Projection, Result, Scan, ScanFile, ScanQuery, ScanSettings, ScanStep,
    StoredRow,
};

/// Id and JSON of each row that the query takes.
pub fn scanned(
    bytes: &Bytes,
    query: ScanQuery,
    settings: ScanSettings,
) -> Result<Vec<(String, String)>> {
    let mut scan = Scan::new(ScanFile::new(bytes.len() as u64), query, settings)?;
    let mut rows = Vec::new();
    loop {
        match scan.poll_row()? {
            ScanStep::Row(row) => rows.push(shown(&row)),
            ScanStep::Done => return Ok(rows),
            ScanStep::Wait => {
                while let Some(fetch) = scan.poll_fetch() {
                    let range = fetch.range.start as usize..fetch.range.end as usize;
                    scan.handle_bytes(fetch.id, Fetched::new(bytes.slice(range)))?;
                }
            }
        }
    }
}

/// Id and JSON of each row, read from the whole file.
pub fn read(bytes: &Bytes) -> Result<Vec<(String, String)>> {
    let file = ParquetFile::open(bytes.clone())?;
    file.rows(&Projection::All)?.map(|row| Ok(shown(&row?))).collect()
}

fn shown(row: &StoredRow) -> (String, String) {
    let mut json = Vec::new();
    row.write_json(&mut json);
    (row.id().to_owned(), String::from_utf8_lossy(&json).into_owned())
}
