//! The values of a page in each encoding (`Encodings.md`).

use std::ops::Range;

use parquet::basic::Encoding;

use super::page::Scratch;
use crate::columns::{Blobs, Values};
use crate::format::bits;

/// Appends these values in this encoding, or in PLAIN if their kind does not have it.
pub(super) fn write(
    values: &Values,
    range: Range<usize>,
    encoding: Encoding,
    scratch: &mut Scratch,
) {
    match (values, encoding) {
        (Values::Int32(values), Encoding::DELTA_BINARY_PACKED) => {
            bits::delta(&mut scratch.body, &values[range]);
        }
        (Values::Int64(values), Encoding::DELTA_BINARY_PACKED) => {
            bits::delta(&mut scratch.body, &values[range]);
        }
        (Values::Float(values), Encoding::BYTE_STREAM_SPLIT) => {
            let values = &values[range];
            split::<4>(&mut scratch.body, values.len(), |at| values[at].to_le_bytes());
        }
        (Values::Double(values), Encoding::BYTE_STREAM_SPLIT) => {
            let values = &values[range];
            split::<8>(&mut scratch.body, values.len(), |at| values[at].to_le_bytes());
        }
        (Values::Bytes(blobs), Encoding::DELTA_BYTE_ARRAY) => prefixed(blobs, range, scratch),
        (Values::Bytes(blobs), Encoding::DELTA_LENGTH_BYTE_ARRAY) => lengths(blobs, range, scratch),
        _ => plain(values, range, &mut scratch.body),
    }
}

/// PLAIN.
pub(super) fn plain(values: &Values, range: Range<usize>, out: &mut Vec<u8>) {
    match values {
        Values::Boolean(values) => {
            let byte =
                |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
            out.extend(values[range].chunks(8).map(byte));
        }
        Values::Int32(values) => out.extend(values[range].iter().flat_map(|v| v.to_le_bytes())),
        Values::Int64(values) => out.extend(values[range].iter().flat_map(|v| v.to_le_bytes())),
        Values::Float(values) => out.extend(values[range].iter().flat_map(|v| v.to_le_bytes())),
        Values::Double(values) => out.extend(values[range].iter().flat_map(|v| v.to_le_bytes())),
        Values::Bytes(blobs) => {
            for blob in blobs.iter(range) {
                out.extend_from_slice(&(blob.len() as u32).to_le_bytes());
                out.extend_from_slice(blob);
            }
        }
        Values::Fixed(bytes, width) => {
            out.extend_from_slice(&bytes[range.start * width..range.end * width]);
        }
    }
}

/// BYTE_STREAM_SPLIT: the first bytes of all values, then the second, and so on.
fn split<const WIDTH: usize>(
    out: &mut Vec<u8>,
    count: usize,
    bytes: impl Fn(usize) -> [u8; WIDTH],
) {
    let from = out.len();
    out.resize(from + count * WIDTH, 0);
    if count == 0 {
        return;
    }
    for (byte, stream) in out[from..].chunks_exact_mut(count).enumerate() {
        for (at, out) in stream.iter_mut().enumerate() {
            *out = bytes(at)[byte];
        }
    }
}

/// DELTA_LENGTH_BYTE_ARRAY: all lengths, then all byte strings.
fn lengths(blobs: &Blobs, range: Range<usize>, scratch: &mut Scratch) {
    scratch.lengths.clear();
    scratch.lengths.extend(blobs.iter(range.clone()).map(|blob| blob.len() as i32));
    bits::delta(&mut scratch.body, &scratch.lengths);
    scratch.body.extend_from_slice(blobs.span(range));
}

/// DELTA_BYTE_ARRAY: the length that each byte string shares with the one before it, and then the
/// rest of each string.
fn prefixed(blobs: &Blobs, range: Range<usize>, scratch: &mut Scratch) {
    let Scratch { body, rests, prefixes, lengths, .. } = scratch;
    rests.clear();
    prefixes.clear();
    lengths.clear();
    let mut before: &[u8] = &[];
    for blob in blobs.iter(range) {
        let shared = shared_prefix(before, blob);
        prefixes.push(shared as i32);
        lengths.push((blob.len() - shared) as i32);
        rests.extend_from_slice(&blob[shared..]);
        before = blob;
    }
    bits::delta(body, prefixes);
    bits::delta(body, lengths);
    body.extend_from_slice(rests);
}

/// How many bytes two byte strings have in common at their start.
pub(in super::super) fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_and_split_bytes_are_written_as_the_specification_shows() {
        let mut out = Vec::new();
        let booleans = [true, false, true, true, false, false, false, false, true];
        plain(&Values::Boolean(booleans.to_vec()), 0..9, &mut out);
        assert_eq!(out, [0b0000_1101, 1]);
        // `Encodings.md`: AA BB CC DD, 00 11 22 33, A3 B4 C5 D6.
        let values = [[0xAA, 0xBB, 0xCC, 0xDD], [0, 0x11, 0x22, 0x33], [0xA3, 0xB4, 0xC5, 0xD6]];
        out.clear();
        split::<4>(&mut out, 3, |at| values[at]);
        let streams = [0xAA, 0, 0xA3, 0xBB, 0x11, 0xB4, 0xCC, 0x22, 0xC5, 0xDD, 0x33, 0xD6];
        assert_eq!(out, streams);
    }
}
