use proptest::prelude::*;

use super::*;

const KINDS: [Kind; 7] = [
    Kind::Boolean,
    Kind::Int32,
    Kind::Int64,
    Kind::Float,
    Kind::Double,
    Kind::Bytes,
    Kind::Fixed(3),
];
const ENCODINGS: [Encoding; 7] = [
    Encoding::PLAIN,
    Encoding::RLE_DICTIONARY,
    Encoding::BYTE_STREAM_SPLIT,
    Encoding::DELTA_BINARY_PACKED,
    Encoding::DELTA_LENGTH_BYTE_ARRAY,
    Encoding::DELTA_BYTE_ARRAY,
    Encoding::RLE,
];

impl DecodedValues {
    fn len(&self) -> usize {
        match self {
            DecodedValues::Boolean(values) => values.len(),
            DecodedValues::Int32(values) => values.len(),
            DecodedValues::Int64(values) => values.len(),
            DecodedValues::Float(values) => values.len(),
            DecodedValues::Double(values) => values.len(),
            DecodedValues::Bytes(values) => values.len(),
        }
    }
}

/// Bytes that often start as some encoding does.
fn pages() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        Just(Vec::new()),
        Just(vec![1]),
        (0..4_u8, 0..40_u8).prop_map(|(count, first)| vec![0x80, 1, 4, count, first]),
        Just(vec![0x80, 1, 4, 3, 4, 2, 0, 0, 0, 0, 0x80, 1, 4, 3, 2, 0, 1, 0, 0, 0]),
    ];
    (head, prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..400))
        .prop_map(|(head, rest)| [head, rest].concat())
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn no_page_makes_it_panic_or_give_another_count(
        page in pages(),
        counts in prop::collection::vec(0..70_usize, 1..4),
    ) {
        for kind in KINDS {
            let mut dictionary = kind.values();
            let entries = Bytes::from(vec![1; 24]);
            let mut plain = Decoder::new(kind, true, Encoding::PLAIN, entries).unwrap();
            plain.read(kind, 2, None, &mut dictionary);
            for encoding in ENCODINGS {
                let page = Bytes::copy_from_slice(&page);
                let decoder = Decoder::new(kind, true, encoding, page);
                let Some(mut decoder) = decoder else { continue };
                let mut out = kind.values();
                let mut expected = 0;
                for count in &counts {
                    if decoder.read(kind, *count, Some(&dictionary), &mut out).is_none() {
                        break;
                    }
                    expected += count;
                    prop_assert_eq!(out.len(), expected);
                }
            }
        }
    }
}
