//! Settings with a fixed set of choices.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// What an explicit `null` in a document means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Nulls {
    /// It differs from an absent field, and decoding gives it back. The file says for each field
    /// what a null of its column means. Only where one batch of rows has both, `_rescued_data`
    /// keeps the explicit nulls; policy `Strict` has no such column, and refuses the batch.
    #[default]
    Explicit,
    /// It means the same as an absent field: decoding leaves the field out.
    Absent,
}

/// Whether a column of texts may have a type that says more, if the columns are inferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TextTypes {
    /// Instants (RFC 3339 with a zone, to 6 digits after the point) become timestamps, and days
    /// (`YYYY-MM-DD`) become dates, if at most 1 text in 100 is something else. Every text comes
    /// back to the letter.
    #[default]
    Infer,
    /// Texts are strings.
    String,
}

impl FromStr for TextTypes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "infer" => Ok(TextTypes::Infer),
            "string" => Ok(TextTypes::String),
            _ => Err(Error::settings(format!(
                "{text:?} is no choice for text_types; choose \"infer\" or \"string\""
            ))),
        }
    }
}

/// Which type columns of numbers get, if the columns are inferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Numbers {
    /// The one that holds all values exactly: integers are integers, and numbers with a fraction
    /// among them make a column of doubles.
    #[default]
    Exact,
    /// Doubles, also for columns of integers alone, if each of them is exact as a double. Other
    /// columns of integers are as with `Exact`. For measurements, where 21 may be followed by 21.5.
    Float64,
}

impl FromStr for Numbers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "exact" => Ok(Numbers::Exact),
            "float64" => Ok(Numbers::Float64),
            _ => Err(Error::settings(format!(
                "{text:?} is no choice for numbers; choose \"exact\" or \"float64\""
            ))),
        }
    }
}

/// What becomes of fields that a given schema does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NewFields {
    /// Their values are rescued, or an error under policy `Strict`.
    #[default]
    Rescue,
    /// They become columns behind those of the schema, and in its structs, with the types that
    /// their values have. So do columns of type `null`, which never had a value. Names, columns and
    /// depth are bounded as without a schema. The file has `_rescued_data` only if a value needs
    /// it.
    Column,
}

impl FromStr for NewFields {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "rescue" => Ok(NewFields::Rescue),
            "column" => Ok(NewFields::Column),
            _ => Err(Error::settings(format!(
                "{text:?} is no choice for new_fields; choose \"rescue\" or \"column\""
            ))),
        }
    }
}

/// What happens to values that do not fit a given schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// They go to `_rescued_data`. The columns stay as the schema says.
    #[default]
    Rescue,
    /// They are an error, and the encoder makes no file.
    Strict,
}

impl FromStr for Policy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "rescue" => Ok(Policy::Rescue),
            "strict" => Ok(Policy::Strict),
            _ => Err(Error::settings(format!(
                "{text:?} is not a policy; choose \"rescue\" or \"strict\""
            ))),
        }
    }
}

/// Which of Parquet's encodings a file may use. `docs/engines.md` says which engine reads which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Encodings {
    /// PLAIN, dictionary, DELTA_BINARY_PACKED, and with a codec also DELTA_BYTE_ARRAY. All engines
    /// in wide use read them, among them Spark 3.5.0 and 4.0.0.
    #[default]
    Portable,
    /// Every encoding that makes the file smaller: also BYTE_STREAM_SPLIT for floating-point
    /// numbers. Spark reads that from version 4.3 on.
    Compact,
    /// Only PLAIN and dictionary, for readers without newer encodings, such as fastparquet.
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
                "{text:?} is not a set of encodings; \
                 choose \"portable\", \"compact\" or \"legacy\""
            ))
        })
    }
}

/// Where the ids of rows come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum IdSource {
    /// The `_id` of the document if it has one, else the number of the row, counted from 0. A row
    /// that is pushed with an id has that one.
    #[default]
    Auto,
    /// This field. Every row must have it, with a string or a whole number. If the document has no
    /// field with exactly this name, its dots separate the names of a path: `_id.$oid`. A row that
    /// is pushed with an id must have the same one in this field.
    ///
    /// This field is the id column of the file, with the type of its values, so ids are stored
    /// once. There is no column `_id` beside it, and the field `_id` of a document is a field like
    /// any other. Only where the field cannot be such a column, the file has `_id` as always: where
    /// rows have their ids at both places (the name and the path), where the field lies in a JSON
    /// column, where it is named `_rescued_data` or has a type whose values do not tell the id.
    Field(String),
}
