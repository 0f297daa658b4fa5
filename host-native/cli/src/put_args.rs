//! The arguments of `coldpress put`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::ArgPredicate;
use coldpress_core::{
    Codec, Encodings, IdSource, LsnRange, Names, Nulls, Numbers, Policy, Schema, Settings,
    TextTypes,
};

use super::failure::Failure;
use super::grant::size;
use super::{input, lsn};

/// The size limit of a schema file.
const SCHEMA_BYTES_MAX: u64 = 64 << 20;

/// Store rows as one Parquet object, or as several if there are many rows
#[derive(Debug, Args)]
pub struct PutArgs {
    /// Files with NDJSON or a JSON array, plain or compressed with gzip or zstd. `-` is standard
    /// input. The rows of all files are stored together
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
    /// Upload by this grant, a JSON file from `coldpress grant`, without credentials. The grant
    /// names the tenant, the collection and the LSNs
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "collection", "tenant", "lsn", "append", "append_id", "skip_rows", "padded_lsn",
        ]
    )]
    pub(super) grant: Option<PathBuf>,
    /// The tenant the rows belong to
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) tenant: u64,
    /// The log sequence numbers (LSNs) of the rows, both ends included [default: 0..rows-1]
    #[arg(
        long,
        value_name = "MIN..MAX",
        value_parser = lsn::parse,
        conflicts_with_all = ["append", "append_id"]
    )]
    pub(super) lsn: Option<LsnRange>,
    /// Store the rows after the highest LSN of the collection
    #[arg(long)]
    pub(super) append: bool,
    /// Append under this name, so that the command is safe to run again. Give the same name and the
    /// same rows from the first one on: a run continues after the rows that earlier runs stored
    #[arg(long, value_name = "NAME")]
    pub(super) append_id: Option<String>,
    /// Skip the first N rows of the input, because they are stored already. An append that failed
    /// half-way prints this number
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        requires = "append",
        conflicts_with = "append_id"
    )]
    pub(super) skip_rows: u64,
    /// The field that holds each row's id, or a path to it, such as '_id.$oid'. It becomes the id
    /// column of the file, with its own type [default: _id if the row has one, else the row's
    /// number]
    #[arg(long, value_name = "FIELD")]
    pub(super) id: Option<String>,
    /// Refuse a row whose id an earlier row of the same file has. Without it, they are counted
    #[arg(long)]
    pub(super) unique_ids: bool,
    /// The compression: none, snappy, lz4, zstd, gzip or brotli. The last three take a level, such
    /// as zstd:9
    #[arg(long, value_name = "CODEC", default_value_t = Codec::default())]
    pub(super) codec: Codec,
    /// How values are encoded: portable, compact or legacy. docs/engines.md says which engines read
    /// which [default: as the grant says, else portable]
    #[arg(long, value_name = "SET")]
    pub(super) encodings: Option<Encodings>,
    /// A JSON file with the columns [default: those of the collection's last object before these
    /// rows, with new fields behind them; without one, inferred from all rows]
    #[arg(long, value_name = "FILE")]
    pub(super) schema: Option<PathBuf>,
    /// Infer the columns anew, whatever types they have in the collection's other objects. Engines
    /// that read all objects as one table may then refuse it, or give other values
    #[arg(long, conflicts_with = "schema")]
    pub(super) new_schema: bool,
    /// What to do with a value that does not fit its column: rescue keeps it in the column
    /// _rescued_data, strict is an error
    #[arg(long, default_value = "rescue", hide_default_value = true)]
    pub(super) policy: Policy,
    /// Which field names become columns: portable, or exact. exact also keeps names that differ
    /// only in case
    #[arg(long, value_name = "RULE", default_value = "portable", hide_default_value = true)]
    pub(super) names: Names,
    /// What a null means: explicit (a value of its own), or absent (the same as a missing field)
    #[arg(long, default_value = "explicit", value_parser = ["explicit", "absent"])]
    pub(super) nulls: String,
    /// What texts become if the columns are inferred. infer makes timestamps of instants
    /// (2026-01-02T03:04:05.678Z) and dates of days (2026-01-02) where 99 texts in 100 are such;
    /// string leaves them texts. Either way each text comes back to the letter
    #[arg(long, value_name = "RULE", default_value = "infer", hide_default_value = true)]
    pub(super) text_types: TextTypes,
    /// What numbers become if the columns are inferred: exact, or float64. float64 makes columns of
    /// integers doubles too, where that loses nothing: for measurements
    #[arg(long, value_name = "RULE", default_value = "exact", hide_default_value = true)]
    pub(super) numbers: Numbers,
    /// The maximum number of rows in a row group
    #[arg(long, value_name = "N", default_value_t = Settings::default().row_group_rows_max)]
    pub(super) row_group_rows: usize,
    /// The maximum memory for rows that are not written yet. It bounds the memory of a put
    #[arg(
        long,
        alias = "row-group-size",
        value_name = "SIZE",
        default_value = "64MiB",
        value_parser = size
    )]
    pub(super) row_group_bytes: u64,
    /// The maximum size of one row, as JSON text and in memory. A larger row is an error
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    pub(super) row_bytes_max: u64,
    /// Start a new object at this size. With --lsn, all rows go into one object of any size
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    pub(super) file_size: u64,
    /// Publish no object until all rows are read (the default for files). The default for pipes is
    /// to publish each object as soon as it is full
    #[arg(long)]
    pub(super) all_or_nothing: bool,
    /// Write LSNs in keys with 20 digits, so that listings are in the order of LSNs
    #[arg(long)]
    pub(super) padded_lsn: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

impl PutArgs {
    /// Whether the rows go after all other rows of the collection.
    pub(super) fn appends(&self) -> bool {
        self.append || self.append_id.is_some()
    }

    /// Whether the same command, run again, would store the same rows a second time.
    pub(super) fn stores_again(&self) -> bool {
        self.append && self.append_id.is_none()
    }

    /// The settings. `granted`: the encodings that a grant names.
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
            nulls: if self.nulls == "absent" { Nulls::Absent } else { Nulls::Explicit },
            text_types: self.text_types,
            numbers: self.numbers,
            schema,
            policy: self.policy,
            id: self.id.clone().map_or(IdSource::Auto, IdSource::Field),
            unique_ids: self.unique_ids,
            ..Settings::default()
        })
    }
}
