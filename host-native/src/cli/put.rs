//! `coldpress put`: rows from files or standard input become one object.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use clap::builder::ArgPredicate;
use coldpress::{ErrorKind, PutOutcome, StoredObject};
use coldpress_core::{
    Codec, EncodedFile, Encoder, IdSource, KeyPrefix, KeyTarget, LsnRange, LsnWidth, Nulls,
    ObjectKey, Policy, Schema, Settings,
};
use serde_json::json;

use super::by_grant;
use super::failure::Failure;
use super::feed::{self, Fed};
use super::input::{self, Source};
use super::lsn;
use super::progress::Progress;
use super::store::{self, Store, StoreArgs};
use super::text::{Column, Table, counted, human_bytes, human_count, line_width};

/// How many columns with rescued values the table names: it is to stay a short one.
const RESCUED_SHOWN_MAX: usize = 20;

/// Put rows into the store, as one Parquet object
#[derive(Debug, Args)]
pub struct PutArgs {
    /// NDJSON or a JSON array, plain or packed with gzip or zstd; `-` is standard input. The rows
    /// of several files become one object
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
    collection: String,
    /// Put by this grant, a JSON file of `coldpress grant`, without credentials: it says where the rows
    /// belong
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["collection", "tenant", "lsn", "append", "padded_lsn"]
    )]
    grant: Option<PathBuf>,
    /// The tenant the rows belong to
    #[arg(long, value_name = "N", default_value_t = 0)]
    tenant: u64,
    /// The log sequence numbers of the rows, both ends included [default: 0..rows-1]
    #[arg(long, value_name = "MIN..MAX", value_parser = lsn::parse, conflicts_with = "append")]
    lsn: Option<LsnRange>,
    /// Begin after the highest LSN of the collection
    #[arg(long)]
    append: bool,
    /// The field that holds each row's id [default: _id where present, else the row's number]
    #[arg(long, value_name = "FIELD")]
    id: Option<String>,
    /// none, snappy, lz4, zstd, gzip or brotli; the last three with a level, such as zstd:9
    #[arg(long, value_name = "CODEC", default_value_t = Codec::default())]
    codec: Codec,
    /// A file with the columns as JSON [default: inferred from all rows]
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// What happens to values the schema has no place for: rescue or strict
    #[arg(long, default_value = "rescue", hide_default_value = true)]
    policy: Policy,
    /// What a null means: the same as an absent field, or something to preserve
    #[arg(long, default_value = "absent", value_parser = ["absent", "preserve"])]
    nulls: String,
    /// The most rows in one row group
    #[arg(long, value_name = "N", default_value_t = Settings::default().row_group_rows_max)]
    row_group_rows: usize,
    /// Write LSNs in the key with 20 digits, so that a listing is in order
    #[arg(long)]
    padded_lsn: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress put`.
pub fn run(args: &PutArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    if let Some(grant) = &args.grant {
        return by_grant::run(args, grant, store_args);
    }
    let sources = input::sources(&args.files)?;
    let mut encoder = Encoder::new(args.settings()?).map_err(Failure::usage)?;
    // A bad name is found now, not after gigabytes were read.
    ObjectKey::collection_folder(&KeyPrefix::default(), args.tenant, &args.collection)
        .map_err(Failure::usage)?;
    let lsn_width = if args.padded_lsn { LsnWidth::Padded } else { LsnWidth::Unpadded };
    let store = Store::open(store_args, lsn_width)?;
    // The store is asked before anything is read, so that wrong credentials and taken LSNs do not
    // come out after gigabytes; and again before the put, for what came meanwhile.
    let first_free = args.first_free(&store)?;
    if let Some(lsns) = args.lsn {
        refuse_overlap(args, &store, lsns)?;
    }

    let mut progress = Progress::new(input::bytes_total(&sources), input::is_typed(&sources));
    let fed = feed::feed(&sources, &mut encoder, &mut progress)?;
    let lsns = match encoder.rows() {
        rows if args.append && rows > 0 => Some(args.appended(first_free, rows)?),
        _ => args.lsn,
    };
    progress.phase("encoding");
    let target = store.storage().target(args.tenant, &args.collection, lsns);
    let file = encoder.finish(&target).map_err(|error| in_sources(&sources, &error))?;
    let lsns = lsns_of(&file)?;
    refuse_overlap(args, &store, lsns)?;
    progress.phase("storing");
    let outcome = put(args, &store, &file, lsns)?;
    drop(progress);

    Stored { args, store: store.name(), file: &file, lsns, fed, outcome }.print()
}

impl PutArgs {
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let schema = match &self.schema {
            None => None,
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
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
            row_group_rows_max: self.row_group_rows,
            nulls: if self.nulls == "preserve" { Nulls::Preserve } else { Nulls::Absent },
            schema,
            policy: self.policy,
            id: self.id.clone().map_or(IdSource::Auto, IdSource::Field),
            ..Settings::default()
        })
    }

    /// The LSNs of `rows` rows that go behind all there are.
    fn appended(&self, first_free: Option<u64>, rows: u64) -> Result<LsnRange, Failure> {
        first_free.and_then(|first| lsn::range(first, rows)).ok_or_else(|| {
            Failure::run(format_args!(
                "collection {} has no {} left after its highest LSN; give a free range with --lsn",
                self.collection,
                counted(rows, "LSN")
            ))
        })
    }

    /// The LSN after the collection's highest; none where that is the highest there can be.
    fn first_free(&self, store: &Store) -> Result<Option<u64>, Failure> {
        let objects = store.ask(store.storage().list(self.tenant, &self.collection, None))?;
        let highest =
            objects.iter().filter_map(|object| object.key.lsns()).map(LsnRange::max).max();
        Ok(highest.map_or(Some(0), |highest| highest.checked_add(1)))
    }
}

/// An error of the whole input: it names its place, and what it is read from.
pub(super) fn in_sources(sources: &[Source], error: &coldpress_core::Error) -> Failure {
    let names: Vec<String> = sources.iter().map(Source::to_string).collect();
    Failure::run(format_args!("{}: {error}", names.join(", ")))
}

/// The LSNs the file is named for.
pub(super) fn lsns_of(file: &EncodedFile) -> Result<LsnRange, Failure> {
    file.key.lsns().ok_or_else(|| {
        Failure::run("the key of the rows names no LSNs; this is a bug of coldpress: report it")
    })
}

/// An error where another object holds some of `lsns`. An object of the very same key is left to
/// the put, which compares its content.
fn refuse_overlap(args: &PutArgs, store: &Store, lsns: LsnRange) -> Result<(), Failure> {
    let ours = store.storage().target(args.tenant, &args.collection, Some(lsns));
    let ours =
        ObjectKey::data(&ours.prefix, ours.tenant_id, &ours.collection, lsns, ours.lsn_width)
            .map_err(Failure::usage)?;
    let there = store.ask(store.storage().list(args.tenant, &args.collection, Some(lsns)))?;
    match there.iter().find(|object: &&StoredObject| object.key != ours) {
        None => Ok(()),
        Some(other) => Err(Failure::run(format_args!(
            "LSNs {lsns} overlap those of {}, which is already there; {}",
            other.key,
            ways_out(args, store, lsns)?
        ))),
    }
}

fn put(
    args: &PutArgs,
    store: &Store,
    file: &EncodedFile,
    lsns: LsnRange,
) -> Result<PutOutcome, Failure> {
    match store.run(store.storage().put_file(file))? {
        Ok(outcome) => Ok(outcome),
        Err(error) if error.kind() == ErrorKind::Conflict => Err(Failure::run(format_args!(
            "{} is already there with other content; {}",
            file.key,
            ways_out(args, store, lsns)?
        ))),
        Err(error) => Err(store::failed(&error)),
    }
}

/// How to put rows whose LSNs are taken.
fn ways_out(args: &PutArgs, store: &Store, lsns: LsnRange) -> Result<String, Failure> {
    if args.append {
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

/// What a put has to tell.
pub(super) struct Stored<'a> {
    pub(super) args: &'a PutArgs,
    /// As shown to people.
    pub(super) store: &'a str,
    pub(super) file: &'a EncodedFile,
    pub(super) lsns: LsnRange,
    pub(super) fed: Fed,
    pub(super) outcome: PutOutcome,
}

impl Stored<'_> {
    pub(super) fn print(&self) -> Result<(), Failure> {
        let mut out = Vec::new();
        if self.args.json { self.write_json(&mut out) } else { self.write_text(&mut out) }
            .and_then(|()| io::stdout().write_all(&out))
            .map_err(Failure::output)
    }

    fn ratio(&self) -> f64 {
        self.fed.json_bytes as f64 / (self.file.bytes.len().max(1)) as f64
    }

    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let summary = &self.file.summary;
        let mut table = Table::new([Column::words(""), Column::words("")]);
        let mut line = |name: &str, value: String| table.push([name.to_owned(), value]);
        line("rows", human_count(summary.rows));
        line("columns", human_count(summary.columns as u64));
        let Fed { json_bytes, read_bytes, .. } = self.fed;
        let packed = match json_bytes == read_bytes {
            true => String::new(),
            false => format!(" ({} packed)", human_bytes(read_bytes)),
        };
        line("bytes in", format!("{}{packed}", human_bytes(json_bytes)));
        line("bytes out", human_bytes(self.file.bytes.len() as u64));
        let digits = if self.ratio() < 1.0 { 2 } else { 1 };
        line("ratio", format!("{:.digits$}x", self.ratio()));
        line("codec", self.args.codec.to_string());
        line("store", self.store.to_owned());
        if self.outcome == PutOutcome::AlreadyThere {
            line("already there", "with the same content; nothing was written".to_owned());
        }
        for (i, (path, values)) in summary.rescued.iter().take(RESCUED_SHOWN_MAX).enumerate() {
            line(if i == 0 { "rescued" } else { "" }, format!("{path}: {}", human_count(*values)));
        }
        let unshown = summary.rescued.len().saturating_sub(RESCUED_SHOWN_MAX) as u64;
        if unshown > 0 {
            line("", format!("and {}; --json lists all", counted(unshown, "more column")));
        }
        if summary.duplicate_keys > 0 {
            let keys = human_count(summary.duplicate_keys);
            line("duplicate keys", format!("{keys}, the last value of each was kept"));
        }
        writeln!(out, "{}", self.file.key)?;
        table.write(out, "  ", line_width())
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let summary = &self.file.summary;
        let mut rescued = BTreeMap::new();
        for (path, values) in &summary.rescued {
            // A dot may part two names or stand within one, so two columns may show one path.
            *rescued.entry(path.as_str()).or_insert(0) += values;
        }
        let (tenant_id, collection) = match self.file.key.target() {
            KeyTarget::Data { tenant_id, collection, .. } => (*tenant_id, collection.as_str()),
            KeyTarget::Wal { .. } => (self.args.tenant, self.args.collection.as_str()),
        };
        let report = json!({
            "key": self.file.key.as_str(),
            "store": self.store,
            "already_there": self.outcome == PutOutcome::AlreadyThere,
            "tenant_id": tenant_id,
            "collection": collection,
            "min_lsn": self.lsns.min(),
            "max_lsn": self.lsns.max(),
            "rows": summary.rows,
            "columns": summary.columns,
            "bytes_in": self.fed.json_bytes,
            "bytes_out": self.file.bytes.len(),
            "ratio": (self.ratio() * 1000.0).round() / 1000.0,
            "codec": self.args.codec.to_string(),
            "rescued": rescued,
            "duplicate_keys": summary.duplicate_keys,
        });
        writeln!(out, "{report}")
    }
}
