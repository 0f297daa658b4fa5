//! LZ4 blocks (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>), what Parquet calls
//! LZ4_RAW.
//!
//! The compressor is our own. Others choose matches by the word width of the machine, so they give
//! other bytes in wasm32 than on a server. This one hashes five bytes in 64 bits on every machine.

#[cfg(feature = "decode")]
use super::fault::DecompressFault;

/// The slots of the table, as a power of two. 16 KiB of positions fit into the nearest cache.
const SLOTS_LOG: u32 = 12;
/// The shortest match, and the longest distance back to it.
const MATCH_MIN: usize = 4;
const DISTANCE_MAX: usize = 65_535;
/// The format's rules for the end of a block: no match starts in the last 12 bytes or reaches the
/// last 5.
const START_MARGIN: usize = 12;
const END_MARGIN: usize = 5;
/// After 64 failed looks the step grows by one byte, and again after each 64 more. So bytes that do
/// not compress are passed quickly.
const PATIENCE_LOG: u32 = 6;
/// A length of 15 in a token continues in further bytes.
const TOKEN_MAX: usize = 15;

/// The compressor, with the table that it keeps between blocks.
pub(crate) struct Lz4 {
    /// The position where each hash was last seen. It is 0 for a hash that was never seen;
    /// comparing the bytes at position 0 finds that out.
    table: Vec<u32>,
}

impl Lz4 {
    pub(crate) fn new() -> Self {
        Lz4 { table: vec![0; 1 << SLOTS_LOG] }
    }

    /// Compresses the input as one block, which replaces the content of `out`. The input has at
    /// most `i32::MAX` bytes, like a page.
    pub(crate) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.reserve(input.len() + input.len() / 255 + 16);
        let mut literals_from = 0;
        if let Some(last_start) = input.len().checked_sub(START_MARGIN + 1) {
            self.table.fill(0);
            let matches_end = input.len() - END_MARGIN;
            let mut at = 1;
            while let Some((mut start, mut source)) = self.find(input, at, last_start) {
                while start > literals_from && source > 0 && input[start - 1] == input[source - 1] {
                    start -= 1;
                    source -= 1;
                }
                let length = MATCH_MIN
                    + shared_prefix(
                        &input[source + MATCH_MIN..],
                        &input[start + MATCH_MIN..matches_end],
                    );
                sequence(out, &input[literals_from..start], start - source, length);
                at = start + length;
                literals_from = at;
                if at > last_start {
                    break;
                }
                self.table[slot(input, at - 2)] = (at - 2) as u32;
            }
        }
        literals(out, &input[literals_from..], 0);
    }

    /// The next match from `at`: where it starts, and where the same bytes were before.
    #[inline]
    fn find(&mut self, input: &[u8], at: usize, last_start: usize) -> Option<(usize, usize)> {
        let (mut at, mut looks) = (at, 1_usize << PATIENCE_LOG);
        while at <= last_start {
            let place = &mut self.table[slot(input, at)];
            let source = *place as usize;
            *place = at as u32;
            if at - source <= DISTANCE_MAX && word(input, at) == word(input, source) {
                return Some((at, source));
            }
            at += looks >> PATIENCE_LOG;
            looks += 1;
        }
        None
    }
}

#[inline]
fn slot(input: &[u8], at: usize) -> usize {
    const FACTOR: u64 = 0x9E37_79B1_85EB_CA87;
    let eight = input[at..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    // Only the first five of the eight bytes count.
    ((eight << 24).wrapping_mul(FACTOR) >> (64 - SLOTS_LOG)) as usize
}

#[inline]
fn word(input: &[u8], at: usize) -> u32 {
    input[at..].first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// How many bytes two slices have in common at their start.
#[inline]
fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    let mut shared = 0;
    while let (Some(left), Some(right)) =
        (a[shared..].first_chunk::<8>(), b[shared..].first_chunk())
    {
        let differs = u64::from_le_bytes(*left) ^ u64::from_le_bytes(*right);
        if differs != 0 {
            return shared + (differs.trailing_zeros() / 8) as usize;
        }
        shared += 8;
    }
    shared + a[shared..].iter().zip(&b[shared..]).take_while(|(a, b)| a == b).count()
}

/// Appends literals and the match after them.
#[inline]
fn sequence(out: &mut Vec<u8>, bytes: &[u8], distance: usize, length: usize) {
    let length = length - MATCH_MIN;
    literals(out, bytes, length.min(TOKEN_MAX) as u8);
    out.extend_from_slice(&(distance as u16).to_le_bytes());
    if length >= TOKEN_MAX {
        long(out, length - TOKEN_MAX);
    }
}

/// Appends a token, whose lower half is given, and its literals.
#[inline]
fn literals(out: &mut Vec<u8>, bytes: &[u8], lower: u8) {
    out.push((bytes.len().min(TOKEN_MAX) as u8) << 4 | lower);
    if bytes.len() >= TOKEN_MAX {
        long(out, bytes.len() - TOKEN_MAX);
    }
    out.extend_from_slice(bytes);
}

/// Appends the rest of a length: bytes of 255, and one byte below 255.
fn long(out: &mut Vec<u8>, mut rest: usize) {
    while rest >= 255 {
        out.push(255);
        rest -= 255;
    }
    out.push(rest as u8);
}

/// Decompresses a block to `size` bytes; an error if the input is not such a block.
#[cfg(feature = "decode")]
pub(crate) fn decompress(input: &[u8], size: usize) -> Result<Vec<u8>, DecompressFault> {
    // A byte of a block stands for at most 255 bytes. A larger size is false, and gets no memory.
    if size / 255 > input.len() {
        return Err(DecompressFault::Damaged);
    }
    let mut out = Vec::new();
    out.try_reserve_exact(size).map_err(|_| DecompressFault::NoMemory)?;
    block(input, size, out).ok_or(DecompressFault::Damaged)
}

/// The page in the frames of Hadoop: of each, how long it is, how long its block is (both
/// big-endian), and the block. Parquet's codec LZ4 was meant so, but some writers left the frames
/// out.
#[cfg(all(feature = "arrow", feature = "decode"))]
pub(crate) fn decompress_hadoop(input: &[u8], size: usize) -> Result<Vec<u8>, DecompressFault> {
    match frames(input, size) {
        Some(page) => Ok(page),
        None => decompress(input, size),
    }
}

#[cfg(all(feature = "arrow", feature = "decode"))]
fn frames(mut input: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        let (whole, rest) = input.split_first_chunk::<4>()?;
        let (stored, rest) = rest.split_first_chunk::<4>()?;
        let number = |bytes: &[u8; 4]| usize::try_from(u32::from_be_bytes(*bytes)).ok();
        let (whole, stored) = (number(whole)?, number(stored)?);
        let (bytes, rest) = rest.split_at_checked(stored)?;
        if whole > size - out.len() {
            return None;
        }
        out.extend(decompress(bytes, whole).ok()?);
        input = rest;
    }
    (out.len() == size).then_some(out)
}

#[cfg(feature = "decode")]
fn block(mut input: &[u8], size: usize, mut out: Vec<u8>) -> Option<Vec<u8>> {
    loop {
        let (token, rest) = input.split_first()?;
        input = rest;
        let literals = read_length(&mut input, usize::from(token >> 4))?;
        if literals > size - out.len() {
            return None;
        }
        let (bytes, rest) = input.split_at_checked(literals)?;
        out.extend_from_slice(bytes);
        let Some((distance, rest)) = rest.split_first_chunk::<2>() else {
            return (rest.is_empty() && out.len() == size).then_some(out);
        };
        input = rest;
        let distance = usize::from(u16::from_le_bytes(*distance));
        let length = read_length(&mut input, usize::from(token & 0x0F))? + MATCH_MIN;
        if distance == 0 || length > size - out.len() {
            return None;
        }
        let source = out.len().checked_sub(distance)?;
        let mut left = length;
        while left > 0 {
            // A match may overlap its own output, so each turn copies the bytes that exist by then.
            let there = left.min(out.len() - source);
            out.extend_from_within(source..source + there);
            left -= there;
        }
    }
}

#[cfg(feature = "decode")]
fn read_length(input: &mut &[u8], in_token: usize) -> Option<usize> {
    let mut length = in_token;
    if in_token == TOKEN_MAX {
        loop {
            let (byte, rest) = input.split_first()?;
            *input = rest;
            length = length.checked_add(usize::from(*byte))?;
            if *byte < 255 {
                break;
            }
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compress(input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Lz4::new().compress(input, &mut out);
        out
    }

    /// Bytes with repetitions, near and far, and some without.
    fn inputs() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            (prop::collection::vec(any::<u8>(), 1..20), 1..2_000_usize)
                .prop_map(|(bytes, times)| bytes.repeat(times)),
            prop::collection::vec(0..3_u8, 0..3_000),
        ];
        (prop::collection::vec(part, 0..8), 1..3_usize)
            .prop_map(|(parts, times)| parts.concat().repeat(times))
    }

    fn cases(count: u32) -> ProptestConfig {
        ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
    }

    proptest! {
        #![proptest_config(cases(400))]

        #[test]
        fn another_decoder_reads_what_ours_compresses(input in inputs()) {
            let block = compress(&input);
            prop_assert_eq!(&lz4_flex::block::decompress(&block, input.len()).unwrap(), &input);
            #[cfg(feature = "decode")]
            prop_assert_eq!(decompress(&block, input.len()), Ok(input));
        }

        #[cfg(feature = "decode")]
        #[test]
        fn ours_reads_what_another_compressor_made(input in inputs()) {
            let block = lz4_flex::block::compress(&input);
            prop_assert_eq!(decompress(&block, input.len()), Ok(input.clone()));
            prop_assert_eq!(decompress(&block, input.len() + 1), Err(DecompressFault::Damaged));
            let shorter = input.len().wrapping_sub(1);
            prop_assert_eq!(decompress(&block, shorter), Err(DecompressFault::Damaged));
        }

        #[cfg(feature = "decode")]
        #[test]
        fn damage_never_gives_another_size(
            mut block in prop::collection::vec(any::<u8>(), 0..200),
            size in 0..5_000_usize,
        ) {
            if let Ok(out) = decompress(&block, size) {
                prop_assert_eq!(out.len(), size);
            }
            block.truncate(block.len() / 2);
            prop_assert!(decompress(&block, size).map_or(true, |out| out.len() == size));
        }
    }

    #[test]
    fn a_table_that_was_used_changes_no_byte() {
        let mut used = Lz4::new();
        let mut out = Vec::new();
        let first: Vec<u8> = (0..200_000_u32).flat_map(|at| (at / 7).to_le_bytes()).collect();
        used.compress(&first, &mut out);
        assert!(out.len() < first.len());
        let text = b"the same bytes whatever came before, whatever came before".repeat(9);
        used.compress(&text, &mut out);
        assert_eq!(out, compress(&text));
    }

    #[test]
    fn it_packs_about_as_well_as_others() {
        let rows = |at: u32| {
            format!("{{\"id\":\"evt-{at:09}\",\"v\":{}}}", at.wrapping_mul(2_654_435_761) % 977)
        };
        let text: String = (0..20_000).map(rows).collect();
        let (ours, theirs) =
            (compress(text.as_bytes()), lz4_flex::block::compress(text.as_bytes()));
        assert!(ours.len() * 100 <= theirs.len() * 105, "{} and {}", ours.len(), theirs.len());
    }
}
