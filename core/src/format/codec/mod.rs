//! The codecs, which compress and decompress pages.

#[cfg(feature = "decode")]
mod decompress;
#[cfg(feature = "decode")]
mod fault;
mod lz4;

use std::io::Write as _;

use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};

use crate::{Codec, Error, ErrorKind, Result};

#[cfg(feature = "decode")]
pub(crate) use decompress::Decompressor;
#[cfg(feature = "decode")]
pub(crate) use fault::DecompressFault;

/// A codec, with the state that it keeps between pages.
pub(crate) enum Compressor {
    None,
    Snappy(Box<snap::raw::Encoder>),
    Lz4(lz4::Lz4),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
    Gzip(u8),
    #[cfg(feature = "brotli")]
    Brotli(u8),
}

impl Compressor {
    pub(crate) fn new(codec: Codec) -> Result<Self> {
        Ok(match codec {
            Codec::None => Compressor::None,
            Codec::Snappy => Compressor::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Lz4 => Compressor::Lz4(lz4::Lz4::new()),
            Codec::Zstd(level) => {
                let compressor = zstd::bulk::Compressor::new(i32::from(level)).map_err(failed)?;
                Compressor::Zstd(Box::new(compressor))
            }
            Codec::Gzip(level) => Compressor::Gzip(level),
            #[cfg(feature = "brotli")]
            Codec::Brotli(level) => Compressor::Brotli(level),
            // `Settings::check` refuses it before.
            #[cfg(not(feature = "brotli"))]
            Codec::Brotli(_) => return Err(Error::misuse("this build has no brotli encoder")),
        })
    }

    /// Compresses the page into `buffer`, whose memory is used again for each page. Without a
    /// codec, it gives the page itself.
    pub(crate) fn compress<'p>(
        &mut self,
        page: &'p [u8],
        buffer: &'p mut Vec<u8>,
    ) -> Result<&'p [u8]> {
        match self {
            Compressor::None => return Ok(page),
            Compressor::Snappy(encoder) => {
                let size_max = snap::raw::max_compress_len(page.len());
                if buffer.len() < size_max {
                    buffer.resize(size_max, 0);
                }
                let size = encoder.compress(page, buffer).map_err(failed)?;
                return Ok(&buffer[..size]);
            }
            Compressor::Lz4(compressor) => compressor.compress(page, buffer),
            Compressor::Zstd(compressor) => {
                buffer.clear();
                buffer.reserve(zstd::zstd_safe::compress_bound(page.len()));
                compressor.compress_to_buffer(page, buffer).map_err(failed)?;
            }
            Compressor::Gzip(level) => {
                buffer.clear();
                let level = flate2::Compression::new(u32::from(*level));
                let mut encoder = flate2::write::GzEncoder::new(&mut *buffer, level);
                encoder.write_all(page).map_err(failed)?;
                encoder.finish().map_err(failed)?;
            }
            #[cfg(feature = "brotli")]
            Compressor::Brotli(level) => {
                buffer.clear();
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: i32::from(*level),
                    size_hint: page.len(),
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &*page, buffer, &parameters).map_err(failed)?;
            }
        }
        Ok(buffer)
    }
}

/// The codec by its name in a footer.
pub(crate) fn compression(codec: Codec) -> Result<Compression> {
    Ok(match codec {
        Codec::None => Compression::UNCOMPRESSED,
        Codec::Snappy => Compression::SNAPPY,
        Codec::Lz4 => Compression::LZ4_RAW,
        Codec::Zstd(level) => {
            Compression::ZSTD(ZstdLevel::try_new(i32::from(level)).map_err(failed)?)
        }
        Codec::Gzip(level) => {
            Compression::GZIP(GzipLevel::try_new(u32::from(level)).map_err(failed)?)
        }
        Codec::Brotli(level) => {
            Compression::BROTLI(BrotliLevel::try_new(u32::from(level)).map_err(failed)?)
        }
    })
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Limit, format!("compressing a page failed: {error}"))
}
