//! The arguments of `coldpress schema`.

use std::path::PathBuf;

use clap::Args;
use coldpress_core::{IdSource, Names, Numbers, Settings, TextTypes};

use crate::grant::size;

/// Print the columns that rows would have, or those of a collection
///
/// The output is JSON, to edit and to give to `coldpress put --schema`. docs/schema.md describes
/// it. Unchanged, it makes of the same rows the same bytes as without it.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Files with rows, as for `coldpress put`. Nothing is stored
    #[arg(value_name = "FILE", conflicts_with = "collection")]
    pub(super) files: Vec<PathBuf>,
    /// Print the schema of the collection's last file, and on standard error where the other files
    /// differ from each other
    #[arg(long, short, value_name = "NAME")]
    pub(super) collection: Option<String>,
    /// The tenant of the collection
    #[arg(long, value_name = "N", default_value_t = 0, requires = "collection")]
    pub(super) tenant: u64,
    /// Print one JSON object with the schema, the key of its file, and the differences
    #[arg(long, requires = "collection")]
    pub(super) json: bool,
    /// How many footers to read at the same time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16,
        value_parser = clap::value_parser!(u8).range(1..),
        requires = "collection"
    )]
    pub(super) parallel: u8,
    /// As for `coldpress put`
    #[arg(long, value_name = "FIELD", conflicts_with = "collection")]
    pub(super) id: Option<String>,
    /// As for `coldpress put`
    #[arg(
        long,
        value_name = "RULE",
        default_value = "portable",
        hide_default_value = true,
        conflicts_with = "collection"
    )]
    pub(super) names: Names,
    /// As for `coldpress put`
    #[arg(
        long,
        value_name = "RULE",
        default_value = "infer",
        hide_default_value = true,
        conflicts_with = "collection"
    )]
    pub(super) text_types: TextTypes,
    /// As for `coldpress put`
    #[arg(
        long,
        value_name = "RULE",
        default_value = "exact",
        hide_default_value = true,
        conflicts_with = "collection"
    )]
    pub(super) numbers: Numbers,
    /// The maximum memory for rows. `coldpress put` infers the columns from the first rows that
    /// take this much, and so does this command
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "64MiB",
        value_parser = size,
        conflicts_with = "collection"
    )]
    pub(super) row_group_bytes: u64,
    /// As for `coldpress put`
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "256MiB",
        value_parser = size,
        conflicts_with = "collection"
    )]
    pub(super) row_bytes_max: u64,
}

impl SchemaArgs {
    /// The settings by which a put chooses the columns.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            names: self.names,
            text_types: self.text_types,
            numbers: self.numbers,
            id: self.id.clone().map_or(IdSource::Auto, IdSource::Field),
            row_bytes_max: usize::try_from(self.row_bytes_max).unwrap_or(usize::MAX),
            ..Settings::default()
        }
    }
}
