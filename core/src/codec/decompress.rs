//! Pages as they were before the codec. Sizes in a file are claims: none gets more memory than its bytes can
//! stand for.

use std::io::Read;

use bytes::Bytes;
use parquet::basic::Compression;

use super::lz4;

/// The most bytes that one byte of a Zstandard frame stands for: a block of 128 KiB of one byte takes four.
const ZSTD_RATIO_MAX: usize = 32 * 1_024;
/// The same of Snappy, whose copies of 64 bytes take three.
const SNAPPY_RATIO_MAX: usize = 22;
/// Input read at once by the decoder of brotli.
const BROTLI_BUFFER_BYTES: usize = 4_096;

/// A codec with what it keeps between pages.
pub(crate) enum Decompressor {
    None,
    Snappy(Box<snap::raw::Decoder>),
    Lz4,
    Zstd(Box<zstd::bulk::Decompressor<'static>>),
    Gzip,
    Brotli,
}

impl Decompressor {
    /// None for a codec that no Coldpress writes.
    pub(crate) fn new(codec: Compression) -> Option<Self> {
        Some(match codec {
            Compression::UNCOMPRESSED => Decompressor::None,
            Compression::SNAPPY => Decompressor::Snappy(Box::new(snap::raw::Decoder::new())),
            Compression::LZ4_RAW => Decompressor::Lz4,
            Compression::ZSTD(_) => {
                Decompressor::Zstd(Box::new(zstd::bulk::Decompressor::new().ok()?))
            }
            Compression::GZIP(_) => Decompressor::Gzip,
            Compression::BROTLI(_) => Decompressor::Brotli,
            Compression::LZ4 | Compression::LZO => return None,
        })
    }

    /// The page, which is said to have `size` bytes; none where it has not, or is damaged.
    pub(crate) fn decompress(&mut self, page: Bytes, size: usize) -> Option<Bytes> {
        let out = match self {
            Decompressor::None => return (page.len() == size).then_some(page),
            Decompressor::Snappy(decoder) => {
                let claimed = snap::raw::decompress_len(&page).ok()?;
                if claimed != size || size / SNAPPY_RATIO_MAX > page.len() {
                    return None;
                }
                decoder.decompress_vec(&page).ok()?
            }
            Decompressor::Lz4 => lz4::decompress(&page, size)?,
            Decompressor::Zstd(decoder) => {
                if size / ZSTD_RATIO_MAX > page.len() {
                    return None;
                }
                decoder.decompress(&page, size).ok()?
            }
            Decompressor::Gzip => read(flate2::bufread::GzDecoder::new(&*page), size)?,
            Decompressor::Brotli => {
                let decoder = brotli_decompressor::Decompressor::new(&*page, BROTLI_BUFFER_BYTES);
                read(decoder, size)?
            }
        };
        (out.len() == size).then(|| Bytes::from(out))
    }
}

/// What a decoder gives, which takes memory as it comes, and one byte more than `size` at most.
fn read(decoder: impl Read, size: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    decoder.take(size as u64 + 1).read_to_end(&mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Codec;
    use crate::codec::Compressor;
    use crate::encode::compression;

    #[test]
    fn every_codec_gives_back_what_went_in_and_no_other_size() {
        let page: Vec<u8> = (0..60_000_u32).flat_map(|at| (at % 251).to_le_bytes()).collect();
        for codec in Codec::ALL {
            if cfg!(not(feature = "brotli")) && matches!(codec, Codec::Brotli(_)) {
                continue;
            }
            let mut buffer = Vec::new();
            let compressed = Compressor::new(codec)
                .and_then(|mut codec| {
                    codec.compress(&page, &mut buffer).map(Bytes::copy_from_slice)
                })
                .unwrap();
            let mut decompressor = Decompressor::new(compression(codec).unwrap()).unwrap();
            let mut of = |bytes: Bytes, size| decompressor.decompress(bytes, size);
            assert_eq!(of(compressed.clone(), page.len()).unwrap(), page, "{codec}");
            for size in [0, page.len() - 1, page.len() + 1, i32::MAX as usize] {
                assert!(of(compressed.clone(), size).is_none(), "{codec}, {size}");
            }
            let half = compressed.slice(..compressed.len() / 2);
            assert!(of(half, page.len()).is_none(), "{codec}");
            assert!(of(Bytes::new(), 1).is_none(), "{codec}");
        }
        assert!(Decompressor::new(Compression::LZO).is_none());
    }
}
