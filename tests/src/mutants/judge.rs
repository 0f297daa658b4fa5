//! What every reader of a damaged or hostile file must do: end, with an error of one of two kinds
//! or none. `tests/wasm-probe` includes this file, so that the same is asked of the core as
//! WebAssembly.

use bytes::Bytes;
use coldpress_core::filter::Filter;
use coldpress_core::{
    Error, ErrorKind, Fetched, Footer, ParquetFile, Projection, Scan, ScanFile, ScanQuery,
    ScanSettings, ScanStep,
};

/// Rows, and bytes of their JSON, after which reading stops: a legal file of few bytes can hold
/// many.
const ROWS_MAX: usize = 100_000;
const JSON_BYTES_MAX: usize = 8 << 20;

/// How the ways to read a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// It does not open.
    Closed,
    /// It opens, and some of its rows, or the whole, are found damaged.
    Damaged,
    /// It is read and verified: the change was harmless, or only changed a value.
    Whole,
}

/// Reads a file in every way there is; an error where one ends as it must not.
pub fn read_all(bytes: &[u8]) -> Result<Ending, String> {
    let scanned = scan_all(&Bytes::copy_from_slice(bytes))?;
    judge("Footer::read", Footer::read(bytes, bytes.len() as u64).map(|_| ()))?;
    let file = match ParquetFile::open(Bytes::copy_from_slice(bytes)) {
        Ok(file) => file,
        Err(error) => return judge("open", Err(error)).map(|_| Ending::Closed),
    };
    let report = file.report();
    let mut whole = scanned & judge("check_outline", file.check_outline())?;
    whole &= judge("rows", read_rows(&file, &Projection::All))?;
    let names = file.schema().columns().iter().map(|column| column.name.clone());
    let some = Projection::Columns(names.step_by(2).collect());
    whole &= judge("rows of some columns", read_rows(&file, &some))?;
    whole &= judge("verify", file.verify().map(|_| ()))?;
    // The report is of the footer alone, so nothing can be wrong with it any more.
    let groups: u64 = report.row_groups.iter().map(|group| group.rows).sum();
    if groups != file.rows_count() {
        return Err(format!("the report counts {groups} rows, the file {}", file.rows_count()));
    }
    Ok(if whole { Ending::Whole } else { Ending::Damaged })
}

/// Scans it for all rows, for those of a filter, and for one id, each with as few bytes as possible
/// and with the usual ones. Whether all went well.
fn scan_all(file: &Bytes) -> Result<bool, String> {
    let mut queries = [ScanQuery::default(), ScanQuery::default(), ScanQuery::default()];
    queries[1].filter = Filter::parse("_id >= '5' or a < 5 or b.c is not null").ok();
    queries[2].id = Some("7".to_owned());
    let mut whole = true;
    for query in queries {
        for (tail_bytes, join_gap_bytes) in [(8, 0), (64 << 10, 128 << 10)] {
            let mut settings = ScanSettings::default();
            settings.tail_bytes = tail_bytes;
            settings.join_gap_bytes = join_gap_bytes;
            whole &= judge("scan", scan(file, query.clone(), settings))?;
        }
    }
    Ok(whole)
}

/// Scans a file that a server gives as it is.
fn scan(file: &Bytes, query: ScanQuery, settings: ScanSettings) -> Result<(), Error> {
    let mut scan = Scan::new(ScanFile::new(file.len() as u64), query, settings)?;
    let (mut json, mut bytes, mut rows) = (Vec::new(), 0, 0);
    while rows < ROWS_MAX && bytes < JSON_BYTES_MAX {
        match scan.poll_row()? {
            ScanStep::Done => break,
            ScanStep::Row(row) => {
                json.clear();
                row.write_json(&mut json);
                bytes += json.len();
                rows += 1;
            }
            ScanStep::Wait => {
                let mut asked = 0;
                while let Some(fetch) = scan.poll_fetch() {
                    let range = fetch.range.start as usize..fetch.range.end as usize;
                    scan.handle_bytes(fetch.id, Fetched::new(file.slice(range)))?;
                    asked += 1;
                }
                if asked == 0 {
                    return Err(Error::new(ErrorKind::Misuse, "a scan waits for nothing"));
                }
            }
        }
    }
    Ok(())
}

fn read_rows(file: &ParquetFile, projection: &Projection) -> Result<(), Error> {
    let (mut json, mut bytes) = (Vec::new(), 0);
    for row in file.rows(projection)?.take(ROWS_MAX) {
        json.clear();
        row?.write_json(&mut json);
        bytes += json.len();
        if bytes > JSON_BYTES_MAX {
            break;
        }
    }
    Ok(())
}

/// Whether it went well; an error where it failed for a reason that a file cannot give.
fn judge(what: &str, result: Result<(), Error>) -> Result<bool, String> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if !matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Limit) => {
            Err(format!("{what}: {:?}: {error}", error.kind()))
        }
        Err(error) if error.to_string().lines().count() > 1 => {
            Err(format!("{what}: more than one line: {error}"))
        }
        Err(_) => Ok(false),
    }
}
