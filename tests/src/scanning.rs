//! Drives scans over files in memory. `fuzz/` and `tests/wasm-probe` include this file.

use bytes::Bytes;
use coldpress_core::{
    Fetched, ParquetFile, Projection, Result, Scan, ScanFile, ScanQuery, ScanSettings, ScanStep,
    StoredRow,
};

/// Passes the rows that the query takes to `each`, until it says false.
pub fn drive(
    bytes: &Bytes,
    query: ScanQuery,
    settings: ScanSettings,
    each: &mut dyn FnMut(&StoredRow) -> bool,
) -> Result<()> {
    let mut scan = Scan::new(ScanFile::new(bytes.len() as u64), query, settings)?;
    loop {
        match scan.poll_row()? {
            ScanStep::Row(row) if each(&row) => {}
            ScanStep::Row(_) | ScanStep::Done => return Ok(()),
            ScanStep::Wait => {
                while let Some(fetch) = scan.poll_fetch() {
                    let range = fetch.range.start as usize..fetch.range.end as usize;
                    let handled = scan.handle_bytes(fetch.id, Fetched::new(bytes.slice(range)));
                    assert!(handled.is_ok(), "the right bytes are refused: {handled:?}");
                }
            }
        }
    }
}

/// Id and JSON of each row that the query takes.
pub fn scanned(
    bytes: &Bytes,
    query: ScanQuery,
    settings: ScanSettings,
) -> Result<Vec<(String, String)>> {
    let mut rows = Vec::new();
    drive(bytes, query, settings, &mut |row| {
        rows.push(shown(row));
        true
    })?;
    Ok(rows)
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
