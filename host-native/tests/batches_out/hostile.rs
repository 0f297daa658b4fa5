//! Damaged files: batches or an error, and never a panic that gets out.

use coldpress::bytes::Bytes;
use coldpress::filter::Filter;
use coldpress::{BatchSettings, Encoder, ErrorKind, Settings, Target, read_parquet_with_settings};
use coldpress_tests::dice::Dice;
use coldpress_tests::tools;

/// Files of other writers whose pages have what ours have not.
const SEEDS: [&str; 8] = [
    "alltypes_tiny_pages.parquet",
    "datapage_v2.snappy.parquet",
    "delta_byte_array.parquet",
    "delta_length_byte_array.parquet",
    "nested_maps.snappy.parquet",
    "nullable.impala.parquet",
    "hadoop_lz4_compressed.parquet",
    "fixed_length_byte_array.parquet",
];

fn limits() -> BatchSettings {
    let mut settings = BatchSettings::default();
    settings.limits.page_bytes_max = 16 << 20;
    settings.limits.batches_bytes_max = 64 << 20;
    settings
}

fn mutants(file: &[u8], filter: Option<&Filter>, seed: u64, count: usize) -> [usize; 2] {
    let (mut dice, mut results) = (Dice::new(seed), [0, 0]);
    for _ in 0..count {
        let mut bytes = file.to_vec();
        for _ in 0..1 + dice.below(4) {
            // The footer decides most, so half of the damage lies there.
            let from = if dice.below(2) == 0 { bytes.len().saturating_sub(2_000) } else { 0 };
            let at = from + dice.below(bytes.len() - from);
            bytes[at] = match dice.below(4) {
                0 => 0xFF,
                1 => 0,
                2 => bytes[at] ^ (1 << dice.below(8)),
                _ => dice.bits() as u8,
            };
        }
        match read_parquet_with_settings(Bytes::from(bytes), None, filter, &limits()) {
            Ok(_) => results[0] += 1,
            Err(error) => {
                let kinds = [ErrorKind::Corrupt, ErrorKind::Limit, ErrorKind::Settings];
                assert!(kinds.contains(&error.kind()), "{error}");
                results[1] += 1;
            }
        }
    }
    results
}

#[test]
fn damaged_files_give_batches_or_an_error() {
    let folder = tools::parquet_testing().unwrap_or_else(|wrong| panic!("{wrong}")).join("data");
    for (number, name) in SEEDS.iter().enumerate() {
        let file = std::fs::read(folder.join(name)).unwrap();
        let [read, refused] = mutants(&file, None, number as u64, 800);
        assert!(read > 20 && refused > 20, "{name}: {read} read, {refused} refused");
    }
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    for n in 0..500 {
        let row = format!(r#"{{"i":{n},"s":{{"x":"t{n}"}},"l":[{n},null]}}"#);
        encoder.push_json(row.as_bytes()).unwrap();
    }
    encoder.push_json(br#"{"i":"stray"}"#).unwrap();
    let file = encoder.finish(&Target::new(1, "c")).unwrap().bytes;
    let filter = Filter::parse("i > 100 and s.x like 't%'").unwrap();
    let [read, refused] = mutants(&file, Some(&filter), 99, 2_000);
    assert!(read > 20 && refused > 20, "{read} read, {refused} refused");
}

#[test]
fn batches_are_within_their_limit() {
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    for _ in 0..20_000 {
        encoder.push_json(br#"{"text":"the same text, of which the file has one copy"}"#).unwrap();
    }
    let file = encoder.finish(&Target::new(1, "c")).unwrap().bytes;
    assert!(file.len() < 100_000);
    let mut settings = BatchSettings::default();
    settings.limits.batches_bytes_max = 1 << 20;
    let error = read_parquet_with_settings(file, None, None, &settings).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}
