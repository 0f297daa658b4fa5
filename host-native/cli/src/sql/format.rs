//! The forms in which rows are printed.

use clap::ValueEnum;

/// A form of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people; long values are cut
    Table,
    /// A header and one line for each row; objects and arrays as JSON, nulls as nothing
    Csv,
    /// One JSON object for each row
    Ndjson,
    /// A Parquet file
    Parquet,
}
