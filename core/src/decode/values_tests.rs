use proptest::prelude::*;

use super::*;
use crate::decode::StoredValue;

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

/// Two values for pages of indexes, if the bytes are enough for two.
fn dictionary(kind: Kind) -> DecodedValues {
    let mut dictionary = kind.values();
    let entries = Bytes::from(vec![1; 24]);
    let mut plain = Decoder::new(kind, true, Encoding::PLAIN, entries).unwrap();
    plain.read(kind, 2, None, &mut dictionary);
    dictionary
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
            let dictionary = dictionary(kind);
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

    #[test]
    fn values_behind_those_that_are_passed_are_the_same(
        page in pages(),
        counts in prop::collection::vec(0..70_usize, 1..5),
    ) {
        for kind in KINDS {
            let dictionary = dictionary(kind);
            for encoding in ENCODINGS {
                let page = Bytes::copy_from_slice(&page);
                let decoder = || Decoder::new(kind, true, encoding, page.clone());
                let (Some(mut reads), Some(mut passes)) = (decoder(), decoder()) else { continue };
                for (at, count) in counts.iter().enumerate() {
                    let (mut read, mut behind) = (kind.values(), kind.values());
                    // What cannot be read may be passed: nobody looks at it.
                    if reads.read(kind, *count, Some(&dictionary), &mut read).is_none() {
                        break;
                    }
                    if at % 2 == 0 {
                        prop_assert_eq!(passes.skip(kind, *count), Some(()));
                        continue;
                    }
                    let same = passes.read(kind, *count, Some(&dictionary), &mut behind);
                    prop_assert_eq!(same, Some(()));
                    prop_assert_eq!(shown(&read), shown(&behind));
                    prop_assert_eq!(passes.is_used_up(kind), reads.is_used_up(kind));
                }
            }
        }
    }

    #[test]
    fn texts_behind_those_that_are_passed_are_whole(
        texts in prop::collection::vec("(aaaaaaaa|ab|b)?[a-c]{0,4}", 1..400),
        counts in prop::collection::vec(0..90_usize, 1..9),
    ) {
        let page = prefixed(&texts);
        let decoder = Decoder::new(Kind::Bytes, true, Encoding::DELTA_BYTE_ARRAY, page);
        let (mut decoder, mut next) = (decoder.unwrap(), 0);
        for (at, count) in counts.into_iter().enumerate() {
            let count = count.min(texts.len() - next);
            let mut found = Kind::Bytes.values();
            match at % 2 {
                0 => decoder.skip(Kind::Bytes, count).unwrap(),
                _ => {
                    decoder.read(Kind::Bytes, count, None, &mut found).unwrap();
                    let DecodedValues::Bytes(found) = found else { unreachable!() };
                    prop_assert_eq!(&found, &texts[next..next + count]);
                }
            }
            next += count;
        }
    }
}

/// A page of DELTA_BYTE_ARRAY.
fn prefixed(texts: &[String]) -> Bytes {
    let (mut prefixes, mut lengths, mut rests) = (Vec::new(), Vec::new(), String::new());
    let mut before = "";
    for text in texts {
        let shared = text.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
        prefixes.push(shared as i64);
        lengths.push((text.len() - shared) as i64);
        rests += &text[shared..];
        before = text;
    }
    let mut page = Vec::new();
    crate::format::bits::delta(&mut page, &prefixes);
    crate::format::bits::delta(&mut page, &lengths);
    page.extend_from_slice(rests.as_bytes());
    page.into()
}

/// By their bits: not a number equals nothing.
fn shown(values: &DecodedValues) -> Vec<String> {
    let value = |at| match values.get(at).unwrap() {
        StoredValue::Boolean(value) => value.to_string(),
        StoredValue::Int32(value) => value.to_string(),
        StoredValue::Int64(value) => value.to_string(),
        StoredValue::Float(value) => value.to_bits().to_string(),
        StoredValue::Double(value) => value.to_bits().to_string(),
        StoredValue::Bytes(value) => format!("{value:?}"),
    };
    (0..values.len()).map(value).collect()
}
