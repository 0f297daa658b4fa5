//! Who takes part.

use std::fmt;

use clap::ValueEnum;

/// One way from rows to a Parquet file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Contestant {
    /// Coldpress, from `Value` rows.
    ColdpressRows,
    /// The baseline, from `Value` rows.
    SeedRows,
    /// Coldpress, from NDJSON.
    ColdpressNdjson,
    /// arrow-json's inference and reader, and `ArrowWriter`, from NDJSON.
    #[cfg(feature = "arrow-json")]
    ArrowJson,
    /// DuckDB's `COPY`, from NDJSON.
    Duckdb,
    /// Polars, from NDJSON.
    Polars,
    /// pyarrow, from NDJSON.
    Pyarrow,
}

/// What a contestant is handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Rows in memory, each an id and a parsed document; the finished file stays in memory.
    Rows,
    /// A file of NDJSON in memory-backed storage; the finished file goes there too.
    Ndjson,
}

impl Contestant {
    /// What it is handed.
    pub fn source(self) -> Source {
        match self {
            Contestant::ColdpressRows | Contestant::SeedRows => Source::Rows,
            _ => Source::Ndjson,
        }
    }

    /// Whether it runs in Python, by `peers.py`.
    pub fn is_python(self) -> bool {
        matches!(self, Contestant::Duckdb | Contestant::Polars | Contestant::Pyarrow)
    }

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Contestant::ColdpressRows => "coldpress-rows",
            Contestant::SeedRows => "seed-rows",
            Contestant::ColdpressNdjson => "coldpress-ndjson",
            #[cfg(feature = "arrow-json")]
            Contestant::ArrowJson => "arrow-json",
            Contestant::Duckdb => "duckdb",
            Contestant::Polars => "polars",
            Contestant::Pyarrow => "pyarrow",
        }
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Source::Rows => "Value rows",
            Source::Ndjson => "NDJSON",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for contestant in Contestant::value_variants() {
            let value = contestant.to_possible_value().unwrap();
            assert_eq!(value.get_name(), contestant.name());
        }
    }
}
