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
    /// Coldpress's npm package, from JavaScript objects.
    ColdpressWebObjects,
    /// Coldpress's npm package, from NDJSON.
    ColdpressWebNdjson,
    /// hyparquet-writer, from JavaScript objects.
    HyparquetWriterObjects,
    /// hyparquet-writer, from NDJSON.
    HyparquetWriterNdjson,
    /// parquet-wasm, from JavaScript objects.
    ParquetWasmObjects,
    /// parquet-wasm, from NDJSON.
    ParquetWasmNdjson,
    /// DuckDB's Node package, from JavaScript objects.
    DuckdbNodeObjects,
    /// DuckDB's Node package, from NDJSON.
    DuckdbNodeNdjson,
}

/// What a contestant runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// This very program, by `Round`.
    Rust,
    /// Python, by `peers.py`.
    Python,
    /// Node, by `peers.mjs`.
    Node,
}

/// What a contestant is handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Rows in memory, each an id and a parsed document; the finished file stays in memory.
    Rows,
    /// JavaScript objects in memory; the finished file stays in memory, where the contestant lets
    /// it.
    Objects,
    /// A file of NDJSON in memory-backed storage; the finished file goes there too.
    Ndjson,
}

impl Contestant {
    /// What it is handed.
    pub fn source(self) -> Source {
        match self {
            Contestant::ColdpressRows | Contestant::SeedRows => Source::Rows,
            Contestant::ColdpressWebObjects
            | Contestant::HyparquetWriterObjects
            | Contestant::ParquetWasmObjects
            | Contestant::DuckdbNodeObjects => Source::Objects,
            _ => Source::Ndjson,
        }
    }

    /// What it runs in.
    pub fn runner(self) -> Runner {
        match self {
            Contestant::ColdpressRows | Contestant::SeedRows | Contestant::ColdpressNdjson => {
                Runner::Rust
            }
            #[cfg(feature = "arrow-json")]
            Contestant::ArrowJson => Runner::Rust,
            Contestant::Duckdb | Contestant::Polars | Contestant::Pyarrow => Runner::Python,
            Contestant::ColdpressWebObjects
            | Contestant::ColdpressWebNdjson
            | Contestant::HyparquetWriterObjects
            | Contestant::HyparquetWriterNdjson
            | Contestant::ParquetWasmObjects
            | Contestant::ParquetWasmNdjson
            | Contestant::DuckdbNodeObjects
            | Contestant::DuckdbNodeNdjson => Runner::Node,
        }
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
            Contestant::ColdpressWebObjects => "coldpress-web-objects",
            Contestant::ColdpressWebNdjson => "coldpress-web-ndjson",
            Contestant::HyparquetWriterObjects => "hyparquet-writer-objects",
            Contestant::HyparquetWriterNdjson => "hyparquet-writer-ndjson",
            Contestant::ParquetWasmObjects => "parquet-wasm-objects",
            Contestant::ParquetWasmNdjson => "parquet-wasm-ndjson",
            Contestant::DuckdbNodeObjects => "duckdb-node-objects",
            Contestant::DuckdbNodeNdjson => "duckdb-node-ndjson",
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
            Source::Objects => "objects",
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
