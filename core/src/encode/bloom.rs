//! The bloom filter of the ids of a row group, if it is worth its bytes.

use std::ops::Range;

use parquet::bloom_filter::Sbbf;

use crate::columns::Values;

/// Bits for each id at which 1 lookup of an absent id in 100 reads the pages in vain (the table in
/// Parquet's `BloomFilter.md`).
const BITS_PER_ID: f64 = 10.5;

/// A filter has one block at least.
const BLOCK_BYTES: usize = 32;

/// A filter takes at most one part in this many of the bytes of the ids in the file.
const PART_OF_TEXTS: usize = 10;

/// The same of ids that are numbers or UUIDs. They take fewer bytes: with a tenth, none of 8 bytes
/// would ever have a filter.
const PART_OF_NUMBERS: usize = 5;

/// The filter of these ids, which take `stored_bytes` in the file.
///
/// `None` if the ids ascend, because the column index then shows the page of an id. Also `None` if
/// the filter would be too large a part of the ids.
pub(super) fn filter(ids: &Values, range: Range<usize>, stored_bytes: usize) -> Option<Sbbf> {
    let bytes = filter_bytes(range.len());
    let part = match ids {
        Values::Bytes(_) => PART_OF_TEXTS,
        _ => PART_OF_NUMBERS,
    };
    if bytes > stored_bytes / part || climb(ids, range.clone()) {
        return None;
    }
    let mut filter = Sbbf::new_with_num_of_bytes(bytes);
    // The bytes of each value in PLAIN encoding, as `BloomFilter.md` says.
    match ids {
        Values::Bytes(ids) => ids.iter(range).for_each(|id| filter.insert(id)),
        Values::Int32(ids) => ids[range].iter().for_each(|id| filter.insert(id)),
        Values::Int64(ids) => ids[range].iter().for_each(|id| filter.insert(id)),
        Values::Fixed(ids, width) => {
            let ids = &ids[range.start * width..range.end * width];
            ids.chunks_exact(*width).for_each(|id| filter.insert(id));
        }
        Values::Boolean(_) | Values::Float(_) | Values::Double(_) => return None,
    }
    Some(filter)
}

/// A power of two of at least a block: ClickHouse, Velox and Arrow C++ refuse every other size
/// ("Given length of bitset is illegal").
fn filter_bytes(ids: usize) -> usize {
    let bits = ids as f64 * BITS_PER_ID;
    ((bits / 8.0).ceil() as usize).next_power_of_two().max(BLOCK_BYTES)
}

/// Whether no id is less than the one before it: as numbers, or byte by byte.
fn climb(ids: &Values, range: Range<usize>) -> bool {
    match ids {
        Values::Bytes(ids) => ids.iter(range).is_sorted(),
        Values::Int32(ids) => ids[range].is_sorted(),
        Values::Int64(ids) => ids[range].is_sorted(),
        Values::Fixed(ids, width) => {
            let ids = &ids[range.start * width..range.end * width];
            ids.chunks_exact(*width).is_sorted()
        }
        Values::Boolean(_) | Values::Float(_) | Values::Double(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Blobs;

    fn ids(ids: impl Iterator<Item = String>) -> Values {
        let mut blobs = Blobs::default();
        ids.for_each(|id| blobs.push(id.as_bytes()));
        Values::Bytes(blobs)
    }

    /// The same digits everywhere, and in no order.
    fn scattered(at: u64) -> String {
        let high = at.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
        format!("{:016x}{:016x}", high.wrapping_mul(0xD134_2543_DE82_EF95), high)
    }

    #[test]
    fn one_absent_id_in_100_is_not_told_apart() {
        for count in [1_000, 20_000, 49_152] {
            let present = ids((0..count).map(scattered));
            let filter = filter(&present, 0..count as usize, usize::MAX).unwrap();
            assert!((0..count).all(|at| filter.check(scattered(at).as_str())));
            let asked = 200_000;
            let wrong = (count..count + asked).filter(|at| filter.check(scattered(*at).as_str()));
            let wrong = wrong.count();
            assert!(wrong as u64 <= asked / 100, "{wrong} of {asked} with {count} ids");
        }
        assert_eq!(filter_bytes(49_152), 64 << 10, "the default row group fills a power of two");
    }

    #[test]
    fn numbers_and_uuids_are_found_by_their_stored_bytes() {
        let number = |at: u64| at.wrapping_mul(0x9E37_79B9_7F4A_7C15).cast_signed();
        let found = |ids: &Values, stored| {
            filter(ids, 0..49_152, stored).is_some_and(|filter| match ids {
                Values::Int64(ids) => ids.iter().all(|id| filter.check(&id.to_le_bytes()[..])),
                Values::Int32(ids) => ids.iter().all(|id| filter.check(&id.to_le_bytes()[..])),
                Values::Fixed(ids, width) => ids.chunks(*width).all(|id| filter.check(id)),
                _ => false,
            })
        };
        let numbers: Vec<i64> = (0..49_152).map(number).collect();
        let small = numbers.iter().map(|number| *number as i32).collect();
        let uuids = numbers.iter().flat_map(|number| number.to_be_bytes().repeat(2)).collect();
        assert!(found(&Values::Int64(numbers.clone()), 8 * 49_152));
        assert!(found(&Values::Int32(small), usize::MAX));
        assert!(found(&Values::Fixed(uuids, 16), 16 * 49_152));
        // As numbers these climb, although the last digits of their bytes do not.
        let climbing: Vec<i64> = (-20_000..29_152).collect();
        assert!(filter(&Values::Int64(climbing), 0..49_152, usize::MAX).is_none());
    }

    /// As any reader of Parquet looks up an id, of the type that its column has.
    #[test]
    fn parquets_own_reader_finds_ids_of_every_type() {
        use crate::{Encoder, IdSource, Schema, Settings, Target};
        use parquet::data_type::{AsBytes, ByteArray};
        use parquet::file::properties::ReaderProperties;
        use parquet::file::reader::FileReader;
        use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};

        let number = |at: u64| at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 1;
        let uuid = |at: u64| {
            let digits = scattered(at);
            format!("{}-0000-4000-8000-{}", &digits[..8], &digits[20..])
        };
        type Id<'f> = (&'f str, &'f dyn Fn(u64) -> String, &'f dyn Fn(u64) -> Box<dyn AsBytes>);
        let cases: [Id<'_>; 3] = [
            ("string", &|at| format!("{:?}", scattered(at)), &|at| {
                Box::new(ByteArray::from(scattered(at).as_str()))
            }),
            ("int64", &|at| number(at).to_string(), &|at| Box::new(number(at).cast_signed())),
            ("uuid", &|at| format!("{:?}", uuid(at)), &|at| {
                let digits = uuid(at).replace('-', "");
                Box::new(ByteArray::from(
                    u128::from_str_radix(&digits, 16).unwrap().to_be_bytes().to_vec(),
                ))
            }),
        ];
        for (name, json, stored) in cases {
            let schema = format!(r#"{{"columns":[{{"name":"k","type":"{name}"}}]}}"#);
            let settings = Settings {
                id: IdSource::Field("k".to_owned()),
                schema: Some(Schema::from_json(&schema).unwrap()),
                row_group_rows_max: 3_000,
                ..Settings::default()
            };
            let mut encoder = Encoder::new(settings).unwrap();
            for at in 0..6_000 {
                encoder.push_json(format!("{{\"k\":{}}}", json(at)).as_bytes()).unwrap();
            }
            let bytes = encoder.finish(&Target::new(0, "c")).unwrap().bytes;
            let properties = ReaderProperties::builder().set_read_bloom_filter(true).build();
            let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
            let file = SerializedFileReader::new_with_options(bytes, options).unwrap();
            for (group, present, absent) in
                [(0, 0..3_000, 3_000..6_000), (1, 3_000..6_000, 0..3_000)]
            {
                let group = file.get_row_group(group).unwrap();
                let filter = group.get_column_bloom_filter(0).unwrap();
                assert!(present.clone().all(|at| filter.check(&*stored(at))), "{name}");
                let wrong = absent.filter(|at| filter.check(&*stored(*at))).count();
                assert!(wrong < 60, "{wrong} of 3000 absent ids of {name}");
            }
        }
    }

    #[test]
    fn ids_that_climb_or_take_few_bytes_have_no_filter() {
        let climbing = ids((0..5_000).map(|at| format!("evt-{at:09}")));
        assert!(filter(&climbing, 0..5_000, usize::MAX).is_none());
        let scattered = ids((0..5_000).map(scattered));
        let bytes = filter_bytes(5_000);
        assert!(filter(&scattered, 0..5_000, 10 * bytes - 1).is_none());
        assert_eq!(filter(&scattered, 0..5_000, 10 * bytes).unwrap().num_blocks() * 32, bytes);
        assert!(filter(&scattered, 7..8, usize::MAX).is_none(), "one id climbs");
        // Each row group has its own: the part of the ids is what counts.
        let part = filter(&scattered, 1_000..3_000, usize::MAX).unwrap();
        let Values::Bytes(blobs) = &scattered else { unreachable!() };
        assert!(blobs.iter(1_000..3_000).all(|id| part.check(id)));
        assert!(!blobs.iter(0..1_000).all(|id| part.check(id)));
    }
}
