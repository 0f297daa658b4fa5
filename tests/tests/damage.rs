//! Acceptance 5: one flipped bit anywhere in a data file is found by `verify`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use bytes::Bytes;
use coldpress_core::{
    Codec, Encoder, Encodings, ErrorKind, ParquetFile, Result, Settings, Target, Verified,
};
use serde_json::json;

fn verify(bytes: Vec<u8>) -> Result<Verified> {
    ParquetFile::open(Bytes::from(bytes))?.verify()
}

/// A byte changed as the set bits of `flips` say.
#[track_caller]
fn found(bytes: &[u8], at: usize, flips: u8) {
    let mut damaged = bytes.to_vec();
    damaged[at] ^= flips;
    let error = verify(damaged).expect_err(&format!("byte {at} of {} xor {flips}", bytes.len()));
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{at}: {error}");
}

/// Rows of every kind, in row groups of 40.
fn varied(codec: Codec) -> Bytes {
    let encodings = Encodings::Compact;
    let settings = Settings { codec, encodings, row_group_rows_max: 40, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    for at in 0..50_u32 {
        let few = ["red", "green"][at as usize % 2];
        let list: Vec<_> = (0..at % 4).map(|n| json!({ "n": n, "s": few })).collect();
        // Texts that share nothing, so that their lengths are stored apart.
        let lone = format!("{:08x}", at.wrapping_mul(2_654_435_761)).repeat(at as usize % 3 + 1);
        let row = json!({
            "i": at * 3, "f": f64::from(at) / 7.0, "b": at % 3 == 0, "t": format!("text {at}"), "few": few,
            "lone": lone, "list": list, "mixed": if at % 9 == 0 { json!(at) } else { json!("m") },
        });
        encoder.push_row(&format!("id-{at}"), &row).unwrap();
    }
    encoder.finish(&Target::new(3, "things")).unwrap().bytes
}

#[test]
fn every_flipped_bit_of_a_file_is_found() {
    let mut encoder = Encoder::new(Settings { codec: Codec::None, ..Settings::default() }).unwrap();
    encoder.push_json(br#"{"a":1,"l":[{"t":"x"},{}]} {"a":"stray"}"#).unwrap();
    let bytes = encoder.finish(&Target::new(1, "c")).unwrap().bytes;
    assert!(verify(bytes.to_vec()).unwrap().whole);
    for at in 0..bytes.len() {
        (0..8).for_each(|bit| found(&bytes, at, 1 << bit));
    }
}

#[test]
fn a_flipped_bit_in_any_byte_is_found_in_every_codec_and_encoding() {
    let mut encodings = Vec::new();
    for codec in Codec::ALL {
        let bytes = varied(codec);
        assert!(verify(bytes.to_vec()).unwrap().whole);
        let report = ParquetFile::open(bytes.clone()).unwrap().report();
        for chunk in report.row_groups.iter().flat_map(|group| &group.chunks) {
            encodings.extend(chunk.encodings.iter().cloned());
        }
        for at in 0..bytes.len() {
            // Another bit in each codec, and two at once that are next to each other.
            let bit = (at * 5 + codec.name().len()) % 8;
            found(&bytes, at, 1 << bit);
            found(&bytes, at, 3 << (bit % 7));
        }
    }
    for encoding in [
        "PLAIN",
        "RLE",
        "RLE_DICTIONARY",
        "DELTA_BINARY_PACKED",
        "DELTA_LENGTH_BYTE_ARRAY",
        "DELTA_BYTE_ARRAY",
        "BYTE_STREAM_SPLIT",
    ] {
        assert!(encodings.iter().any(|found| found == encoding), "no {encoding} was damaged");
    }
}

#[test]
fn a_file_that_is_cut_grows_or_has_its_parts_exchanged_is_found() {
    let bytes = varied(Codec::Zstd(1));
    for length in 0..bytes.len() {
        for part in [&bytes[..length], &bytes[length + 1..]] {
            assert_eq!(verify(part.to_vec()).unwrap_err().kind(), ErrorKind::Corrupt, "{length}");
        }
        let mut missing = bytes.to_vec();
        missing.remove(length);
        assert_eq!(verify(missing).unwrap_err().kind(), ErrorKind::Corrupt, "{length}");
    }
    for (at, more) in [(0, 1), (4, 1), (1_000, 8), (bytes.len() - 8, 4), (bytes.len(), 1)] {
        let grown = [&bytes[..at], &vec![0; more], &bytes[at..]].concat();
        assert_eq!(verify(grown).unwrap_err().kind(), ErrorKind::Corrupt, "{at}");
    }
    // Two parts of the same length change places.
    let mut exchanged = bytes.to_vec();
    let (a, b) = exchanged.split_at_mut(600);
    a[100..500].swap_with_slice(&mut b[100..500]);
    assert_eq!(verify(exchanged).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn rows_that_look_like_the_checksum_do_not_pass_for_it() {
    let text = "\u{18}\u{f}coldpress.crc32\u{18}\u{8}00000000";
    let mut encoder = Encoder::new(Settings { codec: Codec::None, ..Settings::default() }).unwrap();
    encoder.push_row(text, &json!({ "coldpress.crc32": text, text: 1 })).unwrap();
    let bytes = encoder.finish(&Target::new(0, text)).unwrap().bytes;
    assert!(verify(bytes.to_vec()).unwrap().whole);
    (0..bytes.len()).for_each(|at| found(&bytes, at, 4));
}
