//! `coldpress put`: rows from files or standard input become objects.

use std::path::PathBuf;

use clap::Args;
use clap::builder::ArgPredicate;
use coldpress::{ErrorKind, RowStream, StoredObject, StreamSettings};
use coldpress_core::{
    Codec, Encoder, Encodings, IdSource, KeyPrefix, LsnRange, LsnWidth, Names, Nulls, ObjectKey,
    Policy, Schema, Settings,
};

use super::again;
use super::by_grant;
use super::failure::Failure;
use super::grant::size;
use super::input::{self, Source};
use super::lsn;
use super::pour::{self, Poured, Stopped};
use super::progress::Progress;
use super::report::{File, Report};
use super::store::{self, Store, StoreArgs};
use super::text::counted;

/// The largest file with a schema that is read.
const SCHEMA_BYTES_MAX: u64 = 64 << 20;
/// How often an append of several objects is read again because others took its LSNs.
const READ_AGAIN_MAX: u32 = 32;

/// Put rows into the store, as one Parquet object or, where they are many, as several
#[derive(Debug, Args)]
pub struct PutArgs {
    /// NDJSON or a JSON array, plain or packed with gzip or zstd; `-` is standard input. The rows
    /// of several files go together
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The collection the rows belong to
    #[arg(
        long,
        short,
        value_name = "NAME",
        required = false,
        required_unless_present = "grant",
        default_value_if("grant", ArgPredicate::IsPresent, "")
    )]
    pub(super) collection: String,
    /// Put by this grant, a JSON file of `coldpress grant`, without credentials: it says where the rows
    /// belong
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["collection", "tenant", "lsn", "append", "append_id", "skip_rows", "padded_lsn"]
    )]
    grant: Option<PathBuf>,
    /// The tenant the rows belong to
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) tenant: u64,
    /// The log sequence numbers of the rows, both ends included [default: 0..rows-1]
    #[arg(long, value_name = "MIN..MAX", value_parser = lsn::parse, conflicts_with_all = ["append", "append_id"])]
    lsn: Option<LsnRange>,
    /// Begin after the highest LSN of the collection
    #[arg(long)]
    append: bool,
    /// An append that is safe to run again under the same name, with the same rows from the first
    /// one on: it goes on behind the rows that earlier runs stored
    #[arg(long, value_name = "NAME")]
    append_id: Option<String>,
    /// Read the first N rows and do not store them, because they are: what an append that failed
    /// half-way says
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        requires = "append",
        conflicts_with = "append_id"
    )]
    skip_rows: u64,
    /// The field that holds each row's id, or a path to it, such as '_id.$oid' [default: _id where
    /// present, else the row's number]
    #[arg(long, value_name = "FIELD")]
    id: Option<String>,
    /// none, snappy, lz4, zstd, gzip or brotli; the last three with a level, such as zstd:9
    #[arg(long, value_name = "CODEC", default_value_t = Codec::default())]
    pub(super) codec: Codec,
    /// The encodings of values: portable, compact or legacy (see docs/engines.md for which engines
    /// read which) [default: what the grant says, else portable]
    #[arg(long, value_name = "SET")]
    encodings: Option<Encodings>,
    /// A file with the columns as JSON [default: inferred from all rows]
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// What happens to values the schema has no place for: rescue or strict
    #[arg(long, default_value = "rescue", hide_default_value = true)]
    policy: Policy,
    /// Which names become columns: portable, or exact, which keeps names that differ only in case
    #[arg(long, value_name = "RULE", default_value = "portable", hide_default_value = true)]
    names: Names,
    /// What a null means: the same as an absent field, or something to preserve
    #[arg(long, default_value = "absent", value_parser = ["absent", "preserve"])]
    nulls: String,
    /// The most rows in one row group
    #[arg(long, value_name = "N", default_value_t = Settings::default().row_group_rows_max)]
    row_group_rows: usize,
    /// What rows take in memory before they are written: the bound of the memory of a put
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size)]
    row_group_size: u64,
    /// The most that one row may take, as JSON text and in memory; a larger one is an error
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    row_bytes_max: u64,
    /// The size from which on rows go into another object; one of --lsn has all rows, whatever its size
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    file_size: u64,
    /// Store no object before all rows are taken, as it is for files: what is piped in may never end, and
    /// is else stored object by object
    #[arg(long)]
    all_or_nothing: bool,
    /// Write LSNs in the key with 20 digits, so that a listing is in order
    #[arg(long)]
    padded_lsn: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

/// Runs `coldpress put`.
pub fn run(args: &PutArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    if let Some(grant) = &args.grant {
        return by_grant::run(args, grant, store_args);
    }
    let sources = input::sources(&args.files)?;
    let settings = args.settings(None)?;
    // A bad name is found now, not after gigabytes were read.
    ObjectKey::collection_folder(&KeyPrefix::default(), args.tenant, &args.collection)
        .map_err(Failure::usage)?;
    Encoder::new(settings.clone()).map_err(Failure::usage)?;
    let lsn_width = if args.padded_lsn { LsnWidth::Padded } else { LsnWidth::Unpadded };
    let store = Store::open(store_args, lsn_width)?;
    // The store is asked before anything is read, so that wrong credentials and taken LSNs do not
    // come out after gigabytes; and again before each put, for what came meanwhile.
    if let Some(lsns) = args.lsn {
        refuse_overlap(args, &store, lsns)?;
    } else if !args.appends() {
        args.first_free(&store)?;
    }
    let bytes_total = input::bytes_total(&sources);
    let mut times = 0;
    let poured = loop {
        let rows = args.stream(&store, &settings, bytes_total.is_some(), times > 0)?;
        let progress = Progress::new(bytes_total, input::is_typed(&sources));
        let poured = pour::pour(&sources, rows, &store, progress)?;
        times += 1;
        // What has a size can be read once more.
        if !poured.was_outrun || bytes_total.is_none() || times > READ_AGAIN_MAX {
            break poured;
        }
        tracing::info!("another writer took the LSNs of this append; reading its rows again");
    };
    match poured.ended {
        Ok(fed) => {
            let files: Vec<File> = poured.stored.iter().map(File::of_stored).collect();
            Report { args, store: store.name(), files: &files, fed }.print()
        }
        Err(_) => Err(args.explain(&store, &sources, poured)),
    }
}

impl PutArgs {
    /// Whether the rows go behind all others.
    fn appends(&self) -> bool {
        self.append || self.append_id.is_some()
    }

    /// Whether the same command again would store the same rows once more.
    pub(super) fn stores_again(&self) -> bool {
        self.append && self.append_id.is_none()
    }

    /// Where the rows go. `again`: an earlier try was outrun.
    fn stream<'s>(
        &self,
        store: &'s Store,
        settings: &Settings,
        has_end: bool,
        again: bool,
    ) -> Result<RowStream<'s>, Failure> {
        let cut = StreamSettings {
            row_group_bytes_max: usize::try_from(self.row_group_size).unwrap_or(usize::MAX),
            file_bytes_max: self.file_size,
            ..StreamSettings::default()
        };
        let mut rows = store
            .storage()
            .stream_rows(self.tenant, &self.collection, self.lsn, settings.clone(), cut)
            .map_err(|error| Failure::usage(store::in_our_words(&error)))?;
        rows = match (&self.append_id, self.append, again) {
            (Some(id), _, _) => self.begun(store.run(rows.append_id(id))?)?,
            (None, true, false) => self.begun(store.run(rows.append())?)?,
            (None, true, true) => self.begun(store.run(rows.append_behind())?)?,
            (None, false, _) => rows,
        };
        if self.skip_rows > 0 {
            rows = store.ask(rows.skip_rows(self.skip_rows))?;
        }
        // What has a size has an end.
        Ok(if self.all_or_nothing || has_end { rows.all_or_nothing() } else { rows })
    }

    fn begun<'s>(&self, begun: coldpress::Result<RowStream<'s>>) -> Result<RowStream<'s>, Failure> {
        begun.map_err(|error| match error.kind() {
            // A bad name of the collection was found before.
            ErrorKind::Key if self.append_id.is_none() => Failure::run(self.no_lsn_left()),
            _ => store::failed(&error),
        })
    }

    /// The settings; `granted`: the encodings that a grant names.
    pub(super) fn settings(&self, granted: Option<Encodings>) -> Result<Settings, Failure> {
        let schema = match &self.schema {
            None => None,
            Some(path) => {
                let text = input::read_small(path, SCHEMA_BYTES_MAX).map_err(|error| {
                    Failure::run(format_args!("cannot read the schema {}: {error}", path.display()))
                })?;
                let schema = Schema::from_json(&text).map_err(|error| {
                    Failure::run(format_args!("the schema {}: {error}", path.display()))
                })?;
                Some(schema)
            }
        };
        Ok(Settings {
            codec: self.codec,
            encodings: self.encodings.or(granted).unwrap_or_default(),
            names: self.names,
            row_group_rows_max: self.row_group_rows,
            row_bytes_max: usize::try_from(self.row_bytes_max).unwrap_or(usize::MAX),
            nulls: if self.nulls == "preserve" { Nulls::Preserve } else { Nulls::Absent },
            schema,
            policy: self.policy,
            id: self.id.clone().map_or(IdSource::Auto, IdSource::Field),
            ..Settings::default()
        })
    }

    fn no_lsn_left(&self) -> String {
        format!(
            "collection {} has no LSN left for all of these rows after its highest one; give a free range with --lsn",
            self.collection
        )
    }

    /// What a put that failed half-way tells: where, why, what next, and what of it is stored.
    fn explain(&self, store: &Store, sources: &[Source], poured: Poured) -> Failure {
        let Poured { ended: Err(stopped), stored, rows_before, .. } = poured else {
            return Failure::run("the put ended in order and was taken for a failure; report this");
        };
        let kind = match &stopped {
            Stopped::Refused { error, .. } => Some(error.kind()),
            Stopped::Failed(_) => None,
        };
        let rows = stored.iter().map(|file| file.summary.rows).sum::<u64>();
        let why = match stopped {
            Stopped::Failed(Failure::Run(message)) => message,
            Stopped::Failed(Failure::Interrupted) => String::new(),
            Stopped::Failed(failure) => return failure,
            Stopped::Refused { error, source } => match (error.kind(), error.core()) {
                (_, Some(core)) if core.line().is_some() => format!("{}: {core}", sources[source]),
                (ErrorKind::Row, Some(core)) => in_sources(sources, core),
                (ErrorKind::Key, Some(_)) if self.appends() => self.no_lsn_left(),
                (ErrorKind::Conflict, _) => match self.explain_conflict(store, &error, rows > 0) {
                    Ok(why) => why,
                    Err(failure) => return failure,
                },
                _ => store::in_our_words(&error),
            },
        };
        let stop = |what: String| match (why.is_empty(), what.is_empty()) {
            (true, _) => Failure::InterruptedAfter(what),
            (false, true) => Failure::run(&why),
            (false, false) => Failure::run(format_args!("{why}; {what}")),
        };
        let Some(last) = stored.last() else {
            return stop(match self.skip_rows {
                // A put may have been on its way.
                _ if why.is_empty() => "no row is known to be stored".to_owned(),
                0 => self.nothing_stored(kind).to_owned(),
                skipped => format!(
                    "nothing is stored behind the {} that were skipped: the same command again is right",
                    counted(skipped, "row")
                ),
            });
        };
        if rows == rows_before {
            let before = counted(rows, "row");
            return stop(format!("nothing was stored now, and {before} are from earlier runs"));
        }
        let next = match self.append || kind == Some(ErrorKind::Conflict) {
            true if self.append_id.is_none() => {
                let command = again::skipping(self.skip_rows + rows);
                format!("with the same input from its first row on, continue by: {command}")
            }
            _ => "the same command again goes on behind them".to_owned(),
        };
        stop(format!(
            "the first {} are stored, in {}{} up to {}: {next}",
            counted(self.skip_rows + rows, "row"),
            if self.skip_rows > 0 { "earlier objects and " } else { "" },
            counted(stored.len() as u64, "object"),
            last.key
        ))
    }

    /// What an append of which no object is known to be stored says beside why.
    fn nothing_stored(&self, kind: Option<ErrorKind>) -> &'static str {
        match kind {
            _ if !self.appends() => "",
            Some(ErrorKind::Row | ErrorKind::Limit | ErrorKind::Key) => "nothing is stored",
            Some(ErrorKind::Unavailable | ErrorKind::Internal) => "the same command again is right",
            Some(ErrorKind::Conflict) => "",
            _ => "nothing is stored, so that the same command again is right",
        }
    }

    fn explain_conflict(
        &self,
        store: &Store,
        error: &coldpress::Error,
        has_stored: bool,
    ) -> Result<String, Failure> {
        let prefix = store.storage().prefix();
        let key = error.path().and_then(|path| ObjectKey::parse(prefix, path).ok());
        let Some((key, lsns)) = key.and_then(|key| key.lsns().map(|lsns| (key, lsns))) else {
            return Ok(store::in_our_words(error));
        };
        // Of the very same key, or of another one that holds some of its LSNs.
        let what = match overlap(self, store, lsns)? {
            Some(what) => what,
            // The object there is damaged: to put the rows elsewhere could store them twice.
            None if error.core().is_some() => return Ok(store::in_our_words(error)),
            None => format!("{key} is already there with other content"),
        };
        // These ways out would put what is stored a second time.
        if has_stored {
            return Ok(what);
        }
        Ok(format!("{what}; {}", ways_out(self, store, lsns)?))
    }

    /// The LSN after the collection's highest; none where that is the highest there can be.
    fn first_free(&self, store: &Store) -> Result<Option<u64>, Failure> {
        store.ask(store.storage().next_lsn(self.tenant, &self.collection))
    }
}

/// An error of the whole input: it names its place, and what it is read from.
pub(super) fn in_sources(sources: &[Source], error: &coldpress_core::Error) -> String {
    let names: Vec<String> = sources.iter().map(Source::to_string).collect();
    format!("{}: {error}", names.join(", "))
}

/// An error where another object holds some of `lsns`.
fn refuse_overlap(args: &PutArgs, store: &Store, lsns: LsnRange) -> Result<(), Failure> {
    match overlap(args, store, lsns)? {
        None => Ok(()),
        Some(what) => Err(Failure::run(format_args!("{what}; {}", ways_out(args, store, lsns)?))),
    }
}

/// In words, where another object holds some of `lsns`. An object of the very same key is left to the put, which
/// compares its content.
fn overlap(args: &PutArgs, store: &Store, lsns: LsnRange) -> Result<Option<String>, Failure> {
    let ours = store.storage().target(args.tenant, &args.collection, Some(lsns));
    let ours =
        ObjectKey::data(&ours.prefix, ours.tenant_id, &ours.collection, lsns, ours.lsn_width)
            .map_err(Failure::usage)?;
    let there = store.ask(store.storage().list(args.tenant, &args.collection, Some(lsns)))?;
    let other = there.iter().find(|object: &&StoredObject| object.key != ours);
    Ok(other
        .map(|other| format!("LSNs {lsns} overlap those of {}, which is already there", other.key)))
}

/// How to put rows whose LSNs are taken.
fn ways_out(args: &PutArgs, store: &Store, lsns: LsnRange) -> Result<String, Failure> {
    if args.appends() {
        return Ok("it came while the rows were read, so run the same command again".to_owned());
    }
    let count_less_one = lsns.max() - lsns.min();
    let free = args
        .first_free(store)?
        .and_then(|min| LsnRange::new(min, min.checked_add(count_less_one)?).ok());
    Ok(match free {
        Some(free) => format!(
            "put these rows after it with --append, or give a free range, such as --lsn {free}"
        ),
        None => "the highest LSN is taken, so --append cannot help: give a free range with --lsn"
            .to_owned(),
    })
}
