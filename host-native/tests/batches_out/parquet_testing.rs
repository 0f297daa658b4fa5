//! Acceptance 5 of issue 13: the files of apache/parquet-testing, with pyarrow's values.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use coldpress::bytes::Bytes;
use coldpress::{
    BatchSettings, ErrorKind, read_parquet_with_predicate, read_parquet_with_settings,
};
use coldpress_tests::tools;

use crate::python;

/// Files of `data/` that are not read, with a part of the error. Parquet-rs reads none of them but
/// the last three: two have pages whose checksum is wrong, which its feature `crc` refuses too, and
/// the last one a page of 1 GiB, which is past the limit by default.
const NOT_READ: [(&str, &str); 19] = [
    ("_KEY_MATERIAL_FOR_external_key_material_java.parquet.encrypted.json", "not a Parquet file"),
    ("aes256/encrypt_columns_and_footer.parquet.encrypted", ENCRYPTED),
    ("aes256/encrypt_columns_and_footer_ctr.parquet.encrypted", ENCRYPTED),
    ("aes256/encrypt_columns_and_footer_disable_aad_storage.parquet.encrypted", ENCRYPTED),
    ("aes256/encrypt_columns_plaintext_footer.parquet.encrypted", "header of a page"),
    ("aes256/uniform_encryption.parquet.encrypted", ENCRYPTED),
    ("encrypt_columns_and_footer.parquet.encrypted", ENCRYPTED),
    ("encrypt_columns_and_footer_aad.parquet.encrypted", ENCRYPTED),
    ("encrypt_columns_and_footer_bloom_filter.parquet.encrypted", ENCRYPTED),
    ("encrypt_columns_and_footer_ctr.parquet.encrypted", ENCRYPTED),
    ("encrypt_columns_and_footer_disable_aad_storage.parquet.encrypted", ENCRYPTED),
    ("encrypt_columns_plaintext_footer.parquet.encrypted", "header of a page"),
    ("external_key_material_java.parquet.encrypted", ENCRYPTED),
    ("uniform_encryption.parquet.encrypted", ENCRYPTED),
    // A list where parquet.thrift has the length of a bloom filter.
    ("dict-page-offset-zero.parquet", "its footer cannot be decoded"),
    // The footer says that the chunks are shorter than their pages.
    ("nation.dict-malformed.parquet", "a page is longer than its column chunk"),
    ("datapage_v1-corrupt-checksum.parquet", "the checksum of a page"),
    ("rle-dict-uncompressed-corrupt-checksum.parquet", "the checksum of a page"),
    ("large_string_map.brotli.parquet", "page_bytes_max"),
];

const ENCRYPTED: &str = "its footer is encrypted";

fn parquet_files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(parquet_files(&path));
        } else if path.to_str().is_some_and(|name| name.contains(".parquet")) {
            found.insert(path.to_str().unwrap().to_owned(), path);
        }
    }
    found
}

#[test]
fn data_is_read_with_the_values_of_pyarrow() {
    let all = tools::parquet_testing().unwrap_or_else(|wrong| panic!("{wrong}")).join("data");
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = serde_json::Map::new();
    let mut wrong = Vec::new();
    for (number, path) in parquet_files(&all).values().enumerate() {
        let name = path.strip_prefix(&all).unwrap().to_str().unwrap().to_owned();
        let expected = NOT_READ.iter().find(|(of, _)| *of == name);
        match (
            read_parquet_with_predicate(Bytes::from(fs::read(path).unwrap()), None, None),
            expected,
        ) {
            (Ok(batches), None) => {
                let out = folder.path().join(format!("{number}.arrow"));
                python::write(&batches, &out);
                manifest.insert(path.to_str().unwrap().to_owned(), out.to_str().unwrap().into());
            }
            (Err(error), Some((_, part))) if error.to_string().contains(part) => {}
            (Ok(_), Some(_)) => wrong.push(format!("{name}: is read now; strike it off")),
            (Err(error), _) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let read = manifest.len();
    let text = serde_json::Value::from(manifest).to_string();
    fs::write(folder.path().join("manifest.json"), text).unwrap();
    let printed = python::run(&["compare"], folder.path());
    let lines: Vec<&str> = printed.trim().lines().collect();
    let [map, int96, last] = lines[..] else { panic!("{printed}") };
    // The key of its map is optional. Parquet-rs reads it nevertheless, and pyarrow does not.
    assert!(map.contains("incorrect_map_schema.parquet: pyarrow does not read it"), "{printed}");
    // The last day of the year 290000, by int96_from_spark.md. Pyarrow reads another one.
    let day = "int96_from_spark.parquet: a: 1 rows differ; row 5: timestamp[us] \
               9089380393200000000000, not";
    assert!(int96.contains(day), "{printed}");
    assert_eq!(last, format!("{read} files, 2 differ"), "{printed}");
    assert!(read >= 70, "{read} files");
}

#[test]
fn a_page_of_one_gibibyte_is_read_if_the_limits_allow_it() {
    let folder = tools::parquet_testing().unwrap_or_else(|wrong| panic!("{wrong}")).join("data");
    let bytes = Bytes::from(fs::read(folder.join("large_string_map.brotli.parquet")).unwrap());
    let mut settings = BatchSettings::default();
    settings.limits.page_bytes_max = 2 << 30;
    settings.limits.row_bytes_max = 2 << 30;
    settings.limits.batches_bytes_max = 8 << 30;
    // The key of the map is what is large: each row has a batch of its own.
    let batches = read_parquet_with_settings(bytes, None, None, &settings).unwrap();
    let rows: Vec<usize> = batches.iter().map(|batch| batch.num_rows()).collect();
    assert_eq!(rows, [1, 1]);
}

/// `ARROW-GH-43605` is no bad file: its indexes have no bits, because the dictionary has one value.
/// The issue was about a reader that refused it. Parquet-rs and pyarrow read it.
const GOOD: &str = "ARROW-GH-43605.parquet";

#[test]
fn bad_data_is_an_error() {
    let all = tools::parquet_testing().unwrap_or_else(|wrong| panic!("{wrong}")).join("bad_data");
    let files = parquet_files(&all);
    assert_eq!(files.len(), 8);
    for (name, path) in files {
        let bytes = Bytes::from(fs::read(path).unwrap());
        match read_parquet_with_predicate(bytes, None, None) {
            Ok(batches) => {
                assert!(name.ends_with(GOOD), "{name} is read");
                let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
                assert_eq!(rows, 21_186);
            }
            Err(error) => {
                assert!(!name.ends_with(GOOD), "{error}");
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
            }
        }
    }
}
