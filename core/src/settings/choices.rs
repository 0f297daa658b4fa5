//! Settings that are one of a few choices.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// What an explicit `null` in a document means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Nulls {
    /// The same as an absent field: decoding leaves it out.
    #[default]
    Absent,
    /// Kept apart from an absent field, by way of `_rescued_data`.
    Preserve,
}

/// What happens to values a given schema has no place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// They go to `_rescued_data`; the columns never change.
    #[default]
    Rescue,
    /// They are an error, and no file is made.
    Strict,
}

impl FromStr for Policy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "rescue" => Ok(Policy::Rescue),
            "strict" => Ok(Policy::Strict),
            _ => Err(Error::settings(format!(
                "no policy is named {text:?}; choose \"rescue\" or \"strict\""
            ))),
        }
    }
}

/// Which of Parquet's encodings a file may use. `docs/engines.md` says which engine reads which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Encodings {
    /// PLAIN, dictionary, DELTA_BINARY_PACKED, and DELTA_BYTE_ARRAY under a codec: what the engines
    /// that people have read, Spark 3.5.0 and 4.0.0 among them.
    #[default]
    Portable,
    /// All that make the file smaller: BYTE_STREAM_SPLIT for floating-point numbers too, which
    /// Spark reads from version 4.3 on.
    Compact,
    /// PLAIN and dictionary alone, for readers that know nothing newer, such as fastparquet.
    Legacy,
}

impl Encodings {
    /// Every set, from the most widely read to the least.
    pub const ALL: [Encodings; 3] = [Encodings::Legacy, Encodings::Portable, Encodings::Compact];

    /// The name, as [`Encodings::from_str`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Encodings::Portable => "portable",
            Encodings::Compact => "compact",
            Encodings::Legacy => "legacy",
        }
    }
}

impl fmt::Display for Encodings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Encodings {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Encodings::ALL.into_iter().find(|set| set.name() == text);
        found.ok_or_else(|| {
            Error::settings(format!(
                "no set of encodings is named {text:?}; \
                 choose \"portable\", \"compact\" or \"legacy\""
            ))
        })
    }
}

/// Which names of fields become columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Names {
    /// Of names in one object that differ only in case, the first one that has values is a column.
    /// The others are rescued: Spark, Delta, Athena and BigQuery refuse a file that has both. So
    /// are names with dots that read as the path of another column, which ClickHouse and PyIceberg
    /// refuse; and fields of structs that are named `null`, which ClickHouse refuses.
    #[default]
    Portable,
    /// Every name but the empty one, exactly as it is: for engines that tell them apart.
    Exact,
}

impl Names {
    /// The name, as [`Names::from_str`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Names::Portable => "portable",
            Names::Exact => "exact",
        }
    }
}

impl FromStr for Names {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "portable" => Ok(Names::Portable),
            "exact" => Ok(Names::Exact),
            _ => Err(Error::settings(format!(
                "no rule for names is called {text:?}; choose \"portable\" or \"exact\""
            ))),
        }
    }
}

/// Where the ids of JSON rows come from. Rows pushed with an id of their own do not ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum IdSource {
    /// The row's own `_id` where it has one, else its number counted from 0.
    #[default]
    Auto,
    /// This field, which every row must have, with a string or a whole number. Where the document
    /// has no field of that very name, dots part the names of a path: `_id.$oid`. A document's
    /// `_id` is then a field like any other, whatever it holds.
    Field(String),
}
