//! The machine that scans one file.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use parquet::basic::Compression;

use super::condition::Condition;
use super::filter::ColumnPath;
use super::progress::ScanProgress;
use super::query::{ScanFile, ScanQuery, ScanSettings};
use super::rows::{SpanReader, Wanted};
use super::select::Selector;
use super::store::{Fetch, Fetched, Store};
use crate::decode::{Fields, Layout, corrupt};
use crate::{Error, FileReport, Footer, LsnRange, Result, StoredRow};

/// The last bytes of a file say how long its footer is.
const TAIL_BYTES_MIN: u64 = 8;

/// Bloom filters take at most about one part in this many of a file, unless its rows are small.
const FILTERS_PART: u64 = 32;

/// The most bytes that are fetched with the footer because they may hold bloom filters.
const FILTERS_BYTES_MAX: u64 = 2 << 20;

/// Reads some rows of one file by ranges of its bytes. It says what to fetch, takes the bytes, and
/// gives rows in the order of the file, each as it was put.
///
/// It does no IO. Its host
///
/// 1. calls [`poll_row`](Self::poll_row) until it gives [`ScanStep::Wait`] or [`ScanStep::Done`];
/// 2. calls [`poll_fetch`](Self::poll_fetch) until it gives `None`, and performs each
///    [`Fetch`], one after the other or side by side;
/// 3. passes each answer to [`handle_bytes`](Self::handle_bytes), and begins again when there is an
///    answer.
///
/// The host retries a request that fails, and gives up by [`handle_error`](Self::handle_error).
/// `poll_row` decompresses and decodes, so a server calls it off its async executor.
///
/// The first request is the tail of the file: footer, indexes, bloom filters. Then it leaves out
/// what cannot hold a row of the query, and fetches the rest, some row groups at a time. Where it
/// saves more than a request costs, it fetches the columns of the filter first, and the other
/// columns only for rows that the filter takes. Bytes that lie close together are one request.
///
/// ```
/// use coldpress_core::{
///     Encoder, Fetched, Scan, ScanFile, ScanQuery, ScanSettings, ScanStep, Settings, Target,
/// };
///
/// let mut encoder = Encoder::new(Settings::default())?;
/// encoder.push_json(br#"{"title":"Alien","year":1979}{"title":"Heat","year":1995}"#)?;
/// let file = encoder.finish(&Target::new(0, "films"))?.bytes;
///
/// let mut query = ScanQuery::default();
/// query.columns = Some(vec!["title".parse()?]);
/// query.limit = Some(1);
/// let known = ScanFile::new(file.len() as u64);
/// let mut scan = Scan::new(known, query, ScanSettings::default())?;
/// let mut rows = Vec::new();
/// loop {
///     match scan.poll_row()? {
///         ScanStep::Row(row) => row.write_json(&mut rows),
///         ScanStep::Wait => {
///             while let Some(fetch) = scan.poll_fetch() {
///                 // A host sends `Range: bytes=START-END` here.
///                 let bytes = file.slice(fetch.range.start as usize..fetch.range.end as usize);
///                 scan.handle_bytes(fetch.id, Fetched::new(bytes))?;
///             }
///         }
///         ScanStep::Done => break,
///     }
/// }
/// assert_eq!(rows, br#"{"title":"Alien"}"#);
/// assert_eq!(scan.progress().requests, 1);
/// # Ok::<(), coldpress_core::Error>(())
/// ```
pub struct Scan {
    pub(super) store: Store,
    pub(super) settings: ScanSettings,
    pub(super) lsns: Option<LsnRange>,
    pub(super) condition: Condition,
    columns: Option<Vec<ColumnPath>>,
    /// What the rows are cut to.
    pub(super) wanted: Wanted,
    /// The same, and what the condition reads.
    pub(super) wanted_and_tested: Wanted,
    pub(super) rows_left: u64,
    pub(super) layout: Option<Layout>,
    pub(super) stop: Option<Arc<AtomicBool>>,
    /// The row groups that are not planned yet, in order.
    pub(super) groups: VecDeque<usize>,
    pub(super) stage: Stage,
    pub(super) progress: ScanProgress,
}

/// What a scan does next.
#[derive(Debug)]
pub enum ScanStep {
    /// A row of the query.
    Row(StoredRow),
    /// It needs the answers to its requests.
    Wait,
    /// It has given all rows, or an error before.
    Done,
}

/// What a scan that writes JSON does next.
#[derive(Debug)]
pub enum JsonStep {
    /// It has appended a row of the query. This is the row's id, as [`StoredRow::id`] gives it.
    Row(String),
    /// It needs the answers to its requests.
    Wait,
    /// It has given all rows, or an error before.
    Done,
}

/// What either sort of scan does next.
pub(super) enum Step {
    Row(StoredRow),
    Written(String),
    Wait,
    Done,
}

pub(super) enum Stage {
    /// The end of the file, from here on.
    Tail(u64),
    /// The indexes, and the bloom filters of some row groups.
    Indexes {
        place: Option<Range<u64>>,
        filters: Vec<(usize, Range<u64>)>,
    },
    /// Nothing is under way: the next row groups are planned.
    Plan,
    /// The rows are tested by what the condition reads.
    Filter(Box<Selector>),
    /// The rows that are taken.
    Rows(Box<SpanReader>),
    Done,
    /// The host gave up, for this reason.
    Failed(Error),
}

impl Scan {
    /// Begins to scan a file. An error of kind `Corrupt` if it is empty.
    pub fn new(file: ScanFile, query: ScanQuery, settings: ScanSettings) -> Result<Self> {
        let end = file.bytes;
        if end == 0 {
            return Err(corrupt("it is empty"));
        }
        let condition = Condition::new(query.id, query.filter);
        let mut progress = ScanProgress::default();
        let tail = tail_bytes(&file, &settings, &condition);
        let mut store = Store::new(file);
        let tail = store.ask_for_tail(tail, &mut progress);
        let fields = |more: &[ColumnPath]| {
            let paths = query.columns.iter().flatten().chain(more);
            query.columns.as_ref().map(|_| Fields::new(paths.map(ColumnPath::names)))
        };
        Ok(Scan {
            store,
            settings,
            lsns: query.lsns,
            wanted: Wanted { fields: fields(&[]), ids: !query.without_ids },
            wanted_and_tested: Wanted {
                fields: fields(condition.columns()),
                ids: !query.without_ids || condition.reads_ids(),
            },
            columns: query.columns,
            condition,
            rows_left: query.limit.unwrap_or(u64::MAX),
            layout: None,
            stop: None,
            groups: VecDeque::new(),
            stage: Stage::Tail(tail),
            progress,
        })
    }

    /// The next range to fetch; `None` if every request has been given.
    pub fn poll_fetch(&mut self) -> Option<Fetch> {
        self.store.poll()
    }

    /// Takes what a request brought. An error ends the scan: of kind `Unavailable` if the bytes are
    /// not those that were asked for, of kind `Conflict` if the file has changed. An answer that
    /// comes twice counts for nothing.
    pub fn handle_bytes(&mut self, id: u64, fetched: Fetched) -> Result<()> {
        let taken = self.store.take(id, fetched, &mut self.progress);
        if taken.is_err() {
            self.stage = Stage::Done;
        }
        taken
    }

    /// The host cannot bring the bytes of a request, for this reason. The next
    /// [`poll_row`](Self::poll_row) gives the error.
    pub fn handle_error(&mut self, error: Error) {
        self.stage = Stage::Failed(error);
    }

    /// Goes on as far as the bytes reach. The scan ends with the first error.
    pub fn poll_row(&mut self) -> Result<ScanStep> {
        Ok(match self.poll(None)? {
            Step::Row(row) => ScanStep::Row(row),
            Step::Wait => ScanStep::Wait,
            Step::Written(_) | Step::Done => ScanStep::Done,
        })
    }

    /// [`Scan::poll_row`], but the document of the row is appended to `out` as compact JSON, with
    /// every number exactly as it was. It takes a fraction of the time.
    pub fn poll_json(&mut self, out: &mut String) -> Result<JsonStep> {
        Ok(match self.poll(Some(out))? {
            Step::Written(id) => JsonStep::Row(id),
            Step::Wait => JsonStep::Wait,
            Step::Row(_) | Step::Done => JsonStep::Done,
        })
    }

    fn poll(&mut self, json: Option<&mut String>) -> Result<Step> {
        let step = self.step(json);
        if step.is_err() {
            self.stage = Stage::Done;
        }
        step
    }

    /// What it has asked for, left out and given so far.
    pub fn progress(&self) -> &ScanProgress {
        &self.progress
    }

    /// What the footer says; `None` until it has been read.
    pub fn footer(&self) -> Option<&Footer> {
        self.layout.as_ref().map(Layout::footer)
    }

    /// The row groups and column chunks, for an inspector; `None` until the footer has been read.
    pub fn report(&self) -> Option<FileReport> {
        self.layout.as_ref().map(Layout::report)
    }

    /// Whether it takes a build with the feature `decode-all` to read its pages; false until the
    /// footer has been read.
    pub fn needs_all_codecs(&self) -> bool {
        let groups = self.layout.iter().flat_map(|layout| layout.metadata().row_groups());
        let mut codecs = groups.flat_map(|group| group.columns()).map(|of| of.compression());
        codecs.any(|codec| matches!(codec, Compression::GZIP(_) | Compression::BROTLI(_)))
    }

    /// Columns that the query names, in its filter too, and that the file does not have. Its rows
    /// can have such a field only if the file [has rescued values](Self::has_rescued). Empty until
    /// the footer has been read.
    pub fn unknown_columns(&self) -> Vec<&ColumnPath> {
        let Some(layout) = &self.layout else { return Vec::new() };
        let named = self.columns.iter().flatten().chain(self.condition.columns());
        named.filter(|path| !layout.has_column(path.names())).collect()
    }

    /// Whether rows of the file have values that fit no column; false until the footer has been
    /// read.
    pub fn has_rescued(&self) -> bool {
        self.layout.as_ref().and_then(Layout::rescued_leaf).is_some()
    }

    /// The ETag that every answer must have: that of the query's file, or of the first answer that
    /// had one.
    pub fn etag(&self) -> Option<&str> {
        self.store.etag()
    }

    /// The last bytes of the file, with its footer and what it needed of indexes and bloom filters:
    /// what to give as [`ScanFile::tail`] next time. `None` until they have arrived.
    pub fn tail(&self) -> Option<Bytes> {
        let bytes = self.progress.tail_bytes;
        self.store.tail(bytes).filter(|_| bytes > 0)
    }

    /// Lets a host stop the work. Once `stop` is true, the scan gives an error of kind `Aborted`.
    pub fn stop_when(&mut self, stop: Arc<AtomicBool>) {
        if let Some(layout) = &mut self.layout {
            layout.stop_when(Arc::clone(&stop));
        }
        self.stop = Some(stop);
    }

    fn step(&mut self, mut json: Option<&mut String>) -> Result<Step> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Done => return Ok(Step::Done),
                Stage::Failed(error) => return Err(error),
                stage if self.store.waits() => {
                    self.stage = stage;
                    return Ok(Step::Wait);
                }
                Stage::Tail(start) => self.stage = self.read_footer(start)?,
                Stage::Indexes { place, filters } => self.stage = self.indexes(place, &filters)?,
                Stage::Plan => self.stage = self.plan()?,
                Stage::Filter(selector) => self.stage = self.test(selector)?,
                Stage::Rows(reader) => {
                    if let Some(step) = self.row(reader, json.as_deref_mut())? {
                        return Ok(step);
                    }
                }
            }
        }
    }
}

/// How much of the end of a file to fetch first.
fn tail_bytes(file: &ScanFile, settings: &ScanSettings, condition: &Condition) -> u64 {
    let more = match file.tail_bytes {
        Some(known) => known,
        None if settings.use_bloom_filters && condition.is_of_ids() => {
            (file.bytes / FILTERS_PART).min(FILTERS_BYTES_MAX)
        }
        None => 0,
    };
    settings.tail_bytes.max(more).max(TAIL_BYTES_MIN)
}
