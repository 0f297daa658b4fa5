//! The arguments of `coldpress cat`.

use clap::{ArgGroup, Args, ValueEnum};
use coldpress_core::LsnRange;

use crate::lsn;

/// Print the rows of a collection or of an object
///
/// Reads only the parts of files that can hold such rows. The order is that of the LSNs.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("rows_of").required(true).args(["key", "collection"])))]
pub struct CatArgs {
    /// The key of an object, or the path of a local Parquet file that coldpress made
    #[arg(value_name = "KEY")]
    pub(super) key: Option<String>,
    /// Print the rows of this collection
    #[arg(long, short, value_name = "NAME")]
    pub(super) collection: Option<String>,
    /// The tenant of the collection
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "key")]
    pub(super) tenant: u64,
    /// Only rows of files that hold any of these log sequence numbers (LSNs), both ends included
    #[arg(long, value_name = "MIN..MAX", value_parser = lsn::parse, conflicts_with = "key")]
    pub(super) lsn: Option<LsnRange>,
    /// Print only rows for which this filter is true, such as "year >= 2005 and genre = 'Drama'".
    /// docs/filters.md describes filters
    #[arg(long = "where", value_name = "FILTER")]
    pub(super) filter: Option<String>,
    /// Print only the rows with this id. Without an id of its own, a row has its number in its file
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(super) id: Option<String>,
    /// Print only these columns, separated by commas. A dot leads into an object: place.lat. _id is
    /// the row's id
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(super) columns: Vec<String>,
    /// Print only this column of the documents, whose name may have commas and dots. Can be given
    /// several times
    #[arg(long, value_name = "NAME")]
    pub(super) column: Vec<String>,
    /// Print at most this many rows
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u64>,
    /// Begin each row with its id, as _id, even if the document had none
    #[arg(long)]
    pub(super) with_id: bool,
    /// How to print rows
    #[arg(long, value_name = "FORMAT", default_value = "ndjson")]
    pub(super) format: Format,
    /// Say on standard error what was read, and what was left out and why
    #[arg(long)]
    pub(super) explain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One JSON object for each row
    Ndjson,
    /// A header and one line for each row; objects and arrays as JSON, nulls as nothing
    Csv,
    /// A table for people; long values are cut
    Table,
}
