//! The forms in which rows are printed.

use clap::ValueEnum;

/// A form of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns that line up, for people
    Table,
    /// Comma-separated values with a header (RFC 4180). Null is empty, and an empty text is ""
    Csv,
    /// One JSON object a line
    Ndjson,
    /// A Parquet file
    Parquet,
}
