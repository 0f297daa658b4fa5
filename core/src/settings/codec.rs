//! The compression of a file's pages.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The compression of a file's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// No compression.
    None,
    /// Snappy: fast, compresses moderately.
    Snappy,
    /// LZ4 in Parquet's LZ4_RAW framing: fast, compresses moderately.
    Lz4,
    /// Zstandard at a level from 1 to 19.
    Zstd(u8),
    /// Gzip at a level from 0 to 9.
    Gzip(u8),
    /// Brotli at a level from 0 to 11. Only a build with the feature `brotli` can encode it; every
    /// build can decode it.
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

    pub(super) fn check(self) -> Result<()> {
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
                    Error::settings(format!(
                        "{level:?} is not a compression level; give a whole number"
                    ))
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
                    "{name:?} is not a codec; choose none, snappy, lz4, zstd, gzip or brotli"
                )));
            }
        };
        if level.is_some() && matches!(codec, Codec::None | Codec::Snappy | Codec::Lz4) {
            return Err(Error::settings(format!("{name} has no levels; write only {name:?}")));
        }
        codec.check()?;
        Ok(codec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
