//! What every reader of a damaged or hostile file must do: end, with an error of one of two kinds
//! or none. `tests/wasm-probe` includes this file, so that the same is asked of the core as
//! WebAssembly.

use bytes::Bytes;
use coldpress_core::filter::{ColumnPath, Filter};
use coldpress_core::{Error, ErrorKind, Footer, ParquetFile, Projection, ScanQuery, ScanSettings};

use crate::scanning::drive;

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
    judge("Footer::read", Footer::read(bytes, bytes.len() as u64).map(|_| ()))?;
    let all = Bytes::copy_from_slice(bytes);
    let file = match ParquetFile::open(all.clone()) {
        Ok(file) => file,
        Err(error) => return judge("open", Err(error)).map(|_| Ending::Closed),
    };
    let report = file.report();
    let mut whole = judge("check_outline", file.check_outline())?;
    whole &= judge("rows", read_rows(&file, &Projection::All))?;
    let names = file.schema().columns().iter().map(|column| column.name.clone());
    let some = Projection::Columns(names.step_by(2).collect());
    whole &= judge("rows of some columns", read_rows(&file, &some))?;
    whole &= judge("verify", file.verify().map(|_| ()))?;
    for (what, query) in queries(&file) {
        // A scan does not read all bytes, so it may find nothing wrong in a damaged file.
        let scanned = scan(&all, query);
        let why = scanned.as_ref().err().map(ToString::to_string);
        if judge(what, scanned)? || !whole {
            continue;
        }
        return Err(format!("{what}: a whole file is found damaged: {}", why.unwrap_or_default()));
    }
    // The report is of the footer alone, so nothing can be wrong with it any more.
    let groups: u64 = report.row_groups.iter().map(|group| group.rows).sum();
    if groups != file.rows_count() {
        return Err(format!("the report counts {groups} rows, the file {}", file.rows_count()));
    }
    Ok(if whole { Ending::Whole } else { Ending::Damaged })
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

/// Queries that use everything a file says of its rows.
fn queries(file: &ParquetFile) -> Vec<(&'static str, ScanQuery)> {
    let names = file.schema().columns().iter().map(|column| column.name.clone());
    let paths: Vec<ColumnPath> = names.flat_map(|name| ColumnPath::new([name])).collect();
    let mut all = vec![("a scan", ScanQuery::default())];
    let mut of = |what, change: &dyn Fn(&mut ScanQuery)| {
        let mut query = ScanQuery::default();
        change(&mut query);
        all.push((what, query));
    };
    of("a scan for an id", &|query| query.id = Some("7".to_owned()));
    of("a scan of some columns", &|query| {
        query.columns = Some(paths.iter().step_by(2).cloned().collect());
        query.without_ids = true;
    });
    if let Some(path) = paths.last() {
        let text = format!("{path} > 3 or {path} like 'a%' or {path} >= date '2024-02-29'");
        let filter = Filter::parse(&text).ok();
        of("a filtered scan", &|query| query.filter.clone_from(&filter));
        let filter = Filter::parse(&format!("{path} is null and _id != 'x'")).ok();
        of("a scan for nulls", &|query| query.filter.clone_from(&filter));
    }
    all
}

fn scan(bytes: &Bytes, query: ScanQuery) -> Result<(), Error> {
    let mut settings = ScanSettings::default();
    (settings.tail_bytes, settings.join_gap_bytes) = (64, 16);
    let (mut json, mut rows, mut all) = (Vec::new(), 0, 0);
    drive(bytes, query, settings, &mut |row| {
        json.clear();
        row.write_json(&mut json);
        (rows, all) = (rows + 1, all + json.len());
        rows < ROWS_MAX && all < JSON_BYTES_MAX
    })
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
