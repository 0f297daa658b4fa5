//! Integers in few bits: Parquet's RLE/bit-packing hybrid, and DELTA_BINARY_PACKED
//! (`Encodings.md`).

#[cfg(feature = "decode")]
mod deltas;
#[cfg(feature = "decode")]
mod read;
mod write;

#[cfg(feature = "decode")]
pub(crate) use deltas::Deltas;
#[cfg(feature = "decode")]
pub(crate) use read::{Hybrid, varint, zigzag};
#[cfg(feature = "decode")]
pub(crate) use write::level_width;
pub(crate) use write::{delta, indexes, level_runs, levels, uniform_levels, unsigned};
