//! Settings of an encoder: plain data, checked once.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result, Schema};

/// The compression of a file's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// No compression.
    None,
    /// Snappy: fast, modest.
    Snappy,
    /// LZ4 in Parquet's LZ4_RAW framing: fast, modest.
    Lz4,
    /// Zstandard at a level from 1 to 19.
    Zstd(u8),
    /// Gzip at a level from 0 to 9.
    Gzip(u8),
    /// Brotli at a level from 0 to 11. Its encoder is there where the feature `brotli` is; files are
    /// read without it.
    Brotli(u8),
}

impl Default for Codec {
    fn default() -> Self {
        Codec::Zstd(Codec::ZSTD_LEVEL)
    }
}

impl Codec {
    const ZSTD_LEVEL: u8 = 1;
    const GZIP_LEVEL: u8 = 6;
    const BROTLI_LEVEL: u8 = 5;

    /// Every codec at its default level, in the order of the format's specification.
    pub const ALL: [Codec; 6] = [
        Codec::None,
        Codec::Snappy,
        Codec::Gzip(Codec::GZIP_LEVEL),
        Codec::Brotli(Codec::BROTLI_LEVEL),
        Codec::Zstd(Codec::ZSTD_LEVEL),
        Codec::Lz4,
    ];

    /// The codec's name without its level, as [`Codec::from_str`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Codec::None => "none",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd(_) => "zstd",
            Codec::Gzip(_) => "gzip",
            Codec::Brotli(_) => "brotli",
        }
    }

    fn check(self) -> Result<()> {
        let (level, least, most) = match self {
            Codec::None | Codec::Snappy | Codec::Lz4 => return Ok(()),
            Codec::Zstd(level) => (level, 1, 19),
            Codec::Gzip(level) => (level, 0, 9),
            Codec::Brotli(level) => (level, 0, 11),
        };
        if level < least || level > most {
            return Err(Error::settings(format!(
                "{} has no level {level}; choose one from {least} to {most}",
                self.name()
            )));
        }
        Ok(())
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Codec::Zstd(level) | Codec::Gzip(level) | Codec::Brotli(level) => {
                write!(f, "{}:{level}", self.name())
            }
            _ => f.write_str(self.name()),
        }
    }
}

impl FromStr for Codec {
    type Err = Error;

    /// Reads `zstd`, or with a level `zstd:9`.
    fn from_str(text: &str) -> Result<Self> {
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => {
                let level = level.parse::<u8>().map_err(|_| {
                    Error::settings(format!("{level:?} is no compression level; give a number"))
                })?;
                (name, Some(level))
            }
            None => (text, None),
        };
        let codec = match name {
            "none" | "uncompressed" => Codec::None,
            "snappy" => Codec::Snappy,
            "lz4" => Codec::Lz4,
            "zstd" => Codec::Zstd(level.unwrap_or(Codec::ZSTD_LEVEL)),
            "gzip" => Codec::Gzip(level.unwrap_or(Codec::GZIP_LEVEL)),
            "brotli" => Codec::Brotli(level.unwrap_or(Codec::BROTLI_LEVEL)),
            _ => {
                return Err(Error::settings(format!(
                    "no codec is named {name:?}; choose none, snappy, lz4, zstd, gzip or brotli"
                )));
            }
        };
        if level.is_some() && matches!(codec, Codec::None | Codec::Snappy | Codec::Lz4) {
            return Err(Error::settings(format!("{name} takes no level; write just {name:?}")));
        }
        codec.check()?;
        Ok(codec)
    }
}

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

/// Where the ids of JSON rows come from. Rows pushed with an id of their own do not ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum IdSource {
    /// The row's own `_id` where it has one, else its number counted from 0.
    #[default]
    Auto,
    /// This field, which every row must have, with a string or a whole number. Where the document
    /// has no field of that very name, dots part the names of a path: `_id.$oid`. A document's `_id`
    /// is then a field like any other, whatever it holds.
    Field(String),
}

/// How rows become a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Compression of pages. Default: zstd.
    pub codec: Codec,
    /// The most rows in one row group; at least 1. Default: 65,536.
    pub row_group_rows_max: usize,
    /// The most leaf columns, `_id` and `_rescued_data` apart; at least 1. Default: 1,000.
    pub columns_max: usize,
    /// The deepest nesting that becomes structs and lists, the document itself being 1; from 1 to
    /// 64. Default: 64.
    pub depth_max: usize,
    /// The most bytes of one row; at least 1. It bounds the row's JSON text and, apart from it, the
    /// memory that its values take (a number 9 bytes, a text its length and 9). A larger row is an
    /// error of kind `Limit`. Default: 256 MiB.
    pub row_bytes_max: usize,
    /// What an explicit `null` means. Default: the same as absent.
    pub nulls: Nulls,
    /// The columns, where the caller knows them. Default: inferred from all rows.
    pub schema: Option<Schema>,
    /// What happens to values that `schema` has no place for. Default: rescued.
    pub policy: Policy,
    /// Where JSON rows have their ids. Default: `_id`, or else the row's number.
    pub id: IdSource,
}

impl Settings {
    /// The deepest that [`Settings::depth_max`] may be: readers recurse over nested columns.
    pub const DEPTH_LIMIT: usize = 64;
    /// The most lists within lists that become columns: engines that read more of them take very long (DuckDB)
    /// or refuse (pyarrow).
    pub const LISTS_LIMIT: usize = 16;
    /// The most that [`Settings::columns_max`] may be, and the most columns of
    /// [`Settings::schema`], fields of structs and elements of lists among them.
    pub const COLUMNS_LIMIT: usize = 100_000;

    pub(crate) fn check(&self) -> Result<()> {
        self.codec.check()?;
        #[cfg(not(feature = "brotli"))]
        if let Codec::Brotli(_) = self.codec {
            return Err(Error::settings(
                "this build has no brotli encoder; choose zstd or gzip, or a build with the feature \"brotli\"",
            ));
        }
        let ranges = [
            ("row_group_rows_max", self.row_group_rows_max, usize::MAX),
            ("columns_max", self.columns_max, Self::COLUMNS_LIMIT),
            ("depth_max", self.depth_max, Self::DEPTH_LIMIT),
            ("row_bytes_max", self.row_bytes_max, usize::MAX),
        ];
        for (name, value, most) in ranges {
            if value < 1 || value > most {
                return Err(Error::settings(format!(
                    "{name} is {value}; it must be from 1 to {most}"
                )));
            }
        }
        let columns = self.schema.as_ref().map_or(0, Schema::columns_in_all);
        if columns > Self::COLUMNS_LIMIT {
            return Err(Error::settings(format!(
                "the schema has {columns} columns, fields and elements counted; it may have {}",
                Self::COLUMNS_LIMIT
            )));
        }
        if self.policy == Policy::Strict && self.schema.is_none() {
            return Err(Error::settings(
                "policy \"strict\" needs a schema to be strict about; give one",
            ));
        }
        if self.policy == Policy::Strict && self.nulls == Nulls::Preserve {
            return Err(Error::settings(
                "nulls = \"preserve\" keeps nulls in _rescued_data, which policy \"strict\" does not have; choose one",
            ));
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            codec: Codec::default(),
            row_group_rows_max: 65_536,
            columns_max: 1_000,
            depth_max: Self::DEPTH_LIMIT,
            row_bytes_max: 256 << 20,
            nulls: Nulls::default(),
            schema: None,
            policy: Policy::default(),
            id: IdSource::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, ColumnType};

    #[test]
    fn codecs_read_what_they_print() {
        for codec in Codec::ALL {
            assert_eq!(codec.to_string().parse::<Codec>().unwrap(), codec);
        }
        assert_eq!("zstd:9".parse::<Codec>().unwrap(), Codec::Zstd(9));
        for bad in ["zstd:0", "zstd:20", "gzip:10", "snappy:1", "lzo", "zstd:x", ""] {
            assert!(bad.parse::<Codec>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_schema_of_more_columns_than_a_file_may_have_is_refused() {
        let columns = |count: usize| {
            let of_nothing = |name| Column { name, column_type: ColumnType::Null };
            Schema::new((0..count).map(|at| of_nothing(at.to_string())).collect()).unwrap()
        };
        let check = |count| {
            let settings = Settings { schema: Some(columns(count)), ..Settings::default() };
            settings.check()
        };
        check(Settings::COLUMNS_LIMIT).unwrap();
        let error = check(Settings::COLUMNS_LIMIT + 1).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Settings);
    }

    #[cfg(not(feature = "brotli"))]
    #[test]
    fn a_build_without_the_brotli_encoder_says_so() {
        let settings = Settings { codec: Codec::Brotli(5), ..Settings::default() };
        let error = settings.check().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Settings);
        assert!(error.to_string().contains("no brotli encoder"), "{error}");
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let bad = [
            Settings { depth_max: 65, ..Settings::default() },
            Settings { columns_max: 0, ..Settings::default() },
            Settings { row_group_rows_max: 0, ..Settings::default() },
            Settings { row_bytes_max: 0, ..Settings::default() },
            Settings { codec: Codec::Zstd(0), ..Settings::default() },
            Settings { policy: Policy::Strict, ..Settings::default() },
        ];
        for settings in bad {
            assert!(settings.check().is_err(), "{settings:?}");
        }
    }
}
