//! Files of pyarrow: filters take the rows that Python takes, whatever is pruned.

use std::fs;
use std::path::Path;

use coldpress::arrow_array::RecordBatch;
use coldpress::arrow_array::cast::AsArray;
use coldpress::arrow_array::types::Int64Type;
use coldpress::bytes::Bytes;
use coldpress::filter::Filter;
use coldpress::{
    BatchSettings, ErrorKind, read_parquet_with_predicate, read_parquet_with_settings,
};
use serde_json::Value;

use crate::python;

fn numbers(file: &Bytes, filter: &Filter, settings: &BatchSettings) -> Vec<i64> {
    let batches = read_parquet_with_settings(file.clone(), None, Some(filter), settings).unwrap();
    let of = |batch: &RecordBatch| {
        batch.column_by_name("n").unwrap().as_primitive::<Int64Type>().values().to_vec()
    };
    batches.iter().flat_map(of).collect()
}

fn read(path: &Path) -> Bytes {
    Bytes::from(fs::read(path).unwrap())
}

#[test]
fn filters_take_the_rows_that_python_takes() {
    let folder = tempfile::tempdir().unwrap();
    let printed = python::run(&["write"], folder.path());
    let written: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let files = written["files"].as_array().unwrap();
    let filters = written["filters"].as_object().unwrap();
    assert!(files.len() > 5 && filters.len() > 30, "{printed}");
    for file in files {
        let name = file.as_str().unwrap();
        let bytes = read(&folder.path().join(name));
        for (text, expected) in filters {
            let filter = Filter::parse(text).unwrap();
            let expected: Vec<i64> =
                expected.as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect();
            for (statistics, index) in [(true, true), (true, false), (false, true), (false, false)]
            {
                let mut settings = BatchSettings::default();
                settings.use_statistics = statistics;
                settings.use_page_index = index;
                let found = numbers(&bytes, &filter, &settings);
                assert_eq!(found, expected, "{name}: {text} with {settings:?}");
            }
        }
        let filter = Filter::parse("nowhere = 1").unwrap();
        let error = read_parquet_with_predicate(bytes, None, Some(&filter)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
    }
}

/// What is pruned is not read: pages that are damaged do no harm where no row can match.
#[test]
fn pruned_pages_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    python::run(&["write"], folder.path());
    let mut bytes = fs::read(folder.path().join("checked.parquet")).unwrap();
    // The values of `n` stand there as they are, in a page with a checksum.
    let values = [350_i64, 351, 352].map(i64::to_le_bytes).concat();
    let at = bytes.windows(values.len()).position(|window| window == values).unwrap();
    bytes[at] ^= 0xFF;
    let bytes = Bytes::from(bytes);
    let filter = Filter::parse("n >= 600 and n < 610").unwrap();
    assert_eq!(numbers(&bytes, &filter, &BatchSettings::default()).len(), 10);
    let mut settings = BatchSettings::default();
    settings.use_page_index = false;
    let error = read_parquet_with_settings(bytes, None, Some(&filter), &settings).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("checksum"), "{error}");
}
