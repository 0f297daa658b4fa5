//! Which encoding each column takes, from a sample of its values.
//!
//! An estimate is of the bytes before or after the codec, whichever shows the difference between
//! the encodings. All of it is integer and IEEE arithmetic on the data alone, so every host makes
//! the same choice.

use parquet::basic::Encoding;

use super::pages::shared_prefix;
use crate::columns::{Blobs, Values};
use crate::{Codec, Encodings};

/// Values looked at in one column to see how often each comes: one by one, spread evenly.
const SAMPLE: usize = 2_048;
/// Values looked at to see how neighbours differ: this many runs, spread evenly, of this length.
const RUNS: usize = 16;
const RUN: usize = 128;

/// A dictionary past this is abandoned by the writer half-way, which costs more than it saves.
const DICTIONARY_BYTES_MAX: f64 = 900_000.0;

/// How much smaller a general codec makes text; measured on our telemetry and film rows.
const TEXT_RATIO: f64 = 3.0;

/// How one column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) dictionary: bool,
    /// The encoding of the values if they have no dictionary, or if it turns out to save nothing.
    pub(super) encoding: Encoding,
}

/// Chooses for a column; `rows_max` is what one row group holds, and so one dictionary serves.
pub(super) fn choose(
    values: &Values,
    group_rows_max: usize,
    codec: Codec,
    encodings: Encodings,
) -> Choice {
    let count = values.len();
    if count == 0 {
        return Choice { dictionary: false, encoding: Encoding::PLAIN };
    }
    let sample: Vec<usize> = match count {
        0..=SAMPLE => (0..count).collect(),
        _ => (0..SAMPLE).map(|at| at * count / SAMPLE).collect(),
    };
    let in_group = count.min(group_rows_max) as f64;
    match values {
        Values::Boolean(_) => Choice { dictionary: false, encoding: Encoding::PLAIN },
        Values::Int32(values) => {
            let value = |at: usize| i64::from(values[at]);
            integers(&sample, value, Size { count, width: 4, in_group }, encodings)
        }
        Values::Int64(values) => {
            let size = Size { count, width: 8, in_group };
            integers(&sample, |at| values[at], size, encodings)
        }
        Values::Float(values) => {
            let bytes = |at: usize| u64::from(values[at].to_bits());
            floats(&pick(&sample, bytes), 4, in_group, codec, encodings)
        }
        Values::Double(values) => {
            let bytes = |at: usize| values[at].to_bits();
            floats(&pick(&sample, bytes), 8, in_group, codec, encodings)
        }
        Values::Bytes(blobs) => texts(blobs, &sample, in_group, codec, encodings),
        Values::Fixed(bytes, width) => {
            let hashes = pick(&sample, |at| hash(&bytes[at * width..(at + 1) * width]));
            let dictionary = Dictionary::estimate(hashes, *width as f64, in_group);
            let smaller = dictionary.bytes < in_group * *width as f64;
            Choice { dictionary: dictionary.fits() && smaller, encoding: Encoding::PLAIN }
        }
    }
}

/// How many values there are in all, the bytes of one, and how many a row group holds.
struct Size {
    count: usize,
    width: usize,
    in_group: f64,
}

/// Runs of neighbours spread evenly over `count` values.
fn runs(count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let (runs, length) = if count <= RUNS * RUN { (1, count) } else { (RUNS, RUN) };
    (0..runs).map(move |run| {
        let start = run * (count - length) / (runs - 1).max(1);
        start..start + length
    })
}

fn pick<T>(sample: &[usize], value: impl Fn(usize) -> T) -> Vec<T> {
    sample.iter().map(|at| value(*at)).collect()
}

/// What a dictionary would cost.
struct Dictionary {
    /// Of the entries alone.
    entry_bytes: f64,
    /// Of entries and indexes.
    bytes: f64,
}

impl Dictionary {
    /// Estimates the distinct values of `count` from those of a sample (the first-order jackknife
    /// of Haas and Stokes, "Estimating the Number of Classes in a Finite Population", 1998).
    fn estimate(mut hashes: Vec<u64>, value_bytes: f64, count: f64) -> Self {
        let sampled = hashes.len() as f64;
        hashes.sort_unstable();
        let (mut once, mut seen) = (0.0, 0.0);
        for same in hashes.chunk_by(|a, b| a == b) {
            seen += 1.0;
            once += f64::from(u8::from(same.len() == 1));
        }
        let unseen = 1.0 - (sampled / count).min(1.0);
        let distinct = (seen / (1.0 - unseen * once / sampled)).min(count);
        let entry_bytes = distinct * value_bytes;
        Dictionary { entry_bytes, bytes: entry_bytes + count * index_bits(distinct) / 8.0 }
    }

    fn fits(&self) -> bool {
        self.entry_bytes < DICTIONARY_BYTES_MAX
    }
}

fn index_bits(distinct: f64) -> f64 {
    let last = (distinct as u64).saturating_sub(1);
    // At least a sixteenth of a bit: runs of one value are not quite free.
    f64::from(64 - last.leading_zeros()).max(0.0625)
}

/// The binary logarithm of a number from 1 on, to a thousandth.
///
/// Not `f64::log2`, whose last bit differs from one platform's library to the next, and with it
/// perhaps the choice and the bytes of the file.
fn log2(mut value: f64) -> f64 {
    let (mut result, mut bit) = (0.0, 1.0);
    while value >= 2.0 {
        value /= 2.0;
        result += 1.0;
    }
    for _ in 0..10 {
        bit /= 2.0;
        value *= value;
        if value >= 2.0 {
            value /= 2.0;
            result += bit;
        }
    }
    result
}

fn integers(
    sample: &[usize],
    value: impl Fn(usize) -> i64,
    size: Size,
    encodings: Encodings,
) -> Choice {
    let hashes = pick(sample, |at| value(at).cast_unsigned());
    let dictionary = Dictionary::estimate(hashes, size.width as f64, size.in_group);
    let plain = size.in_group * size.width as f64;
    let delta = match encodings {
        Encodings::Legacy => f64::INFINITY,
        _ => size.in_group * delta_bits(&value, size.count) / 8.0,
    };
    let encoding = if delta < plain { Encoding::DELTA_BINARY_PACKED } else { Encoding::PLAIN };
    let smaller = dictionary.bytes < delta.min(plain);
    Choice { dictionary: dictionary.fits() && smaller, encoding }
}

/// Bits of a value in DELTA_BINARY_PACKED, about.
fn delta_bits(value: &impl Fn(usize) -> i64, count: usize) -> f64 {
    // DELTA_BINARY_PACKED packs the differences of 32 neighbours in as many bits as their spread
    // needs.
    let neighbours: Vec<i64> = runs(count).flatten().map(value).collect();
    let mut bits = 0.0;
    for block in neighbours.chunks(32) {
        let differences = block.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
        let (least, most) =
            differences.fold((i64::MAX, i64::MIN), |(least, most), d| (least.min(d), most.max(d)));
        let spread = if least > most { 0 } else { most.wrapping_sub(least).cast_unsigned() };
        bits += f64::from(64 - spread.leading_zeros()) * block.len() as f64;
    }
    bits / neighbours.len() as f64
}

fn floats(sample: &[u64], width: usize, count: f64, codec: Codec, encodings: Encodings) -> Choice {
    let dictionary = Dictionary::estimate(sample.to_vec(), width as f64, count);
    // BYTE_STREAM_SPLIT itself changes no size. But a codec packs each of its byte streams to about
    // the entropy of that stream, and PLAIN values to about the entropy of all their bytes
    // together.
    let bits = |bytes: std::ops::Range<usize>| entropy(sample, bytes);
    let (encoding, bits) = match (encodings, codec) {
        (_, Codec::None) => (Encoding::PLAIN, 8.0 * width as f64),
        (Encodings::Compact, _) => {
            let split = (0..width).map(|byte| bits(byte..byte + 1)).sum();
            (Encoding::BYTE_STREAM_SPLIT, split)
        }
        _ => (Encoding::PLAIN, width as f64 * bits(0..width)),
    };
    Choice { dictionary: dictionary.fits() && dictionary.bytes < count * bits / 8.0, encoding }
}

/// Bits that one of these bytes of the values holds, by how often each of its 256 states comes.
fn entropy(sample: &[u64], bytes: std::ops::Range<usize>) -> f64 {
    let mut counts = [0_u32; 256];
    for value in sample {
        for byte in &value.to_le_bytes()[bytes.clone()] {
            counts[usize::from(*byte)] += 1;
        }
    }
    let total = (sample.len() * bytes.len()) as f64;
    let bits = |count: &u32| f64::from(*count) / total * log2(total / f64::from(*count));
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}

fn texts(
    blobs: &Blobs,
    sample: &[usize],
    count: f64,
    codec: Codec,
    encodings: Encodings,
) -> Choice {
    let hashes = pick(sample, |at| hash(blobs.blob(at)));
    let (mut looked_at, mut bytes, mut shared) = (0, 0, 0);
    for run in runs(blobs.ends.len()) {
        for at in run.clone() {
            looked_at += 1;
            bytes += blobs.blob(at).len();
            if at > run.start {
                shared += shared_prefix(blobs.blob(at - 1), blobs.blob(at));
            }
        }
    }
    let looked_at = f64::from(looked_at);
    let length = bytes as f64 / looked_at;
    let dictionary = Dictionary::estimate(hashes, length + 4.0, count);
    let ratio = if codec == Codec::None { 1.0 } else { TEXT_RATIO };
    let smaller = dictionary.bytes < count * (length + 1.0) / ratio;
    // A prefix length costs about a byte a value; it must drop clearly more than that.
    let prefixes = shared as f64 / looked_at;
    let prefixed = prefixes > 2.0 && prefixes > length / 4.0;
    let encoding = match encodings {
        // Where neighbours share no prefix, it is little larger than DELTA_LENGTH_BYTE_ARRAY, which
        // Spark before 3.5.7, and 4.0.0, reads wrong without an error (SPARK-52240). Spark 4.1 to
        // 4.3 does so with it in uncompressed pages (SPARK-60320).
        Encodings::Portable if codec != Codec::None => Encoding::DELTA_BYTE_ARRAY,
        Encodings::Portable | Encodings::Legacy => Encoding::PLAIN,
        Encodings::Compact if prefixed => Encoding::DELTA_BYTE_ARRAY,
        Encodings::Compact => Encoding::DELTA_LENGTH_BYTE_ARRAY,
    };
    Choice { dictionary: dictionary.fits() && smaller, encoding }
}

/// FNV-1a: small, and the same on every host.
fn hash(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, mix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(values: &Values) -> (bool, Encoding) {
        encoding_of(values, Encodings::Portable)
    }

    fn encoding_of(values: &Values, encodings: Encodings) -> (bool, Encoding) {
        let choice = choose(values, 65_536, Codec::default(), encodings);
        (choice.dictionary, choice.encoding)
    }

    fn scattered(at: i64) -> i64 {
        at.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()) >> 20
    }

    #[test]
    fn integers_that_climb_are_packed_by_their_steps() {
        let climbing = (0..50_000).map(|at| 1_700_000_000_000 + at * 250 + scattered(at) % 20);
        assert_eq!(
            encoding(&Values::Int64(climbing.collect())),
            (false, Encoding::DELTA_BINARY_PACKED)
        );
        let few = (0..50_000).map(|at| scattered(at) % 7 * 1_000_000_007);
        assert!(encoding(&Values::Int64(few.collect())).0);
        let random = (0..50_000).map(|at| scattered(at) << 20 ^ scattered(at + 7));
        assert!(!encoding(&Values::Int64(random.collect())).0);
    }

    #[test]
    fn the_legacy_set_is_plain_and_dictionary_alone() {
        let blobs = |text: &dyn Fn(i64) -> String| {
            let mut blobs = Blobs::default();
            (0..5_000).for_each(|at| blobs.push(text(at).as_bytes()));
            Values::Bytes(blobs)
        };
        for (values, dictionary) in [
            (Values::Int64((0..5_000).collect()), false),
            (Values::Int32((0..5_000).map(|at| at % 7 * 1_000_003).collect()), true),
            (Values::Float((0..5_000).map(|at| at as f32).collect()), false),
            (blobs(&|at| format!("evt-{at:012}")), false),
            (blobs(&|at| format!("{:x} says {at}", scattered(at))), false),
            (blobs(&|at| format!("device-{}", at % 9)), true),
        ] {
            let (found, encoding) = encoding_of(&values, Encodings::Legacy);
            assert_eq!(encoding, Encoding::PLAIN, "{values:?}");
            assert_eq!(found, dictionary);
        }
    }

    #[test]
    fn portable_texts_have_no_encoding_that_spark_misreads() {
        let blobs = |text: &dyn Fn(i64) -> String| {
            let mut blobs = Blobs::default();
            (0..5_000).for_each(|at| blobs.push(text(at).as_bytes()));
            Values::Bytes(blobs)
        };
        let shared = blobs(&|at| format!("evt-{at:012}"));
        let free = blobs(&|at| format!("{:x} says {at}", scattered(at)));
        for (values, codec, encodings, wanted) in [
            (&shared, Codec::None, Encodings::Portable, Encoding::PLAIN),
            (&shared, Codec::Snappy, Encodings::Portable, Encoding::DELTA_BYTE_ARRAY),
            (&shared, Codec::None, Encodings::Compact, Encoding::DELTA_BYTE_ARRAY),
            (&free, Codec::None, Encodings::Portable, Encoding::PLAIN),
            (&free, Codec::Snappy, Encodings::Portable, Encoding::DELTA_BYTE_ARRAY),
            (&free, Codec::None, Encodings::Compact, Encoding::DELTA_LENGTH_BYTE_ARRAY),
        ] {
            let found = choose(values, 65_536, codec, encodings).encoding;
            assert_eq!(found, wanted, "{codec} {encodings}");
        }
    }

    #[test]
    fn doubles_and_texts_take_a_dictionary_only_where_few_repeat() {
        let many = Values::Double((0..50_000).map(|at| scattered(at) as f64 / 1e3).collect());
        assert_eq!(encoding(&many), (false, Encoding::PLAIN));
        let compact = encoding_of(&many, Encodings::Compact);
        assert_eq!(compact, (false, Encoding::BYTE_STREAM_SPLIT));
        let few = (0..50_000).map(|at| (scattered(at) % 100) as f64 / 10.0);
        assert!(encoding(&Values::Double(few.collect())).0);
        let text = |text: &dyn Fn(i64) -> String| {
            let mut blobs = Blobs::default();
            (0..50_000).for_each(|at| blobs.push(text(at).as_bytes()));
            encoding(&Values::Bytes(blobs))
        };
        assert!(text(&|at| format!("device-{}", scattered(at) % 1_000)).0);
        assert_eq!(text(&|at| format!("evt-{at:012}")), (false, Encoding::DELTA_BYTE_ARRAY));
        let free = text(&|at| format!("{:x} says {at}", scattered(at)));
        assert_eq!(free, (false, Encoding::DELTA_BYTE_ARRAY));
    }
}
