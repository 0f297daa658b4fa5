//! Decompresses pages. The sizes in a file are only claims. So a large page gets memory step by
//! step, as its bytes come, and no memory after the values that it must hold.

use std::io::Read;

use bytes::Bytes;
use parquet::basic::Compression;

use super::fault::DecompressFault;
use super::lz4;

/// The most bytes that one byte of a Zstandard frame can stand for: a block of 128 KiB of one byte
/// value takes four bytes.
const ZSTD_RATIO_MAX: usize = 32 * 1_024;
/// The same for Snappy: a copy of 64 bytes takes three bytes.
const SNAPPY_RATIO_MAX: usize = 22;
/// The bytes of input that the brotli decoder reads at once.
#[cfg(feature = "decode-all")]
const BROTLI_BUFFER_BYTES: usize = 4_096;
/// A page up to this size is decompressed at once. A larger one is decompressed in steps, and this
/// is the size of the first step.
const STEP_BYTES: usize = 4 << 20;

/// A codec, with the state that it keeps between pages.
pub(crate) enum Decompressor {
    None,
    Snappy(Box<snap::raw::Decoder>),
    Lz4,
    Zstd(Box<zstd::bulk::Decompressor<'static>>),
    #[cfg(feature = "decode-all")]
    Gzip,
    #[cfg(feature = "decode-all")]
    Brotli,
    /// Several gzip streams, one behind the other.
    #[cfg(feature = "arrow")]
    Gzips,
    /// LZ4 in the frames of Hadoop, or without frames.
    #[cfg(feature = "arrow")]
    HadoopLz4,
}

impl Decompressor {
    /// `None` for a codec that Coldpress never writes, or that this build does not have.
    pub(crate) fn new(codec: Compression) -> Option<Self> {
        Some(match codec {
            Compression::UNCOMPRESSED => Decompressor::None,
            Compression::SNAPPY => Decompressor::Snappy(Box::new(snap::raw::Decoder::new())),
            Compression::LZ4_RAW => Decompressor::Lz4,
            Compression::ZSTD(_) => {
                Decompressor::Zstd(Box::new(zstd::bulk::Decompressor::new().ok()?))
            }
            #[cfg(feature = "decode-all")]
            Compression::GZIP(_) => Decompressor::Gzip,
            #[cfg(feature = "decode-all")]
            Compression::BROTLI(_) => Decompressor::Brotli,
            #[cfg(not(feature = "decode-all"))]
            Compression::GZIP(_) | Compression::BROTLI(_) => return None,
            Compression::LZ4 | Compression::LZO => return None,
        })
    }

    /// A codec as other writers use it too. `None` for one that is not read.
    #[cfg(feature = "arrow")]
    pub(crate) fn of_any_writer(codec: Compression) -> Option<Self> {
        match codec {
            Compression::GZIP(_) => Some(Decompressor::Gzips),
            Compression::LZ4 => Some(Decompressor::HadoopLz4),
            codec => Self::new(codec),
        }
    }

    /// Decompresses a page that claims to have `size` bytes.
    ///
    /// A large page is decompressed in steps. Before each further step, `needs_more` gets the bytes
    /// so far. If it says that the page needs no more, the page is damaged.
    pub(crate) fn decompress(
        &mut self,
        page: Bytes,
        size: usize,
        needs_more: impl FnMut(&[u8]) -> bool,
    ) -> Result<Bytes, DecompressFault> {
        let out = match self {
            Decompressor::None => {
                return if page.len() == size { Ok(page) } else { Err(DecompressFault::Damaged) };
            }
            Decompressor::Snappy(decoder) => {
                let claimed =
                    snap::raw::decompress_len(&page).map_err(|_| DecompressFault::Damaged)?;
                if claimed != size || size / SNAPPY_RATIO_MAX > page.len() {
                    return Err(DecompressFault::Damaged);
                }
                let mut out = Vec::new();
                grow(&mut out, size)?;
                let written =
                    decoder.decompress(&page, &mut out).map_err(|_| DecompressFault::Damaged)?;
                out.truncate(written);
                out
            }
            Decompressor::Lz4 => lz4::decompress(&page, size)?,
            Decompressor::Zstd(_) if size / ZSTD_RATIO_MAX > page.len() => {
                return Err(DecompressFault::Damaged);
            }
            Decompressor::Zstd(decoder) if size <= STEP_BYTES => {
                let mut out = Vec::new();
                out.try_reserve_exact(size).map_err(|_| DecompressFault::NoMemory)?;
                decoder
                    .decompress_to_buffer(&page, &mut out)
                    .map_err(|_| DecompressFault::Damaged)?;
                out
            }
            Decompressor::Zstd(_) => {
                let decoder = zstd::stream::read::Decoder::with_buffer(&*page);
                read(decoder.map_err(|_| DecompressFault::NoMemory)?, size, needs_more)?
            }
            #[cfg(feature = "arrow")]
            Decompressor::Gzips => {
                read(flate2::bufread::MultiGzDecoder::new(&*page), size, needs_more)?
            }
            #[cfg(feature = "arrow")]
            Decompressor::HadoopLz4 => lz4::decompress_hadoop(&page, size)?,
            #[cfg(feature = "decode-all")]
            Decompressor::Gzip => read(flate2::bufread::GzDecoder::new(&*page), size, needs_more)?,
            #[cfg(feature = "decode-all")]
            Decompressor::Brotli => {
                let decoder = brotli_decompressor::Decompressor::new(&*page, BROTLI_BUFFER_BYTES);
                read(decoder, size, needs_more)?
            }
        };
        if out.len() == size { Ok(Bytes::from(out)) } else { Err(DecompressFault::Damaged) }
    }
}

/// Reads `size` bytes from a decoder, which must then end.
fn read(
    mut decoder: impl Read,
    size: usize,
    mut needs_more: impl FnMut(&[u8]) -> bool,
) -> Result<Vec<u8>, DecompressFault> {
    let mut out = Vec::new();
    loop {
        let filled = out.len();
        grow(&mut out, filled.saturating_mul(2).max(STEP_BYTES).min(size))?;
        decoder.read_exact(&mut out[filled..]).map_err(|_| DecompressFault::Damaged)?;
        if out.len() == size {
            break;
        }
        if !needs_more(&out) {
            return Err(DecompressFault::Damaged);
        }
    }
    // Read to the end: a checksum of the whole, such as that of gzip, comes after the last byte.
    match decoder.read(&mut [0]) {
        Ok(0) => Ok(out),
        _ => Err(DecompressFault::Damaged),
    }
}

fn grow(out: &mut Vec<u8>, size: usize) -> Result<(), DecompressFault> {
    out.try_reserve_exact(size - out.len()).map_err(|_| DecompressFault::NoMemory)?;
    out.resize(size, 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Codec;
    use crate::format::codec::Compressor;
    use crate::format::codec::compression;

    /// Whether this build does not have both ways of the codec.
    fn lacks(codec: Codec) -> bool {
        let reads = cfg!(feature = "decode-all") || !matches!(codec, Codec::Gzip(_));
        let all = cfg!(all(feature = "brotli", feature = "decode-all"));
        !reads || (!all && matches!(codec, Codec::Brotli(_)))
    }

    #[test]
    fn every_codec_gives_back_what_went_in_and_no_other_size() {
        let page: Vec<u8> = (0..60_000_u32).flat_map(|at| (at % 251).to_le_bytes()).collect();
        for codec in Codec::ALL {
            if lacks(codec) {
                continue;
            }
            let mut buffer = Vec::new();
            let compressed = Compressor::new(codec)
                .and_then(|mut codec| {
                    codec.compress(&page, &mut buffer).map(Bytes::copy_from_slice)
                })
                .unwrap();
            let mut decompressor = Decompressor::new(compression(codec).unwrap()).unwrap();
            let mut of = |bytes: Bytes, size| decompressor.decompress(bytes, size, |_| true);
            assert_eq!(of(compressed.clone(), page.len()).unwrap(), page, "{codec}");
            for size in [0, page.len() - 1, page.len() + 1, i32::MAX as usize] {
                assert!(of(compressed.clone(), size).is_err(), "{codec}, {size}");
            }
            let half = compressed.slice(..compressed.len() / 2);
            assert!(of(half, page.len()).is_err(), "{codec}");
            assert!(of(Bytes::new(), 1).is_err(), "{codec}");
        }
        assert!(Decompressor::new(Compression::LZO).is_none());
    }

    #[test]
    fn what_nobody_needs_of_a_large_page_is_not_decompressed() {
        let page = vec![7; 10 * STEP_BYTES];
        for codec in [Codec::Gzip(6), Codec::Zstd(1), Codec::Brotli(5)] {
            if lacks(codec) {
                continue;
            }
            let mut buffer = Vec::new();
            let mut compressor = Compressor::new(codec).unwrap();
            let compressed =
                Bytes::copy_from_slice(compressor.compress(&page, &mut buffer).unwrap());
            let mut decompressor = Decompressor::new(compression(codec).unwrap()).unwrap();
            let mut there = 0;
            let cut = decompressor.decompress(compressed.clone(), page.len(), |bytes| {
                there = bytes.len();
                false
            });
            assert_eq!((cut, there), (Err(DecompressFault::Damaged), STEP_BYTES), "{codec}");
            let whole = decompressor.decompress(compressed.clone(), page.len(), |_| true);
            assert_eq!(whole.as_deref(), Ok(&page[..]), "{codec}");
            for size in [page.len() - 1, page.len() + 1] {
                let other = decompressor.decompress(compressed.clone(), size, |_| true);
                assert_eq!(other, Err(DecompressFault::Damaged), "{codec} {size}");
            }
        }
    }
}
