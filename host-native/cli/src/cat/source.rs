//! Where the rows come from: a store, or a local file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::pin::Pin;

use bytes::Bytes;
use coldpress::filter::ColumnPath;
use coldpress::{ErrorKind, JsonScan, Query, RowScan, ScanReport};
use coldpress_core::{
    Fetched, Footer, ID_COLUMN, JsonStep, LsnWidth, Scan, ScanFile, ScanSettings, ScanStep,
    StoredRow,
};
use futures_util::StreamExt;
use futures_util::stream::ReadyChunks;

use super::args::{CatArgs, Format};
use super::query;
use crate::failure::Failure;
use crate::store::{Store, StoreArgs};
use crate::{absent, choice, fetch, store};

/// Rows that are taken at once.
const ROWS_AT_ONCE: usize = 1_024;

/// Rows, as they come.
pub(super) enum Source {
    Stored(Stored),
    Local(Box<Local>),
}

/// A scan in a store.
pub(super) struct Stored {
    store: Store,
    rows: Rows,
}

/// The rows of a scan, in the form that is printed.
enum Rows {
    Documents(Pin<Box<ReadyChunks<RowScan>>>),
    Json(Box<JsonScan>),
}

/// A scan of a file of this machine.
pub(super) struct Local {
    name: String,
    file: File,
    bytes: u64,
    scan: Scan,
}

impl Source {
    pub(super) fn open(
        args: &CatArgs,
        store_args: &StoreArgs,
        query: Query,
    ) -> Result<Self, Failure> {
        match (&args.key, &args.collection) {
            (Some(key), _) => Self::object(store_args, key, query, args.format),
            (None, Some(collection)) => {
                choice::Choice::new(Some(args.tenant), Some(collection))?;
                let store = Store::open_to_read(store_args, LsnWidth::default())?;
                let (storage, tenant) = (store.storage(), args.tenant);
                let rows = match args.format {
                    Format::Ndjson => Rows::Json(Box::new(
                        store.ask(storage.scan_json(tenant, collection, query))?,
                    )),
                    _ => Rows::documents(store.ask(storage.scan(tenant, collection, query))?),
                };
                if rows.report().files == 0 {
                    return Err(absent::choice(&store, Some(tenant), Some(collection)));
                }
                Ok(Source::Stored(Stored { store, rows }))
            }
            (None, None) => Err(Failure::usage("give a key or --collection")),
        }
    }

    /// The object with that key, or a local file if the store has no such object.
    fn object(args: &StoreArgs, name: &str, query: Query, format: Format) -> Result<Self, Failure> {
        let path = Path::new(name);
        // No object has such a key, so no store is needed: a local file needs no credentials.
        if !fetch::ends_like_key(name) && path.is_file() {
            return Self::local(path, query);
        }
        let store = Store::open(args, LsnWidth::default())?;
        let (storage, wanted) = (store.storage(), query.clone());
        let rows = async {
            Ok(match format {
                Format::Ndjson => {
                    Rows::Json(Box::new(storage.scan_object_json(name, wanted).await?))
                }
                _ => Rows::documents(storage.scan_object(name, wanted).await?),
            })
        };
        match store.run(rows)? {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Key)
                    && path.is_file() =>
            {
                Self::local(path, query)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(absent::object(&store, name)),
            Err(error) if error.kind() == ErrorKind::Key && !name.contains('/') => {
                Err(Failure::run(format_args!(
                    "{name:?} is neither a key nor a file; `coldpress cat --collection {name}` \
                     prints the rows of a collection, and `coldpress ls` lists what there is"
                )))
            }
            rows => {
                let rows = rows.map_err(|error| store::failed(&error))?;
                Ok(Source::Stored(Stored { store, rows }))
            }
        }
    }

    fn local(path: &Path, query: Query) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let failed = |error| Failure::run(format_args!("cannot read {name}: {error}"));
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let scan = Scan::new(ScanFile::new(bytes), query, ScanSettings::default());
        let scan = scan.map_err(|error| Failure::run(format_args!("{name}: {error}")))?;
        Ok(Source::Local(Box::new(Local { name, file, bytes, scan })))
    }

    /// The next rows; `None` after the last one.
    pub(super) fn rows(&mut self) -> Result<Option<Vec<StoredRow>>, Failure> {
        match self {
            Source::Local(local) => local.rows(),
            Source::Stored(Stored { store, rows: Rows::Documents(rows) }) => {
                let chunk = async { Ok(rows.next().await) };
                let Some(chunk) = store.ask(chunk)? else { return Ok(None) };
                let rows: coldpress::Result<Vec<StoredRow>> = chunk.into_iter().collect();
                rows.map(Some).map_err(|error| store::failed(&error))
            }
            Source::Stored(_) => Ok(None),
        }
    }

    /// Passes the next rows to `each`, as id and JSON. Whether there may be more.
    pub(super) fn lines(
        &mut self,
        args: &CatArgs,
        each: &mut dyn FnMut(&str, &str) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let Source::Stored(Stored { store, rows: Rows::Json(scan) }) = self else {
            let Source::Local(local) = self else { return Ok(false) };
            let (lines, more) = local.lines()?;
            self.check_columns(args)?;
            lines.iter().try_for_each(|(id, json)| each(id, json))?;
            return Ok(more);
        };
        let rows = store.ask(scan.next())?;
        self.check_columns(args)?;
        let Some(rows) = rows else { return Ok(false) };
        rows.iter().try_for_each(|(id, json)| each(id, json))?;
        Ok(true)
    }

    /// What was read so far.
    pub(super) fn report(&self) -> ScanReport {
        match self {
            Source::Stored(stored) => stored.rows.report(),
            Source::Local(local) => ScanReport::of_file(local.bytes, &local.scan),
        }
    }

    /// A failure if a single file cannot have a field that was asked for. Files of a collection
    /// have different columns.
    pub(super) fn check_columns(&self, args: &CatArgs) -> Result<(), Failure> {
        let report = self.report();
        match (&args.key, report.columns_unknown.first()) {
            (Some(key), Some(column)) if !report.has_rescued => Err(Failure::run(format_args!(
                "{key}: the file has no column {column}; `coldpress inspect {key}` shows its \
                 columns, whose names must be written in the same case"
            ))),
            _ => Ok(()),
        }
    }

    /// The columns of a sheet: those of the arguments, or all of the files.
    pub(super) fn header(&self, args: &CatArgs) -> Result<Vec<ColumnPath>, Failure> {
        let asked = query::columns(args)?;
        if !asked.is_empty() {
            return Ok(asked);
        }
        let footers = match (self, &args.collection) {
            (Source::Local(local), _) => local.scan.footer().cloned().into_iter().collect(),
            (Source::Stored(stored), Some(collection)) => {
                let storage = stored.store.storage();
                let found = storage.read_footers(args.tenant, collection, args.lsn);
                stored.store.ask(found)?.into_iter().map(|(_, footer)| footer).collect()
            }
            (Source::Stored(stored), None) => {
                let key = args.key.as_deref().unwrap_or_default();
                vec![stored.store.ask(stored.store.storage().read_footer(key))?.0]
            }
        };
        names(&footers).map(|name| ColumnPath::new([name]).map_err(Failure::usage)).collect()
    }
}

/// The names of all columns, in the order in which the files have them.
fn names(footers: &[Footer]) -> impl Iterator<Item = String> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for column in footers.iter().flat_map(|footer| footer.schema().columns()) {
        if column.name != ID_COLUMN && seen.insert(&column.name) {
            names.push(column.name.clone());
        }
    }
    names.into_iter()
}

impl Rows {
    fn documents(rows: RowScan) -> Self {
        Rows::Documents(Box::pin(rows.ready_chunks(ROWS_AT_ONCE)))
    }

    fn report(&self) -> ScanReport {
        match self {
            Rows::Documents(rows) => rows.get_ref().report(),
            Rows::Json(scan) => scan.report(),
        }
    }
}

impl Local {
    /// The next rows as id and JSON, and whether there may be more.
    fn lines(&mut self) -> Result<(Vec<(String, String)>, bool), Failure> {
        let mut lines = Vec::new();
        while lines.len() < ROWS_AT_ONCE {
            let mut json = String::new();
            let failed = |error| Failure::run(format_args!("{}: {error}", self.name));
            match coldpress::quietly(|| self.scan.poll_json(&mut json)).map_err(failed)? {
                JsonStep::Row(id) => lines.push((id, json)),
                JsonStep::Wait => self.fetch()?,
                JsonStep::Done => return Ok((lines, false)),
            }
        }
        Ok((lines, true))
    }

    fn rows(&mut self) -> Result<Option<Vec<StoredRow>>, Failure> {
        let mut rows = Vec::new();
        while rows.len() < ROWS_AT_ONCE {
            let failed = |error| Failure::run(format_args!("{}: {error}", self.name));
            match coldpress::quietly(|| self.scan.poll_row()).map_err(failed)? {
                ScanStep::Row(row) => rows.push(row),
                ScanStep::Wait => self.fetch()?,
                ScanStep::Done => break,
            }
        }
        Ok((!rows.is_empty()).then_some(rows))
    }

    fn fetch(&mut self) -> Result<(), Failure> {
        while let Some(fetch) = self.scan.poll_fetch() {
            let name = &self.name;
            let failed =
                |error: io::Error| Failure::run(format_args!("cannot read {name}: {error}"));
            // A scan asks for no more than the file had when it was opened.
            let length = usize::try_from(fetch.range.end - fetch.range.start).unwrap_or(usize::MAX);
            let mut bytes = vec![0; length];
            self.file.seek(SeekFrom::Start(fetch.range.start)).map_err(failed)?;
            self.file.read_exact(&mut bytes).map_err(failed)?;
            let handled = self.scan.handle_bytes(fetch.id, Fetched::new(Bytes::from(bytes)));
            handled.map_err(|error| Failure::run(format_args!("{name}: {error}")))?;
        }
        Ok(())
    }
}
